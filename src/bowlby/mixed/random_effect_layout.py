"""The layout of a model's random effects for many replicates: independent units, or one bordered stack.

The bordered stack (:class:`Linked`) has many units of one factor, eliminated one by one, and the few columns of the
others that these load on. Its algebra is that of ``criterion`` and ``derivatives`` with a leading axis of replicates
and the links as one dense matrix. With K = Y'Y, Y = L^-1 Lambda' and L the Cholesky factor of the outer matrix, all
that connects units is a product of FY' and M1 F'.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bowlby.mixed.components import connected_levels
from bowlby.mixed.derivatives import Moments
from bowlby.mixed.random_effect_units import (
    Columns,
    Dense,
    Narrow,
    add_second_order,
    inverse_by_unit,
    pairs_of,
    solve_lower,
    sum_of,
    total_of,
)

_ROOM = 2e7  # loadings of rows on the principal axes of one unit, beyond which they fill the memory
_MOST = 3_000_000  # operations of one evaluation of one replicate, beyond which single fits are as fast


class Linked:
    """The whole model as one stack.

    Attributes
    ----------
    zt : scipy sparse (q N + k, n)
        The transposed columns of the inner factor, effect by effect, then the outer columns.
    s : ndarray (q, q, N), a : ndarray (q, N, k), c : ndarray (k, k)
        Z'Z of the inner units, between both, and of the outer columns.
    cluster : ndarray of int (N + k,)
        Component of every inner unit and outer column.
    entries : dict
        Of each inner parameter the entries of D.
    """

    def __init__(self, zt, q: int, n_units: int, cluster: np.ndarray, parameters, inner: dict, select: dict):
        self.zt, self.q, self.n_units, self.cluster = zt, q, n_units, cluster
        units = zt[: q * n_units]
        parts = [units[b * n_units : (b + 1) * n_units] for b in range(q)]
        self.s = np.array([[np.asarray(x.multiply(y).sum(axis=1)).ravel() for y in parts] for x in parts])
        outer = zt[q * n_units :]
        self.a = (units @ outer.T).toarray().reshape(q, n_units, -1)
        self.c = (outer @ outer.T).toarray()
        self.k = len(self.c)
        self.room = 6 * self.a.size + 10 * self.c.size
        self.inner, self.entries = list(inner), inner
        self.at = {entry: i for i in self.inner for entry in self.entries[i]}
        self.columns = Columns(parameters, select)

    def arranged(self, products: np.ndarray) -> np.ndarray:
        """Z'v of several columns, (q N + k, columns), as (columns, q N + k)."""
        return np.ascontiguousarray(products.T)

    def evaluate(self, theta, delta, z, count):
        """The stack at one point: z (R, m, q N + k), count (R, N + k) or None; see :class:`_LinkedPoint`."""
        return _LinkedPoint(self, theta, delta, z, count)


