"""The columns, levels, weights and offset of new rows, as a fitted model needs them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem, refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.membership import Membership, membership_matrix
from bowlby.mixed.model_matrix import (
    check_defined,
    check_types,
    computed,
    design_columns,
    group_codes,
    is_numeric,
    level_parts,
    missing,
    numbers,
    plain,
)


def checked_membership(model, membership, random: bool) -> dict:
    """Membership weights of the new rows, of every group that has them where random effects take part."""
    membership = checks.mapping(membership, "membership", '{"therapist": W}')
    shared = {f.name for f in model.frame.factors if f.codes is None}
    checks.known(membership, shared, "the membership group")
    if random and shared - set(membership):
        raise UserError(
            [
                problem(
                    f"'{name}' has multiple membership",
                    f"give membership={{'{name}': W}} for the new rows, or random=False",
                )
                for name in sorted(shared - set(membership))
            ]
        )
    return membership


def complete(model, data: pd.DataFrame, slopes: bool, groups: bool) -> tuple[np.ndarray, pd.DataFrame]:
    """Which rows have all predictors, and these rows with the columns that the formula computes.

    `slopes` and `groups` say whether predictors of random slopes and grouping columns are needed as well.
    """
    spec, frame = model.spec, model.frame
    checks.frame_of(data, "the new data")
    needed = {n for term in spec.fixed for n in term}
    shared = {f.name for f in frame.factors if f.codes is None}
    names_of_groups = {g for r in spec.random for g in r.group}
    if slopes:
        needed |= {n for r in spec.random for term in r.terms for n in term}
    if groups:
        needed |= {g for r in spec.random for g in r.group if r.name not in shared}
    sources = spec.sources(sorted(needed))
    idle = [name for name in sources if name not in data.columns and _idle(name, model)]
    if idle:
        cats = frame.categories
        data = data.assign(**{name: cats[name].levels[0] if name in cats else 0.0 for name in idle})
    checks.columns(sources, data, "the new data", "add it")
    good = np.ones(len(data), bool)
    for name in set(sources) - names_of_groups:
        good &= ~missing(data[name])
    plain_ones = needed & set(sources) - names_of_groups
    used = data[good].assign(**{name: _as_fitted(data[name][good], name, frame) for name in plain_ones})
    made = computed({name: e for name, e in spec.computed if name in needed}, used, used.index)
    check_defined(made, np.arange(len(used)))
    return good, used.assign(**made)


def fixed_rows(model, data: pd.DataFrame) -> np.ndarray:
    """The fixed part's columns (n, p) in new rows; NaN where a predictor is missing or the row cannot be estimated.

    A row cannot be estimated where a column that the model dropped is not the combination of others that it was.
    """
    good, used = complete(model, data, slopes=False, groups=False)
    _, columns = design_columns(model.spec.fixed, model.spec.intercept, used, model.frame.categories)
    full = np.column_stack([np.ones(len(used)) if c is None else c for c in columns])
    kept = model.reduced.kept
    rows = full[:, kept]
    gone = [k for k in range(full.shape[1]) if k not in set(kept)]
    if gone:
        x, dependent = model.frame.columns(kept), model.frame.columns(gone)
        size = np.abs(x).max(axis=0)
        as_before = rows / size @ np.linalg.lstsq(x / size, dependent)[0]
        off = np.abs(full[:, gone] - as_before) > tol.RANK * (1 + np.abs(dependent).max(axis=0))
        rows[off.any(axis=1)] = np.nan
    out = np.full((len(data), len(kept)), np.nan)
    out[good] = rows
    return out


def _as_fitted(series: pd.Series, name: str, frame) -> pd.Series:
    """A column of the new data, which must be numbers where the model's was."""
    series = plain(series)
    if name not in frame.categories and not is_numeric(series):
        raise refusal(f"column '{name}' is not numeric in the new data, but was in the model's", "make it a number")
    return series


def offset_of(model, data: pd.DataFrame, offset):
    """The known part of the new rows."""
    if model.frame.offset is None and offset is None:
        return 0.0
    if offset is None:
        offset = model.frame.offset_column
        if offset is None:
            raise refusal("the model has an offset", "give offset= for the new rows, 0 for none")
    expression = dict(model.spec.computed).get(offset) if isinstance(offset, str) else None
    if expression is not None:
        checks.columns(expression.columns(), data, "the new data", "add it")
        return computed({offset: expression}, data, data.index)[offset].to_numpy()
    if isinstance(offset, str):
        if offset not in data.columns:
            raise refusal(f"no offset column '{offset}' in the new data", "add it, or give offset=, 0 for none")
        return numbers(plain(data[offset]), offset)
    values = checks.floats(checks.aligned(offset, data.index, "the offset"), "the offset")
    if values.shape not in ((), (len(data),)):
        raise refusal(f"the offset has shape {values.shape}, the new data {len(data)} rows", "give one per row")
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


def new_weights(factor, weights, data: pd.DataFrame):
    """Membership weights of the new rows for the model's levels; levels it has not seen have no effect."""
    from scipy import sparse

    what = f"membership of '{factor.name}'"
    matrix, levels = membership_matrix(checks.membership_rows(weights, data, what), factor.name, len(data))
    if not np.isfinite(matrix.data).all():
        raise refusal(f"{what} has weights that are not finite", "give every row its weights")
    if isinstance(weights, (pd.DataFrame, Membership)):
        check_types(factor.name, levels, factor.levels)
        at = levels.get_indexer(factor.levels)
        if (at < 0).all():
            raise refusal(f"{what} has no column that is a level of the model", "name columns by level")
        known = np.flatnonzero(at >= 0)
        turn = sparse.csr_matrix((np.ones(len(known)), (at[known], known)), shape=(matrix.shape[1], len(at)))
        return matrix @ turn
    if matrix.shape[1] != factor.n_levels:
        raise refusal(
            f"{what} has {matrix.shape[1]} columns, the model {factor.n_levels} levels",
            "give one column per level, or a DataFrame with their names",
        )
    return matrix


def known_levels(factor, used) -> np.ndarray:
    """Position of each row's level among the model's, -1 for one it has not seen."""
    group = factor.terms[0].group
    codes, levels = group_codes(group, used)
    for name, new, old in zip(group, level_parts(levels), level_parts(factor.levels), strict=True):
        check_types(name, new.unique(), old.unique())
    return np.append(factor.levels.get_indexer(levels) if len(levels) else np.zeros(0, dtype=np.intp), -1)[codes]
