"""The rules hold their error rates in simulation (short; `make validate` is the long form)."""

import numpy as np
import pandas as pd
import pytest

from bowlby.simulate.batched_analysis import studies as simulated
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.study_analysis import StudyAddress, simulated_patients
from validation.characteristics import DESIGNS, characteristics, interval, mean_interval
from validation.page import page
from validation.plot import plot_characteristics
from validation.scenario_checks import ScenarioValidator
from validation.scenario_truth import slopes

STUDIES = 400
CLAIMS = ("C1", "C2", "C3", "C4", "C5")


def studies(name, n=400, oracle=None):
    """Rows as the test bed makes them: nothing decided, every interval covers."""
    row = {"scenario": name, "design": "48x12", "singular": False, **dict.fromkeys(CLAIMS, "inconclusive")}
    for effect in ("P", "T", "P-T", "P+T"):
        row |= {f"{effect}_low": -1.0, f"{effect}_high": 1.0}
    if oracle is not None:
        row |= {f"oracle_{claim}": oracle for claim in CLAIMS}
    return pd.DataFrame([row] * n)


def judged(rows):
    return characteristics(rows).set_index("quantity")


def test_clopper_pearson():
    """Hand check: no event in n has the upper limit 1 - (tail)^(1/n); 5 of 100 by R's binom.test at .999."""
    assert interval(0, 50) == pytest.approx((0.0, 1 - 0.0005 ** (1 / 50)))
    low, high = interval(5, 100)
    assert (low, high) == pytest.approx((0.006433946, 0.163615), abs=1e-6)


def test_interval_of_a_mean():
    """By hand: mean 0, sd sqrt(4/3), four values, the normal quantile of .9995 being 3.290527."""
    mean, low, high = mean_interval(np.array([1.0, -1.0, 1.0, -1.0]))
    assert mean == 0 and high == pytest.approx(3.290527 * np.sqrt(4 / 3) / 2, abs=1e-6) and low == -high


def test_a_rate_beyond_its_bar_fails():
    rows = studies("S0")
    rows.loc[:39, "C1"] = "supported"  # 10 % where 2.5 % is nominal
    table = judged(rows)
    assert table.loc["C1 false support", "verdict"] == "fails"
    assert table.loc["C2 false support", "verdict"] == "ok"
    assert table.loc["coverage P", "verdict"] == "ok"  # 1.00, but the slope's true variance is 0


def test_refuting_a_slope_at_the_bound_is_judged_and_below_it_reported():
    assert judged(studies("S2b")).loc["C1 false refutation", "verdict"] == "ok"
    assert judged(studies("S3")).loc["C1 false refutation", "verdict"] == "reported"


def test_losing_power_to_the_oracle_fails():
    rows = studies("S1", oracle=True)
    rows.loc[:379, "C1"] = "supported"
    rows.loc[:339, "C2"] = "supported"
    table = judged(rows)
    assert table.loc["C1 power difference", "rate"] == pytest.approx(-0.05)
    assert table.loc["C1 power difference", "verdict"] == "ok"  # beyond .03, but not beyond its error
    assert table.loc["C2 power difference", "verdict"] == "fails"
    assert "C1 power difference" not in judged(studies("S0", oracle=True)).index  # nothing to find there


def test_an_association_without_its_qualifiers_fails():
    rows = studies("S6").assign(unqualified=False)
    assert judged(rows).loc["C1 or C2 supported without its qualifiers", "verdict"] == "ok"
    rows.loc[7, "unqualified"] = True
    table = judged(rows)
    assert table.loc["C1 or C2 supported without its qualifiers", "verdict"] == "fails"
    assert "C1 false support" not in table.index and "C3 false refutation" in table.index


@pytest.mark.parametrize("name", ["S6", "S7"])
def test_shared_causes_are_never_called_an_effect(name):
    found = simulated(name, "16x36", 2, range(4), validator=ScenarioValidator(SCENARIOS[name]))
    assert found["C1"].eq("supported").any()  # the association is there
    assert not found["unqualified"].any()


