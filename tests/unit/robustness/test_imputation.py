"""Imputed studies: what is passed on from the sampler to the analysis, pooling, and what turns a verdict."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.config.robustness import Imputation, Robustness
from bowlby.config.run import Block, ReferenceBlock
from bowlby.robustness.imputation import complete, imputation, incomplete, missing, tipping
from bowlby.robustness.imputation_summary import (
    changes_from_missing_data,
    described,
    drift,
    effects_by_slope_difference,
    imputed,
    pooled,
    rubin,
    smallest_changing_difference,
    tipping_summary,
)
from bowlby.robustness.multiverse import StudyInputs

GOLDEN = Path(__file__).parents[2] / "golden/robust"


@pytest.fixture(scope="module")
def lossy(universe):
    """The study with a fifth of the outcomes, some scales and the anxiety of two therapists missing."""
    rng = np.random.default_rng(8)
    phq, cats, style = (universe.scores[name].copy() for name in ("phq", "cats", "ecr"))
    phq["total"] = phq["total"].mask((phq["occasion"] == "end") & (rng.random(len(phq)) < 0.2))
    cats["avoidant"] = cats["avoidant"].mask(rng.random(len(cats)) < 0.1)
    style.loc[:1, "anxiety"] = np.nan
    doubts = Robustness(kinds=["imputation"], imputation=Imputation(iterations=20, deltas=[0.0, 2.0]))
    run = universe.run.model_copy(update={"robustness": doubts})
    return incomplete(StudyInputs(run, {"phq": phq, "cats": cats, "ecr": style}, universe.people, universe.occasions))


def test_composites_come_from_completed_scales_and_memberships(lossy):
    [(made, _)] = complete(lossy, [0])
    before, after = lossy.sample.frame, made.frame
    for column in ("baseline", "y", "perceived_secure", "perceived_avoidant"):
        seen = before[column].notna()
        assert after.loc[seen, column].equals(before.loc[seen, column]) and after[column].notna().all()
    star = (after["perceived_secure"] - after["perceived_avoidant"]) / np.sqrt(2)
    assert after["perceived"].to_numpy() == pytest.approx(star.to_numpy())
    therapist = lossy.sample.episodes.set_index(["patient", "therapist"])["weight"]
    own = therapist.index.get_level_values("therapist").map(made.style) * therapist
    assert after["therapist_style"].to_numpy() == pytest.approx(own.groupby("patient").sum()[after.index].to_numpy())
    assert made.style.notna().all() and len(made.style) == 20


def test_patients_without_any_answer_are_not_made_up(universe):
    phq, cats = (universe.scores[name][universe.scores[name]["person"] != "P007"] for name in ("phq", "cats"))
    of = incomplete(StudyInputs(universe.run, universe.scores | {"phq": phq, "cats": cats}, universe.people,
                             universe.occasions))  # fmt: skip
    assert "P007" not in of.sample.frame.index and len(of.sample.frame) == 299


def test_a_style_that_is_a_category_is_imputed_as_having_it(universe):
    """Secure or not, coded for eighteen of twenty therapists: 0 and 1 stay, the two others get a number in between."""
    coded = pd.DataFrame({"person": [f"T{j:02}" for j in range(20)], "role": "therapist", "about": "self",
                          "occasion": None, "style": ["secure", "dismissing"] * 9 + [None] * 2})  # fmt: skip
    block = Block(instrument="aai", weights={"secure": 1})
    sd = ReferenceBlock(sd={"secure": 0.5})
    reference = universe.run.comparison.reference.model_copy(update={"therapist_style": sd})
    comparison = universe.run.comparison.model_copy(update={"therapist_style": block, "reference": reference})
    run = universe.run.model_copy(update={"comparison": comparison})
    of = incomplete(StudyInputs(run, universe.scores | {"aai": coded}, universe.people, universe.occasions))
    [(made, _)] = complete(of, [0])
    assert made.style.iloc[:18].to_numpy() == pytest.approx([2.0, 0.0] * 9)
    assert made.style.notna().all() and -2 < made.style.iloc[18] < 4


def test_imputations_do_not_depend_on_shards(lossy):
    whole = imputation(lossy, 0, 4)
    parts = pd.concat([imputation(lossy, 0, 1), imputation(lossy, 1, 4)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)
    assert whole["P"].nunique() == 4 and set(whole["status"]) <= {"ok", "singular"}


def test_slopes_of_those_without_outcome_are_moved_in_every_imputation(lossy):
    """Move 0 is the imputation itself; rows are the same when an imputation is shared between shards."""
    whole = tipping(lossy, 0, 12)
    assert whole["imputation"].tolist() == [0] * 6 + [1] * 6
    assert whole["along"].tolist() == (["attachment"] * 3 + ["style"] * 3) * 2
    assert whole["delta"].tolist() == [0.0, 2.0, -2.0] * 4
    still = whole[(whole["delta"] == 0) & (whole["along"] == "style")]
    plain = imputation(lossy, 0, 2)
    for name in ("P", "T", "P-T", "P+T", "P_se", "T_df"):
        assert still[name].to_numpy() == pytest.approx(plain[name].to_numpy(), rel=1e-5)
    parts = pd.concat([tipping(lossy, 0, 5), tipping(lossy, 5, 12)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)
    left = lossy.sample.frame["y"].isna().mean()
    for along, name in (("attachment", "P"), ("style", "T")):
        up = whole[(whole["along"] == along) & (whole["delta"] == 2)]
        assert (up[name].to_numpy() - still[name].to_numpy()) / (2 * left) == pytest.approx([1, 1], abs=0.35)


def test_pooling_is_that_of_mice():
    """Estimate, SE, Barnard-Rubin df and share of missing information, to 1e-9."""
    expected = json.loads((GOLDEN / "imputation.json").read_text("utf-8"))["pooling"]
    df = np.full(5, expected["df_complete"])
    found = rubin(np.array(expected["estimates"]), np.array(expected["se"]), df)
    assert (found.effect.estimate, found.effect.se, found.effect.df, found.fmi) == pytest.approx(
        tuple(expected[key] for key in ("estimate", "pooled_se", "df", "fmi")), rel=1e-9)  # fmt: skip


def test_pooling_equal_imputations_changes_nothing_but_df():
    """No variance between: the df of complete data, n (n + 1) / (n + 3)."""
    found = rubin(np.full(4, 0.2), np.full(4, 0.1), np.full(4, 30.0))
    assert (found.effect.estimate, found.effect.se) == pytest.approx((0.2, 0.1))
    assert found.effect.df == pytest.approx(31 / 33 * 30)


def test_df_of_complete_data_are_the_harmonic_mean():
    """33 and 506: 1 / ((1/33 + 1/506) / 2) = 61.96, not 269.5; one variance of 0 does not carry the pooled df."""
    found = rubin(np.full(2, 0.2), np.full(2, 0.1), np.array([33.0, 506.0]))
    df = 2 * 33 * 506 / 539
    assert found.effect.df == pytest.approx((df + 1) / (df + 3) * df) and df == pytest.approx(61.96, abs=0.01)


def test_drift_is_a_paired_t():
    assert drift(np.array([0.0, 0, 0]), np.array([1.0, 2, 3])) == pytest.approx(2 / 1 * np.sqrt(3))
    assert drift(np.ones(3), np.ones(3)) == 0.0


def moves(**limits):
    """Three imputations without variance between them; P moves by half of every move of the outcome."""
    rows = []
    for number in range(3):
        for along, delta in (("attachment", 0.0), ("attachment", -0.2), ("attachment", -0.4), ("style", 0.0)):
            p = limits["p"] + delta / 2
            row = {"status": "ok", "imputation": number, "along": along, "delta": delta}
            for name, value in (("P", p), ("T", 0.0), ("P-T", p), ("P+T", p)):
                row |= {name: value, f"{name}_se": 0.05, f"{name}_df": 50.0}
            rows.append(row)
    return pd.DataFrame(rows)


def test_the_smallest_move_that_turns_a_verdict_is_found():
    """P must stay above about 2 x .05: it does at .30 - .1 and not at .30 - .2, for C1 and C2 alike; C3 never turns."""
    found = tipping_summary(
        moves(p=0.3), {"C1": "supported", "C2": "supported", "C3": "supported", "C4": "refuted"}, 0.1
    )
    at = {"along": "attachment", "delta": -0.4}
    assert found["tips"] == {"C1": at, "C2": at, "C3": None}
    assert [line["delta"] for line in found["moves"]] == [0.0, -0.2, -0.4]
    assert found["moves"][2]["verdicts"] == {"C1": "inconclusive", "C2": "inconclusive", "C3": "supported"}
    assert smallest_changing_difference("C1", "supported", effects_by_slope_difference(moves(p=0.17), 0.1)) == {
        "along": "attachment",
        "delta": -0.2,
    }


def test_a_shift_of_a_fifth_that_changes_a_verdict_is_a_reason():
    claim = {"verdict": "supported"}
    assert changes_from_missing_data("C1", claim, {"tipping": moves(p=0.3)}, 0.1) == []
    assert changes_from_missing_data("C1", claim, {"tipping": moves(p=0.17)}, 0.1) == [
        {"code": "tipped", "along": "attachment", "size": 0.2, "way": "lower"}]  # fmt: skip
    assert changes_from_missing_data("C4", claim, {"tipping": moves(p=0.0)}, 0.1) == []


def test_another_verdict_with_imputed_values_is_a_reason():
    table = moves(p=0.05)
    table = table[table["delta"] == 0]
    assert changes_from_missing_data("C1", {"verdict": "supported"}, {"imputation": table}, 0.1) == [
        {"code": "imputed", "verdict": "inconclusive"}]  # fmt: skip
    assert changes_from_missing_data("C1", {"verdict": "supported"}, {"tipping": moves(p=0.05)}, 0.1) == [
        {"code": "outcomes_imputed"}]  # fmt: skip
    assert pooled(table.assign(status="failed")) == {}
    assert len(effects_by_slope_difference(moves(p=0.05).assign(status="failed"), 0.1)) == 0


def test_who_has_no_outcome_is_described():
    """Ten of thirty without outcome; age 40 with and 50 without, a difference of 2 SD of all within rounding."""
    frame = pd.DataFrame({"y": [1.0] * 20 + [np.nan] * 10, "age": [39.0, 41.0] * 10 + [49.0, 51.0] * 5, "few": np.nan})
    frame.loc[:3, "few"] = 1.0
    found = described(frame, ["age", "few"], np.array([[1.0, 2.0], [np.nan, 1.0]]))
    (line,) = found["dropout"]
    assert (line["mean_with"], line["mean_without"], line["with_outcome"], line["without_outcome"]) == (40, 50, 20, 10)
    assert line["difference_sd"] == pytest.approx(10 / frame["age"].std())
    assert (found["patients"], found["without_outcome"], found["incomplete_therapists"]) == (30, 10, 0.5)
    assert found["shares"] == pytest.approx({"y": 1 / 3, "age": 0.0, "few": 26 / 30})
    few = described(frame.iloc[:23], ["age"], np.ones((2, 1)))
    assert few["dropout"] == [] and few["without_outcome"] is None


def test_many_missing_ask_for_many_imputations(lossy):
    table = imputation(lossy, 0, 3)
    table.attrs["missing"] = missing(lossy)
    found = imputed(table, 0.1)
    share = found["missing"]["incomplete_patients"]
    assert 0.2 < share < 0.45 and found["needed"] == int(np.ceil(100 * share)) and not found["enough"]
    table.attrs["missing"] = replace_share(table, 0.01)
    assert imputed(table, 0.1)["needed"] == 20
    assert set(found["verdicts"]) == {"C1", "C2", "C3", "C4"}


def replace_share(table, share):
    return table.attrs["missing"] | {"incomplete_patients": share}
