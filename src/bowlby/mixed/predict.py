"""Predictions for new rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.mixed.columns import design_columns, missing, plain
from bowlby.mixed.frame import group_codes
from bowlby.mixed.spec import INTERCEPT


def predict(result, data: pd.DataFrame, random: bool, membership=None, offset=None) -> np.ndarray:
    """Fixed part, and with `random` the part of known levels, of every row of `data`; NaN where a predictor is missing.

    Under multiple membership `membership` gives the weights of the new rows, by level name when a DataFrame.
    """
    spec, frame = result.model.spec, result.model.frame
    needed = {n for term in spec.fixed for n in term}
    if random:
        needed |= {n for r in spec.random for term in r.terms for n in term}
        needed |= {g for r in spec.random for g in r.group if r.name not in (membership or {})}
    absent = [name for name in sorted(needed) if name not in data.columns]
    idle = [name for name in absent if _idle(name, result.model)]
    if idle:
        cats = frame.categories
        data = data.assign(**{name: cats[name].levels[0] if name in cats else 0.0 for name in idle})
        absent = [name for name in absent if name not in idle]
    if absent:
        raise UserError([problem(f"no column '{name}' in the new data", "add it") for name in absent])
    groups = {g for r in spec.random for g in r.group}
    good = np.ones(len(data), bool)
    for name in needed - groups:
        good &= ~missing(data[name])
    used = data[good].assign(**{name: plain(data[name][good]) for name in needed - groups})
    _, columns = design_columns(spec.fixed, spec.intercept, used, frame.categories)
    total = np.zeros(len(used))
    for k, value in zip(result.model.reduced.kept, result.params.to_numpy()):
        total += value if columns[k] is None else value * columns[k]
    if random:
        for factor, u in zip(result._data.factors, result._blups):
            _add_known(total, factor, u, used, frame.categories, (membership or {}).get(factor.name), good)
    out = np.full(len(data), np.nan)
    out[good] = total
    if offset is not None:
        out += data[offset].to_numpy() if isinstance(offset, str) else np.asarray(offset)
    return out


def _idle(name: str, model) -> bool:
    """Whether a column only makes predictors that were dropped as dependent."""
    others = [t for t in model.spec.fixed if name not in t]
    if any(name in t for r in model.spec.random for t in (*r.terms, r.group)) or name in model.frame.categories:
        return False
    label = [t for t in model.spec.fixed if name in t]
    return len(others) < len(model.spec.fixed) and all(":".join(t) in model.dropped_columns for t in label)


def _add_known(total, factor, u, used, cats, weights, good) -> None:
    shares = _shares(factor, used, weights, good)
    position = 0
    for term in factor.terms:
        _, basis = design_columns([t for t in term.terms if t], INTERCEPT in term.terms, used, cats)
        for column in basis:
            effect = u[:, position]
            part = shares(effect)
            total += part if column is None else part * column
            position += 1


def _shares(factor, used, weights, good):
    """A function from effects of the levels to their sum in each row."""
    if factor.codes is None:
        if weights is None:
            raise UserError(problem(f"'{factor.name}' has multiple membership",
                                    "give membership={'" + factor.name + "': W} for the new rows"))
        if isinstance(weights, pd.DataFrame):
            matrix = weights.reindex(columns=factor.levels, fill_value=0.0).to_numpy(dtype=np.float64)
        else:
            matrix = weights.toarray() if hasattr(weights, "toarray") else np.asarray(weights, dtype=np.float64)
        return lambda effect: matrix[good] @ effect
    codes, levels = group_codes(factor.terms[0].group, used)
    at = factor.levels.get_indexer(levels) if len(levels) else np.zeros(0, dtype=np.intp)
    at = np.append(at, -1)[codes]
    return lambda effect: np.where(at >= 0, effect[at], 0.0)
