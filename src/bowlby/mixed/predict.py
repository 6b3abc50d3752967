"""Predictions for new rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.mixed import checks
from bowlby.mixed.columns import (
    check_defined,
    computed,
    design_columns,
    is_numeric,
    missing,
    numbers,
    plain,
    random_columns,
)
from bowlby.mixed.frame import membership_matrix
from bowlby.mixed.levels import check_types, group_codes, level_parts
from bowlby.mixed.membership import Membership


def predict(result, data: pd.DataFrame, random: bool, membership=None, offset=None) -> np.ndarray:
    """Fixed part, and with `random` the part of known levels, of every row of `data`; NaN where a predictor is missing.

    Under multiple membership `membership` gives the weights of the new rows, by level name when a DataFrame. The offset
    is the column of `data` that was the model's, unless `offset` gives a column, a number or one value a row.
    """
    spec, frame = result.model.spec, result.model.frame
    checks.frame_of(data, "the new data")
    membership = checks.mapping(membership, "membership", '{"therapist": W}')
    shared = {f.name for f in frame.factors if f.codes is None}
    checks.known(membership, shared, "the membership group")
    if random and shared - set(membership):
        raise UserError([problem(f"'{name}' has multiple membership",
                                 f"give membership={{'{name}': W}} for the new rows, or random=False")
                         for name in sorted(shared - set(membership))])
    needed = {n for term in spec.fixed for n in term}
    if random:
        needed |= {n for r in spec.random for term in r.terms for n in term}
        needed |= {g for r in spec.random for g in r.group if r.name not in shared}
    sources = spec.sources(sorted(needed))
    absent = [name for name in sources if name not in data.columns]
    idle = [name for name in absent if _idle(name, result.model)]
    if idle:
        cats = frame.categories
        data = data.assign(**{name: cats[name].levels[0] if name in cats else 0.0 for name in idle})
        absent = [name for name in absent if name not in idle]
    if absent:
        raise UserError([problem(f"no column '{name}' in the new data", "add it") for name in absent])
    groups = {g for r in spec.random for g in r.group}
    good = np.ones(len(data), bool)
    for name in set(sources) - groups:
        good &= ~missing(data[name])
    plain_ones = needed & set(sources) - groups
    used = data[good].assign(**{name: _as_fitted(data[name][good], name, frame) for name in plain_ones})
    made = computed({name: e for name, e in spec.computed if name in needed}, used, used.index)
    check_defined(made, np.arange(len(used)))
    used = used.assign(**made)
    _, columns = design_columns(spec.fixed, spec.intercept, used, frame.categories)
    total = np.zeros(len(used))
    for k, value in zip(result.model.reduced.kept, result.params.to_numpy()):
        total += value if columns[k] is None else value * columns[k]
    if random:
        for factor, u in zip(result._data.factors, result._blups):
            weights = membership.get(factor.name)
            matrix = None if weights is None else _new_weights(factor, weights, data)[good]
            _add_known(total, factor, u, used, frame.categories, matrix)
    out = np.full(len(data), np.nan)
    out[good] = total
    return out if frame.offset is None and offset is None else out + _offset(result.model, data, offset)


def _as_fitted(series: pd.Series, name: str, frame) -> pd.Series:
    """A column of the new data, which must be numbers where the model's was."""
    series = plain(series)
    if name not in frame.categories and not is_numeric(series):
        raise UserError(problem(f"column '{name}' is not numeric in the new data, but was in the model's",
                                "make it a number"))
    return series


def _offset(model, data: pd.DataFrame, offset):
    """The known part of the new rows."""
    if offset is None:
        offset = model.frame.offset_column
        if offset is None:
            raise UserError(problem("the model has an offset", "give offset= for the new rows, 0 for none"))
    expression = dict(model.spec.computed).get(offset) if isinstance(offset, str) else None
    if expression is not None:
        absent = [name for name in expression.columns() if name not in data.columns]
        if absent:
            raise UserError([problem(f"no column '{name}' in the new data", "add it") for name in absent])
        return computed({offset: expression}, data, data.index)[offset].to_numpy()
    if isinstance(offset, str):
        if offset not in data.columns:
            raise UserError(problem(f"no offset column '{offset}' in the new data",
                                    "add it, or give offset=, 0 for none"))
        return numbers(plain(data[offset]), offset)
    values = checks.floats(checks.aligned(offset, data.index, "the offset"), "the offset")
    if values.shape not in ((), (len(data),)):
        raise UserError(problem(f"the offset has shape {values.shape}, the new data {len(data)} rows",
                                "give one per row"))
    return values


def _idle(name: str, model) -> bool:
    """Whether a column only makes predictors that were dropped as dependent."""
    others = [t for t in model.spec.fixed if name not in t]
    if any(name in expression.columns() for _, expression in model.spec.computed):
        return False
    if any(name in t for r in model.spec.random for t in (*r.terms, r.group)) or name in model.frame.categories:
        return False
    label = [t for t in model.spec.fixed if name in t]
    return len(others) < len(model.spec.fixed) and all(":".join(t) in model.dropped_columns for t in label)


def _new_weights(factor, weights, data: pd.DataFrame):
    """Membership weights of the new rows for the model's levels; levels it has not seen have no effect."""
    from scipy import sparse

    what = f"membership of '{factor.name}'"
    matrix, levels = membership_matrix(checks.membership_rows(weights, data, what), factor.name, len(data))
    if not np.isfinite(matrix.data).all():
        raise UserError(problem(f"{what} has weights that are not finite", "give every row its weights"))
    if isinstance(weights, (pd.DataFrame, Membership)):
        check_types(factor.name, levels, factor.levels)
        at = levels.get_indexer(factor.levels)
        if (at < 0).all():
            raise UserError(problem(f"{what} has no column that is a level of the model", "name columns by level"))
        known = np.flatnonzero(at >= 0)
        turn = sparse.csr_matrix((np.ones(len(known)), (at[known], known)), shape=(matrix.shape[1], len(at)))
        return matrix @ turn
    if matrix.shape[1] != factor.n_levels:
        raise UserError(problem(f"{what} has {matrix.shape[1]} columns, the model {factor.n_levels} levels",
                                "give one column per level, or a DataFrame with their names"))
    return matrix


def _add_known(total, factor, u, used, cats, weights) -> None:
    shares = _shares(factor, used, weights)
    position = 0
    for term in factor.terms:
        for column in (c for _, basis in random_columns(term, used, cats) for c in basis):
            effect = u[:, position]
            part = shares(effect)
            total += part if column is None else part * column
            position += 1


def _shares(factor, used, weights):
    """A function from effects of the levels to their sum in each row."""
    if factor.codes is None:
        return lambda effect: weights @ effect
    group = factor.terms[0].group
    codes, levels = group_codes(group, used)
    for name, new, old in zip(group, level_parts(levels), level_parts(factor.levels)):
        check_types(name, new.unique(), old.unique())
    at = np.append(factor.levels.get_indexer(levels) if len(levels) else np.zeros(0, dtype=np.intp), -1)[codes]
    return lambda effect: np.where(at >= 0, effect[at], 0.0)
