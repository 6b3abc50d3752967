"""The decision rules, one case each side of each limit."""

import numpy as np
import pytest
from scipy import stats

from bowlby.compare import qualify, qualify_by_error, qualify_own_style, without_errors
from bowlby.compare.claims import claim_more, claim_negligible, claim_slope, rests_on
from bowlby.effect import Effect

DELTA = 0.10


def effect(estimate, se=0.04, df=40):
    return Effect(estimate, se, df)


def test_limits_are_student_t():
    low, high = effect(0.2).limits(0.975)
    # t(.975, 40) = 2.021075
    assert low == pytest.approx(0.2 - 2.021075 * 0.04, abs=1e-7)
    assert high == pytest.approx(0.2 + 2.021075 * 0.04, abs=1e-7)


@pytest.mark.parametrize(
    ("estimate", "se", "verdict"),
    [(0.30, 0.04, "supported"), (-0.30, 0.04, "refuted"), (0.00, 0.02, "refuted"), (0.06, 0.04, "inconclusive")],
)
def test_c1(estimate, se, verdict):
    assert claim_slope(effect(estimate, se), DELTA, "P")["verdict"] == verdict


def test_c1_supported_but_smaller_than_delta():
    claim = claim_slope(effect(0.05, 0.01), DELTA, "P")
    assert (claim["verdict"], claim["flags"]) == ("supported", ["below_delta"])


@pytest.mark.parametrize(
    ("minus", "plus", "verdict"),
    [
        (0.30, 0.30, "supported"),
        (0.30, 0.05, "inconclusive"),
        (0.05, 0.30, "inconclusive"),
        (-0.30, 0.40, "refuted"),
        (0.40, -0.30, "refuted"),
    ],
)
def test_c2_needs_both_parts(minus, plus, verdict):
    assert claim_more(effect(minus), effect(plus))["verdict"] == verdict


def test_c2_reports_the_smaller_part_and_the_larger_p():
    claim = claim_more(effect(0.1), effect(0.3))
    assert claim["estimate"] == 0.1
    assert claim["p"] == pytest.approx(stats.t.sf(2.5, 40))


def test_p_of_a_refuted_c2_is_that_of_the_reverse_in_either_part():
    """By hand: P - T = -.2 with SE .04 is t = -5 on 40 df; twice its one-sided p. It is refuted from .025 down."""
    claim = claim_more(effect(-0.2), effect(0.3))
    assert claim["verdict"] == "refuted" and claim["p"] == pytest.approx(2 * stats.t.cdf(-5.0, 40))
    just = claim_more(effect(-0.04 * stats.t.ppf(0.9875, 40) - 1e-9), effect(0.3))
    assert just["verdict"] == "refuted" and just["p"] == pytest.approx(0.025, abs=1e-6)


def test_c2_does_not_depend_on_the_sign_of_t():
    for p, t in [(0.3, 0.1), (0.2, -0.25), (0.1, 0.3)]:
        one = claim_more(effect(p - t), effect(p + t))
        other = claim_more(effect(p + t), effect(p - t))
        assert (one["verdict"], one["estimate"], one["p"]) == (other["verdict"], other["estimate"], other["p"])


def test_c2_supported_implies_c1():
    rng = np.random.default_rng(1)
    supported = 0
    for _ in range(2000):
        p, t, se_p, se_t = rng.uniform(-0.5, 0.5, 2).tolist() + rng.uniform(0.01, 0.1, 2).tolist()
        se = np.hypot(se_p, se_t)
        if claim_more(Effect(p - t, se, 30), Effect(p + t, se, 30))["verdict"] == "supported":
            supported += 1
            assert claim_slope(Effect(p, se_p, 30), DELTA, "P")["verdict"] == "supported"
    assert supported > 100


@pytest.mark.parametrize(
    ("estimate", "se", "verdict", "flags"),
    [
        (0.00, 0.04, "supported", []),
        (0.06, 0.01, "supported", ["detectable"]),
        (0.00, 0.08, "inconclusive", []),
        (0.30, 0.04, "refuted", ["detectable"]),
        (-0.30, 0.04, "refuted", ["detectable"]),
        (0.12, 0.04, "inconclusive", ["detectable"]),
    ],
)
def test_c3(estimate, se, verdict, flags):
    claim = claim_negligible(effect(estimate, se), DELTA)
    assert (claim["verdict"], claim["flags"]) == (verdict, flags)


def test_equivalence_is_the_90_percent_interval():
    rng = np.random.default_rng(2)
    for _ in range(500):
        e = Effect(rng.uniform(-0.2, 0.2), rng.uniform(0.01, 0.1), rng.integers(3, 60))
        assert e.within(DELTA) == (e.p_equivalence(DELTA) < 0.05)


@pytest.mark.parametrize(("estimate", "se", "verdict", "flags"), [
    (0.3, 0.04, "supported", []),
    (0.05, 0.01, "supported", ["below_delta"]),
    (0.03, 0.02, "refuted", []),
    (-0.3, 0.04, "refuted", []),
    (0.08, 0.05, "inconclusive", []),
])  # fmt: skip
def test_c5_is_decided_as_c1_on_its_own_slope(estimate, se, verdict, flags):
    claim = claim_slope(effect(estimate, se), DELTA, "Z")
    assert (claim["verdict"], claim["flags"]) == (verdict, flags)
    assert claim["rule"]["of"] == "Z"


