"""From a table to model columns and group codes: which rows count, which levels there are, who belongs to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from scipy import sparse

from bowlby.errors import UserError, existing, problem, refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.membership import used_weights
from bowlby.mixed.model_matrix import (
    categories,
    check_defined,
    computed,
    constant_columns,
    design_columns,
    group_codes,
    is_numeric,
    level_parts,
    missing,
    numbers,
    plain,
    random_columns,
    ranks,
    with_missing,
)
from bowlby.mixed.terms import INTERCEPT, ModelSpec, RandomTerm


@lru_cache(maxsize=64)
def as_labels(names: tuple[str, ...]) -> pd.Index:
    """Names as pandas' labels, whose making costs a small model more than its algebra."""
    return pd.Index(names)


@dataclass
class Factor:
    """One grouping factor with everything that varies between its levels.

    Attributes
    ----------
    name : str
    levels : pandas Index, length n_levels
        A MultiIndex of combined groups. The level of rows without one (partially nested designs), on which nothing
        loads, is missing.
    codes : ndarray of int, shape (n,), or None under multiple membership
    weights : scipy sparse CSR, shape (n, n_levels), or None
    labels : list of str, length q
    basis : list of ndarray (n,) or None for ones, length q
    blocks : list of (list of positions in `labels`, correlated)
    """

    name: str
    levels: pd.Index
    codes: np.ndarray | None
    weights: sparse.csr_matrix | None
    labels: list[str] = field(default_factory=list)
    basis: list[np.ndarray | None] = field(default_factory=list)
    blocks: list[tuple[list[int], bool]] = field(default_factory=list)
    terms: list[RandomTerm] = field(default_factory=list)

    @property
    def known_zero(self) -> set[str]:
        """Labels of effects whose variance counts as known where it is estimated as 0."""
        return {name for term in self.terms for name in term.known_zero}

    @property
    def n_levels(self) -> int:
        return len(self.levels)

    def membership(self, codes: np.ndarray | None = None) -> sparse.csr_matrix:
        """Which level each row belongs to, or with what weight, (n, n_levels); of other rows by their levels' codes.

        A row whose code is negative belongs to none.
        """
        if self.weights is not None and codes is None:
            return self.weights
        codes = existing(self.codes) if codes is None else codes
        rows = np.flatnonzero(codes >= 0)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, codes[rows])), shape=(len(codes), self.n_levels))

    @cached_property
    def named(self) -> np.ndarray:
        """Boolean, True for the levels that exist in the data."""
        if isinstance(self.levels, pd.MultiIndex):
            return np.all(np.array(self.levels.codes) >= 0, axis=0)
        return ~np.asarray(self.levels.array.isna())

    @cached_property
    def sorted_levels(self) -> np.ndarray:
        """Positions of the levels that exist, sorted by name; ids of several types by type first."""
        at = np.flatnonzero(self.named)
        rank = [ranks(part) for part in level_parts(self.levels[at])]
        return at[np.lexsort(rank[::-1])]


