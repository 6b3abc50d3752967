"""Residuals that are not alike: correlated in time, or with another variance in each group.

Given the structure's own parameters the rows are whitened (a linear map within units), which leaves a model with plain
residuals; the parameters are found around it, on the profiled likelihood.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.mixed.columns import missing, numbers
from bowlby.mixed.crossproducts import reduce_rows
from bowlby.mixed.frame import Factor, Frame
from bowlby.mixed.optimise import STARTS, minimise

_TOP = 1 - 1e-6


@dataclass(frozen=True)
class CAR1:
    """Continuous-time first-order autoregression: correlation phi^|t - s| between rows of one unit, 0 <= phi < 1.

    Attributes
    ----------
    time : str
        Column of times; phi is per one unit of it.
    within : str
        Column of the units (patients) in which residuals are correlated.
    """

    time: str
    within: str

    def columns(self) -> list[str]:
        return [self.time, self.within]

    def prepare(self, data: pd.DataFrame) -> _Chain:
        time, unit = numbers(data[self.time], self.time), pd.factorize(data[self.within])[0]
        order = np.lexsort((time, unit))
        follows = unit[order][1:] == unit[order][:-1]
        before = np.full(len(time), -1)
        before[order[1:][follows]] = order[:-1][follows]
        gap = np.where(before >= 0, time - time[before], np.nan)
        if (gap == 0).any():
            raise UserError(problem(f"{int((gap == 0).sum())} rows share their '{self.time}' with another row of the "
                                    f"same '{self.within}'", "give each row its own time"))
        return _Chain(before, gap, order)


@dataclass(frozen=True)
class VarianceByGroup:
    """A residual SD for each level of a column; ``scale`` is the variance of the first level."""

    column: str

    def columns(self) -> list[str]:
        return [self.column]

    def prepare(self, data: pd.DataFrame) -> _Scales:
        codes, levels = pd.factorize(data[self.column], sort=True)
        if len(levels) < 2:
            raise UserError(problem(f"'{self.column}' has one level", "the residual needs no structure"))
        return _Scales(codes, [str(level) for level in levels])


class _Chain:
    """Whitening of CAR1 residuals; rows are linked to the one before in their unit."""

    def __init__(self, before, gap, order):
        self.before, self.gap, self.order = before, gap, order
        self.later = np.flatnonzero(before >= 0)

    def _rho(self, phi: float) -> np.ndarray:
        return phi ** self.gap[self.later] if phi > 0 else np.zeros(len(self.later))

    def logdet(self, phi) -> float:
        return float(np.log1p(-self._rho(phi[0]) ** 2).sum())

    def whiten(self, column, phi, count: int) -> np.ndarray:
        column = np.ones(count) if column is None else column
        rho = self._rho(phi[0])
        out = column.copy()
        out[self.later] = (column[self.later] - rho * column[self.before[self.later]]) / np.sqrt(1 - rho**2)
        return out

    def colour(self, white, phi) -> np.ndarray:
        """Undo :meth:`whiten` (for simulation)."""
        rho = np.zeros(len(white))
        rho[self.later] = self._rho(phi[0])
        out = white.copy()
        for row in self.order:
            if self.before[row] >= 0:
                out[row] = rho[row] * out[self.before[row]] + np.sqrt(1 - rho[row] ** 2) * white[row]
        return out

    def factor(self, factor: Factor, phi, count: int) -> Factor:
        constant = factor.codes is not None and np.array_equal(
            factor.codes[self.later], factor.codes[self.before[self.later]])
        if constant:
            return replace(factor, basis=[self.whiten(b, phi, count) for b in factor.basis])
        if factor.labels != ["Intercept"]:
            raise UserError(problem(f"'{factor.name}' changes within units and has a random slope",
                                    "this version combines CAR1 with intercepts only there"))
        from scipy import sparse

        weights = factor.weights
        if weights is None:
            weights = sparse.csr_matrix((np.ones(count), (np.arange(count), factor.codes)),
                                        shape=(count, factor.n_levels))
        rho = self._rho(phi[0])
        own, other = np.ones(count), np.zeros(count)
        own[self.later] = 1 / np.sqrt(1 - rho**2)
        other[self.later] = -rho / np.sqrt(1 - rho**2)
        shift = sparse.csr_matrix((other[self.later], (self.later, self.before[self.later])), shape=(count, count))
        return replace(factor, codes=None, weights=((sparse.diags(own) + shift) @ weights).tocsr())

    def search(self, height, warm):
        from scipy.optimize import minimize_scalar

        # Coarse steps first: the likelihood of phi may have more than one summit.
        grid = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97]
        values = [height([g]) for g in grid]
        k = int(np.argmin(values))
        low, high = grid[max(k - 1, 0)], grid[k + 1] if k + 1 < len(grid) else _TOP
        found = minimize_scalar(lambda g: height([g]), bounds=(low, high), method="bounded",
                                options={"xatol": 1e-9})
        return [0.0] if values[0] <= found.fun else [float(found.x)]

    def report(self, phi) -> dict:
        return {"phi": float(phi[0])}


class _Scales:
    """Whitening of residuals with an SD for each group; parameters are log SD ratios to the first."""

    def __init__(self, codes, levels):
        self.codes, self.levels = codes, levels
        self.counts = np.bincount(codes)

    def _sd(self, x):
        return np.exp(np.concatenate([[0.0], x]))

    def logdet(self, x) -> float:
        return 2 * float(self.counts @ np.concatenate([[0.0], x]))

    def whiten(self, column, x, count: int) -> np.ndarray:
        return (1.0 if column is None else column) / self._sd(x)[self.codes]

    def colour(self, white, x) -> np.ndarray:
        return white * self._sd(x)[self.codes]

    def factor(self, factor: Factor, x, count: int) -> Factor:
        return replace(factor, basis=[self.whiten(b, x, count) for b in factor.basis])

    def search(self, height, warm):
        from scipy.optimize import minimize

        start = np.zeros(len(self.levels) - 1)
        for _ in range(3):
            # Central differences of a criterion known to some 1e-11 give gradients to 1e-7.
            found = minimize(height, start, method="BFGS", jac="3-point", options={"gtol": 1e-6})
            start = found.x
        return found.x.tolist()

    def report(self, x) -> dict:
        return {f"sd ratio {level} : {self.levels[0]}": float(v) for level, v in zip(self.levels, self._sd(x))}


def complete_rows(structure, data: pd.DataFrame):
    """Rows that lack a column of the structure, with the reason."""
    for name in structure.columns():
        if name not in data.columns:
            raise UserError(problem(f"no column '{name}' in the data", "correct the name or add the column"))
        yield missing(data[name]), f"{name} missing"


def whitened(frame: Frame, kernel, x) -> Frame:
    """The frame of whitened rows."""
    count = len(frame.y)
    y = frame.y if frame.offset is None else frame.y - frame.offset
    return replace(frame, y=kernel.whiten(y, x, count), x=[kernel.whiten(c, x, count) for c in frame.x], offset=None,
                   factors=[kernel.factor(f, x, count) for f in frame.factors])


def _restored(factor: Factor, given: list[Factor]) -> Factor:
    """A whitened factor with the rows as given, its levels in the order of the reduced data."""
    original = next(f for f in given if f.name == factor.name)
    if original.codes is None:
        return original
    place = np.empty(original.n_levels, dtype=np.intp)
    place[original.levels.get_indexer(factor.levels)] = np.arange(original.n_levels)
    return replace(original, codes=place[original.codes], levels=factor.levels)


def fit_structured(model, reml: bool, starts=STARTS):
    """Fit a model with a residual structure: its parameters around, the mixed model inside."""
    from bowlby.mixed.criterion import loglik
    from bowlby.mixed.optimise import Profiled, newton
    from bowlby.mixed.result import MixedResult

    kernel, parameters = model.kernel, model.parameters
    warm: list = []

    def solved(x):
        data = reduce_rows(whitened(model.frame, kernel, x))
        if not warm:
            optimum = minimise(data, parameters, reml, starts)
            warm.append(optimum.state.theta)
            return data, optimum.state
        point, *_ = newton(Profiled(data, parameters, reml), np.where(warm[0] == 0, 1e-3, warm[0]))
        if point is None:
            raise np.linalg.LinAlgError("cannot be evaluated")
        warm[0] = point.x
        return data, point.state

    def height(x):
        try:
            data, state = solved(x)
        except np.linalg.LinAlgError:
            return 1e300
        return -2 * loglik(data, state, reml) + kernel.logdet(x)

    try:
        x = kernel.search(height, warm)
        data = reduce_rows(whitened(model.frame, kernel, x))
        optimum = minimise(data, parameters, reml, (*starts, warm[0]))
    except np.linalg.LinAlgError:
        raise UserError(problem(f"the model of '{model.spec.outcome}' leaves no residual variation",
                                "drop terms or check the outcome")) from None
    fitted = copy.copy(model)
    fitted.reduced = replace(data, factors=[_restored(f, model.frame.factors) for f in data.factors])
    result = MixedResult(fitted, optimum, reml)
    result.residual_parameters = kernel.report(x)
    result._residual_x, result._llf_shift = x, -0.5 * kernel.logdet(x)
    result.warnings.append("standard errors and df take the residual structure's parameters ("
                           + ", ".join(f"{k} {v:.4g}" for k, v in result.residual_parameters.items()) + ") as known")
    return result
