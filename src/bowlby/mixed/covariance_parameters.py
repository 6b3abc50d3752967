"""The covariance parameters and the internal units in which they are estimated; variance explained.

Relative Cholesky factors theta make the relative covariances delta. Predictors, random-effect columns and outcome are
scaled to internal units, so that no unit of measurement can harm the algebra.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np

from bowlby.mixed import tolerances as tol
from bowlby.mixed.model_frame import Factor

_FAR = 0.1  # SD of a slope's column over its mean, below which the column is centred


@dataclass(frozen=True)
class Parameter:
    """Entry (a, b), a >= b, of the covariance matrix of factor number `factor`."""

    factor: int
    a: int
    b: int


@dataclass(frozen=True)
class _Structure:
    """What the effects of all factors and their blocks alone say about the parameters; see :class:`Parameters`."""

    items: list[Parameter]
    roots: list[Parameter]
    diagonal: np.ndarray
    tensor: np.ndarray
    row: np.ndarray
    ends: list[int]
    lower: np.ndarray
    upper: np.ndarray
    pivots: list[tuple]
    sets: list[list[int]]


@lru_cache(maxsize=64)
def _structure(sizes: tuple[int, ...], blocks: tuple, first) -> _Structure:
    items: list[Parameter] = []
    roots: list[Parameter] = []
    diagonal = []
    for g, of_factor in enumerate(blocks):
        for positions in of_factor:
            rows = positions
            if first is not None and first[0] == g and set(first[1]) <= set(positions):
                rows = (*first[1], *(k for k in positions if k not in first[1]))
            size = range(len(positions))
            items += [Parameter(g, positions[i], positions[j]) for j in size for i in size if i >= j]
            roots += [Parameter(g, rows[i], positions[j]) for j in size for i in size if i >= j]
            diagonal += [i == j for j in size for i in size if i >= j]
    ends = [0, *np.cumsum([q * q for q in sizes]).tolist()]

    def place(t: Parameter, a: int, b: int) -> int:
        return ends[t.factor] + a * sizes[t.factor] + b

    return _Structure(
        items,
        roots,
        np.array(diagonal, dtype=bool),
        _tensor(items, roots),
        np.array([[float((t.factor, t.a) == (u.factor, u.a)) for u in roots] for t in roots]),
        ends,
        np.array([place(t, t.a, t.b) for t in items], dtype=np.intp),
        np.array([place(t, t.b, t.a) for t in items], dtype=np.intp),
        [_pivot(k, roots, diagonal, place) for k in range(len(roots))],
        _sets(roots),
    )


def _tensor(items: list[Parameter], roots: list[Parameter]) -> np.ndarray:
    count = len(items)
    tensor = np.zeros((count, count, count))
    for i, d in enumerate(items):
        for j, x in enumerate(roots):
            for k, y in enumerate(roots):
                if d.factor == x.factor == y.factor and x.b == y.b:
                    tensor[i, j, k] = (d.a == x.a and d.b == y.a) + (d.b == x.a and d.a == y.a)
    return tensor


def _pivot(k: int, roots: list[Parameter], diagonal: list[bool], place) -> tuple:
    """For entry k of a Cholesky factor: its place in D, that of its row's variance, its pivot, earlier products.

    Entries are listed column by column, so all earlier columns are done.
    """
    t = roots[k]
    same = [(j, u) for j, u in enumerate(roots[:k]) if u.factor == t.factor]
    at = k if diagonal[k] else max(j for j, u in same if u.b == t.b and diagonal[j])
    row = {u.b: j for j, u in same if u.a == t.a and u.b != t.b}
    of_pivot = {u.b: j for j, u in same if u.a == roots[at].a and u.b != t.b}
    products = [(j, of_pivot[b]) for b, j in row.items() if b in of_pivot]
    return place(t, t.a, roots[at].a), place(t, t.a, t.a), at, products


def _sets(roots: list[Parameter]) -> list[list[int]]:
    out: list[list[int]] = []
    seen: dict = {}
    for k, t in enumerate(roots):
        ends = {(t.factor, t.a), (t.factor, t.b)}
        home = next((seen[e] for e in ends if e in seen), None)
        if home is None:
            home = len(out)
            out.append([])
        out[home].append(k)
        seen |= dict.fromkeys(ends, home)
    return out


class Parameters:
    """Index of all variance parameters of a model and the maps between theta, D and delta.

    Attributes
    ----------
    items : list of Parameter
        The entries of delta, block by block, column by column of the lower triangle.
    roots : list of Parameter
        The entries of Lambda that theta fills. The same as `items` unless `first` moves effects of a block to the
        top, so that the SD of the first is |theta| of its only entry (used for profiles).
    diagonal : ndarray of bool
        Which entries of theta are alone in their row or last in it: a variance of 0 needs them to be 0.
    known_zero : ndarray of bool
        Which entries of delta count as known where they are estimated as 0.
    """

    def __init__(self, factors, first: tuple[int, tuple[int, ...]] | None = None):
        self.sizes = [len(f.labels) for f in factors]
        blocks = tuple(tuple(tuple(positions) for positions, _ in f.blocks) for f in factors)
        self._structure = s = _structure(tuple(self.sizes), blocks, first)
        self.items, self.roots, self.diagonal, self.tensor = s.items, s.roots, s.diagonal, s.tensor
        self.count = len(self.items)
        self.uncorrelated = bool(s.diagonal.all())
        self.known_zero = np.array(
            [t.a == t.b and factors[t.factor].labels[t.a] in factors[t.factor].known_zero for t in self.items],
            dtype=bool,
        )

    def blocks(self) -> list[list[int]]:
        """Entries of theta that belong together: those of one set of effects that may covary."""
        return self._structure.sets

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """d delta / d theta, (count, count)."""
        return self.tensor @ theta

    def bend(self, gradient: np.ndarray) -> np.ndarray:
        """sum_i gradient_i d^2 delta_i / d theta^2, (count, count)."""
        return (gradient @ self.tensor.reshape(self.count, -1)).reshape(self.count, self.count)

    def delta(self, theta: np.ndarray) -> np.ndarray:
        return 0.5 * self.jacobian(theta) @ theta

    def lambdas(self, theta: np.ndarray) -> list[np.ndarray]:
        out = [np.zeros((q, q)) for q in self.sizes]
        for value, t in zip(theta, self.roots, strict=True):
            out[t.factor][t.a, t.b] = value
        return out

    def covariances(self, delta: np.ndarray) -> list[np.ndarray]:
        """D of each factor from delta."""
        s = self._structure
        flat = np.zeros(s.ends[-1])
        flat[s.lower] = flat[s.upper] = delta
        return [flat[start : start + q * q].reshape(q, q) for start, q in zip(s.ends, self.sizes, strict=False)]

    def nil(self, theta: np.ndarray) -> np.ndarray:
        """Diagonal entries of theta (..., count) that are 0 to rounding: there D has lost a rank.

        An entry counts as 0 at a millionth of its row of Lambda, whose length is the effect's relative SD. Rounding of
        the criterion, 1e-12 or more of its size, cannot tell such a correlation from 1.
        """
        size = np.sqrt(theta**2 @ self._structure.row)
        return self.diagonal & (np.abs(theta) <= tol.NIL * np.maximum(size, tol.LEAST))

    def in_units(self, maps: list[np.ndarray]) -> np.ndarray:
        """U (count, count) with U delta the entries of T D T' of each factor, T (q, q) from `maps`."""
        unit = np.zeros((self.count, self.count))
        for j in range(self.count):
            column = self.covariances(np.eye(self.count)[j])
            turned = [t @ d @ t.T for t, d in zip(maps, column, strict=True)]
            unit[:, j] = [turned[i.factor][i.a, i.b] for i in self.items]
        return unit

    def start(self, value: float) -> np.ndarray:
        return np.where(self.diagonal, value, 0.0)

    def cholesky(self, covariances: list[np.ndarray]) -> np.ndarray:
        """theta from D of each factor; a vanishing pivot gives a column of zeros."""
        flat = [value for d in covariances for value in d.ravel().tolist()]
        theta = [0.0] * self.count
        for k, (place, variance, pivot, products) in enumerate(self._structure.pivots):
            left = flat[place] - sum(theta[i] * theta[j] for i, j in products)
            if pivot == k:
                theta[k] = left**0.5 if left > tol.SPENT * flat[variance] else 0.0
            elif theta[pivot] > 0:
                theta[k] = left / theta[pivot]
        return np.array(theta)

    def tidy_signs(self, theta: np.ndarray) -> np.ndarray:
        """The equivalent theta with no negative diagonal."""
        if not (theta[self.diagonal] < 0).any():
            return theta + 0.0
        out = theta.copy()
        for k in np.flatnonzero(self.diagonal):
            if out[k] < 0:
                t = self.items[k]
                for j, u in enumerate(self.items):
                    if u.factor == t.factor and u.b == t.b:
                        out[j] = -out[j]
        return out + 0.0

    def entries(self, i: int) -> list[tuple[int, int]]:
        """Index pairs of the symmetric pattern matrix E_i."""
        t = self.items[i]
        return [(t.a, t.a)] if t.a == t.b else [(t.a, t.b), (t.b, t.a)]


