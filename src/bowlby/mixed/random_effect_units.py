"""Random effects as stacks of independent units, for many replicates at a time.

Levels that no row joins are independent, so the criterion and all its moments are sums over units. Units of one level
with few effects are taken elementwise (:class:`Narrow`), connected levels as small dense matrices (:class:`Dense`).

Arrays have a leading axis of replicates. Every operation acts on each replicate alone, in an order that does not
depend on their number, so a replicate has the same bits in every batch. A unit may count several times (`count`), or
not at all: that is a bootstrap over therapists.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from bowlby.errors import existing
from bowlby.mixed.derivatives import Moments


class Narrow:
    """Units of one level of one factor.

    Attributes
    ----------
    zt : scipy sparse (q N, n)
        The transposed random-effect columns, effect by effect.
    s : ndarray (q, q, N)
    cluster : ndarray of int (N,)
        Component of each unit.
    room : int
        Numbers that an evaluation needs for each replicate beyond a few times Z'[X y].
    """

    def __init__(self, zt, q: int, cluster: np.ndarray, parameters, factor: int):
        self.zt, self.q, self.cluster = zt, q, cluster
        n_units = len(cluster)
        rows = [zt[a * n_units : (a + 1) * n_units] for a in range(q)]
        self.s = np.array([[np.asarray(a.multiply(b).sum(axis=1)).ravel() for b in rows] for a in rows])
        self.room = 0
        self.own = [i for i, t in enumerate(parameters.items) if t.factor == factor]
        self.entries = {i: parameters.entries(i) for i in self.own}
        self.at = {entry: i for i in self.own for entry in self.entries[i]}

    def arranged(self, products: np.ndarray) -> np.ndarray:
        """Z'v of several columns, (q N, columns), as (columns, q, N)."""
        return np.ascontiguousarray(products.T).reshape(products.shape[1], self.q, len(self.cluster))

    def evaluate(self, theta, delta, z, count):
        """The units at one point: z (R, m, q, N), count (R, N) or None; see :class:`_NarrowPoint`."""
        return _NarrowPoint(self, delta, z, count)


class _NarrowPoint:
    def __init__(self, stack: Narrow, delta, z, count):
        self.stack, self.count = stack, count
        q, own = stack.q, stack.at
        d = [[delta[:, own[a, b], None] if (a, b) in own else None for b in range(q)] for a in range(q)]
        self.g, det = inverse_by_unit(stack.s, d)
        r, m, n_units = len(delta), z.shape[1], z.shape[3]
        self.t = np.empty((r, m, q, n_units))
        dt = np.empty_like(self.t)
        for a in range(q):
            self.t[:, :, a] = sum_of(self.g[a][b][:, None] * z[:, :, b] for b in range(q))
        for a in range(q):
            dt[:, :, a] = sum_of(d[a][b][:, None] * self.t[:, :, b] for b in range(q) if d[a][b] is not None)
        logdet = np.log(det)
        if count is not None:
            dt *= count[:, None, None]
            logdet = logdet * count
        self.logdet = logdet.sum(axis=-1)
        flat = dt.reshape(r, m, q * n_units).transpose(0, 2, 1)
        self.explained = z.reshape(len(z), m, q * n_units) @ flat

    def add_moments(self, beta, mom: Moments) -> None:
        stack, g, t, count = self.stack, self.g, self.t, self.count
        q, (r, m, _, n_units) = stack.q, t.shape
        t[:, -1] -= (beta[:, None] @ t[:, :-1].reshape(r, m - 1, q * n_units)).reshape(r, q, n_units)
        h = [[sum_of(g[a][k] * stack.s[k, b] for k in range(q)) for b in range(q)] for a in range(q)]
        part = [t[:, :, a] for a in range(q)]
        turned = [x.transpose(0, 2, 1) for x in part]
        left = part if count is None else [x * count[:, None] for x in part]
        hc = h if count is None else [[x * count for x in row] for row in h]
        scaled = {}
        for i in stack.own:
            mom.tv[:, i] += sum_of(hc[a][b].sum(axis=-1) for a, b in stack.entries[i])
            mom.p[:, i] += sum_of(left[a] @ turned[b] for a, b in stack.entries[i])
        for i, j in pairs_of(stack.own):
            both = [(a, b, c, e) for a, b in stack.entries[i] for c, e in stack.entries[j]]
            for a, b, c, _ in both:
                if (a, b, c) not in scaled:
                    scaled[a, b, c] = left[a] * h[b][c][:, None]
            value = sum_of(scaled[a, b, c] @ turned[e] for a, b, c, e in both)
            trace = sum_of((hc[b][c] * h[e][a]).sum(axis=-1) for a, b, c, e in both)
            add_second_order(mom, i, j, value, trace)