class _LinkedPoint:
    def __init__(self, stack: Linked, theta, delta, z, count):
        self.stack = stack
        q, n_units, k = stack.q, stack.n_units, stack.k
        r, m = len(theta), z.shape[1]
        self.count_in = None if count is None else count[:, :n_units]
        self.count_out = None if count is None else count[:, n_units:]
        d = [[delta[:, stack.at[a, b], None] if (a, b) in stack.at else None for b in range(q)] for a in range(q)]
        self.g, det = inverse_by_unit(stack.s, d)
        zi = z[:, :, : q * n_units].reshape(-1, m, q, n_units)
        self.t, dt = np.empty((r, m, q, n_units)), np.empty((r, m, q, n_units))
        self.f, df = np.empty((r, q, n_units, k)), np.empty((r, q, n_units, k))
        for a in range(q):
            self.t[:, :, a] = sum_of(self.g[a][b][:, None] * zi[:, :, b] for b in range(q))
            self.f[:, a] = sum_of(self.g[a][b][:, :, None] * stack.a[b] for b in range(q))
        for a in range(q):
            dt[:, :, a] = sum_of(d[a][b][:, None] * self.t[:, :, b] for b in range(q) if d[a][b] is not None)
            df[:, a] = sum_of(d[a][b][:, :, None] * self.f[:, b] for b in range(q) if d[a][b] is not None)
        links = stack.a.reshape(q * n_units, k)
        c = stack.c - links.T @ df.reshape(r, q * n_units, k)
        c = 0.5 * (c + c.transpose(0, 2, 1))
        b = (z[:, :, q * n_units :] - dt.reshape(r, m, -1) @ links).transpose(0, 2, 1)
        lambda_c = stack.columns.times_lambda(theta, c)
        inside = np.ascontiguousarray(stack.columns.times_lambda(theta, lambda_c.transpose(0, 2, 1)))
        inside.reshape(r, k * k)[:, :: k + 1] += 1.0
        chol = np.linalg.cholesky(inside)
        right = [lambda_c, stack.columns.times_lambda(theta, b), stack.columns.times_lambda(theta, np.eye(k)[None])]
        both = solve_lower(chol, np.concatenate(right, axis=2))
        self.half, hb, self.y = (
            np.ascontiguousarray(both[..., i:j]) for i, j in ((0, k), (k, k + m), (k + m, 2 * k + m))
        )
        self.m = c - self.half.transpose(0, 2, 1) @ self.half
        self.tb = b - self.half.transpose(0, 2, 1) @ hb
        spread = self.f.reshape(r, -1, k) @ (self.y.transpose(0, 2, 1) @ hb)
        self.t -= spread.transpose(0, 2, 1).reshape(r, m, q, n_units)
        logdet = 2 * np.log(np.diagonal(chol, axis1=1, axis2=2)), np.log(det)
        if count is not None:
            dt *= self.count_in[:, None, None]
            logdet = logdet[0] * self.count_out, logdet[1] * self.count_in
        self.logdet = logdet[0].sum(axis=-1) + logdet[1].sum(axis=-1)
        self.explained = zi.reshape(len(zi), m, -1) @ dt.reshape(r, m, -1).transpose(0, 2, 1) + self._outer(hb, hb)

    def _outer(self, left, right) -> np.ndarray:
        """left'right for (R, k, m), each column of the outer factors as often as it counts."""
        if self.count_out is not None:
            left = left * self.count_out[:, :, None]
        return left.transpose(0, 2, 1) @ right

    def _inner(self, left, right) -> np.ndarray:
        """left right' for (R, m, N), each unit as often as it counts."""
        if self.count_in is not None:
            left = left * self.count_in[:, None]
        return left @ right.transpose(0, 2, 1)

    def add_moments(self, beta, mom: Moments) -> None:
        """Add what this stack contributes to the moments; t and tb are from here on those of y - X beta."""
        r, m = self.t.shape[:2]
        q, n_units, k = self.stack.q, self.stack.n_units, self.stack.k
        self.t[:, -1] -= (beta[:, None] @ self.t[:, :-1].reshape(r, m - 1, -1)).reshape(r, q, n_units)
        self.tb[..., -1] -= (self.tb[..., :-1] @ beta[:, :, None])[..., 0]
        fy = (self.f.reshape(r, -1, k) @ self.y.transpose(0, 2, 1)).reshape(r, q, n_units, k)  # F K^(1/2)
        self._add_inner(fy, mom)
        self._add_outer(fy, mom)

    def _add_inner(self, fy: np.ndarray, mom: Moments) -> None:
        """Moments of the parameters of the inner units, and of pairs of them.

        Z'V0^-1 Z of the units is H - F K F', with H = G S; W is the diagonal of F K F' unit by unit.
        """
        stack, t, g = self.stack, self.t, self.g
        q, entries = stack.q, stack.entries
        h = [[sum_of(g[a][j] * stack.s[j, b] for j in range(q)) for b in range(q)] for a in range(q)]
        w = [[np.ascontiguousarray(fy[:, a] * fy[:, b]).sum(axis=-1) for b in range(q)] for a in range(q)]
        weight_in = 1.0 if self.count_in is None else self.count_in
        weight_out = 1.0 if self.count_out is None else self.count_out[:, :, None]
        met, joined = {}, {}
        for i in stack.inner:
            met[i] = sum_of(fy[:, a].transpose(0, 2, 1) @ t[:, :, b].transpose(0, 2, 1) for a, b in entries[i])
            joined[i] = sum_of(fy[:, a].transpose(0, 2, 1) @ fy[:, b] for a, b in entries[i])
            mom.tv[:, i] += sum_of(((h[a][b] - w[a][b]) * weight_in).sum(axis=-1) for a, b in entries[i])
            mom.p[:, i] += sum_of(self._inner(t[:, :, a], t[:, :, b]) for a, b in entries[i])
        for i, j in pairs_of(stack.inner):
            both = [(a, b, c, e) for a, b in entries[i] for c, e in entries[j]]
            value = sum_of(self._inner(t[:, :, a] * h[b][c][:, None], t[:, :, e]) for a, b, c, e in both)
            value = value - self._outer(met[i], met[j])
            trace = sum_of(
                ((h[b][c] * h[e][a] - h[b][c] * w[e][a] - w[b][c] * h[e][a]) * weight_in).sum(axis=-1)
                for a, b, c, e in both
            )
            trace = trace + total_of(joined[i] * joined[j].transpose(0, 2, 1) * weight_out)
            add_second_order(mom, i, j, value, trace)

    def _add_outer(self, fy: np.ndarray, mom: Moments) -> None:
        """Moments of the parameters of the outer columns, of pairs of them, and of each with one of the inner units."""
        stack, t, tb = self.stack, self.t, self.tb
        r, q, n_units, k = len(t), stack.q, stack.n_units, stack.k
        half = self.half.transpose(0, 2, 1)
        m1f = self.f.reshape(r, -1, k).transpose(0, 2, 1) - half @ fy.reshape(r, -1, k).transpose(0, 2, 1)
        m1f = np.ascontiguousarray(m1f).reshape(r, k, q, n_units)  # M1 F'
        left, seen = {}, {}
        for i in stack.inner:
            left[i] = sum_of(m1f[:, :, a] @ t[:, :, b].transpose(0, 2, 1) for a, b in stack.entries[i])
            seen[i] = sum_of(m1f[:, :, a] @ m1f[:, :, b].transpose(0, 2, 1) for a, b in stack.entries[i])
        for j in stack.columns.own:
            entries = stack.columns.entries[j]
            mom.tv[:, j] += total_of(sum_of(self._weighted_diagonal(self.m, a, b) for a, b in entries))
            mom.p[:, j] += sum_of(self._at(a, tb, b, tb) for a, b in entries)
            for i in stack.inner:
                value = sum_of(self._at(a, left[i], b, tb) for a, b in entries)
                trace = total_of(sum_of(self._weighted_diagonal(seen[i], b, a) for a, b in entries))
                add_second_order(mom, i, j, value, trace)
        for j, i in pairs_of(stack.columns.own):
            both = [(a, b, c, e) for a, b in stack.columns.entries[j] for c, e in stack.columns.entries[i]]
            value = sum_of(self._at(a, tb, slice(None), self.m[:, b, c] @ tb[:, e]) for a, b, c, e in both)
            trace = sum_of(total_of(self.m[:, a, e] * self.m[:, b, c] * self._each(b)) for a, b, c, e in both)
            add_second_order(mom, j, i, value, trace)

    def _each(self, b) -> np.ndarray | float:
        """How often each of some columns counts."""
        return 1.0 if self.count_out is None else self.count_out[:, b, None]

    def _weighted_diagonal(self, matrix, a, b) -> np.ndarray:
        diagonal = np.diagonal(matrix[:, a, b], axis1=1, axis2=2)
        return diagonal if self.count_out is None else diagonal * self.count_out[:, b]

    def _at(self, a, left, b, right) -> np.ndarray:
        """left'right of some columns, weighted by how often those of the left count."""
        left = left[:, a]
        if self.count_out is not None:
            left = left * self.count_out[:, a, None]
        return left.transpose(0, 2, 1) @ right[:, b]


