"""What may be shown: tried against someone who subtracts."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bowlby.instruments.counts import hide_bands, hide_classes, safe_cut

COUNTS = st.lists(st.integers(0, 12), min_size=2, max_size=7)


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
    assert all(h for n, h in zip(counts, hidden) if 0 < n < 5)
    held = [n for n, h in zip(counts, hidden) if h]
    everyone = all(h for n, h in zip(counts, hidden) if n)
    assert not held or everyone or (len(held) > 1 and sum(held) >= 5)


@given(COUNTS)
def test_hidden_bands_are_runs_of_five_or_all(counts):
    hidden = hide_bands(counts, True)
    assert all(h for n, h in zip(counts, hidden) if 0 < n < 5)
    shown_alone = [n for n, h in zip(counts, hidden) if not h]
    assert all(n == 0 or n >= 5 for n in shown_alone)
    runs, run = [], 0
    for n, h in zip([*counts, 0], [*hidden, False]):
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