@dataclass(frozen=True)
class Slopes:
    """z_internal = (z - shift) / scale, (q,) each, of the random-effect columns of one factor.

    A column whose values lie far from 0, such as a calendar day, is centred where its slope may covary with an
    intercept: both forms are the same model, but off centre the two effects are all but the same one.
    """

    shift: np.ndarray
    scale: np.ndarray
    to_user: np.ndarray
    """T (q, q) with u = T u_internal, so that Cov(u) = T Cov(u_internal) T'."""

    @classmethod
    def of(cls, factor: Factor) -> Slopes:
        q = len(factor.basis)
        shift, scale = np.zeros(q), np.ones(q)
        for positions, correlated in factor.blocks:
            may_shift = correlated and any(factor.basis[k] is None for k in positions)
            for k in positions:
                column = factor.basis[k]
                if column is None:
                    continue
                size = root_mean_square(column)
                mean = float(column.mean()) if may_shift else 0.0
                if may_shift and size**2 - mean**2 < (_FAR * mean) ** 2:
                    shift[k] = mean
                    size = float(np.sqrt(np.mean((column - mean) ** 2)))
                scale[k] = size
        to_user = np.diag(1 / scale)
        if shift.any():
            one = next(k for k, column in enumerate(factor.basis) if column is None)
            to_user[one] -= shift / scale
        return cls(shift, scale, to_user)

    def columns(self, factor: Factor, root_w) -> list[np.ndarray | None]:
        """Internal columns (n,) of a factor, weights applied; None for a column of ones."""
        out = []
        for column, shift, scale in zip(factor.basis, self.shift, self.scale, strict=True):
            z = root_w if column is None else (column - shift if shift else column) / scale
            out.append(z if root_w is None or column is None else z * root_w)
        return out

    def covariance(self, internal: np.ndarray) -> np.ndarray:
        """(..., q, q) in the units of the given columns."""
        return self.to_user @ internal @ self.to_user.T


