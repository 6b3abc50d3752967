"""Area of the data, therapists by score, and what a surface is warned of."""

import numpy as np
import pytest

from bowlby.compare.response_surface import (
    _counted,
    _inside,
    _mapped,
    _pairs,
    _ratio,
    _shown,
    _spread_of_square,
    area_of,
)
from bowlby.effect import Effect

SQUARE = [[-1.0, -0.5], [2.0, -0.5], [2.0, 1.0], [-1.0, 1.0]]


def test_lines_are_clipped_to_the_area():
    """Of the square from (-1, -.5) to (2, 1): W = X from -.5 to 1; W = -X from -1 to .5."""
    assert _inside(SQUARE, (1.0, 1.0)) == pytest.approx([-0.5, 1.0])
    assert _inside(SQUARE, (1.0, -1.0)) == pytest.approx([-1.0, 0.5])
    assert _inside([[x + 5, w] for x, w in SQUARE], (1.0, 1.0)) is None


def test_fewer_than_ten_therapists_have_no_shared_area():
    rng = np.random.default_rng(1)
    for therapists, drawn in ((9, False), (10, True)):
        w = rng.normal(size=therapists)
        points = np.column_stack([rng.normal(size=20 * therapists), np.repeat(w, 20)])
        assert (area_of(_shown(points, {"surface_w": w.tolist()})) is not None) == drawn
        assert len(set(_shown(points, {"surface_w": w.tolist()})[:, 1])) == therapists // 5


def test_therapists_are_counted_by_five_in_bins_of_a_quarter_sd():
    bins = _counted(np.linspace(-1.3, 0.9, 23).tolist(), True)
    assert sum(n for _, _, n in bins) == 23 and min(n for _, _, n in bins) >= 5
    assert {low % 0.25 for low, _, _ in bins} == {0.0}


def test_two_groups_of_therapists_leave_their_square_without_variance():
    """SD of the square beyond the score, per variance: 0 of two values, 1.41 of a normal variable, at any origin."""
    normal = np.random.default_rng(2).normal(3.0, 2.0, 200_000)
    assert _spread_of_square(np.repeat([1.0, 4.0], 10)) == pytest.approx(0, abs=1e-7)
    assert _spread_of_square(normal) == pytest.approx(np.sqrt(2), abs=0.02)


def test_pairs_are_shares_and_small_ones_are_hidden():
    points = np.column_stack([np.repeat([1.0, 0.0, -1.0], [50, 40, 10]), np.zeros(100)])
    assert _pairs(points, True) == {"first_higher": 0.5, "match": 0.4, "second_higher": 0.1}
    few = np.column_stack([np.repeat([1.0, 0.0, -1.0], [56, 40, 4]), np.zeros(100)])
    assert _pairs(few, True) == {"first_higher": 0.56, "match": None, "second_higher": None}
    assert _pairs(few, False)["second_higher"] == 0.04


def test_a_ratio_whose_set_is_unbounded_has_no_estimate():
    above, below = Effect(0.3, 0.1, 20.0), Effect(-0.001, 0.1, 20.0)
    assert _mapped(_ratio(above, below, 0.0), lambda r: -r / 2) == {"estimate": None, "ci": None}
