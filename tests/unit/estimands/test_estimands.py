"""Estimands against R's numbers and hand calculation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bowlby.estimands.blocks import index, mover
from bowlby.estimands.estimate import _without, around, bound, difference
from bowlby.estimands.likeforlike import like_for_like
from bowlby.estimands.partition import Rows, partition, rows_of, shares, style_limits
from bowlby.estimands.prediction import folds, out_of_sample
from bowlby.estimands.variance import exact_test, icc_interval, restricted_likelihood_ratio
from bowlby.fit.models import Fitter
from bowlby.mixed import MixedModel
from bowlby.mixed.membership import Membership
from bowlby.terms import M1_RANDOM, P

GOLDEN = Path(__file__).parents[2] / "golden"


def prepost():
    data = pd.read_csv(next(GOLDEN.rglob("1_prepost_ancova.csv")), dtype={"therapist": str})
    data = data.rename(columns={"pre_w": "baseline_within", "pre_b": "baseline_between", "a_w": "perceived_within"})
    return data.assign(patient=[f"P{i}" for i in range(len(data))])


def test_partition_is_that_of_rights_and_sterba():
    """R's formulas (r2mlm's) on the pre-post design; 1e-6."""
    data = prepost()
    terms = ["baseline_within", "baseline_between", "perceived_within", "s_anx", "s_avo"]
    fit = MixedModel.from_terms("y", terms, [{"group": "therapist"}], data).fit()
    rows = rows_of(data, data[["patient"]].assign(weight=1.0), terms)
    values = fit.params[terms].to_numpy()
    cov = fit.cov_params().loc[terms, terms].to_numpy()
    found = partition(values, cov, {"Intercept": fit.varcorr["variance"][0]}, fit.scale, rows, terms)
    expected = {"f1": 0.395175260969242, "f2": 0.0307548888785455, "m": 0.0172283525359812,
                "sigma2": 0.62512438857394, "within": 1.02029964954318, "between": 0.0479832414145268,
                "total": 1.06828289095771}  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name
    assert found["within"] + found["between"] == pytest.approx(found["total"])
    assert found["f2_corrected"] < found["f2"]


def test_shares_have_fixed_denominators():
    base = {"f1_corrected": 1.0, "f2_corrected": 0.1, "total": 10.0, "within": 9.0, "between": 1.0}
    full = {"f1_corrected": 1.9, "f2_corrected": 0.3, "total": 7.0, "within": 6.0, "between": 1.0}
    assert shares(full, base) == pytest.approx(
        {"perceived_total": 0.09, "style_total": 0.02, "perceived_within": 0.1, "style_between": 0.2}
    )


def test_shares_of_style_are_the_squares_that_the_interval_of_its_coefficient_allows():
    """T's own interval in the example, -0.7944 to 0.6624, is 1.43 % of all variance and 15.2 % of therapists'."""
    phi = pd.DataFrame(
        np.diag([20.0, 0.7674052]), ["baseline_between", "therapist_style"], ["baseline_between", "therapist_style"]
    )
    rows, base = (
        Rows([], ["baseline_between", "therapist_style"], phi, 1.0, 1.0),
        {"total": 33.879356, "between": 3.18534948},
    )
    found = style_limits(
        {"fixed": [{"term": "therapist_style", "ci_low": -0.7943938, "ci_high": 0.6624244}]}, base, rows
    )
    assert found["style_total"] == pytest.approx([0.0, 0.014294], abs=1e-6)
    assert found["style_between"] == pytest.approx([0.0, 0.152034], abs=1e-6)
    below = {"fixed": [{"term": "therapist_style", "ci_low": -0.8, "ci_high": -0.2}]}
    assert style_limits(below, {"total": 10.0, "between": 1.0}, rows)["style_total"] == pytest.approx(
        [0.04 * 0.07674052, 0.64 * 0.07674052])  # fmt: skip
    related = Rows(
        [],
        ["baseline_between", "therapist_style"],
        pd.DataFrame([[1.0, 0.6], [0.6, 1.0]], phi.index, phi.index),
        1.0,
        1.0,
    )
    assert style_limits(below, {"total": 1.0, "between": 1.0}, related)["style_total"] == pytest.approx(
        [0.04 * 0.64, 0.64 * 0.64])  # fmt: skip


def test_block_index_and_its_limits():
    """R's numbers for noncentral-F limits carried to the index; 1e-5."""
    r_p = np.array([[1, -0.55, 0.2], [-0.55, 1, 0.15], [0.2, 0.15, 1]])
    v_p = np.array([[0.0025, 0.0008, -0.0004], [0.0008, 0.0026, -0.0003], [-0.0004, -0.0003, 0.0022]])
    p = index(np.array([0.25, -0.125, -0.223]), v_p, r_p, 311.2, 1.0)
    assert p["index"] == pytest.approx(0.385086353951942, abs=1e-9)
    assert p["ci"] == pytest.approx([0.276349797578012, 0.480201708829332], abs=1e-5)
    assert p["corrected"] ** 2 == pytest.approx(0.1421215, abs=1e-9)
    r_t, v_t = np.array([[1, 0.2], [0.2, 1]]), np.array([[0.0055, 0.0009], [0.0009, 0.0058]])
    t = index(np.array([0.06, -0.08]), v_t, r_t, 14.8, 1.0)
    assert t["ci"] == pytest.approx([0, 0.200421348806282], abs=1e-5)
    assert t["corrected"] == 0.0
    low, high = mover((p["index"], *p["ci"]), (t["index"], *t["ci"]))
    assert (low, high) == pytest.approx((0.140145676060165, 0.426067433763397), abs=1e-5)