class OwnUnits:
    """Units of one level of the only factor where every replicate is a study with units of its own.

    Z'[X y Z] of the replicates comes as z (R, m + q, q, N); a study with fewer units has zeros for the rest.
    """

    def __init__(self, q: int, parameters):
        self.q, self.own = q, list(range(parameters.count))
        self.entries = {i: parameters.entries(i) for i in self.own}
        self.at = {entry: i for i in self.own for entry in self.entries[i]}

    def evaluate(self, theta, delta, z, count):
        """The units at one point; see :class:`_NarrowPoint`."""
        of_these = copy(self)
        of_these.s = z[:, -self.q :].transpose(1, 2, 0, 3)
        return _NarrowPoint(of_these, delta, z[:, : -self.q], count)


class Columns:
    """Where each variance parameter stands in a dense matrix; `select` has the columns of each (factor, effect)."""

    def __init__(self, parameters, select):
        where = [[select.get((t.factor, a)) for a in (t.a, t.b)] for t in parameters.roots]
        self.roots = [(i, *pair) for i, pair in enumerate(where) if None not in pair]
        self.own = [i for i, _, _ in self.roots]
        self.entries = {
            i: [
                (select[parameters.items[i].factor, a], select[parameters.items[i].factor, b])
                for a, b in parameters.entries(i)
            ]
            for i in self.own
        }

    def times_lambda(self, theta, x) -> np.ndarray:
        """Lambda'x for x (R or 1, ..., k, columns)."""
        out = np.zeros((len(theta), *x.shape[1:]))
        for i, a, b in self.roots:
            out[..., b, :] += theta[:, i].reshape(-1, *(1,) * (x.ndim - 1)) * x[..., a, :]
        return out