@dataclass
class Frame:
    """Model columns of the rows that are used."""

    y: np.ndarray
    names: list[str]
    x: list[np.ndarray | None]
    categories: dict
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))
    labels: pd.Index = field(default_factory=lambda: as_labels(()))
    """Row labels of the whole table; `rows` are positions in it."""
    n_dropped: dict[str, int] = field(default_factory=dict)
    factors: list[Factor] = field(default_factory=list)
    weights: np.ndarray | None = None
    offset: np.ndarray | None = None
    warnings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Terms without a column: their text has one value in all rows."""
    offset_column: str | None = None
    sources: dict[str, pd.Series] = field(default_factory=dict)
    """Numeric columns of the rows used that predictors and the formula's offset are made of."""
    level: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Predictors (p,) that sum to the constant, see :class:`bowlby.mixed.covariance_parameters.Scaling`."""

    def columns(self, which) -> np.ndarray:
        """Columns of the fixed part by their numbers, (n, len(which))."""
        return np.column_stack([np.ones(len(self.y)) if self.x[k] is None else self.x[k] for k in which])


def _vector(value, data: pd.DataFrame, what: str) -> pd.Series | None:
    if value is None:
        return None
    if isinstance(value, str):
        if value not in data.columns:
            raise refusal(f"the {what} column '{value}' is not in the data", "name one that is")
        series = plain(data[value])
        if not is_numeric(series) and not pd.api.types.is_bool_dtype(series.dtype):
            raise refusal(f"the {what} column '{value}' is not numeric", "name a column of numbers")
        return series
    array = checks.floats(checks.aligned(value, data.index, what), what)
    if array.shape != (len(data),):
        raise refusal(f"{what} has shape {array.shape}, the data {len(data)} rows", "give one per row")
    return pd.Series(array, index=data.index)


def _one_offset(spec: ModelSpec, offset):
    """The offset of the formula or the one that is given."""
    if spec.offset is not None and offset is not None:
        raise refusal("an offset is in the formula and given as offset=", "keep one")
    return spec.offset if offset is None else offset


def _offset_values(spec: ModelSpec, offset, data: pd.DataFrame) -> pd.Series | None:
    expression = dict(spec.computed).get(offset) if isinstance(offset, str) and offset == spec.offset else None
    if expression is None:
        return _vector(offset, data, "offset")
    checks.columns(expression.columns(), data)
    made = computed({offset: expression}, data, data.index)
    given = np.all([~missing(plain(data[name])) for name in expression.columns()], axis=0)
    check_defined(made, given)
    return made[offset]


def _check_columns(spec: ModelSpec, data: pd.DataFrame, membership: dict) -> None:
    checks.frame_of(data)
    needed = spec.sources([*spec.variables, *sorted(spec.taken_out)])
    needed += [g for r in spec.random for g in r.group if r.name not in membership]
    checks.columns(needed, data)
    if data.columns.is_unique:
        twice = []
    else:
        twice = [name for name in dict.fromkeys(needed) if (data.columns == name).sum() > 1]
    if twice:
        raise UserError(
            [problem(f"the data have {(data.columns == name).sum()} columns '{name}'", "keep one") for name in twice]
        )
    if not spec.random:
        raise refusal("the model has no random term", "add one, such as (1 | therapist)")
    unknown = set(membership) - {r.name for r in spec.random}
    if unknown:
        raise refusal(
            f"membership is given for '{sorted(unknown)[0]}', which is no random term's group",
            "name a group of the model",
        )


def _loads_nothing(term: RandomTerm, data, rows: np.ndarray) -> bool:
    """Whether a random term is 0 on all of these rows, so that they need no level."""
    if INTERCEPT in term.terms:
        return False
    for names in term.terms:
        if not any(
            pd.api.types.is_numeric_dtype(data[n].dtype) and (data[n].to_numpy()[rows] == 0).all() for n in names
        ):
            return False
    return True


def build_frame(
    spec: ModelSpec, data: pd.DataFrame, membership=None, weights=None, offset=None, also_missing=()
) -> Frame:
    """Select complete rows, build the design columns and code the groups.

    Rows are dropped for a missing outcome, predictor, group, weight or offset, and for weight 0; ``n_dropped``
    counts each row once, under its first reason. A missing group is no reason when the random terms of that
    group are 0 in the row (a random effect in one arm only).

    Parameters
    ----------
    spec : ModelSpec
    data : DataFrame
    membership : dict, optional
        Weights (n, levels) by group, of groups under multiple membership.
    weights, offset : str or array_like (n,), optional
    also_missing : iterable of (ndarray of bool (n,), str)
        Further rows to drop, with the reason.

    Raises
    ------
    UserError
        If a column is absent, given twice or of the wrong kind, or no row is left.
    """
    membership = checks.mapping(membership, "membership", '{"therapist": W}')
    _check_columns(spec, data, membership)
    membership = {name: checks.membership_rows(w, data, f"membership of '{name}'") for name, w in membership.items()}
    offset = _one_offset(spec, offset)
    w, off = _vector(weights, data, "weights"), _offset_values(spec, offset, data)
    columns, made = _columns(spec, data, membership)
    rows = _Rows(len(data))
    rows.drop_incomplete(spec, columns, also_missing)
    rows.drop_unweighted(w, off)
    rows.drop_without_group(spec, columns, membership)
    at = rows.used()
    check_defined(made, at)
    used = columns if at.size == len(data) else {name: column.iloc[at] for name, column in columns.items()}
    frame = _fixed_part(spec, used)
    frame.rows, frame.n_dropped, frame.labels = at, rows.n_dropped, data.index
    frame.weights = None if w is None else numbers(w.iloc[at], "weights")
    frame.offset = None if off is None else numbers(off.iloc[at], "offset")
    frame.offset_column = offset if isinstance(offset, str) else None
    for term in spec.random:
        _add_term(frame, term, used, membership, at, len(data))
    return frame


def _columns(spec: ModelSpec, data: pd.DataFrame, membership: dict) -> tuple[dict, dict]:
    """Every column that the model needs, and those of them that the formula computes.

    Each is taken from the table once: that is what costs in small models.
    """
    groups = [name for r in spec.random if r.name not in membership for name in r.group]
    plain_ones = [*spec.sources(spec.variables), *_sources_of_offset(spec)]
    columns = {name: data[name] for name in dict.fromkeys([*plain_ones, *groups])}
    columns |= {name: plain(columns[name]) for name in plain_ones}
    variables = spec.variables
    made = computed({name: e for name, e in spec.computed if name in variables}, columns, data.index)
    return columns | made, made


def _sources_of_offset(spec: ModelSpec) -> list[str]:
    return [] if spec.offset is None else spec.sources([spec.offset])


class _Rows:
    """The rows that are left, and how many were dropped for which reason."""

    def __init__(self, n: int):
        self.keep = np.ones(n, bool)
        self.n_dropped: dict[str, int] = {}

    def drop(self, bad: np.ndarray, reason: str) -> None:
        """Drop those of these rows that are left, and count them under the reason."""
        if bad.any() and (bad := bad & self.keep).any():
            self.n_dropped[reason] = int(bad.sum())
            self.keep[bad] = False

    def drop_incomplete(self, spec: ModelSpec, columns: dict, also_missing) -> None:
        """Rows without outcome or predictor, then those that the caller names."""
        for name in spec.sources(spec.variables):
            self.drop(missing(columns[name]), f"{name} missing")
        for bad, reason in also_missing:
            self.drop(bad, reason)

    def drop_unweighted(self, weights: pd.Series | None, offset: pd.Series | None) -> None:
        """Rows without offset or weight, or of weight 0."""
        if offset is not None:
            self.drop(missing(offset), "offset missing")
        if weights is None:
            return
        self.drop(missing(weights), "weight missing")
        left = weights[self.keep]
        if (left < 0).any():
            raise refusal(f"{int((left < 0).sum())} weights are negative", "give weights above 0")
        if not (left > 0).any():
            raise refusal("all weights are 0", "give weights above 0")
        self.drop(weights.to_numpy() == 0, "weight 0")

    def drop_without_group(self, spec: ModelSpec, columns: dict, membership: dict) -> None:
        """Rows without a level of a group, unless the group's random term is 0 there."""
        for term in spec.random:
            for name in () if term.name in membership else term.group:
                gone = missing(columns[name])
                if gone.any() and (gone := gone & self.keep).any() and not _loads_nothing(term, columns, gone):
                    self.drop(gone, f"{name} missing")

    def used(self) -> np.ndarray:
        """Positions of the rows that are left; a UserError where there is none."""
        at = np.flatnonzero(self.keep)
        if at.size == 0:
            why = "; ".join(f"{reason}: {n}" for reason, n in self.n_dropped.items())
            raise refusal("no complete row is left", why or "the table is empty")
        return at


