"""The doubts on the page: what flips, the curve, one therapist left out; absent where nothing was tried."""

import re

import numpy as np
import pandas as pd
import pytest

from bowlby import figures, report
from bowlby.figures.multiverse import influence, multiverse_data
from bowlby.figures.therapists import influence_data
from bowlby.files import read_json, write_json, write_parquet
from bowlby.report.checklists.answers import missing
from bowlby.report.robustness_tables import intervals_sheet, robustness_values_sheet
from bowlby.report.sections.verdict import verdict as verdict_card
from bowlby.results import Results

EFFECTS = ("P", "T", "P-T", "P+T")


def universe() -> pd.DataFrame:
    """Four specifications; the third is the registered one, the last could not be fitted."""
    rows = [(2, "ok", 0.3, 0.1, "ancova", "keep"), (0, "ok", 0.2, -0.1, "change", "keep"),
            (1, "singular", 0.1, 0.0, "ancova", "keep"), (3, "failed", None, None, "change", "keep")]  # fmt: skip
    table = pd.DataFrame(rows, columns=["replicate", "status", "P", "T", "outcome", "outliers"])
    for name, sign in (("P-T", -1), ("P+T", 1)):
        table[name], table[f"{name}_se"], table[f"{name}_df"] = table["P"] + sign * table["T"], 0.05, 20.0
    table.loc[0, "P+T_se"] = 99.0
    table["C2"] = ["supported", "supported", "inconclusive", None]
    return table.assign(**{"P-|T|": table["P"] - table["T"].abs()})


def left_out(comparison: dict, n: int = 6) -> pd.DataFrame:
    shift = np.linspace(-0.02, 0.02, n)
    table = pd.DataFrame({"replicate": range(n), "status": "ok", "therapist": [f"SECRET{i}" for i in range(n)],
                          "patients": 9})  # fmt: skip
    for name in EFFECTS:
        table[name] = comparison[name]["estimate"] + shift
    return table.assign(C1="supported", C2=["inconclusive", *["refuted"] * (n - 1)], C3="inconclusive")


@pytest.fixture
def doubted(comparison_run):
    """A run with doubts tried, drawn."""
    folder = comparison_run()
    comparison = read_json(folder / "comparison.json")
    write_parquet(folder / "robustness/multiverse.parquet", universe())
    write_parquet(folder / "robustness/influence.parquet", left_out(comparison))
    record = {
        "multiverse": {"replicates": 4, "failed": 1, "combinations": 40, "p_above_t": 1.0,
                       "median": {"P": 0.2, "T": 0.0},
                       "verdicts": {"C1": {"supported": 1.0}, "C2": {"supported": 0.667, "inconclusive": 0.333}}},
        "multiverse_null": {"replicates": 50, "failed": 0, "p": {"P_median": 0.02, "T_median": 0.6},
                            "c2_supported": {"registered": 0.667, "permuted_style": 0.5, "unrelated_variable": 0.1}},
        "influence": {"replicates": 6, "failed": 0, "therapists": 6, "verdicts": {"C1": {"supported": 6},
                                                                 "C2": {"refuted": 5, "inconclusive": 1}}},
        "cluster": {"replicates": 500, "failed": 0,
                    "intervals": {n: {"ci": [0, 1], "bca": [0.11, 0.92]} for n in EFFECTS}},
        "permutation": {"replicates": 1000, "p": {"T": 0.883}, "c2_with_permuted_style": {"supported": 0.97}},
        "tipping": {"moves": [{"along": "attachment" if delta == 0 else "style", "delta": delta,
                               "verdicts": {"C1": verdict}, "effects": {n: {"estimate": 0.05, "ci": [0, 0.1]}
                                                                        for n in EFFECTS}}
                              for delta, verdict in ((0.0, "supported"), (-0.1, "supported"), (-0.2, "inconclusive"))],
                    "tips": {"C1": {"along": "style", "delta": -0.2}, "C3": None}},
    }  # fmt: skip
    write_json(folder / "robustness.json", record)
    verdict = read_json(folder / "verdict.json")
    because = [{"code": "sign_elsewhere", "of": "P", "share": 0.3}]
    verdict["claims"]["C1"] |= {"fragile": True, "fragile_because": because}
    verdict["claims"]["C2"] |= {"fragile": False, "flags": ["loto_flips"],
                                "loto_flips": {"changed": 1, "therapists": 6}}  # fmt: skip
    write_json(folder / "verdict.json", verdict)
    figures.build(folder)
    return folder