def independent_units(model) -> list | None:
    """The stacks of a model, or None where units are so large that nothing is won.

    Levels that share no row are stacked by how many levels of each factor their component has. Where a finer factor
    meets few columns of others, or where one of several uncorrelated effects can be turned to its principal axes, all
    levels may be cheaper as one :class:`~bowlby.mixed.random_effect_layout.Linked` stack.
    """
    data, parameters = model.reduced, model.parameters
    sizes = np.array([len(f.labels) for f in data.factors])
    many = sum(f.n_levels for f in data.factors[1:])
    crossed = data.links is not None and data.has_inner
    if model.kernel is not None or (crossed and (many > 200 or data.factors[0].n_levels > 2000)):
        return None
    labels = connected_levels(data.factors, data.n)
    count = 1 + max(int(part.max()) for part in labels)
    shapes = np.stack([np.bincount(part, minlength=count) for part in labels], axis=1)
    width = (shapes[shapes.sum(axis=1) > 1] @ sizes).astype(float)
    dense = 4 * float((width**3).sum()) if parameters.count > 1 else 0.0
    rows = data.n * width.max(initial=0.0) / sum(f.n_levels for f in data.factors)
    if parameters.count == 1 and rows * width.max(initial=0.0) > _ROOM:
        return None  # each principal axis of a unit loads on all its rows
    linked = np.inf
    if crossed:
        linked = _cost(sizes[0], data.factors[0].n_levels, sizes[1:] @ [f.n_levels for f in data.factors[1:]])
    elif len(sizes) == 1 and parameters.diagonal.all() and parameters.count > 1:
        linked = _cost(1, data.factors[0].n_levels, (sizes[0] - 1) * data.factors[0].n_levels)
    if min(dense, linked) > _MOST:
        return None
    columns = _columns(model)
    if dense <= linked:
        return _by_component(columns, labels, shapes, parameters)
    return [_one_stack(columns, labels, parameters, crossed)]