@dataclass(frozen=True)
class Scaling:
    """x_internal = ((x - shift X level) / scale) mix and y_internal = (y - offset - y_shift X level) / y_scale.

    `level` (p,) are the predictors that sum to the constant: the intercept, or the columns of a category without one;
    zeros where none do. `mix` (p, p) is the identity unless predictors are nearly collinear, when it makes them
    orthogonal. `slopes` has for each factor how its random-effect columns are centred and scaled.
    """

    x_shift: np.ndarray
    x_scale: np.ndarray
    x_mix: np.ndarray
    slopes: list[Slopes]
    y_shift: float
    y_scale: float
    level: np.ndarray

    def matrix(self) -> np.ndarray:
        """T (p, p) with beta = y_scale T beta_internal + y_shift level."""
        return (np.diag(1 / self.x_scale) - np.outer(self.level, self.x_shift / self.x_scale)) @ self.x_mix

    def log_det(self) -> float:
        """log |det| of the map from internal to given predictors; enters the REML likelihood."""
        return float(np.log(self.x_scale).sum()) - float(np.log(np.abs(np.diagonal(self.x_mix))).sum())


def level_column(x, level: np.ndarray) -> np.ndarray | float:
    """X level of predictors x, a list of columns (n,) or None for ones; 1.0 for an intercept, 0.0 where level is 0."""
    at = np.flatnonzero(level)
    if not at.size:
        return 0.0
    return 1.0 if x[at[0]] is None else sum(level[k] * x[k] for k in at)