def test_a_study_depends_on_its_address_alone():
    one = simulated("S10", "16x36", 3, [7, 8], validator=ScenarioValidator(SCENARIOS["S10"]))
    other = simulated("S10", "16x36", 3, [8, 7])
    pd.testing.assert_frame_equal(one[other.columns], other.iloc[::-1].reset_index(drop=True))
    assert one["P"].nunique() == 2


@pytest.mark.parametrize("name", ["S1", "S3", "S5", "S6", "S7", "S8", "S11", "S12", "S14", "S15", "S17b", "S18"])
def test_scenarios_have_the_truth_they_state(name):
    """Least squares on 20 large studies: slopes within 4 of their standard errors, outcome variance near 1."""
    found, truth = SCENARIOS[name], slopes(SCENARIOS[name])
    estimates, variance = [], []
    for number in range(20):
        people = simulated_patients(found, "100x10", StudyAddress(name, "100x10", 5, number).entropy())
        f, therapist = people.frame, people.episodes["therapist"].to_numpy()
        within = f[["perceived", "baseline"]] - f[["perceived", "baseline"]].groupby(therapist).transform("mean")
        x = np.column_stack(
            [
                np.ones(len(f)),
                within["perceived"],
                f["therapist_style"],
                within["baseline"],
                f["baseline"] - within["baseline"],
            ]
        )
        estimates.append(np.linalg.lstsq(x, f["y"], rcond=None)[0][1:3])
        variance.append(f["y"].var())
    mean, se = np.mean(estimates, axis=0), np.std(estimates, axis=0, ddof=1) / np.sqrt(20)
    assert abs(mean[0] - truth["P"]) < 4 * se[0] and abs(mean[1] - truth["T"]) < 4 * se[1]
    if np.isinf(found.floor):
        assert np.mean(variance) == pytest.approx(1.0, abs=0.05)


def test_the_page_says_first_whether_anything_fails(tmp_path):
    rows = pd.concat([studies("S0", oracle=False), studies("S1", oracle=False)])
    assert ", **0 fail**." in page(characteristics(rows), 1)
    rows.loc[(rows["scenario"] == "S0") & (rows.index < 40), "C1"] = "supported"
    table = characteristics(rows)
    text = page(table, 1, "## Why\n\nBecause.")
    failure = text.index("| S0 | 48 × 12 | C1 false support | .100 |")
    assert failure < text.index("Because.") < text.index("## Scenarios")
    assert "| S0 | false | **.100** | .900 |" in text  # wrong, inconclusive
    assert "| S1 | true | .000; .000; +.000 ± .000 |" in text
    plot_characteristics(table, tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 10_000


CELLS = [(name, DESIGNS[k % len(DESIGNS)]) for k, name in enumerate(SCENARIOS) if name not in ("example", "S10", "S11")]
OTHERS = [(name, design) for name, _ in CELLS for design in DESIGNS if (name, design) not in CELLS]


def failing(name, design, count=STUDIES):
    found = simulated(name, design, 11, range(count), validator=ScenarioValidator(SCENARIOS[name]))
    table = characteristics(found)
    assert (table["verdict"] == "ok").any()
    return table.query("verdict == 'fails'")


@pytest.mark.parametrize(("name", "design"), CELLS)
def test_error_rates(name, design):
    """The rule of the long form with 400 studies, one design of each scenario."""
    assert failing(name, design).empty, failing(name, design).to_string()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "design"), OTHERS)
def test_error_rates_of_every_design(name, design):
    assert failing(name, design).empty, failing(name, design).to_string()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "design"), [("S10", "31x45"), ("S11", "48x12")])
def test_error_rates_of_patients_who_switch_or_are_treated_together(name, design):
    assert failing(name, design, 50).empty, failing(name, design, 50).to_string()
