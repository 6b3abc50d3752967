"""Disclosure control: no result that is shared shows fewer than five persons, or a number that would tell them apart.

Counts are hidden or written as "fewer than 5"; values are pooled with their neighbours until five persons share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import numpy as np
import pandas as pd

SMALLEST = 5
"""Smallest number of persons that a shareable result shows."""


def small(count: int) -> bool:
    """Whether a count is small enough to identify a person."""
    return 0 < count < SMALLEST


def shown_count(count: int, shareable: bool) -> str:
    """A number of persons in words and digits; a small one is not given exactly where privacy asks for it.

    Examples
    --------
    >>> shown_count(3, True), shown_count(3, False), shown_count(1234, True)
    ('fewer than 5', '3', '1,234')
    """
    return f"fewer than {SMALLEST}" if shareable and small(count) else f"{count:,}"


def hide_classes(counts: Sequence[int], shareable: bool) -> list[bool]:
    """Which of some classes to hide, where they are known to add up to a total that is shown.

    Hidden are the small ones, and with them the next smallest, until at least two are hidden and they hold at least
    five persons together.
    """
    hidden = [shareable and small(n) for n in counts]
    rest = sorted((n, i) for i, n in enumerate(counts) if n and not hidden[i])
    while any(hidden) and rest and (sum(hidden) < 2 or sum(compress(counts, hidden)) < SMALLEST):
        hidden[rest.pop(0)[1]] = True
    return hidden


def hide_crosstab(
    counts: np.ndarray, shareable: bool, also: np.ndarray | None = None, sums: Sequence[list[tuple[int, int]]] = ()
) -> np.ndarray:
    """Which cells of a table to hide, where the totals of its rows and columns may be known.

    Hidden are the small ones and those of ``also``, and more of each row and column until those hidden in it are two or
    more and hold at least five persons together, and none of the small ones follows from the totals.

    Parameters
    ----------
    counts : ndarray of int, shape (rows, columns)
    shareable : bool
    also : ndarray of bool, optional
        Further cells to hide.
    sums : sequence of list of (int, int)
        Cells whose sum is shown elsewhere.

    Returns
    -------
    ndarray of bool, same shape
    """
    hidden = np.zeros(counts.shape, bool)
    if not shareable:
        return hidden
    hidden |= (counts > 0) & (counts < SMALLEST)
    hidden |= False if also is None else also
    protected, lines = hidden.copy(), [*_lines(counts.shape), *sums]
    while hidden.any():
        line = next((line for line in lines if _too_little(counts, hidden, line)), None)
        if line is None:
            known = protected & _determined(hidden, lines)
            if not known.any():
                break
            row = int(np.argwhere(known)[0][0])
            line = [(row, k) for k in range(counts.shape[1])]
        open_cells = [cell for cell in line if not hidden[cell]]
        if not open_cells:
            return np.ones(counts.shape, bool)
        # persons protect more than empty cells
        hidden[min(open_cells, key=lambda cell: (counts[cell] == 0, counts[cell]))] = True
    return hidden


def _lines(shape: tuple[int, ...]) -> list[list[tuple[int, int]]]:
    rows = [[(i, k) for k in range(shape[1])] for i in range(shape[0])]
    return rows + [[(i, k) for i in range(shape[0])] for k in range(shape[1])]


def _too_little(counts: np.ndarray, hidden: np.ndarray, line: list[tuple[int, int]]) -> bool:
    """Whether a line hides something, but one cell alone or too few persons, and has more that it could hide."""
    own = [cell for cell in line if hidden[cell]]
    little = len(own) == 1 or sum(int(counts[cell]) for cell in own) < SMALLEST
    return bool(own) and little and len(own) < len(line)


def _determined(hidden: np.ndarray, lines: list[list[tuple[int, int]]]) -> np.ndarray:
    """Hidden cells that follow from the sums of lines and the cells that are shown."""
    cells = np.argwhere(hidden)
    totals = np.array([[float(tuple(cell) in line) for cell in cells.tolist()] for line in map(set, lines)])
    rank, out = np.linalg.matrix_rank(totals), np.zeros(hidden.shape, bool)
    for at, cell in enumerate(map(tuple, cells)):
        out[cell] = np.linalg.matrix_rank(np.delete(totals, at, axis=1)) < rank
    return out


def hide_bands(counts: Sequence[int], shareable: bool) -> list[bool]:
    """Which of some classes in order to hide: small ones together with neighbours, so that each run holds five.

    A cut-off between two classes can then be told from the classes only where both sides of it are large enough.
    """
    hidden = [False] * len(counts)
    for first, last, n in _runs(counts, SMALLEST if shareable else 1):
        if last > first or (shareable and small(n)):
            hidden[first : last + 1] = [True] * (last - first + 1)
    return hidden


def safe_cut(scores: np.ndarray, cut: float, known: Sequence[float], shareable: bool) -> bool:
    """Whether the number of scores from ``cut`` upwards may be shown beside those from ``known`` cut-offs."""
    if not shareable:
        return True
    edges = sorted({-np.inf, *known, cut, np.inf})
    return not any(small(n) for n in np.histogram(scores, edges)[0])


def hide_totals(table: pd.DataFrame, shareable: bool) -> pd.DataFrame:
    """A table of counts with ``count`` and ``of`` hidden where ``of`` itself is small."""
    table = table.astype({"count": "Int64", "of": "Int64", "suppressed": bool})
    if shareable:
        few = table["of"].between(1, SMALLEST - 1).fillna(False).astype(bool)
        table.loc[few, ["count", "of"]] = pd.NA
        table.loc[few, "suppressed"] = True
    return table


def pooled_histogram(values, edges, shareable: bool = True) -> list[tuple[float, float, int]]:
    """A histogram whose bins hold five values or none: smaller ones join the neighbour with fewer values.

    Parameters
    ----------
    values : array_like
        Finite numbers.
    edges : array_like
        Edges of the finest bins.
    shareable : bool
        False keeps the finest bins.

    Returns
    -------
    list of (low, high, n)
        Empty ones at both ends are left out; no bin where there are fewer than five values altogether.
    """
    fewest = SMALLEST if shareable else 1
    counts = np.histogram(values, edges)[0].tolist()
    if sum(counts) < fewest:
        return []
    joined = [(float(edges[first]), float(edges[last + 1]), n) for first, last, n in _runs(counts, fewest)]
    there = [i for i, (*_, n) in enumerate(joined) if n]
    return joined[there[0] : there[-1] + 1]


def _runs(counts: Sequence[int], fewest: int) -> list[tuple[int, int, int]]:
    """Cells in order as runs (first, last, n) that hold ``fewest`` or none, each joined to the smaller neighbour."""
    runs = [(i, i, int(n)) for i, n in enumerate(counts)]
    while len(runs) > 1 and any(0 < n < fewest for *_, n in runs):
        at = next(k for k, (*_, n) in enumerate(runs) if 0 < n < fewest)
        near = [k for k in (at - 1, at + 1) if 0 <= k < len(runs)]
        # An empty neighbour adds nobody, but lies between this cell and the next that does.
        other = min(near, key=lambda k: (runs[k][2] == 0, runs[k][2]))
        low, high = sorted((at, other))
        runs[low : high + 1] = [(runs[low][0], runs[high][1], runs[low][2] + runs[high][2])]
    return runs


def pool_points(points, most: int = 400) -> np.ndarray:
    """Put points next to each other into groups of at least five.

    The points are halved across their longer side again and again while both halves stay large enough.

    Parameters
    ----------
    points : array_like, shape (n, 2)
        Finite numbers.
    most : int
        About the largest number of groups.

    Returns
    -------
    ndarray of int, shape (n,)
        Group of each point; all -1 where there are fewer points than five.
    """
    points = np.asarray(points, dtype=float)
    n = len(points)
    group = np.full(n, -1)
    if n < SMALLEST:
        return group
    size = max(SMALLEST, -(-n // most))
    spread = np.ptp(points, axis=0)
    scaled = points / np.where(spread > 0, spread, 1.0)
    waiting, number = [np.arange(n)], 0
    while waiting:
        rows = waiting.pop()
        if len(rows) < 2 * size:
            group[rows] = number
            number += 1
            continue
        side = int(np.argmax(np.ptp(scaled[rows], axis=0)))
        values, half = scaled[rows, side], len(rows) // 2
        middle = np.partition(values, half)[half]
        tied = rows[values == middle]
        tied = tied[np.argsort(scaled[tied, 1 - side], kind="stable")]
        lower = np.concatenate([rows[values < middle], tied])
        waiting += [np.concatenate([lower[half:], rows[values > middle]]), lower[:half]]
    return group


def group_therapists(values, patients) -> np.ndarray:
    """Put therapists of fewer than five patients into groups of at least as many patients.

    Parameters
    ----------
    values : array_like, shape (n,)
        Finite numbers; neighbours among those of few patients make a group.
    patients : array_like of int, shape (n,)

    Returns
    -------
    ndarray of int, shape (n,)
        Group of each therapist, a therapist of enough patients alone in one. Where all of few patients have too few
        together, they join the nearest other therapist; -1 where there is none.
    """
    values, patients = np.asarray(values, float), np.asarray(patients)
    group, few = np.arange(len(values)), np.flatnonzero(patients < SMALLEST)
    group[few] = -1
    few = few[np.argsort(values[few], kind="stable")]
    waiting: list[int] = []
    for at in few.tolist():
        waiting.append(at)
        if patients[waiting].sum() >= SMALLEST:
            group[waiting], waiting = waiting[0], []
    if waiting and (group >= 0).any():
        known = np.flatnonzero(group >= 0)
        group[waiting] = group[known[np.argmin(np.abs(values[known] - values[waiting].mean()))]]
    return group


def equal_blocks(n: int, most: int, shareable: bool = True) -> np.ndarray:
    """Block number of each of ``n`` sorted values: at most ``most`` blocks of nearly equal size, five or more."""
    count = max(1, min(most, n // SMALLEST if shareable else n))
    return np.arange(n) * count // max(n, 1)