def centre(v: np.ndarray, column: np.ndarray | float) -> float:
    """How often `column` lies in v by least squares; of an intercept's column the mean of v."""
    if isinstance(column, float):
        return float(np.add.reduce(v)) / len(v) if column else 0.0
    return float(column @ v) / float(column @ column)


def root_mean_square(v: np.ndarray) -> float:
    """SD of values around 0."""
    return sqrt(float(v @ v) / len(v))


def scale_outcome(y, offset, column, root_w):
    """Internal outcome (n,) with its shift and scale, `column` from :func:`level_column`; weights come last."""
    v = y if offset is None else y - offset
    shift = centre(v, column)
    v = v - shift * column
    scale = root_mean_square(v) or 1.0
    v /= scale
    return (v if root_w is None else v * root_w), shift, scale


def r_squared(result) -> dict:
    """Nakagawa-Johnson R squared from the fitted variances.

    With V_f = var(X beta) over rows (denominator n - 1), V_g = mean diag(Z Sigma_g Z') of each grouping factor and
    V_e the mean over rows of the residual variance, which weights and residual structures make differ:
    marginal = V_f / V, conditional = (V_f + sum V_g) / V, V their sum.

    Returns
    -------
    dict
        marginal, conditional : float
        by_level : dict of str to float
            Share of V of "fixed", of each group and of "residual"; sums to 1.
        variances : dict of str to float
            The same in outcome units squared.
        icc_adjusted, icc_unadjusted : float
            sum V_g over V without, and with, V_f.

    References
    ----------
    Nakagawa & Schielzeth (2013), Methods Ecol Evol 4:133-142; Johnson (2014), ibid. 5:944-946.
    """
    model = result.model
    fixed = model.linear_predictor(result.params.to_numpy())
    if model.frame.offset is not None:
        fixed = fixed - model.frame.offset
    variances = {"fixed": float(np.var(fixed, ddof=1))}
    for factor, cov in zip(model.reduced.factors, result.covariances, strict=True):
        variances[factor.name] = _mean_diagonal(factor, cov, model.nobs)
    variances["residual"] = float(np.mean(result.residual_variances))
    total = sum(variances.values())
    random = total - variances["fixed"] - variances["residual"]
    return {
        "marginal": variances["fixed"] / total,
        "conditional": (variances["fixed"] + random) / total,
        "by_level": {name: v / total for name, v in variances.items()},
        "variances": variances,
        "icc_adjusted": random / (random + variances["residual"]),
        "icc_unadjusted": random / total,
    }


def _mean_diagonal(factor, cov: np.ndarray, n: int) -> float:
    """Mean over rows of z' Sigma z; under multiple membership of sum_j w_j^2 z' Sigma z."""
    share: float | np.ndarray = 1.0
    if factor.codes is None:
        share = np.asarray(factor.weights.multiply(factor.weights).sum(axis=1)).ravel()
    total = 0.0
    for a, za in enumerate(factor.basis):
        for b, zb in enumerate(factor.basis):
            if cov[a, b]:
                product = np.ones(n) if za is None else za
                total += cov[a, b] * float(np.mean(product * (1.0 if zb is None else zb) * share))
    return total


def covariance_root(cov: np.ndarray) -> np.ndarray:
    """A matrix whose product with its transpose is `cov`, also a singular one."""
    values, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(np.maximum(values, 0))