def test_a_block_without_degrees_of_freedom_has_no_interval():
    t = index(np.array([0.06, -0.08]), np.diag([0.0055, 0.0058]), np.eye(2), None, 1.0)
    assert t["ci"] == [None, None] and t["index"] == pytest.approx(0.1)


def test_the_interval_of_a_block_in_a_very_large_study():
    """For a large denominator df k F is a noncentral chi-square: limits near (sqrt(k F) -+ 1.96)^2."""
    gamma, cov = np.array([1.0, 0.0, 0.0]), np.eye(3) / 1410.0
    found = index(gamma, cov, np.eye(3), 1e6, 1.0)
    root = np.sqrt(1410.0)
    assert found["ci"] == pytest.approx([(root - 1.96) / root, (root + 1.96) / root], abs=2e-3)


def test_an_interval_holds_its_estimate():
    assert around(-0.004, (-0.00376, 0.0128)) == [-0.004, 0.0128]
    assert around(0.07, (0.04, 0.11)) == [0.04, 0.11] and around(0.2, (0.04, 0.11)) == [0.04, 0.2]


def test_mover_of_two_numbers():
    assert mover((0.28, 0.19, 0.37), (0.04, -0.11, 0.19)) == pytest.approx((0.065071443154641, 0.414928556845359))


def test_the_difference_of_shares_has_an_interval_from_theirs():
    """MOVER by hand: .10 - .02 less sqrt(.04^2 + .06^2), plus sqrt(.05^2 + .02^2)."""
    found = difference({"perceived": {"share": 0.10, "ci": [0.06, 0.15]}, "style": {"share": 0.02, "ci": [0.0, 0.08]}})
    low, high = 0.08 - np.hypot(0.04, 0.06), 0.08 + np.hypot(0.05, 0.02)
    assert (found["share"], found["ci"]) == (pytest.approx(0.08), pytest.approx([low, high]))


def test_the_bound_in_points_and_as_a_share_of_what_lies_between_therapists():
    """SD of outcome 5, style of SD 1, delta .1: .5 points, .25 of a therapist variance of 1."""
    style = np.repeat(stats.zscore(np.arange(20.0), ddof=0), 4)
    data = pd.DataFrame({"patient": range(80), "therapist_style": style * np.sqrt(79 / 80)})
    fits = {
        "primary": {"fixed": [{"term": "Intercept"}, {"term": "therapist_style"}]},
        "m0": {
            "fixed": [{"term": "Intercept", "estimate": 0.0}],
            "vcov_adjusted": None,
            "scale": 20.0,
            "vcov": {"terms": ["Intercept"], "values": [[1.0]]},
            "random": [{"group": "therapist", "term": "Intercept", "term2": None, "variance_or_cov": 1.0}],
        },
    }
    data["perceived_within"] = 0.0
    members = data[["patient"]].assign(weight=1.0)
    found = bound(data, members, fits, 5.0, 0.1)
    assert found == {"points": 0.5, "share_of_therapist_variance": pytest.approx(0.25)}
    fits["m0"]["random"][0]["variance_or_cov"] = 0.0
    assert bound(data, members, fits, 5.0, 0.1)["share_of_therapist_variance"] is None