def test_curve_is_sorted_and_has_the_interval_of_the_smaller_contrast():
    data = multiverse_data(universe())
    assert data["P-|T|"].tolist() == pytest.approx([0.1, 0.1, 0.2])
    assert data["registered"].tolist() == [True, False, False]
    assert list(data)[8:] == ["outcome"], "a node without a choice is not drawn"
    # T > 0: P - T is the smaller one; t(.975, 20) = 2.085963
    assert data.loc[2, "ci_low"] == pytest.approx(0.2 - 2.085963 * 0.05, abs=1e-6)


def test_choices_are_ordered_by_how_far_apart_their_means_are():
    table = universe().iloc[[0, 1, 2, 2]].assign(replicate=range(4), answers=["a", "b", "b", "a"])
    data = multiverse_data(table)
    # P - |T| is 0.2, 0.1, 0.1, 0.1: 0.15 and 0.1 by answers, 0.133 and 0.1 by outcome
    assert [influence(data, node) for node in ("answers", "outcome")] == pytest.approx([0.05, 0.1 / 3])
    assert list(data)[8:] == ["answers", "outcome"]


def test_strips_name_nobody_and_hold_what_turns(comparison_run):
    folder = comparison_run()
    comparison, verdict = (read_json(folder / f"{n}.json") for n in ("comparison", "verdict"))
    data = influence_data(left_out(comparison), comparison, verdict["claims"])
    assert list(data) == ["effect", "rank", "value", "therapists", "turns", "estimate", "ci_low", "ci_high", "delta"]
    assert data.groupby("effect")["turns"].sum().to_dict() == {"P": 0, "T": 0, "P-T": 1, "P+T": 1}
    assert all(part["value"].is_monotonic_increasing for _, part in data.groupby("effect"))


def test_therapists_of_few_patients_are_left_out_together_on_the_strips(comparison_run):
    """The two without whom estimates are lowest have 2 and 3 patients: one point, the mean of both; C2 turns without
    the first."""
    folder = comparison_run()
    comparison, verdict = (read_json(folder / f"{n}.json") for n in ("comparison", "verdict"))
    table = left_out(comparison).assign(patients=[2, 3, 9, 9, 9, 9])
    for shareable, points in ((True, 5), (False, 6)):
        data = influence_data(table, comparison, verdict["claims"], shareable)
        own = data[data["effect"] == "P-T"]
        assert len(own) == points and own["therapists"].sum() == 6 and own["turns"].sum() == 1
        lowest = comparison["P-T"]["estimate"] - (0.016 if shareable else 0.02)
        assert own["value"].iloc[0] == pytest.approx(lowest)


def test_many_therapists_and_specifications_stay_small(comparison_run, tmp_path):
    comparison = read_json(comparison_run() / "comparison.json")
    claims = {c: {"verdict": "supported", "not_tested": False} for c in ("C1", "C2", "C3")}
    data = influence_data(left_out(comparison, 25_000), comparison, claims)
    drawn = figures.draw("influence", data, tmp_path)
    many = pd.concat([universe().iloc[:3]] * 4000, ignore_index=True).assign(replicate=range(12_000))
    drawn += figures.draw("multiverse", multiverse_data(many), tmp_path)
    assert all(p.stat().st_size < 250_000 for p in drawn if p.suffix == ".svg")


