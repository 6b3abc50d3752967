"""Residuals that are correlated in time, or with a variance of their own in each group.

Given the structure's own parameters the rows are whitened (a linear map within units), which leaves a model with
independent residuals of one variance. The parameters are estimated by the profiled likelihood.

A kernel whitens columns given its own parameters x: ``whiten``, ``colour`` (the inverse) and ``factor`` act on rows,
``logdet`` is log |R| of the residual correlation or relative variance matrix R, ``variances`` its diagonal, ``search``
finds x, ``report`` names the parameters in the user's units, ``describe`` says them in words and ``notes`` says when
they end at a limit.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem, refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.crossproducts import reduce_rows
from bowlby.mixed.model_frame import Factor, Frame
from bowlby.mixed.model_matrix import is_numeric, missing, numbers, plain
from bowlby.mixed.optimiser import STARTS, minimise

_NEGLIGIBLE = 40.0  # exp(-40): the correlation at the smallest distance when there is none
_FACTOR = 3.0  # between steps of the first look at decay rates
_FURTHEST = np.log(1e4)  # log SD ratio the search does not pass
_GONE = 0.9 * _FURTHEST  # and beyond which a level has no residual variance
_MOST_LEVELS = 30


class Chain:
    """CAR1 residuals; rows are linked to the one before in their unit.

    The parameter is the log of the decay rate per median distance between neighbours, so that the unit of time does
    not matter; infinity is no correlation.
    """

    def __init__(self, before, gap, order, unit: str):
        self.before, self.order, self.unit = before, order, unit
        self.later = np.flatnonzero(before >= 0)
        self.median = float(np.median(gap[self.later]))
        self.gap = gap[self.later] / self.median
        # Each row's time since the first of its unit, to know the longest span.
        first = before[order] < 0
        passed = np.where(before >= 0, gap, 0.0)[order]
        total = np.cumsum(passed)
        start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
        self.span = float((total - total[start]).max()) / self.median
        self.lowest, self.highest = np.log(tol.PERFECT / self.span), np.log(_NEGLIGIBLE / self.gap.min())

    def _decay(self, x) -> np.ndarray:
        return np.exp(x[0]) * self.gap

    def _correlation(self, x) -> tuple[np.ndarray, np.ndarray]:
        """Correlation of each linked row with the one before, and the SD of what is new in it."""
        decay = self._decay(x)
        return np.exp(-decay), np.sqrt(-np.expm1(-2 * decay))

    def logdet(self, x) -> float:
        return float(np.log(-np.expm1(-2 * self._decay(x))).sum())

    def whiten(self, column, x, count: int) -> np.ndarray:
        column = np.ones(count) if column is None else column
        rho, rest = self._correlation(x)
        out = column.copy()
        out[self.later] = (column[self.later] - rho * column[self.before[self.later]]) / rest
        return out

    def colour(self, white, x) -> np.ndarray:
        rho, rest = np.zeros(len(white)), np.ones(len(white))
        rho[self.later], rest[self.later] = self._correlation(x)
        out = white.copy()
        for row in self.order:
            if self.before[row] >= 0:
                out[row] = rho[row] * out[self.before[row]] + rest[row] * white[row]
        return out

    def variances(self, x, count: int) -> np.ndarray:
        return np.ones(count)

    def factor(self, factor: Factor, x, count: int) -> Factor:
        codes = factor.codes
        if codes is not None and np.array_equal(codes[self.later], codes[self.before[self.later]]):
            return replace(factor, basis=[self.whiten(b, x, count) for b in factor.basis])
        if factor.labels != ["Intercept"]:
            raise refusal(
                f"'{factor.name}' changes within units and has a random slope",
                "this version combines CAR1 with intercepts only there",
            )
        from scipy import sparse

        rho, rest = self._correlation(x)
        own = np.ones(count)
        own[self.later] = 1 / rest
        shift = sparse.csr_matrix((-rho / rest, (self.later, self.before[self.later])), shape=(count, count))
        return replace(factor, codes=None, weights=((sparse.diags(own) + shift) @ factor.membership()).tocsr())

    def search(self, height):
        from scipy.optimize import minimize_scalar

        # Coarse steps first: the likelihood may have more than one summit.
        steps = int(np.ceil((self.highest - self.lowest) / np.log(_FACTOR))) + 1
        grid = np.linspace(self.highest, self.lowest, steps)
        values = [height([g]) for g in grid]
        k = int(np.argmin(values))
        low, high = grid[min(k + 1, steps - 1)], grid[max(k - 1, 0)]
        optimum = minimize_scalar(
            lambda g: height([g]), bounds=(low, high), method="bounded", options={"xatol": tol.DECAY}
        )
        x, best = min(((float(optimum.x), optimum.fun), (float(grid[k]), values[k])), key=lambda pair: pair[1])
        # No correlation, unless some is better by more than rounding.
        return [np.inf] if height([np.inf]) <= best + tol.TIE else [x]

    def report(self, x) -> dict:
        rate = float(np.exp(x[0]))
        return {
            "phi": float(np.exp(-rate / self.median)),
            f"correlation {self.median:.4g} {self.unit}s apart": float(np.exp(-rate)),
        }

    def describe(self, x, scale: float) -> str:
        return "; ".join(f"{name} {value:.6g}" for name, value in self.report(x).items()) + f"; phi per {self.unit}"

    def notes(self, x, height) -> list[str]:
        if np.isinf(x[0]):
            return ["phi is at its limit 0: the residuals show no correlation in time"]
        if x[0] < self.lowest + 0.1 * np.log(_FACTOR):
            return [
                "phi is at its limit 1: residuals so alike cannot be told from a random effect of their unit; do "
                "not trust this fit"
            ]
        return []


class Scales:
    """Residuals with an SD for each group; parameters are log SD ratios to the first."""

    def __init__(self, column: str, codes, levels):
        self.column, self.codes, self.levels = column, codes, levels
        self.counts = np.bincount(codes)

    def _log(self, x) -> np.ndarray:
        return np.concatenate([[0.0], x])

    def logdet(self, x) -> float:
        return 2 * float(self.counts @ self._log(x))

    def whiten(self, column, x, count: int) -> np.ndarray:
        return (1.0 if column is None else column) / np.exp(self._log(x))[self.codes]

    def colour(self, white, x) -> np.ndarray:
        return white * np.exp(self._log(x))[self.codes]

    def variances(self, x, count: int) -> np.ndarray:
        return np.exp(2 * self._log(x))[self.codes]

    def factor(self, factor: Factor, x, count: int) -> Factor:
        return replace(factor, basis=[self.whiten(b, x, count) for b in factor.basis])

    def search(self, height):
        from scipy.optimize import minimize

        # Near the optimum the second derivative is about 4 rows in the level; in these units first steps are short.
        unit = np.sqrt(4.0 * self.counts[1:])
        steps = tol.RATIO_STEP * np.eye(len(unit))

        def walled(x):
            # A wall around the region, for a search that leaves it finds no slope to come back by.
            outside = np.maximum(np.abs(x) - _FURTHEST, 0.0)
            return height(np.clip(x, -_FURTHEST, _FURTHEST)) + 4 * float(self.counts[1:] @ outside**2)

        def gradient(z):
            return np.array([walled(z / unit + h) - walled(z / unit - h) for h in steps]) / (2 * tol.RATIO_STEP * unit)

        def leaves(x, reached):
            """Whether the search is on its way out, not thrown there by one long step."""
            return np.abs(x).max() > _GONE and walled(0.8 * x) > reached

        last = [np.inf]

        def stop(intermediate_result):
            gain, last[0] = last[0] - intermediate_result.fun, intermediate_result.fun
            if gain < tol.GAIN or leaves(intermediate_result.x / unit, intermediate_result.fun):
                raise StopIteration

        z = np.zeros(len(unit))
        for _ in range(3):
            optimum = minimize(
                lambda z: walled(z / unit),
                z,
                method="BFGS",
                jac=gradient,
                callback=stop,
                options={"gtol": tol.RATIO_GRADIENT, "maxiter": 100},
            )
            moved, z = np.abs(optimum.x - z).max(), optimum.x
            if moved < tol.RATIO_MOVE or leaves(z / unit, optimum.fun):
                break
        x = z / unit
        self._stop_without_variance(x)
        return x.tolist()

    def _stop_without_variance(self, x) -> None:
        """Where a level's residuals are all 0 the likelihood has no upper bound."""
        logs = self._log(x)
        gone = [level for level, value in zip(self.levels, logs, strict=True) if value < logs.max() - _GONE]
        _refuse(gone, self.column, "next to no residual variation", "leave its rows out, or join it with another level")

    def report(self, x) -> dict:
        first, *others = self.levels
        return {f"sd ratio {level} : {first}": float(np.exp(v)) for level, v in zip(others, x, strict=True)}

    def describe(self, x, scale: float) -> str:
        sds = np.sqrt(scale) * np.exp(self._log(x))
        pairs = zip(self.levels, sds, strict=True)
        return f"SD by {self.column}: " + "; ".join(f"{level} {sd:.5g}" for level, sd in pairs)

    def notes(self, x, height) -> list[str]:
        """Levels whose variance could as well be 0."""
        best, out = height(x), []
        for k, level in enumerate(self.levels):
            lower = self._log(x)
            lower[k] -= 3.0
            if height(lower[1:] - lower[0]) < best + tol.FLAT:
                out.append(
                    f"the residual variance of '{level}' cannot be told from 0: its rows are too few to tell "
                    "residuals from random effects; do not trust this fit"
                )
        return out


