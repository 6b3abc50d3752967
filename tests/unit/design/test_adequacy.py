"""Design adequacy against the numbers of the statistical design, and its own closed forms."""

import numpy as np
import pytest
from scipy import stats

from bowlby.design.adequacy import (
    adequacy,
    adequacy_at_icc,
    equivalence_power,
    planned_standard_error,
    row,
    standard_error,
)


@pytest.mark.parametrize(
    ("therapists", "caseload", "detectable"),
    [(12, 23, 0.278), (16, 36, 0.212), (31, 45, 0.139), (100, 10, 0.105), (500, 10, 0.047)],
)
def test_minimum_detectable_slope_of_published_designs(therapists, caseload, detectable):
    se = planned_standard_error(therapists, caseload, 0.05)
    assert row(se, therapists - 2, 0.05, 0.10)["minimum_detectable"] == pytest.approx(detectable, abs=0.0015)


@pytest.mark.parametrize(
    ("icc", "delta", "needed"),
    [
        (0.05, 0.10, {5: 195, 10: 121, 20: 83, 40: 65}),
        (0.03, 0.10, {5: 182, 10: 105, 20: 67, 40: 48}),
        (0.05, 0.14, {5: 101, 10: 63, 20: 44, 40: 35}),
    ],
)
def test_therapists_needed_for_equivalence(icc, delta, needed):
    """80 % power at T = 0; within 2 of the stated numbers, which rest on simulation of the same form."""
    for caseload, stated in needed.items():
        power = 0.0
        therapists = 5
        while power < 0.80:
            therapists += 1
            power = equivalence_power(planned_standard_error(therapists, caseload, icc), therapists - 2, delta)
        assert abs(therapists - stated) <= 2, (caseload, therapists)


def test_standard_error_is_that_of_generalised_least_squares():
    rng = np.random.default_rng(1)
    style, caseload, icc = rng.normal(size=12), rng.integers(2, 20, 12).astype(float), 0.05
    group = np.repeat(np.arange(12), caseload.astype(int))
    v = icc * (group[:, None] == group[None, :]) + (1 - icc - 0.08) * np.eye(len(group))
    x = np.column_stack([np.ones(len(group)), style[group]])
    cov = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    assert standard_error(style, caseload, icc) == pytest.approx(np.sqrt(cov[1, 1]), rel=1e-10)


def test_sixteen_therapists_cannot_show_equivalence():
    result = adequacy(stats.norm.ppf((np.arange(16) + 0.5) / 16), np.full(16, 36.0), 1, 0.10)
    assert result["grid"][1]["can_show_equivalence"] is False
    assert result["icc_limit"] is None or result["icc_limit"] < 0.05


def test_limit_is_where_the_interval_just_fits():
    style = stats.norm.ppf((np.arange(60) + 0.5) / 60)
    result = adequacy(style, np.full(60, 30.0), 2, 0.10)
    se = standard_error(style, np.full(60, 30.0), result["icc_limit"])
    assert stats.t.ppf(0.95, 57) * se == pytest.approx(0.10, abs=1e-9)


def test_the_curve_is_read_at_any_icc():
    rng = np.random.default_rng(2)
    style, caseload = rng.normal(size=30), rng.integers(2, 40, 30).astype(float)
    result = adequacy(style, caseload, 2, 0.10, 1.2)
    for icc in (0.0, 0.05, 0.0734, 0.3281, 0.5):
        expected = row(standard_error(style, caseload, icc, 1.2), 27, icc, 0.10, style.std(ddof=1))
        assert adequacy_at_icc(result, icc) == pytest.approx(expected, rel=2e-4)
    assert adequacy_at_icc(result, 0.51) is None
