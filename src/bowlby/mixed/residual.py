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
from bowlby.mixed.columns import is_numeric, missing, numbers, plain
from bowlby.mixed.crossproducts import reduce_rows
from bowlby.mixed.frame import Factor, Frame
from bowlby.mixed.optimise import STARTS, minimise
from bowlby.mixed.whitening import Chain, Scales

_MOST_LEVELS = 30


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
            raise UserError(problem(f"{int((gap == 0).sum())} rows share their '{self.time}' with another row of the "
                                    f"same '{self.within}'", "give each row its own time"))
        if not follows.any():
            raise UserError(problem(f"no '{self.within}' has two rows", "the residuals need no structure"))
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
        raise UserError(problem(f"the times in '{name}' are neither numbers nor dates",
                                "make them numbers, such as days since start"))
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
            raise UserError(problem(f"'{self.column}' has one level", "the residual needs no structure"))
        if len(levels) > _MOST_LEVELS:
            raise UserError(problem(f"'{self.column}' has {len(levels)} levels, a residual variance each",
                                    f"join them to at most {_MOST_LEVELS}"))
        alone = [level for level, count in zip(levels, np.bincount(codes)) if count < 2]
        if alone:
            raise UserError([problem(f"level '{level}' of '{self.column}' has one row, too few for a variance of its "
                                     "own", "join it with another level") for level in alone])
        return Scales(self.column, codes, [str(level) for level in levels])


STRUCTURES = (CAR1, VarianceByGroup)


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
        x = kernel.search(height)
        notes = kernel.notes(x, height)
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
    result.warnings += notes
    result.warnings.append("standard errors and df take the residual structure's parameters ("
                           + ", ".join(f"{k} {v:.6g}" for k, v in result.residual_parameters.items()) + ") as known")
    return result
