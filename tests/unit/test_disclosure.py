"""Disclosure control, against someone who subtracts: counts, bins and neighbours of five or more."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowlby.disclosure import (
    equal_blocks,
    hide_bands,
    hide_classes,
    hide_crosstab,
    pool_points,
    pooled_histogram,
    safe_cut,
    shown_count,
)

COUNTS = st.lists(st.integers(0, 12), min_size=2, max_size=7)
NUMBERS = st.lists(st.integers(0, 27), max_size=120)


@given(NUMBERS)
def test_no_bin_holds_one_to_four_and_nobody_is_lost(values):
    found = pooled_histogram(values, np.arange(-0.5, 28))
    assert sum(n for *_, n in found) == (len(values) if len(values) >= 5 else 0)
    assert all(n == 0 or n >= 5 for *_, n in found)
    assert all(a[1] == b[0] for a, b in pairwise(found))


def test_a_lone_value_joins_across_an_empty_bin():
    assert pooled_histogram([1] * 6 + [4], np.arange(0.5, 6)) == [(0.5, 4.5, 7)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=80))
def test_every_group_of_neighbours_has_five(points):
    group = pool_points(np.array(points, float).reshape(-1, 2))
    if len(points) < 5:
        assert (group == -1).all()
    else:
        sizes = np.bincount(group)
        assert sizes.min() >= 5 and sizes.max() < 10


def test_neighbours_of_a_platform_are_few():
    points = np.random.default_rng(1).normal(size=(100_000, 2))
    assert len(np.unique(pool_points(points))) <= 512


@pytest.mark.parametrize(("n", "most", "sizes"), [(23, 200, [6, 6, 6, 5]), (4, 10, [4]), (100, 2, [50, 50])])
def test_blocks_of_sorted_values(n, most, sizes):
    assert np.bincount(equal_blocks(n, most)).tolist() == sizes


def test_a_count_of_few_is_said_without_its_number():
    assert [shown_count(n, True) for n in (0, 4, 5)] == ["0", "fewer than 5", "5"] and shown_count(4, False) == "4"


def test_by_hand():
    assert hide_classes([30, 3, 7, 0], True) == [False, True, True, False]
    assert hide_classes([30, 3, 2, 20], True) == [False, True, True, False]
    assert hide_classes([30, 1, 1, 20], True) == [False, True, True, True]
    assert hide_classes([30, 3], False) == [False, False]
    assert hide_bands([20, 3, 9, 30], True) == [False, True, True, False]
    assert hide_bands([20, 9, 0, 2], True) == [False, True, True, True]


@given(COUNTS)
def test_hidden_classes_hold_five_together_or_are_all(counts):
    hidden = hide_classes(counts, True)
    assert all(h for n, h in zip(counts, hidden, strict=True) if 0 < n < 5)
    held = [n for n, h in zip(counts, hidden, strict=True) if h]
    everyone = all(h for n, h in zip(counts, hidden, strict=True) if n)
    assert not held or everyone or (len(held) > 1 and sum(held) >= 5)


@given(COUNTS)
def test_hidden_bands_are_runs_of_five_or_all(counts):
    hidden = hide_bands(counts, True)
    assert all(h for n, h in zip(counts, hidden, strict=True) if 0 < n < 5)
    shown_alone = [n for n, h in zip(counts, hidden, strict=True) if not h]
    assert all(n == 0 or n >= 5 for n in shown_alone)
    runs, run = [], 0
    for n, h in zip([*counts, 0], [*hidden, False], strict=True):
        if h:
            run += n
        elif run:
            runs, run = [*runs, run], 0
    assert all(n >= 5 for n in runs) or sum(counts) < 5


@settings(max_examples=50)
@given(st.lists(st.integers(0, 27), min_size=20, max_size=60), st.lists(st.integers(1, 27), max_size=4))
def test_cut_offs_that_are_shown_never_differ_by_few(scores, cuts):
    values, known = np.array(scores, dtype=float), []
    for cut in cuts:
        if safe_cut(values, cut, known, True):
            known.append(cut)
    numbers = sorted({0, len(values), *(int((values >= c).sum()) for c in known)})
    assert all(b - a >= 5 for a, b in pairwise(numbers))


@given(st.lists(st.integers(0, 14), min_size=12, max_size=12))
def test_no_small_cell_of_a_table_follows_from_its_totals(values):
    """Totals of rows and columns and the cells shown leave each small cell open: another table has them too."""
    counts = np.array(values).reshape(3, 4)
    hidden, small = hide_crosstab(counts, True), (counts > 0) & (counts < 5)
    assert (hidden >= small).all() and not hide_crosstab(counts, False).any()
    assert hidden.any() == small.any()
    unknown = np.argwhere(hidden)
    lines = np.array(
        [[float(axis == at) for at in unknown[:, side]] for side, n in ((0, 3), (1, 4)) for axis in range(n)]
    )
    if hidden.all() or not hidden.any():
        return
    free = np.linalg.svd(lines)[2][np.linalg.matrix_rank(lines) :]  # changes of the hidden cells that keep all totals
    moved = np.abs(free).max(axis=0) > 1e-9
    assert all(moved[k] for k, cell in enumerate(map(tuple, unknown)) if small[cell])
