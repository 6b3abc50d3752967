"""Fragility and summaries by hand calculation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from bowlby.compare.claims import claim_more, claim_negligible, claim_slope
from bowlby.effect import Effect
from bowlby.reasons import say_changed
from bowlby.robustness.replicates import absent, share_as_large
from bowlby.robustness.summary import bca, flips
from bowlby.robustness.verdict_changes import contradicted, left_out, record_verdict_changes, studentised_p

EFFECTS = {
    "P": {"estimate": 0.30, "se": 0.05, "df": 40.0},
    "T": {"estimate": 0.00, "se": 0.05, "df": 40.0},
    "P-T": {"estimate": 0.30, "se": 0.07, "df": 60.0},
    "P+T": {"estimate": 0.28, "se": 0.07, "df": 60.0},
}


def claims(**effects):
    e = {name: Effect(**EFFECTS[name] | effects.get(name, {})) for name in EFFECTS}
    c1, c2, c3 = claim_slope(e["P"], 0.1, "P"), claim_more(e["P-T"], e["P+T"]), claim_negligible(e["T"], 0.1)
    return {"C1": c1, "C2": c2, "C3": c3}


def influence(c2, estimates):
    n = len(c2)
    return pd.DataFrame({"status": "ok", "C1": "supported", "C2": c2, "C3": "supported", "P": 0.3, "T": 0.0,
                         "P+T": estimates}, index=range(n))  # fmt: skip


def test_who_turns_a_verdict_is_said_without_a_name():
    """C2 hangs on P+T = .28 with SE .07: .20 is 8/7 SE below it, .24 is 4/7; the larger move comes first."""
    table = influence(["supported", "inconclusive", "inconclusive"], [0.28, 0.24, 0.20])
    found = flips("C2", "supported", table, EFFECTS)
    assert [f["verdict"] for f in found] == ["inconclusive", "inconclusive"]
    assert [f["moved_se"] for f in found] == pytest.approx([-8 / 7, -4 / 7])
    assert flips("C1", "supported", table, EFFECTS) == []


def test_one_therapist_must_turn_the_verdict_and_move_the_estimate():
    """P+T is the smaller and binds C2: .28 with SE .07, so .20 has moved by over 1 SE and .22 has not."""
    found = claims()
    assert found["C2"]["verdict"] == "supported"
    table = influence(["supported", "inconclusive", "inconclusive"], [0.28, 0.22, 0.20])
    assert left_out("C2", found["C2"], table, EFFECTS) == (2, 1)
    record_verdict_changes(found, {"influence": table}, EFFECTS, 0.1)
    assert found["C2"]["fragile"] is True
    assert found["C2"]["fragile_because"] == [{"code": "left_out"}]
    assert found["C2"]["flags"] == ["loto_flips"] and found["C2"]["loto_flips"] == {"changed": 2, "therapists": 3}
    assert found["C1"]["fragile"] is False and found["C1"]["fragile_because"] == []


def test_turning_without_moving_is_a_flag_and_not_fragility():
    found = claims()
    record_verdict_changes(found, {"influence": influence(["supported", "inconclusive"], [0.28, 0.24])}, EFFECTS, 0.1)
    assert found["C2"]["fragile"] is False and found["C2"]["loto_flips"] == {"changed": 1, "therapists": 2}


def test_undecided_claims_have_nothing_to_turn():
    found = claims(T={"se": 0.09})
    assert found["C3"]["verdict"] == "inconclusive"
    record_verdict_changes(found, {}, EFFECTS, 0.1)
    assert found["C3"]["fragile"] is None and "fragile_because" not in found["C3"]


def test_a_low_reference_ratio_is_a_reason():
    found = claims()
    found["C2"]["fragile"] = True
    record_verdict_changes(found, {}, EFFECTS, 0.1)
    assert found["C2"]["fragile_because"] == [{"code": "reference_ratio"}]


def replicates(spread, n=2000):
    """A bootstrap whose t values have `spread` times the spread that the model's SE says."""
    t = spread * np.random.default_rng(1).standard_normal(n)
    return pd.DataFrame({"status": "ok"} | {
        k: v for name, e in EFFECTS.items() for k, v in ((name, e["estimate"] + t * e["se"]), (f"{name}_se", e["se"]))
    })  # fmt: skip


def test_a_bootstrap_on_the_other_side_is_a_reason():
    """P is 6 SE above 0: with t values as the model says p is about 0, with 4 times their spread it is .07."""
    claim = claims()["C1"]
    assert contradicted("C1", claim, {"parametric": replicates(1.0)}, EFFECTS, 0.1) == []
    found = contradicted("C1", claim, {"parametric": replicates(4.0)}, EFFECTS, 0.1)
    assert len(found) == 1 and say_changed(found[0]).startswith("the parametric bootstrap gives p = 0.0")
    # of few therapists the bootstrap over therapists is not heard
    few = {"cluster": replicates(4.0), "influence": influence(["supported"] * 29, 0.28)}
    assert contradicted("C1", claim, few, EFFECTS, 0.1) == []
    many = {"cluster": replicates(4.0), "influence": influence(["supported"] * 30, 0.28)}
    assert len(contradicted("C1", claim, many, EFFECTS, 0.1)) == 1


@pytest.mark.parametrize(("kind", "failed", "why"), [
    ("permutation", [0], "the study itself could not be fitted so"), ("multiverse", [1, 2, 3], None),
    ("parametric", [1, 2, 3], "3 of 4 refits gave no estimate"), ("parametric", [1, 2], None),
    ("influence", [1, 2, 3], None),
])  # fmt: skip
def test_draws_of_which_most_failed_say_nothing(kind, failed, why):
    found = pd.DataFrame({"replicate": range(4), "status": ["failed" if k in failed else "ok" for k in range(4)]})
    assert absent(kind, found) == why


def test_few_replicates_do_not_contradict():
    """Within 3 Monte-Carlo standard errors nothing is said."""
    assert contradicted("C1", claims()["C1"], {"parametric": replicates(4.0, 20)}, EFFECTS, 0.1) == []


def test_studentised_p_by_hand():
    """t = 6; of three replicates with t* 7, 6 and 1 two are as large: (1 + 2) / 4."""
    table = pd.DataFrame({"P": 0.3 + np.array([0.35, 0.30, 0.05]), "P_se": 0.05})
    assert studentised_p(table, EFFECTS, "P", 0.0, 1) == pytest.approx(0.75)


def test_bca_without_bias_or_acceleration_is_the_percentile_interval():
    values = np.linspace(-1, 1, 2001)
    assert bca(values, 0.0, np.array([-1.0, 0.0, 1.0])) == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=1e-3)


def test_bca_by_hand():
    """Efron's formula with z0 = Phi^-1(.6) and an acceleration of .0962."""
    values = np.arange(1000) / 1000
    jackknife = -np.array([3.0, -1, -1, -1])
    a = 24 / (6 * 12**1.5)
    assert a == pytest.approx(0.0962, abs=1e-4)
    low, high = bca(values, 0.5995, jackknife)
    z0 = 0.2533471
    want = [norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in (-1.959964, 1.959964)]
    assert (low, high) == pytest.approx(np.quantile(values, want), abs=2e-3)


def test_a_share_counts_the_study_itself():
    assert share_as_large(np.array([2.0, 1.0, 3.0, 2.0])) == 0.75