def _cost(q: int, units: int, k: int) -> float:
    return 6.0 * q * units * k * k + 4.0 * k**3


def _columns(model) -> list[list]:
    """The random-effect columns of each factor and effect, internal scale, as sparse (n, levels)."""
    data, frame = model.reduced, model.frame
    root_w = None if frame.weights is None else np.sqrt(frame.weights)
    out = []
    for factor, slopes in zip(data.factors, data.scaling.slopes, strict=True):
        met = factor.membership()
        out.append([(met if b is None else sparse.diags(b) @ met).tocsc() for b in slopes.columns(factor, root_w)])
    return out


def _by_component(columns, labels, shapes, parameters) -> list:
    stacks: list[Narrow | Dense] = []
    for shape in np.unique(shapes, axis=0):
        cluster = np.flatnonzero((shapes == shape).all(axis=1))
        select, picked, at = {}, [], 0
        for f, count in enumerate(shape):
            if not count:
                continue
            order = np.argsort(labels[f], kind="stable")
            level = order[np.isin(labels[f][order], cluster)].reshape(len(cluster), count)
            picked += [(c, level) for c in columns[f]]
            for b in range(len(columns[f])):
                select[f, b] = slice(at, at + count)
                at += int(count)
        if shape.sum() == 1:
            zt = sparse.vstack([c[:, level[:, 0]].T for c, level in picked], format="csr")
            stacks.append(Narrow(zt, len(picked), cluster, parameters, int(np.flatnonzero(shape)[0])))
            continue
        zt = sparse.vstack([c[:, level[j]].T for j in range(len(cluster)) for c, level in picked], format="csr")
        dense = Dense(zt, at, cluster, parameters, select)
        if parameters.count == 1:
            # With one variance the principal axes of each unit are independent.
            zt = sparse.block_diag([_axes(c) for c in dense.c], format="csr") @ zt
            stacks.append(Narrow(zt.tocsr(), 1, np.repeat(cluster, at), parameters, parameters.items[0].factor))
        else:
            stacks.append(dense)
    return stacks


def _axes(square: np.ndarray) -> np.ndarray:
    """Principal axes as rows."""
    return np.linalg.eigh(square)[1].T


def _one_stack(columns, labels, parameters, by_factor: bool) -> Linked:
    """All levels as one stack, with the first factor, or the first effect of the only one, inside."""
    first = columns[0] if by_factor else columns[0][:1]
    zt = sparse.vstack([c.T for c in first], format="csr")
    cluster = labels[0]
    if by_factor:
        inner = {i: parameters.entries(i) for i, t in enumerate(parameters.items) if t.factor == 0}
        outer = [(f, b) for f in range(1, len(columns)) for b in range(len(columns[f]))]
    else:
        inner, outer = {0: [(0, 0)]}, [(0, b) for b in range(1, len(columns[0]))]
        order = np.argsort(cluster, kind="stable")
        zt, cluster = zt[order], cluster[order]
        bounds = np.flatnonzero(np.diff(cluster)) + 1
        turns = [
            _axes((part @ part.T).toarray())
            for part in (zt[i:j] for i, j in zip([0, *bounds], [*bounds, len(cluster)], strict=True))
        ]
        zt = (sparse.block_diag(turns, format="csr") @ zt).tocsr()
    select, at = {}, 0
    for f, b in outer:
        select[f, b] = slice(at, at + columns[f][b].shape[1])
        at = select[f, b].stop
    every = [zt, *(columns[f][b].T for f, b in outer)]
    clusters = [cluster, *(labels[f] for f, _ in outer)]
    return Linked(
        sparse.vstack(every, format="csr"),
        len(first),
        len(cluster),
        np.concatenate(clusters),
        parameters,
        inner,
        select,
    )
