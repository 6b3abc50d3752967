"""Rows reduced once to cross-products: per inner unit, per outer column and per pair of them.

Inside, everything is centred and scaled (:mod:`bowlby.mixed.covariance_parameters`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bowlby.errors import UserError, problem
from bowlby.mixed import tolerances as tol
from bowlby.mixed.components import Apart, CrossedLinks, Layout, Links, NestedLinks
from bowlby.mixed.covariance_parameters import Scaling, Slopes, centre, level_column, root_mean_square, scale_outcome
from bowlby.mixed.model_frame import Factor, Frame
from bowlby.mixed.small_matrices import cholesky, eigen

_CHUNK = 1 << 18
WIDE = 2000  # outer columns beyond which the outer block is sparse and its traces are estimated (98 s become 1.5 s)
DEAR = 1e9  # the same of joined levels without a finer factor: operations of one evaluation ...
ROOM = 2e7  # ... and numbers of the blocks
ABSENT = np.zeros((0, 0, 0))  # of a model without inner units, or without outer columns


@dataclass(frozen=True)
class Reduced:
    """Everything of the data that the criterion sees. m = p + 1 columns: predictors, then the outcome.

    Attributes
    ----------
    n : int
        Rows.
    xx : ndarray (m, m)
    s : ndarray (q, q, N), zx : ndarray (q, m, N)
        Z'Z and Z'[X y] of the inner units; empty without an inner factor.
    cc : ndarray (J, k, k), bx : ndarray (J, k, m), links : Links or None
        The same for the outer columns, and what joins both; empty, and None, without outer factors.
    select : list of lists of slices
        For each outer factor and each of its effects the columns within k.
    place : list of ndarray
        For each outer factor the position of its levels among (J, slots of a block).
    factors : list of Factor
        Inner factor first when there is one.
    """

    n: int
    xx: np.ndarray
    s: np.ndarray
    zx: np.ndarray
    cc: np.ndarray
    bx: np.ndarray
    links: Links | None
    select: list
    place: list
    factors: list[Factor]
    has_inner: bool
    scaling: Scaling
    logdet_weights: float
    names: list[str]
    kept: list[int]
    projector: Projector | None = None

    @property
    def p(self) -> int:
        return len(self.names)

    @cached_property
    def pair_terms(self) -> np.ndarray:
        """S_11, S_12, S_22, det S and 1 of each inner unit of two effects, (5, N)."""
        (s11, s12), (_, s22) = self.s
        return np.array([s11, s12, s22, np.maximum(s11 * s22 - s12 * s12, 0.0), np.ones_like(s11)])

    @property
    def wide(self) -> bool:
        """Whether the outer block is so large that it is sparse and its traces are estimated."""
        return self.links is not None and not isinstance(self.cc, np.ndarray)


class Projector:
    """Z'v of a row vector, for the inner units (q, N) and the outer columns (J, k)."""

    def __init__(self, inner, unit, z_inner, n_units, outer_row, z_outer, n_outer, zb, stack, k):
        self.inner, self.unit, self.z_inner, self.n_units = inner, unit, z_inner, n_units
        self.outer_row, self.z_outer, self.n_outer, self.zb = outer_row, z_outer, n_outer, zb
        self.stack, self.k = stack, k

    def to_inner(self, v: np.ndarray) -> np.ndarray:
        return np.array(
            [np.bincount(self.unit, weights=v if z is None else z * v, minlength=self.n_units) for z in self.z_inner]
        )

    def to_outer(self, v: np.ndarray) -> np.ndarray:
        if self.zb is not None:
            return (self.zb.T @ v).reshape(self.stack, self.k)
        return np.stack(
            [
                np.bincount(self.outer_row, weights=v if z is None else z * v, minlength=self.n_outer)
                for z in self.z_outer
            ],
            axis=1,
        )


def _order_factors(factors: list[Factor]) -> tuple[list[Factor], bool]:
    """The simple factor with most levels first: its blocks are eliminated one by one."""
    simple = [f for f in factors if f.codes is not None]
    if not simple:
        return list(factors), False
    inner = max(simple, key=lambda f: f.n_levels)
    return [inner, *(f for f in factors if f is not inner)], True


