"""Ways of showing many persons and none of them: bins and neighbours of five or more."""

from __future__ import annotations

import numpy as np

FEWEST = 5


def pooled(values, edges, fewest: int = FEWEST) -> list[tuple[float, float, int]]:
    """A histogram whose bins hold ``fewest`` values or none: smaller ones join the neighbour with fewer values.

    Parameters
    ----------
    values : array_like
        Finite numbers.
    edges : array_like
        Edges of the finest bins.
    fewest : int
        Smallest number that may be shown; 1 shows all.

    Returns
    -------
    list of (low, high, n)
        Empty where there are fewer values than that altogether.
    """
    counts = np.histogram(values, edges)[0].tolist()
    bins = [(float(low), float(high), int(n)) for low, high, n in zip(edges[:-1], edges[1:], counts)]
    if sum(counts) < max(fewest, 1):
        return []
    while len(bins) > 1 and any(0 < n < fewest for *_, n in bins):
        at = next(i for i, (*_, n) in enumerate(bins) if 0 < n < fewest)
        near = [i for i in (at - 1, at + 1) if 0 <= i < len(bins)]
        # An empty neighbour adds nobody, but stands between this bin and the next that does.
        other = min(near, key=lambda i: (bins[i][2] == 0, bins[i][2]))
        first, second = sorted((at, other))
        joined = (bins[first][0], bins[second][1], bins[first][2] + bins[second][2])
        bins[first : second + 1] = [joined]
    there = [i for i, (*_, n) in enumerate(bins) if n]
    return bins[there[0] : there[-1] + 1]


def neighbours(points, fewest: int = FEWEST, most: int = 400) -> np.ndarray:
    """Put points next to each other into groups of at least ``fewest``.

    The points are halved across their longer side again and again while both halves stay large enough.

    Parameters
    ----------
    points : array_like, shape (n, 2)
        Finite numbers.
    fewest : int
        Smallest size of a group.
    most : int
        About the largest number of groups.

    Returns
    -------
    ndarray of int, shape (n,)
        Group of each point; all -1 where there are fewer points than that.
    """
    points = np.asarray(points, dtype=float)
    n = len(points)
    group = np.full(n, -1)
    if n < fewest:
        return group
    size = max(fewest, -(-n // most))
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
        order = rows[np.lexsort((scaled[rows, 1 - side], scaled[rows, side]))]
        waiting += [order[len(order) // 2 :], order[: len(order) // 2]]
    return group


def together(values, patients, fewest: int = FEWEST) -> np.ndarray:
    """Put therapists of fewer than ``fewest`` patients into groups of at least as many patients.

    Parameters
    ----------
    values : array_like, shape (n,)
        Finite numbers; neighbours among those of few patients make a group.
    patients : array_like of int, shape (n,)
    fewest : int
        Smallest number of patients of a group.

    Returns
    -------
    ndarray of int, shape (n,)
        Group of each therapist, a therapist of enough patients alone in one. Where all of few patients have too few
        together, they join the nearest other therapist; -1 where there is none.
    """
    values, patients = np.asarray(values, float), np.asarray(patients)
    group, small = np.arange(len(values)), np.flatnonzero(patients < fewest)
    group[small] = -1
    small = small[np.argsort(values[small], kind="stable")]
    waiting: list[int] = []
    for at in small:
        waiting.append(at)
        if patients[waiting].sum() >= fewest:
            group[waiting], waiting = waiting[0], []
    if waiting and (group >= 0).any():
        known = np.flatnonzero(group >= 0)
        group[waiting] = group[known[np.argmin(np.abs(values[known] - values[waiting].mean()))]]
    return group


def blocks(n: int, most: int, fewest: int = FEWEST) -> np.ndarray:
    """Block of each of ``n`` sorted values: at most ``most`` blocks of nearly the same size, at least ``fewest``."""
    count = max(1, min(most, n // max(fewest, 1)))
    return np.arange(n) * count // max(n, 1)
