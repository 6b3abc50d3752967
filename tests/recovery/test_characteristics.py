"""The rules hold their error rates in simulation (short; `make validate` is the long form)."""

import numpy as np
import pandas as pd
import pytest

from bowlby.simulate.characteristics import characteristics, interval
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.testbed import Replicate, simulated_patients, study_claims

STUDIES = 400


def test_clopper_pearson():
    """Hand check: no event in n has the upper limit 1 - (tail)^(1/n); 5 of 100 by R's binom.test at .999."""
    assert interval(0, 50) == pytest.approx((0.0, 1 - 0.0005 ** (1 / 50)))
    low, high = interval(5, 100)
    assert (low, high) == pytest.approx((0.006433946, 0.163615), abs=1e-6)


def test_a_rate_beyond_its_bar_fails():
    base = {
        "scenario": "S0",
        "design": "48x12",
        "singular": False,
        **{c: "inconclusive" for c in ("C1", "C2", "C3", "C4", "C5")},
    }
    for e in ("P", "T", "P-T", "P+T"):
        base |= {f"{e}_low": -1.0, f"{e}_high": 1.0}
    studies = pd.DataFrame([base] * 400)
    studies.loc[:39, "C1"] = "supported"  # 10 % where 2.5 % is nominal
    table = characteristics(studies).set_index("quantity")
    assert table.loc["C1 false support", "verdict"] == "fails"
    assert table.loc["C2 false support", "verdict"] == "ok"
    assert table.loc["coverage P", "verdict"] == "ok"  # 1.00, but the slope's true variance is 0


def test_a_study_depends_on_its_address_alone():
    one, other = (study_claims(Replicate("S10", "16x36", 3, 7)) for _ in range(2))
    assert one == other
    assert study_claims(Replicate("S10", "16x36", 3, 8))["P"] != one["P"]


@pytest.mark.parametrize("name", ["S1", "S3", "S5", "S14", "S15", "S17b"])
def test_scenarios_have_the_truth_they_state(name):
    """Least squares on 20 large studies: slopes within 4 of their standard errors, outcome variance near 1."""
    found = SCENARIOS[name]
    slopes, variance = [], []
    for number in range(20):
        people = simulated_patients(found, "100x10", Replicate(name, "100x10", 5, number).entropy())
        f = people.frame
        x = np.column_stack(
            [
                np.ones(len(f)),
                f["pre"],
                f["a_star"] - f["a_star"].groupby(people.episodes["therapist"].to_numpy()).transform("mean"),
                f["s_star"],
            ]
        )
        slopes.append(np.linalg.lstsq(x, f["y"], rcond=None)[0][2:])
        variance.append(f["y"].var())
    mean, se = np.mean(slopes, axis=0), np.std(slopes, axis=0, ddof=1) / np.sqrt(20)
    assert abs(mean[0] - found.p) < 4 * se[0] and abs(mean[1] - found.total_t) < 4 * se[1]
    assert np.mean(variance) == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S0", "S2", "S3", "S17a"])
def test_error_rates(name):
    table = characteristics(pd.DataFrame([study_claims(Replicate(name, "48x12", 11, k)) for k in range(STUDIES)]))
    failing = table[table["verdict"] == "fails"]
    assert failing.empty, failing.to_string()
