"""Many persons shown and none of them: bins and neighbours of five or more."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowlby.figures.hidden import blocks, neighbours, pooled

NUMBERS = st.lists(st.integers(0, 27), max_size=120)


@given(NUMBERS)
def test_no_bin_holds_one_to_four_and_nobody_is_lost(values):
    bins = pooled(values, np.arange(-0.5, 28))
    assert sum(n for *_, n in bins) == (len(values) if len(values) >= 5 else 0)
    assert all(n == 0 or n >= 5 for *_, n in bins)
    assert all(a[1] == b[0] for a, b in pairwise(bins))


def test_a_lone_value_joins_across_an_empty_bin():
    assert pooled([1] * 6 + [4], np.arange(0.5, 6)) == [(0.5, 4.5, 7)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=80))
def test_every_group_of_neighbours_has_five(points):
    group = neighbours(np.array(points, float).reshape(-1, 2))
    if len(points) < 5:
        assert (group == -1).all()
    else:
        sizes = np.bincount(group)
        assert sizes.min() >= 5 and sizes.max() < 10


def test_neighbours_of_a_platform_are_few():
    points = np.random.default_rng(1).normal(size=(100_000, 2))
    assert len(np.unique(neighbours(points))) <= 512


@pytest.mark.parametrize(("n", "most", "sizes"), [(23, 200, [6, 6, 6, 5]), (4, 10, [4]), (100, 2, [50, 50])])
def test_blocks_of_sorted_values(n, most, sizes):
    assert np.bincount(blocks(n, most)).tolist() == sizes
