"""Estimated means of the levels of categories, the other predictors held alike (least-squares means)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.mixed import checks
from bowlby.mixed.predict import fixed_rows, offset_of


def means(result, factors, at, method: str, level: float) -> pd.DataFrame:
    """See :meth:`bowlby.mixed.result.MixedResult.means`."""
    model = result.model
    cats = model.frame.categories
    factors = [factors] if isinstance(factors, str) else list(factors)
    other = [name for name in factors if name not in cats]
    if not factors or other:
        what = f"'{other[0]}' is no category of the model" if other else "no factor is named"
        raise UserError(problem(what, f"name {', '.join(cats) or 'none: the model has no category'}"))
    grid = _grid(model, checks.mapping(at, "at", '{"x": 0}'))
    rows = fixed_rows(model, grid)
    offset = _offset(model, grid)
    wanted = grid[factors].drop_duplicates().reset_index(drop=True)
    members = [(grid[factors] == one).all(axis=1).to_numpy() for _, one in wanted.iterrows()]
    unknown = (np.nan, np.nan, np.nan)
    tests = [result._row(rows[m].mean(axis=0), method) if np.isfinite(rows[m]).all() else unknown for m in members]
    table = result._table(tests, range(len(tests)), level)
    known = np.array([offset[m].mean() for m in members])
    for column in ("estimate", "ci_low", "ci_high"):
        table[column] += known
    return wanted.join(table[["estimate", "se", "df", "ci_low", "ci_high"]])


def _grid(model, at: dict) -> pd.DataFrame:
    """All combinations of levels, numbers at their mean or at the value that is given."""
    frame, spec = model.frame, model.spec
    sources = spec.sources([name for term in spec.fixed for name in term])
    if spec.offset is not None:
        sources = list(dict.fromkeys([*sources, *spec.sources([spec.offset])]))
    checks.known(at, sources, "the predictor")
    values = {}
    for name in sources:
        if name in frame.categories:
            values[name] = list(frame.categories[name].levels)
            if name in at and at[name] not in values[name]:
                raise UserError(problem(f"'{at[name]}' is no level of '{name}'",
                                        f"use one of {', '.join(map(str, values[name]))}"))
        elif name not in at:
            if name not in frame.sources:
                raise UserError(problem(f"the mean of '{name}' is not known", f'give at={{"{name}": value}}'))
            values[name] = [float(frame.sources[name].astype(np.float64).mean())]
        if name in at:
            values[name] = [at[name] if name in frame.categories else checks.finite(at[name], f"at '{name}'").item()]
    return pd.DataFrame(list(product(*values.values())), columns=list(values))


def _offset(model, grid: pd.DataFrame) -> np.ndarray:
    """The known part of the outcome on the grid; the mean of one that is not in the formula."""
    if model.frame.offset is None:
        return np.zeros(len(grid))
    if model.spec.offset is None:
        return np.full(len(grid), model.frame.offset.mean())
    return np.asarray(offset_of(model, grid, None))
