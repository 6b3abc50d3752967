"""How inner units (patients) meet the columns of the outer factors (therapists, sites, memberships).

Everything the criterion needs from the outer factors is a sum over inner units of small products. Two layouts
share one interface, with outer matrices as stacks of shape (J, k, k):

- :class:`NestedLinks`: every inner unit lies in one level of the only outer factor. J levels, k effects each;
  all outer matrices are block diagonal.
- :class:`CrossedLinks`: anything else. One dense block, J = 1 and k = all outer columns.
"""

from __future__ import annotations

import numpy as np


class NestedLinks:
    """Inner units sorted by outer level; ``a`` has shape (q, k, N): Z_inner' Z_outer of each unit."""

    def __init__(self, a: np.ndarray, outer_of_unit: np.ndarray, n_levels: int):
        self.a = a
        self.k = a.shape[1]
        self.stack = n_levels
        self.counts = np.bincount(outer_of_unit, minlength=n_levels)
        self.starts = np.concatenate([[0], np.cumsum(self.counts)[:-1]])

    def apply(self, g: np.ndarray) -> np.ndarray:
        """g (q, q, N) times each link."""
        return sum(g[:, b, None] * self.a[b] for b in range(self.a.shape[0]))

    def gram(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Sum over units of u' v, (J, k, k); the total must be symmetric."""
        out = np.empty((self.stack, self.k, self.k))
        for i in range(self.k):
            for j in range(i + 1):
                total = np.add.reduceat((u[:, i] * v[:, j]).sum(axis=0), self.starts)
                out[:, i, j] = out[:, j, i] = total
        return out

    def project(self, u: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Sum over units of u' t for t (q, m, N): (J, k, m)."""
        out = np.empty((self.stack, self.k, t.shape[1]))
        for i in range(self.k):
            product = sum(u[a, i] * t[a] for a in range(len(u)))
            out[:, i] = np.add.reduceat(product, self.starts, axis=1).T
        return out

    def spread(self, f: np.ndarray, kb: np.ndarray) -> np.ndarray:
        """f (q, k, N) times the rows of kb (J, k, m) that each unit meets: (q, m, N)."""
        rows = np.repeat(kb.transpose(1, 2, 0), self.counts, axis=2)
        return sum(f[:, i, None] * rows[i] for i in range(self.k))

    def sandwich(self, f: np.ndarray, kmat: np.ndarray) -> np.ndarray:
        """f K f' of each unit: (q, q, N)."""
        rows = np.repeat(kmat.transpose(1, 2, 0), self.counts, axis=2)
        q = len(f)
        out = np.zeros((q, q, f.shape[2]))
        for i in range(self.k):
            fk = sum(f[:, j] * rows[j, i] for j in range(self.k))
            for a in range(q):
                out[a] += fk[a] * f[:, i]
        return out


class CrossedLinks:
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
        self.distinct = self.s != self.t
        cs, ct = column[self.s], column[self.t]
        self.flat = np.maximum(cs, ct) * n_columns + np.minimum(cs, ct)

    def apply(self, g):
        return sum(g[:, b, self.unit] * self.a[b] for b in range(len(self.a)))

    def gram(self, u, v):
        values = sum(u[a, self.s] * v[a, self.t] for a in range(len(u)))
        lower = np.bincount(self.flat, weights=values, minlength=self.k * self.k).reshape(self.k, self.k)
        out = lower + lower.T
        np.fill_diagonal(out, np.diagonal(lower))
        return out[None]

    def project(self, u, t):
        out = np.empty((1, self.k, t.shape[1]))
        for m in range(t.shape[1]):
            values = sum(u[a] * t[a, m, self.unit] for a in range(len(u)))
            out[0, :, m] = np.bincount(self.column, weights=values, minlength=self.k)
        return out

    def spread(self, f, kb):
        rows = kb[0, self.column].T
        out = np.empty((len(f), rows.shape[0], self.n_units))
        for a in range(len(f)):
            for m in range(rows.shape[0]):
                out[a, m] = np.bincount(self.unit, weights=f[a] * rows[m], minlength=self.n_units)
        return out

    def sandwich(self, f, kmat):
        met = kmat[0, self.column[self.s], self.column[self.t]]
        unit = self.unit[self.s]
        q = len(f)
        out = np.empty((q, q, self.n_units))
        for a in range(q):
            for b in range(a + 1):
                values = f[a, self.s] * f[b, self.t]
                values += np.where(self.distinct, f[b, self.s] * f[a, self.t], 0.0)
                out[a, b] = out[b, a] = np.bincount(unit, weights=met * values, minlength=self.n_units)
        return out