class Dense:
    """Units of several connected levels, alike in how many levels of each factor they have; k columns each.

    Attributes
    ----------
    zt : scipy sparse (J k, n)
    c : ndarray (J, k, k)
    """

    def __init__(self, zt, k: int, cluster: np.ndarray, parameters, select):
        self.zt, self.k, self.cluster = zt, k, cluster
        square = (zt @ zt.T).tocoo()
        self.c = np.zeros((len(cluster), k, k))
        self.c[square.row // k, square.row % k, square.col % k] = square.data
        self.columns, self.room = Columns(parameters, select), 8 * self.c.size

    def arranged(self, products: np.ndarray) -> np.ndarray:
        """Z'v of several columns, (J k, columns), as (columns, J, k)."""
        return np.ascontiguousarray(products.T).reshape(products.shape[1], len(self.c), self.k)

    def evaluate(self, theta, delta, z, count):
        """The units at one point: z (R, m, J, k), count (R, J) or None; see :class:`_DensePoint`."""
        return _DensePoint(self, theta, z, count)


class _DensePoint:
    def __init__(self, stack: Dense, theta, z, count):
        self.stack = stack
        b = z.transpose(0, 2, 3, 1)
        r, units, k = len(theta), len(stack.c), stack.k
        half = stack.columns.times_lambda(theta, stack.c[None])
        a = np.ascontiguousarray(stack.columns.times_lambda(theta, half.transpose(0, 1, 3, 2)))
        a.reshape(r, units, k * k)[:, :, :: k + 1] += 1.0
        chol = np.linalg.cholesky(a)
        logdet = 2 * np.log(np.diagonal(chol, axis1=2, axis2=3)).sum(axis=-1)
        both = solve_lower(chol, np.concatenate([half, stack.columns.times_lambda(theta, b)], axis=3))
        half, hb = np.ascontiguousarray(both[..., :k]), both[..., k:]
        self.m = stack.c - half.transpose(0, 1, 3, 2) @ half
        self.t = b - half.transpose(0, 1, 3, 2) @ hb
        self.count = None if count is None else count[:, :, None, None]
        self.logdet = total_of(logdet if count is None else logdet * count)
        self.explained = self._over_units(hb, hb)

    def _over_units(self, left, right) -> np.ndarray:
        """Sum over units of left'right for (R, J, k, m)."""
        r, m = len(left), left.shape[-1]
        if self.count is not None:
            left = left * self.count
        return left.reshape(r, -1, m).transpose(0, 2, 1) @ right.reshape(r, -1, m)

    def add_moments(self, beta, mom: Moments) -> None:
        stack, t, m = self.stack, self.t, self.m
        t[..., -1] -= (t[..., :-1] @ beta[:, None, :, None])[..., 0]
        weight = 1.0 if self.count is None else self.count[..., 0, 0]
        for i in stack.columns.own:
            traces = sum_of(np.trace(m[:, :, a, b], axis1=2, axis2=3) for a, b in stack.columns.entries[i])
            mom.tv[:, i] += total_of(traces * weight)
            mom.p[:, i] += sum_of(self._over_units(t[:, :, a], t[:, :, b]) for a, b in stack.columns.entries[i])
        for i, j in pairs_of(stack.columns.own):
            value, trace = [], []
            for a, b in stack.columns.entries[i]:
                for c, e in stack.columns.entries[j]:
                    middle = m[:, :, b, c]
                    value.append(self._over_units(t[:, :, a], middle @ t[:, :, e]))
                    met = np.ascontiguousarray(m[:, :, a, e] * middle)
                    trace.append(met.reshape(*met.shape[:2], -1).sum(axis=-1))
            add_second_order(mom, i, j, sum_of(value), total_of(sum_of(trace) * weight))


def add_second_order(mom: Moments, i: int, j: int, value, trace) -> None:
    """Add to the second-order terms of covariance parameters i and j, and of j and i."""
    traces = existing(mom.tvv)
    mom.q[:, i, j] += value
    traces[:, i, j] += trace
    if i != j:
        mom.q[:, j, i] += value.transpose(0, 2, 1)
        traces[:, j, i] += trace


def pairs_of(parameters: list[int]) -> list[tuple[int, int]]:
    """Every two covariance parameters once, the later first, and each with itself."""
    return [(i, j) for i in parameters for j in parameters if j <= i]


def sum_of(pieces):
    """Sum of one or more arrays."""
    total = None
    for piece in pieces:
        total = piece if total is None else total + piece
    return total


def total_of(values: np.ndarray) -> np.ndarray:
    """Sum over all axes but the first, in an order that does not depend on the number of replicates."""
    return np.ascontiguousarray(values).reshape(len(values), -1).sum(axis=-1)


def inverse_by_unit(s: np.ndarray, d):
    """(I + S D)^-1 as nested lists of (R, N), and the determinants (R, N); entries of d may be None for 0."""
    q = len(d)
    if q == 1:
        m = 1.0 + d[0][0] * s[0, 0]
        return [[1.0 / m]], m
    if q == 2:
        d11, d22 = d[0][0], d[1][1]
        a, b = s[0, 0] * d11, s[1, 1] * d22
        size, cross = np.maximum(s[0, 0] * s[1, 1] - s[0, 1] ** 2, 0.0), d11 * d22
        if d[0][1] is None:
            det = 1.0 + a + b + size * cross
            return [[(1.0 + b) / det, -s[0, 1] * d22 / det], [-s[0, 1] * d11 / det, (1.0 + a) / det]], det
        c = s[0, 1] * d[0][1]
        # det(I + S D) = 1 + tr(S D) + det S det D, without the cancellation of the product of its entries.
        det = 1.0 + a + 2 * c + b + size * np.maximum(cross - d[0][1] ** 2, 0.0)
        return [
            [(1.0 + c + b) / det, -(s[0, 0] * d[0][1] + s[0, 1] * d22) / det],
            [-(s[0, 1] * d11 + s[1, 1] * d[0][1]) / det, (1.0 + a + c) / det],
        ], det
    zero = np.zeros_like(d[0][0])
    stacked = np.array([[zero if x is None else x for x in row] for row in d])[..., 0].transpose(2, 0, 1)
    m = np.moveaxis(s, (0, 1), (-2, -1)) @ stacked[:, None] + np.eye(q)
    inverse = np.linalg.inv(m)
    return [[np.ascontiguousarray(inverse[..., a, b]) for b in range(q)] for a in range(q)], np.linalg.det(m)


def solve_lower(chol: np.ndarray, right: np.ndarray) -> np.ndarray:
    """L^-1 right for stacks (R, J, k, k) and (R, J, k, columns)."""
    if chol.shape[-1] <= 12:
        return np.linalg.solve(chol, right)
    from scipy.linalg import blas

    out = np.ascontiguousarray(right)
    k, columns = out.shape[-2:]
    for factor, block in zip(chol.reshape(-1, k, k), out.reshape(-1, k, columns), strict=True):
        # Seen from Fortran both are transposed: X L' = right'.
        block[...] = blas.dtrsm(1.0, factor.T, block.T, side=1, lower=0, overwrite_b=1).T
    return out