def reduce_rows(frame: Frame) -> Reduced:
    """Build :class:`Reduced` from a :class:`~bowlby.mixed.model_frame.Frame`, dropping dependent predictors."""
    n = len(frame.y)
    root_w = None if frame.weights is None else np.sqrt(frame.weights)
    column = level_column(frame.x, frame.level)
    shift, scale, xs = _scaled_predictors(frame, column, root_w)
    y, y_shift, y_scale = scale_outcome(frame.y, frame.offset, column, root_w)
    xx = _gram([*xs, y], n)
    kept = _independent(xs, xx, frame.names)
    if any(level and k not in kept for k, level in enumerate(frame.level)):
        # Columns that sum to one only with a dropped one serve no more.
        return reduce_rows(replace(frame, level=np.zeros(len(frame.x))))
    if len(kept) < len(xs):
        xs = [xs[k] for k in kept]
        shift, scale = shift[kept], scale[kept]
        pick = [*kept, -1]
        xx = xx[np.ix_(pick, pick)]
    xs, mix, xx = _decorrelate(xs, xx, y, n)

    factors, has_inner = _order_factors(frame.factors)
    slopes = [Slopes.of(f) for f in factors]
    basis = [s.columns(f, root_w) for f, s in zip(factors, slopes, strict=True)]
    projector, s, links, cc, select, place = _structure(factors, basis, has_inner, n)
    columns = [*xs, y]
    ones = None if root_w is not None else np.ones(n)
    columns = [ones if c is None else c for c in columns]
    zx = np.stack([projector.to_inner(c) for c in columns], axis=1) if has_inner else ABSENT
    bx = np.stack([projector.to_outer(c) for c in columns], axis=2) if links is not None else ABSENT
    return Reduced(
        n,
        xx,
        s,
        zx,
        cc,
        bx,
        links,
        select,
        place,
        factors,
        has_inner,
        Scaling(shift, scale, mix, slopes, y_shift, y_scale, frame.level[kept]),
        0.0 if frame.weights is None else float(np.log(frame.weights).sum()),
        [frame.names[k] for k in kept],
        kept,
        projector,
    )


def _scaled_predictors(frame: Frame, level: np.ndarray | float, root_w):
    p = len(frame.x)
    shift, scale, xs = np.zeros(p), np.ones(p), []
    for j, column in enumerate(frame.x):
        if column is None:
            xs.append(root_w)
            continue
        if not frame.level[j]:
            shift[j] = centre(column, level)
        x = column - shift[j] * level
        size = root_mean_square(x)
        # What is left of a constant column is rounding: leave it small, so that it is found dependent.
        if size > tol.CONSTANT * max(abs(shift[j]), tol.TINY):
            scale[j] = size
        else:
            x[:] = 0.0
        x /= scale[j]
        xs.append(x if root_w is None else x * root_w)
    return shift, scale, xs


def _decorrelate(xs, xx, y, n: int):
    """Orthogonal predictors where given ones are so collinear that cross-products would lose half their digits."""
    p = len(xs)
    mix = np.eye(p)
    if p < 2:
        return xs, mix, xx
    size = np.sqrt(np.diagonal(xx)[:p])
    values, _ = eigen(xx[:p, :p] / (size[:, None] * size))
    if values[0] > tol.COLLINEAR * values[-1]:
        return xs, mix, xx
    xs = [np.ones(n) if x is None else x for x in xs]
    # Twice, because the first factor is itself blurred by the collinearity.
    for _ in range(2):
        step = np.linalg.inv(np.linalg.cholesky(xx[:p, :p] / n)).T
        xs = [sum(step[k, j] * xs[k] for k in range(j + 1)) for j in range(p)]
        mix = mix @ step
        xx = _gram([*xs, y], n)
    return xs, mix, xx


def _gram(columns, n: int) -> np.ndarray:
    m = len(columns)
    total = np.zeros((m, m))
    for start in range(0, n, _CHUNK):
        stop = min(n, start + _CHUNK)
        block = np.empty((m, stop - start))
        for i, c in enumerate(columns):
            block[i] = 1.0 if c is None else c[start:stop]
        total += block @ block.T
    return total