def _refuse(levels: list, column: str, what: str, do: str) -> None:
    """Stop at levels of a column that have what a variance of their own cannot be estimated from."""
    if levels:
        raise UserError([problem(f"level '{level}' of '{column}' has {what}", do) for level in levels])


@dataclass(frozen=True)
class CAR1:
    """Continuous-time first-order autoregression: correlation phi^|t - s| between rows of one unit, 0 <= phi < 1.

    Attributes
    ----------
    time : str
        Column of times: numbers, with phi per one unit of them, or dates, with phi per day.
    within : str
        Column of the units (patients) in which residuals are correlated.
    """

    time: str
    within: str

    def columns(self) -> list[str]:
        return [self.time, self.within]

    def prepare(self, data: pd.DataFrame) -> Chain:
        time, unit_of_time = _times(data[self.time], self.time)
        unit = pd.factorize(data[self.within])[0]
        order = np.lexsort((time, unit))
        follows = unit[order][1:] == unit[order][:-1]
        before = np.full(len(time), -1)
        before[order[1:][follows]] = order[:-1][follows]
        gap = np.where(before >= 0, time - time[before], np.nan)
        if (gap == 0).any():
            raise refusal(
                f"{int((gap == 0).sum())} rows share their '{self.time}' with another row of the same '{self.within}'",
                "give each row its own time",
            )
        if not follows.any():
            raise refusal(f"no '{self.within}' has two rows", "the residuals need no structure")
        return Chain(before, gap, order, unit_of_time)