@pytest.mark.parametrize(("estimate", "doubts", "flags"), [
    (0.3, ["same_rater"], []),
    (0.05, ["same_rater", "reverse_causation_open"], ["early_improvement"]),
])  # fmt: skip
def test_only_what_outlasts_early_improvement_is_freed_of_that_doubt(estimate, doubts, flags):
    claims = {name: {"verdict": "supported", "reasons": [], "flags": []} for name in ("C1", "C2")}
    qualify(claims, {"contrasts": [{"name": "P", "estimate": estimate, "se": 0.1, "df": 30.0}]})
    assert claims["C1"] == {"verdict": "supported", "reasons": doubts, "flags": flags, "qualified": True}
    assert claims["C2"]["reasons"] == doubts


ROW = {"P": (0.05, 0.04), "T": (0.0, 0.03), "P-T": (0.05, 0.05), "P+T": (0.05, 0.05)}


def test_a_support_that_error_in_the_baseline_explains_is_qualified():
    row = {name: {"estimate": estimate, "se": se, "df": 40.0} for name, (estimate, se) in ROW.items()}
    corrected = without_errors(row, DELTA)
    assert corrected == {"C1": "inconclusive", "C2": "inconclusive", "C3": "supported"}
    claims = {name: {"verdict": verdict, "reasons": [], "qualified": False}
              for name, verdict in (("C1", "supported"), ("C2", "inconclusive"))}  # fmt: skip
    qualify_by_error(claims, corrected)
    assert [claims[name]["reasons"] for name in ("C1", "C2")] == [["baseline_error"], []]
    assert [claims[name]["qualified"] for name in ("C1", "C2")] == [True, False]


def test_error_in_the_baseline_that_was_not_examined_is_said():
    claims = {name: {"verdict": verdict, "reasons": [], "qualified": False}
              for name, verdict in (("C1", "supported"), ("C2", "refuted"))}  # fmt: skip
    qualify_by_error(claims, None)
    assert {reason for claim in claims.values() for reason in claim["reasons"]} == {"baseline_error_not_examined"}
    assert [claims[name]["qualified"] for name in ("C1", "C2")] == [True, False]


@pytest.mark.parametrize(("rater", "c1", "c3"), [
    ("patient", ["same_rater", "reverse_causation_open"], []),
    ("observer", ["reverse_causation_open"], []),
    ("therapist", ["reverse_causation_open"], ["therapist_rated"]),
])  # fmt: skip
def test_who_rated_the_outcome_decides_whose_rater_is_shared(rater, c1, c3):
    claims = {name: {"verdict": "supported", "reasons": [], "flags": []} for name in ("C1", "C2", "C3")}
    qualify(claims, None, rater)
    assert claims["C1"]["reasons"] == c1
    assert claims["C3"]["reasons"] == c3


@pytest.mark.parametrize(("claim", "kind", "level", "p"), [
    (claim_slope(Effect(0.3, 0.1, 1e9), 0.1, "P"), "two_sided", 0.95, 0.0026998),  # 2 (1 - Phi(3))
    (claim_slope(Effect(0.01, 0.03, 1e9), 0.1, "P"), "equivalence", 0.90, 0.0013499),  # Phi((0.01 - 0.1) / 0.03)
    (claim_negligible(Effect(0.01, 0.03, 1e9), 0.1), "equivalence", 0.90, 0.0013499),
    (claim_negligible(Effect(-0.4, 0.1, 1e9), 0.1), "beyond", 0.95, 0.0026998),  # 2 Phi((-0.4 + 0.1) / 0.1)
    (claim_more(Effect(0.2, 0.1, 1e9), Effect(0.4, 0.1, 1e9)), "one_sided", 0.95, 0.0227501),  # 1 - Phi(2)
    (claim_more(Effect(-0.3, 0.1, 1e9), Effect(0.1, 0.1, 1e9)), "one_sided_of_two", 0.975, 0.0026998),
])  # fmt: skip
def test_the_test_that_decided_is_kept_with_its_interval_and_p(claim, kind, level, p):
    test = claim["test"]
    assert (test["kind"], test["level"]) == (kind, level)
    assert test["p"] == pytest.approx(p, abs=1e-6)
    low, high = test["ci"]
    assert (low + high) / 2 == pytest.approx(test["estimate"])


@pytest.mark.parametrize("verdict", ["supported", "refuted", "inconclusive"])
def test_a_patient_who_rates_own_style_and_perceived_attachment_qualifies_a_support(verdict):
    claim = {"verdict": verdict, "reasons": [], "qualified": False}
    qualify_own_style(claim)
    assert claim["reasons"] == ["same_rater_style"] and claim["qualified"] == (verdict == "supported")


@pytest.mark.parametrize(("claim", "tests", "level"), [
    (claim_slope(effect(0.3), DELTA, "P"), [("P", 0.0, 1)], 0.025),
    (claim_slope(effect(-0.3), DELTA, "P"), [("P", 0.0, -1)], 0.025),
    (claim_slope(effect(0.0, 0.02), DELTA, "P"), [("P", -DELTA, 1), ("P", DELTA, -1)], 0.05),
    (claim_more(effect(0.3), effect(0.4)), [("P-T", 0.0, 1), ("P+T", 0.0, 1)], 0.025),
    (claim_more(effect(-0.3), effect(0.4)), [("P-T", 0.0, -1)], 0.0125),
    (claim_negligible(effect(0.0, 0.02), DELTA), [("T", -DELTA, 1), ("T", DELTA, -1)], 0.05),
    (claim_negligible(effect(-0.4), DELTA), [("T", -DELTA, -1)], 0.025),
])  # fmt: skip
def test_a_verdict_rests_on_its_rules_own_tests(claim, tests, level):
    assert claim["verdict"] != "inconclusive"
    assert rests_on(claim, DELTA) == (tests, level)