def _independent(xs, xx, names) -> list[int]:
    """Positions of predictors that are no linear combination of earlier ones."""
    p = len(xs)
    factor = cholesky(xx[:p, :p])
    if factor is not None and (factor.diagonal() ** 2 > tol.CLEAR * xx.diagonal()[:p]).all():
        return list(range(p))
    kept: list[int] = []
    chol = np.zeros((p, p))
    for j in range(p):
        row = np.zeros(len(kept))
        for i, k in enumerate(kept):
            row[i] = (xx[j, k] - row[:i] @ chol[i, :i]) / chol[i, i]
        left = xx[j, j] - row @ row
        if left <= tol.CLEAR * xx[j, j] and (xx[j, j] == 0 or _truly_dependent(xs, kept, j)):
            continue
        left = max(left, tol.LEFT * xx[j, j])
        i = len(kept)
        chol[i, :i], chol[i, i] = row, np.sqrt(left)
        kept.append(j)
    return kept


def _truly_dependent(xs, kept, j) -> bool:
    """Regress column j on the kept ones from the rows, where cross-products are too coarse to tell."""
    n = len(next(x for x in xs if x is not None))
    ones = np.ones(n)
    design = np.column_stack([ones if xs[k] is None else xs[k] for k in kept])
    target = ones if xs[j] is None else xs[j]
    residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(np.linalg.norm(residual)) <= tol.RANK * float(np.linalg.norm(target))


def _structure(factors, basis, has_inner, n):
    """Z'Z blocks and links between the inner units and the outer columns."""
    outer = factors[1:] if has_inner else factors
    z_inner = basis[0] if has_inner else []
    z_outer = basis[1:] if has_inner else basis
    n_units = factors[0].n_levels if has_inner else 0
    unit = factors[0].codes if has_inner else None
    outer_row, links, cc, zb, select, place = None, None, ABSENT, None, [], []
    stack = k = n_outer = 0
    if has_inner and len(outer) == 1 and outer[0].codes is not None:
        of_unit = np.zeros(n_units, dtype=np.intp)
        of_unit[unit] = outer[0].codes
        if np.array_equal(of_unit[unit], outer[0].codes):
            order = np.argsort(of_unit, kind="stable")
            rank = np.empty(n_units, dtype=np.intp)
            rank[order] = np.arange(n_units)
            # Units are renumbered so that those of one outer level are neighbours.
            factors[0] = replace(factors[0], codes=rank[unit], levels=factors[0].levels[order])
            unit, of_unit, outer_row = factors[0].codes, of_unit[order], outer[0].codes
            stack = n_outer = outer[0].n_levels
            k = len(z_outer[0])
            a = np.stack([np.stack([_cell_sums(unit, za, zb_, n_units) for zb_ in z_outer[0]]) for za in z_inner])
            links = NestedLinks(a, of_unit, n_outer)
            cc = np.ascontiguousarray(_squares(outer_row, z_outer[0], n_outer).transpose(2, 0, 1))
            select, place = [[slice(i, i + 1) for i in range(k)]], [np.arange(n_outer)]
    s = _squares(unit, z_inner, n_units) if has_inner else ABSENT
    if outer and links is None:
        links, cc, zb, layout = _crossed(outer, z_outer, unit, z_inner, n_units, n)
        stack, k, select, place = layout.stack, layout.k, layout.select, layout.place
    projector = Projector(
        has_inner, unit, z_inner, n_units, outer_row, z_outer[0] if outer_row is not None else [], n_outer, zb, stack, k
    )
    return projector, s, links, cc, select, place


def _squares(code, columns, size) -> np.ndarray:
    """Sums of products of every two columns in each cell, (q, q, size)."""
    out = np.empty((len(columns), len(columns), size))
    for a, left in enumerate(columns):
        for b, right in enumerate(columns[: a + 1]):
            out[a, b] = out[b, a] = _cell_sums(code, left, right, size)
    return out


def _cell_sums(code, a, b, size) -> np.ndarray:
    if a is None and b is None:
        return np.bincount(code, minlength=size).astype(np.float64)
    product = b if a is None else (a if b is None else a * b)
    return np.bincount(code, weights=product, minlength=size)