def _times(series: pd.Series, name: str) -> tuple[np.ndarray, str]:
    """Times as numbers and their unit: days for dates and durations."""
    series = plain(series)
    if pd.api.types.infer_dtype(series) in ("date", "datetime"):
        series = pd.to_datetime(series)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = series - series.min()
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return (series / pd.Timedelta(days=1)).to_numpy(dtype=np.float64), "day"
    if not is_numeric(series):
        raise refusal(
            f"the times in '{name}' are neither numbers nor dates", "make them numbers, such as days since start"
        )
    return numbers(series, name), f"unit of {name}"


@dataclass(frozen=True)
class VarianceByGroup:
    """A residual SD for each level of a column; ``scale`` is the variance of the first level."""

    column: str

    def columns(self) -> list[str]:
        return [self.column]

    def prepare(self, data: pd.DataFrame) -> Scales:
        codes, levels = pd.factorize(data[self.column], sort=True)
        if len(levels) < 2:
            raise refusal(f"'{self.column}' has one level", "the residual needs no structure")
        if len(levels) > _MOST_LEVELS:
            raise refusal(
                f"'{self.column}' has {len(levels)} levels, a residual variance each",
                f"join them to at most {_MOST_LEVELS}",
            )
        alone = [level for level, count in zip(levels, np.bincount(codes), strict=True) if count < 2]
        _refuse(alone, self.column, "one row, too few for a variance of its own", "join it with another level")
        return Scales(self.column, codes, [str(level) for level in levels])


STRUCTURES = (CAR1, VarianceByGroup)


def complete_rows(structure, data: pd.DataFrame):
    """Rows that lack a column of the structure, with the reason."""
    for name in structure.columns():
        checks.columns([name], data)
        yield missing(data[name]), f"{name} missing"


def whitened(frame: Frame, kernel, x) -> Frame:
    """The frame of whitened rows."""
    count = len(frame.y)
    y = frame.y if frame.offset is None else frame.y - frame.offset
    return replace(
        frame,
        y=kernel.whiten(y, x, count),
        x=[kernel.whiten(c, x, count) for c in frame.x],
        offset=None,
        factors=[kernel.factor(f, x, count) for f in frame.factors],
    )


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
    from bowlby.mixed.optimiser import Profiled, newton
    from bowlby.mixed.result import MixedResult

    kernel, parameters = model.kernel, model.parameters
    warm: list = []

    def solved(x):
        data = reduce_rows(whitened(model.frame, kernel, x))
        if not warm:
            optimum = minimise(data, parameters, reml, starts)
            warm.append(optimum.state.theta)
            return data, optimum.state
        point, *_ = newton(Profiled(data, parameters, reml), np.where(warm[0] == 0, tol.SMALL, warm[0]))
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
        x = kernel.search(height)
        notes = kernel.notes(x, height)
        data = reduce_rows(whitened(model.frame, kernel, x))
        optimum = minimise(data, parameters, reml, (*starts, warm[0]))
    except np.linalg.LinAlgError:
        raise refusal(
            f"the model of '{model.spec.outcome}' leaves no residual variation", "drop terms or check the outcome"
        ) from None
    fitted = copy.copy(model)
    fitted.reduced = replace(data, factors=[_restored(f, model.frame.factors) for f in data.factors])
    result = MixedResult(fitted, optimum, reml)
    result.residual_parameters = kernel.report(x)
    result._residual_x, result._llf_shift = x, -0.5 * kernel.logdet(x)
    result.warnings += notes
    result.warnings.append(
        "standard errors and df take the residual structure's parameters ("
        + ", ".join(f"{k} {v:.6g}" for k, v in result.residual_parameters.items())
        + ") as known"
    )
    return result