def test_the_page_says_what_flips(doubted):
    page = report.build_report(doubted)
    part = page[page.index('<h2 id="robustness">') : page.index('<h2 id="therapists">')]
    assert "By fixed rules, a check changes the verdict of C1." in part
    assert "yes: P has the other sign in 30% of the analyses tried" in part
    counts = "Omitting a therapist counts only if it also moves the estimate by more than 1 SE."
    record = read_json(doubted / "robustness.json")
    assert (counts in part) == any(len(record["influence"]["verdicts"].get(c, {})) > 1 for c in ("C1", "C2"))
    record["influence"]["verdicts"]["C1"] = {"supported": 5, "inconclusive": 1}
    write_json(doubted / "robustness.json", record)
    assert counts in report.build_report(doubted)
    cells = re.findall("<td>(.*?)</td>", part[part.index("Robustness of Each Verdict") :].split("</table>")[0])
    assert cells == [
        "supported", "yes: P has the other sign in 30% of the analyses tried", "supported in all 6",
        "supported in all",
        "refuted", "no", "refuted in 5 of 6; inconclusive in 1 of 6",
        "supported in 67%; inconclusive in 33%",
        "inconclusive", "not applicable", "not computed", "not computed",
    ]  # fmt: skip
    assert "if the sign of the estimate differs in more than 20% of them" in part
    assert "C2 is refuted in only 0% of the alternative analyses" in part and "1 of the refits failed" in part
    assert "a random sample of the 40" in part and "1 of the omissions changes C2" in part
    assert "[0.11, 0.92]" in part and "<i>p</i> = .883" in part and "(50 repetitions" in part
    moved = page[page.index('<h2 id="sensitivity">') :]
    assert "Sensitivity to Outcomes Missing Not at Random" in moved and "Slope of therapist style" in moved
    rows = re.findall(r'<th scope="row">(−?0.\d\d)</th><td[^>]*>[^<]*</td><td[^>]*>[^<]*</td><td>([^<]*)</td>', moved)
    assert rows == [("−0.20", "inconclusive †"), ("−0.10", "supported"), ("0.00", "supported")]
    assert "change a verdict of the main analysis: C1 if the slope of therapist style differs by −0.20." in moved
    assert "No difference in this range changes C3." in moved
    assert "SECRET" not in page
    checked = page[page.index('<h2 id="checklists">') :]
    assert 'Sensitivity analyses: <a href="#robustness">Robustness</a>' in checked
    assert "the verdict changes when one therapist is left out, for 1 of 6 therapists" in page


def test_the_card_names_the_checks_that_change_a_claim(doubted, comparison_run):
    card = str(verdict_card(Results(doubted)).html)
    assert "C1 (P has the other sign in 30% of the analyses tried)." in card
    record = read_json(doubted / "verdict.json")
    record["claims"]["C1"]["fragile"] = False
    write_json(doubted / "verdict.json", record)
    assert "by a robustness check" not in str(verdict_card(Results(doubted)).html)


def test_p_of_the_second_claim_is_said_to_be_one_sided(comparison_run):
    card = str(verdict_card(Results(comparison_run())).html)
    part = {name: card[card.index(f"{name}. ") :].split("</tr>")[0] for name in ("C1", "C2")}
    assert "one-sided" in part["C2"] and "one-sided" not in part["C1"]


def test_checklists_say_what_was_imputed_as_a_check(doubted):
    assert "nothing was imputed" in str(missing(Results(doubted)))
    write_json(doubted / "robustness.json", {"imputation": {"replicates": 20}})
    said = str(missing(Results(doubted)))
    assert "patients with complete data" in said and "as a check, missing values were imputed" in said
    assert "nothing was imputed" not in said


def test_absent_where_nothing_was_tried(comparison_run, growth_run):
    for folder in (comparison_run(), growth_run):
        page = report.build_report(folder)
        assert 'id="robustness"' not in page and 'href="#robustness"' not in page


def test_rows_of_other_assumptions_and_confounders_stand_once():
    comparison = {e: {"ci": [0.1, 0.2]} for e in EFFECTS}
    contrast = {"ci_low": 0.01, "ci_high": 0.11}
    estimands = {
        "measurement": {"rows": {"baseline": {"P": {"ci": [0.0, 0.3]}}, "all": None}},
        "sensitivity": {
            "p_estimated": {"ci": [0.02, 0.2]}, "caseload": {"test": {"p": 0.4}},
            "curved_baseline": {"matters": True, "P": contrast, "T": contrast},
            "robustness_values": {"P": {"value": 0.28, "limit": 0.21, "df": 500.0}},
            "yardsticks": {"baseline_within": {"outcome": 0.3, "predictor": 0.02}},
        },
    }  # fmt: skip
    sheet = intervals_sheet(comparison, {}, estimands)
    assert "measurement error" in sheet.note and "ootstrap" not in sheet.note, "there is no bootstrap in this table"
    rows = {row[0]: row[1:] for row in sheet.parts[0][1]}
    assert rows["Corrected for error of the baseline"] == ["[0.00, 0.30]", "–", "–", "–"]
    assert rows["Variance of the slope estimated"][0] == "[0.02, 0.20]"
    assert rows["With the square of the baseline"] == ["[0.01, 0.11]", "[0.01, 0.11]", "–", "–"]
    assert len(rows) == 4, "P does not depend on caseload"
    sheet = robustness_values_sheet(estimands["sensitivity"])
    assert [row[1] for row in sheet.parts[0][1]] == [".28", ".21"] and ".30 and .02" in sheet.note