def therapists(j, n, between, own, seed):
    """Perceived attachment and outcome with a therapist-level slope of 2 and a patient's own shared error."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(j), n)
    level = between * rng.normal(size=j)
    shared = rng.normal(size=j * n)
    a = level[group] + shared
    y = 2 * level[group] + own * shared + rng.normal(size=j * n)
    mean = pd.Series(a).groupby(group).transform("mean").to_numpy()
    return pd.DataFrame({"therapist": group.astype(str), "y": y,
                         "perceived_within": a - mean, "perceived_between": mean - mean.mean(),
                         "baseline_between": rng.normal(size=j)[group],
                         "therapist_style": rng.normal(size=j)[group]})  # fmt: skip


def test_like_for_like_leaves_the_shared_rater_out():
    """Observed means would give a slope between 2 and -3; other patients' answers give 2."""
    found = [like_for_like(therapists(100, 20, 0.5, -3.0, seed), 1.0, 0.0) for seed in range(20)]
    assert all(f["estimable"] for f in found)
    assert np.mean([f["slope"] for f in found]) == pytest.approx(2.0, abs=0.15)
    assert np.mean([f["ci"][0] <= 2.0 <= f["ci"][1] for f in found]) >= 0.8


def test_like_for_like_is_the_observed_slope_corrected_for_the_reliability_of_the_means():
    """Balanced, by hand: (b - (1 - L) b_within) / L with b of means and b_within of deviations (within 1e-9).

    100 therapists of 20 with between SD .5 and within SD 1: L is .25 / (.25 + 1/20) = .83.
    """
    data = therapists(100, 20, 0.5, -3.0, 4)
    means = data.groupby("therapist")[["y", "perceived_between", "therapist_style", "baseline_between"]].mean()
    x = np.column_stack([np.ones(100), means[["therapist_style", "baseline_between"]]])
    y, a = (means[c] - x @ np.linalg.lstsq(x, means[c], rcond=None)[0] for c in ("y", "perceived_between"))
    within = data["y"] - data.groupby("therapist")["y"].transform("mean")
    b, b_within = (
        (y @ a) / (a @ a),
        (within @ data["perceived_within"]) / (data["perceived_within"] @ data["perceived_within"]),
    )
    found = like_for_like(data, 1.0, 0.0)
    reliability = found["reliability"]
    assert found["slope"] == pytest.approx((b - (1 - reliability) * b_within) / reliability, abs=1e-9)
    assert reliability == pytest.approx(0.83, abs=0.05)


def test_like_for_like_says_when_there_is_nothing_to_estimate():
    found = [like_for_like(therapists(16, 12, 0.0, 1.0, seed), 1.0, 0.0)["estimable"] for seed in range(40)]
    assert np.mean(found) < 0.2


def test_who_was_ever_with_a_therapist_is_not_seen_when_that_therapist_is_new():
    data = pd.DataFrame({"patient": ["c", "a", "b"], "therapist": ["T3", "T1", "T2"]})
    membership = pd.DataFrame(
        {"patient": ["a", "b", "b", "c"], "therapist": ["T1", "T1", "T2", "T3"], "weight": [1, 0.4, 0.6, 1]}
    )
    (division,) = folds(data, membership, np.random.default_rng(0))
    assert [f.unseen.tolist() for f in division] == [[False, True, True], [False, False, True], [True, False, False]]
    assert [f.judged.tolist() for f in division] == [[False, True, False], [False, False, True], [True, False, False]]


def test_many_therapists_leave_in_ten_parts_ten_times():
    names = [f"T{j:03}" for j in range(100)]
    data = pd.DataFrame({"patient": [f"P{j}" for j in range(100)], "therapist": names})
    found = folds(data, data.assign(weight=1.0), np.random.default_rng(0))
    assert [len(division) for division in found] == [10] * 10
    assert all(np.sum([f.judged for f in division], axis=0).tolist() == [1] * 100 for division in found)


