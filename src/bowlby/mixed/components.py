"""Connected components of levels, the layout of outer columns by them, and how inner units load on these columns.

Levels are connected where rows share them, directly or in a chain. Therapists who share no patient are independent.
With multiple membership and no finer factor most are, so that what would be one dense matrix is a stack of small ones.

Everything the criterion needs from the outer factors (therapists, sites, memberships) is a sum over inner units
(patients) of small products. Two layouts share one interface, with outer matrices as stacks of shape (J, k, k):

- :class:`NestedLinks`: every inner unit lies in one level of the only outer factor. J levels, k effects each;
  all outer matrices are block diagonal.
- :class:`CrossedLinks`: anything else. One dense block, J = 1 and k = all outer columns.

Without inner units (multiple membership alone) there is nothing to sum: :class:`Apart`.

Beyond 2,000 outer columns (1,000 connected ones without inner units) :mod:`bowlby.mixed.sparse_outer` keeps the
matrices sparse.
"""

from __future__ import annotations

import numpy as np


def connected(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Component of every row and of every column of a table of which these cells are filled.

    Parameters
    ----------
    row, column : ndarray of int, shape (cells,)
    shape : (int, int)
        Rows and columns of the table.

    Returns
    -------
    ndarray of int, shape (rows,)
        Components are numbered by their first row.
    ndarray of int, shape (columns,)
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    n, size = shape[0], sum(shape)
    graph = sparse.coo_matrix((np.ones(len(row)), (row, n + column)), shape=(size, size))
    component = connected_components(graph, directed=False)[1]
    return component[:n], component[n:]


def connected_levels(factors, n: int) -> list[np.ndarray]:
    """Component of every level of each factor: levels that share a row, directly or in a chain, have one component.

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
    rows, levels, size = [], [], 0
    for factor in factors:
        if factor.codes is not None:
            rows.append(np.arange(n))
            levels.append(size + factor.codes)
        else:
            coo = factor.weights.tocoo()
            rows.append(coo.row)
            levels.append(size + coo.col)
        size += factor.n_levels
    component, _ = connected(np.concatenate(levels), np.concatenate(rows), (size, n))
    bounds = np.cumsum([f.n_levels for f in factors])[:-1]
    return np.split(component, bounds)


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
            labels = connected_levels(factors, n)
            stack = 1 + max(int(part.max()) for part in labels)
            counts = [np.bincount(part, minlength=stack) for part in labels]
            room = [int(count.max()) for count in counts]
            width = sum(r * q for r, q in zip(room, sizes, strict=True))
            # One component that holds nearly everything is better left whole.
            if stack * width**3 < sum(c * q for c, q in zip(levels, sizes, strict=True)) ** 3:
                self.stack, slots = stack, room
                self.place = [
                    part * r + _rank_within(part, count) for part, r, count in zip(labels, room, counts, strict=True)
                ]
        self.select, self._base, at = [], [], 0
        self._slots, self._sizes = slots, sizes
        for q, count in zip(sizes, slots, strict=True):
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


class Links:
    """What joins the inner units with a stack of J blocks of k outer columns.

    Attributes
    ----------
    stack, k : int
    a : ndarray
        Z_inner' Z_outer of the units, in the layout of the subclass.
    """

    stack: int
    k: int
    a: np.ndarray

    def apply(self, g: np.ndarray) -> np.ndarray:
        """g (q, q, N) times each link."""
        raise NotImplementedError

    def gram(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Sum over units of u' v, (J, k, k); the total must be symmetric."""
        raise NotImplementedError

    def project(self, u: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Sum over units of u' t for t (q, m, N): (J, k, m)."""
        raise NotImplementedError

    def spread(self, f: np.ndarray, kb: np.ndarray) -> np.ndarray:
        """f (q, k, N) times the rows of kb (J, k, m) that each unit meets: (q, m, N)."""
        raise NotImplementedError

    def sandwich(self, f: np.ndarray, kmat: np.ndarray) -> np.ndarray:
        """f K f' of each unit: (q, q, N)."""
        raise NotImplementedError


class NestedLinks(Links):
    """Inner units sorted by outer level; ``a`` has shape (q, k, N): Z_inner' Z_outer of each unit."""

    def __init__(self, a: np.ndarray, outer_of_unit: np.ndarray, n_levels: int):
        self.a = a
        self.k = a.shape[1]
        self.stack = n_levels
        self.counts = np.bincount(outer_of_unit, minlength=n_levels)
        self.starts = np.concatenate([[0], np.cumsum(self.counts)[:-1]])

    def apply(self, g: np.ndarray) -> np.ndarray:
        out = g[:, 0, None] * self.a[0]
        for b in range(1, len(self.a)):
            out += g[:, b, None] * self.a[b]
        return out

    def gram(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        out = np.empty((self.stack, self.k, self.k))
        for i in range(self.k):
            for j in range(i + 1):
                product = u[0, i] * v[0, j]
                for a in range(1, len(u)):
                    product += u[a, i] * v[a, j]
                total = np.add.reduceat(product, self.starts)
                out[:, i, j] = out[:, j, i] = total
        return out

    def project(self, u: np.ndarray, t: np.ndarray) -> np.ndarray:
        out = np.empty((self.stack, self.k, t.shape[1]))
        for i in range(self.k):
            product = u[0, i] * t[0]
            for a in range(1, len(u)):
                product += u[a, i] * t[a]
            out[:, i] = np.add.reduceat(product, self.starts, axis=1).T
        return out

    def spread(self, f: np.ndarray, kb: np.ndarray) -> np.ndarray:
        rows = np.repeat(kb.transpose(1, 2, 0), self.counts, axis=2)
        out = f[:, 0, None] * rows[0]
        for i in range(1, self.k):
            out += f[:, i, None] * rows[i]
        return out

    def sandwich(self, f: np.ndarray, kmat: np.ndarray) -> np.ndarray:
        rows = np.repeat(kmat.transpose(1, 2, 0), self.counts, axis=2)
        q = len(f)
        out = np.zeros((q, q, f.shape[2]))
        for i in range(self.k):
            fk = sum(f[:, j] * rows[j, i] for j in range(self.k))
            for a in range(q):
                out[a] += fk[a] * f[:, i]
        return out


class Apart(Links):
    """No inner units: nothing joins the J blocks of k outer columns (see :mod:`bowlby.mixed.components`)."""

    def __init__(self, stack: int, k: int):
        self.stack, self.k = stack, k


class CrossedLinks(Links):
    """Ragged links: ``a`` (q, L) for L pairs of an inner unit and an outer column it meets.

    `unit` must be sorted; `pairs` are all (s, t) with s >= t of the same unit.
    """

    def __init__(self, a: np.ndarray, unit: np.ndarray, column: np.ndarray, n_units: int, n_columns: int):
        self.a, self.unit, self.column = a, unit, column
        self.n_units, self.k, self.stack = n_units, n_columns, 1
        counts = np.bincount(unit, minlength=n_units)
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        place = np.arange(len(unit)) - first[unit]
        self.s = np.repeat(np.arange(len(unit)), place + 1)
        back = np.arange(len(self.s)) - np.repeat(np.cumsum(place + 1) - (place + 1), place + 1)
        self.t = first[unit[self.s]] + back
        cs, ct = column[self.s], column[self.t]
        self.cs, self.ct, self.unit_of_pair = cs, ct, unit[self.s]
        # A pair of different links stands for two entries of a symmetric sum.
        self.twice = np.where(self.s != self.t, 2.0, 1.0)
        self.flat = np.maximum(cs, ct) * n_columns + np.minimum(cs, ct)
        self.by_column = self._sums(column, n_columns)
        self.by_unit = self._sums(unit, n_units)

    @staticmethod
    def _sums(group: np.ndarray, size: int):
        """Sparse (size, L) that sums links by group."""
        from scipy import sparse

        return sparse.csr_matrix((np.ones(len(group)), (group, np.arange(len(group)))), shape=(size, len(group)))

    def apply(self, g):
        out = g[:, 0, self.unit] * self.a[0]
        for b in range(1, len(self.a)):
            out += g[:, b, self.unit] * self.a[b]
        return out

    def gram(self, u, v):
        values = u[0, self.s] * v[0, self.t]
        for a in range(1, len(u)):
            values += u[a, self.s] * v[a, self.t]
        lower = np.bincount(self.flat, weights=values, minlength=self.k * self.k).reshape(self.k, self.k)
        out = lower + lower.T
        np.fill_diagonal(out, np.diagonal(lower))
        return out[None]

    def project(self, u, t):
        values = u[0] * t[0, :, self.unit].T
        for a in range(1, len(u)):
            values += u[a] * t[a, :, self.unit].T
        return (self.by_column @ values.T)[None]

    def spread(self, f, kb):
        rows = kb[0, self.column]
        return np.stack([(self.by_unit @ (fa[:, None] * rows)).T for fa in f])

    def sandwich(self, f, kmat):
        return self.sandwich_of(f, kmat[0].ravel()[self.cs * self.k + self.ct] * self.twice)

    def sandwich_of(self, f, met):
        """f K f' of each unit, given the entries of K at the pairs, doubled where a pair stands for two."""
        left, right = f[:, self.s], f[:, self.t]
        q = len(f)
        out = np.empty((q, q, self.n_units))
        for a in range(q):
            for b in range(a + 1):
                values = left[a] * right[b]
                if a != b:
                    values = 0.5 * (values + left[b] * right[a])
                out[a, b] = out[b, a] = np.bincount(self.unit_of_pair, weights=met * values, minlength=self.n_units)
        return out
