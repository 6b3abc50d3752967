"""Which levels are joined by shared rows, and the outer columns laid out by such components.

Therapists who share no patient are independent. With multiple membership and no finer factor most are, so that what
would be one dense matrix is a stack of small ones.
"""

from __future__ import annotations

import numpy as np


def joined(factors, n: int) -> list[np.ndarray]:
    """Component number of every level of each factor: levels that meet in a row, directly or in a chain, share one.

    Parameters
    ----------
    factors : list of Factor
    n : int
        Rows.

    Returns
    -------
    list of ndarray
        One array (n_levels,) for each factor; components are numbered over all factors by their first level.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    rows, nodes, size = [], [], 0
    for factor in factors:
        if factor.codes is not None:
            rows.append(np.arange(n))
            nodes.append(size + factor.codes)
        else:
            coo = factor.weights.tocoo()
            rows.append(coo.row)
            nodes.append(size + coo.col)
        size += factor.n_levels
    row, node = np.concatenate(rows), np.concatenate(nodes)
    met = sparse.coo_matrix((np.ones(len(row)), (node, size + row)), shape=(size + n, size + n))
    labels = connected_components(met, directed=False)[1][:size]
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    number = np.argsort(np.argsort(first))[number]
    bounds = np.cumsum([f.n_levels for f in factors])[:-1]
    return np.split(number, bounds)


class Layout:
    """Where the columns of the outer factors stand in a stack of J blocks of k columns.

    Attributes
    ----------
    stack, k : int
    select : list of list of slice
        For each factor and each of its effects the columns within a block.
    place : list of ndarray
        For each factor the position of every level among (block, slot within block).
    """

    def __init__(self, factors, n: int, apart: bool):
        sizes = [len(f.labels) for f in factors]
        levels = [f.n_levels for f in factors]
        self.stack, slots = 1, levels
        self.place = [np.arange(count) for count in levels]
        if apart:
            labels = joined(factors, n)
            stack = 1 + max(int(part.max()) for part in labels)
            counts = [np.bincount(part, minlength=stack) for part in labels]
            room = [int(count.max()) for count in counts]
            width = sum(r * q for r, q in zip(room, sizes))
            # One component that holds nearly everything is better left whole.
            if stack * width**3 < sum(c * q for c, q in zip(levels, sizes)) ** 3:
                self.stack, slots = stack, room
                self.place = [part * r + _rank_within(part, count) for part, r, count in zip(labels, room, counts)]
        self.select, self._base, at = [], [], 0
        self._slots, self._sizes = slots, sizes
        for q, count in zip(sizes, slots):
            self._base.append(at)
            self.select.append([slice(at + b, at + count * q, q) for b in range(q)])
            at += count * q
        self.k = at

    def column(self, factor: int, level: np.ndarray, effect: int) -> np.ndarray:
        """Column number, block by block, of one effect of the given levels."""
        place, slots = self.place[factor][level], self._slots[factor]
        return place // slots * self.k + self._base[factor] + place % slots * self._sizes[factor] + effect


def _rank_within(part: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """0, 1, ... for the members of each component in the order of their levels."""
    order = np.argsort(part, kind="stable")
    first = np.cumsum(counts) - counts
    rank = np.empty(len(part), dtype=np.intp)
    rank[order] = np.arange(len(part)) - first[part[order]]
    return rank