def _crossed(outer, z_outer, unit, z_inner, n_units, n):
    from scipy import sparse

    from bowlby.mixed.sparse_outer import SparseStack, WideLinks

    layout = Layout(outer, n, apart=not z_inner)
    total = layout.stack * layout.k
    wide = total > WIDE
    if not z_inner:
        wide = layout.stack * layout.k**3 > DEAR or layout.stack * layout.k**2 > ROOM
        layout = Layout(outer, n, apart=False) if wide else layout
        total = layout.stack * layout.k
    a_parts, unit_parts, column_parts = [], [], []
    rows_all, cols_all, values_all = [], [], []
    for number, (factor, zs) in enumerate(zip(outer, z_outer, strict=True)):
        levels = factor.n_levels
        if factor.codes is not None:
            row, level, share = np.arange(n), factor.codes, None
        else:
            coo = factor.weights.tocoo()
            row, level, share = coo.row, coo.col, coo.data
        values = []
        for z in zs:
            v = np.ones(len(row)) if z is None else z[row]
            values.append(v if share is None else v * share)
        for b, v in enumerate(values):
            rows_all.append(row)
            cols_all.append(layout.column(number, level, b))
            values_all.append(v)
        if z_inner:
            key, inverse = np.unique(unit[row].astype(np.int64) * levels + level, return_inverse=True)
            for b, v in enumerate(values):
                a_parts.append(
                    np.stack(
                        [
                            np.bincount(inverse, weights=v if za is None else v * za[row], minlength=len(key))
                            for za in z_inner
                        ]
                    )
                )
                unit_parts.append(key // levels)
                column_parts.append(layout.column(number, key % levels, b))
    zb = sparse.csr_matrix(
        (np.concatenate(values_all), (np.concatenate(rows_all), np.concatenate(cols_all))), shape=(n, total)
    )
    if not z_inner:
        square = zb.T @ zb
        return Apart(layout.stack, layout.k), SparseStack(square) if wide else _blocks(square, layout), zb, layout
    cc = SparseStack(zb.T @ zb) if wide else (zb.T @ zb).toarray()[None]
    a, units, columns = np.concatenate(a_parts, axis=1), np.concatenate(unit_parts), np.concatenate(column_parts)
    order = np.lexsort((columns, units))
    links = (WideLinks if wide else CrossedLinks)(
        np.ascontiguousarray(a[:, order]), units[order], columns[order], n_units, total
    )
    return links, cc, zb, layout


def _blocks(square, layout: Layout) -> np.ndarray:
    """The blocks (J, k, k) of a block-diagonal sparse matrix."""
    coo = square.tocoo()
    out = np.zeros((layout.stack, layout.k, layout.k))
    out[coo.row // layout.k, coo.row % layout.k, coo.col % layout.k] = coo.data
    return out


def check_reduced(data: Reduced) -> None:
    """Stop where the columns of a random effect are all combinations of predictors.

    Of each column z of Z the part that predictors leave is z'z - z'X (X'X)^-1 X'z.

    Raises
    ------
    UserError
        One line for each such variance.
    """
    lines = []
    for f, factor in enumerate(data.factors):
        if data.p < int(factor.named.sum()):
            continue
        for a, label in enumerate(factor.labels):
            zx, zz = _products(data, f, a)
            left = zz - np.einsum("lj,lj->l", zx, np.linalg.solve(data.xx[:-1, :-1], zx.T).T)
            if left.sum() <= tol.NOTHING * zz.sum():
                lines.append(
                    problem(
                        f"the variance of '{label}' between levels of '{factor.name}' cannot be "
                        "estimated: its levels are predictors too",
                        "drop the random or the fixed effect",
                    )
                )
    if lines:
        raise UserError(lines)


def _products(data: Reduced, f: int, a: int) -> tuple[np.ndarray, np.ndarray]:
    """z'X (levels, p) and z'z (levels,) of effect a of factor number f."""
    if data.has_inner and f == 0:
        return data.zx[a, :-1].T, data.s[a, a]
    outer = f - data.has_inner
    columns, place = data.select[outer][a], data.place[outer]
    zx = data.bx[:, columns, :-1].reshape(-1, data.p)[place]
    return zx, data.cc.diagonal(axis1=1, axis2=2)[:, columns].ravel()[place]