def _fixed_part(spec: ModelSpec, used: dict) -> Frame:
    """Outcome and columns of the fixed part in the rows used; what else a frame has is still to come."""
    if not pd.api.types.is_numeric_dtype(used[spec.outcome].dtype):
        raise refusal(f"the outcome '{spec.outcome}' is not numeric", "give numbers")
    y = numbers(used[spec.outcome], spec.outcome).astype(np.float64)
    predictors = [name for name in spec.variables if name != spec.outcome]
    cats = categories(used, predictors, spec.categorical, dict(spec.references))
    names, x = design_columns(spec.fixed, spec.intercept, used, cats)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise refusal(f"two fixed effects are named '{twice}'", "rename the column of that name")
    frame = Frame(y, names, x, cats, level=constant_columns(spec.fixed, spec.intercept, names, cats))
    numeric = [*spec.sources(spec.variables), *_sources_of_offset(spec)]
    frame.sources = {name: used[name] for name in numeric if name not in cats and name != spec.outcome}
    if spec.intercept:
        single = {name for name, category in cats.items() if len(category.levels) == 1}
        frame.left_out = [":".join(term) for term in spec.fixed if single & set(term)]
    return frame


def _add_term(frame: Frame, term: RandomTerm, used, membership, rows, n) -> None:
    factor = next((f for f in frame.factors if f.terms[0].group == term.group), None)
    if factor is None:
        if any(f.name == term.name for f in frame.factors):
            raise refusal(f"two groups are named '{term.name}'", "rename the column of that name")
        if term.name in membership:
            matrix, levels = used_weights(membership[term.name], term.name, rows, n)
            factor = Factor(term.name, levels, None, matrix)
            share = np.asarray(matrix.sum(axis=1)).ravel()
            if np.abs(share - 1).max() > tol.WEIGHT_SUM:
                frame.warnings.append(
                    f"membership weights of '{term.name}' do not sum to 1 in "
                    f"{int((np.abs(share - 1) > tol.WEIGHT_SUM).sum())} rows"
                )
        else:
            codes, levels = group_codes(term.group, used)
            if (codes < 0).any():
                codes, levels = np.where(codes < 0, len(levels), codes), with_missing(levels)
            factor = Factor(term.name, levels, codes, None)
        frame.factors.append(factor)
    single = [
        name
        for names in term.terms
        for name in names
        if name in frame.categories and len(frame.categories[name].levels) == 1
    ]
    if single:
        raise refusal(f"the random slope '{single[0]}' of '{term.name}' has one value in all rows", "drop that slope")
    for labels, basis in random_columns(term, used, frame.categories):
        twice = [label for label in labels if label in factor.labels]
        if twice:
            raise refusal(f"the random term '{twice[0]}' of '{term.name}' is given twice", "keep one")
        first = len(factor.labels)
        factor.labels += labels
        factor.basis += basis
        factor.blocks.append((list(range(first, first + len(labels))), term.correlated or len(labels) > 1))
    factor.terms.append(term)