def test_models_without_each_fold_are_those_of_the_other_patients():
    """Side by side where nobody switches; to the tolerance of the search."""
    data, design = prepost().rename(columns={"s_anx": "therapist_style"}), {"covariates": []}
    membership = data[["patient", "therapist"]].assign(weight=1.0)
    (division,) = folds(data, membership, np.random.default_rng(0))
    found = _without(Fitter(data, membership, design), membership, division[:3])
    for fold, coefficients in zip(division, found, strict=False):
        others = Fitter(data[~fold.unseen].reset_index(drop=True), membership[~fold.unseen], design)
        assert coefficients["m_p"].to_dict() == pytest.approx(others.fit([P], M1_RANDOM).params.to_dict(), rel=1e-7)
        assert "therapist_style" in coefficients["m_t"] and len(coefficients["m0"]) == 3


def test_prediction_by_hand():
    """Gains m_t - m_p: 3, 1 of therapist A and 1 of B, so means 2 and 1; NB: t(.975, 3) sd sqrt(1/4 + 1/1)."""
    errors = pd.DataFrame({"m0": [4.0, 4.0, 2.0], "m_p": [1.0, 3.0, 2.0], "m_t": [4.0, 4.0, 3.0]})
    therapist = np.array(["A", "A", "B"])
    found = out_of_sample([[errors[:2], errors[2:]]], therapist)
    assert found["q2"] == pytest.approx({"perceived": 0.4, "style": -0.1})
    assert found["difference"] == pytest.approx(1.5)
    assert found["difference_ci"][1] == pytest.approx(1.5 + 12.7062 * np.sqrt(0.5) / np.sqrt(2), abs=1e-3)
    twice = out_of_sample([[errors[:2], errors[2:]]] * 2, therapist)
    assert twice["difference_ci"][1] == pytest.approx(1.5 + 3.18245 * np.sqrt(1 / 3) * np.sqrt(1.25), abs=1e-4)


def test_exact_test_of_the_therapist_variance():
    """RLRsim: statistic 1.4136, p = .0925 (Monte-Carlo SE .0006), mixture p = .1172."""
    data = prepost()
    terms = ["baseline_within", "baseline_between", "perceived_within", "s_anx", "s_avo"]
    fit = MixedModel.from_terms("y", terms, [{"group": "therapist"}], data).fit()
    x = np.column_stack([np.ones(len(data)), data[terms]])
    z = Membership.of(data["therapist"]).weights
    statistic = restricted_likelihood_ratio(fit.llf, data["y"].to_numpy(), x)
    assert statistic == pytest.approx(1.41359926808866, abs=1e-6)
    found = exact_test(statistic, z, x, np.random.default_rng(1))
    assert found["p"] == pytest.approx(0.092545, abs=4 * np.hypot(found["p_mc_se"], 0.00065))
    assert found["p_mixture"] == pytest.approx(0.117229906019372, abs=1e-6)


def test_interval_of_the_icc_is_the_classical_one_where_the_design_is_balanced():
    """One-way layout of 20 x 8: with F = MSB / MSW, the limits are (F / F_q - 1) / (F / F_q + n - 1)."""
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(20), 8)
    y = np.sqrt(0.2) * rng.normal(size=20)[group] + np.sqrt(0.8) * rng.normal(size=160)
    means = y.reshape(20, 8).mean(axis=1)
    f = 8 * means.var(ddof=1) / (((y - means[group]) ** 2).sum() / 140)
    expected = [(f / q - 1) / (f / q + 7) for q in stats.f.ppf([0.975, 0.025], 19, 140)]
    found = icc_interval(Membership.of(pd.Series(group)).weights, np.ones((160, 1)), y)
    assert found == pytest.approx(expected, abs=1e-9)
    flat = y - means[group]
    assert icc_interval(Membership.of(pd.Series(group)).weights, np.ones((160, 1)), flat)[0] == 0.0


def test_interval_of_the_icc_covers_as_often_as_it_says():
    """500 unbalanced studies with a covariate, ICC .1: 95 % of the intervals hold it (4 Monte-Carlo SE)."""
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(15), rng.integers(2, 14, 15))
    z, n = Membership.of(pd.Series(group)).weights, len(group)
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    held = 0
    for _ in range(500):
        y = x[:, 1] + np.sqrt(0.1) * rng.normal(size=15)[group] + np.sqrt(0.9) * rng.normal(size=n)
        low, high = icc_interval(z, x, y)
        held += low <= 0.1 <= high
    assert held / 500 == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 500))
