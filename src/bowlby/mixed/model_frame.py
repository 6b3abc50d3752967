"""From a table to model columns and group codes: which rows count, which levels there are, who belongs to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from bowlby.errors import UserError, problem
from bowlby.mixed import checks
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

DENSE = 20_000_000


"""Cells up to which weights are a full matrix; a platform's (a million patients by 25,000 therapists) never is."""


@dataclass(frozen=True)
class Membership:
    """Membership weights of patients in therapists.

    Attributes
    ----------
    weights : csr_array, shape (n_patients, n_therapists)
        A row a patient, or a row an observation of one; a row's weights sum to 1.
    columns : Index
        Therapists in sorted order.
    """

    weights: sparse.csr_array
    columns: pd.Index

    @classmethod
    def of(cls, therapists) -> Membership:
        """Of rows that belong to one therapist each, given by name."""
        codes, names = pd.factorize(np.asarray(therapists, dtype=object), sort=True)
        cells = (np.ones(len(codes)), (np.arange(len(codes)), codes))
        return cls(sparse.csr_array(cells, shape=(len(codes), len(names))), pd.Index(names, name="therapist"))

    @property
    def shape(self) -> tuple[int, int]:
        """Patients and therapists."""
        return self.weights.shape

    def to_numpy(self, dtype=float) -> np.ndarray:
        """The full matrix."""
        return self.weights.toarray().astype(dtype)

    def matrix(self) -> np.ndarray | sparse.csr_array:
        """The full matrix, or where it would be large the sparse one; :func:`within_between` takes either."""
        return self.to_numpy() if np.prod(self.shape, dtype=float) <= DENSE else self.weights

    def rows(self, chosen: np.ndarray) -> Membership:
        """The rows chosen by position (also several times) or by a mask."""
        return Membership(self.weights[chosen], self.columns)

    def without(self, therapist: str) -> Membership:
        """Without a therapist with whom no row shares anything."""
        kept = np.flatnonzero(self.columns != therapist)
        return Membership(self.weights[:, kept], self.columns[kept])

    def main(self) -> np.ndarray:
        """Each patient's therapist with the largest weight (the first of equals), as the number of a column."""
        indptr, indices, data = self.weights.indptr, self.weights.indices, self.weights.data
        largest = np.maximum.reduceat(data, indptr[:-1])
        place = np.where(data == np.repeat(largest, np.diff(indptr)), indices, self.shape[1])
        return np.minimum.reduceat(place, indptr[:-1])

    def switching(self) -> int:
        """Number of patients with more than one therapist."""
        return int((np.diff(self.weights.indptr) > 1).sum())


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
    weights: object | None
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

    @property
    def named(self) -> np.ndarray:
        """Boolean, True for the levels that exist in the data."""
        if isinstance(self.levels, pd.MultiIndex):
            return np.all(np.array(self.levels.codes) >= 0, axis=0)
        return self.levels.notna() if self.levels.hasnans else np.ones(len(self.levels), bool)

    def sorted_levels(self) -> np.ndarray:
        """Positions of the levels that exist, sorted by name; ids of several types by type first."""
        at = np.flatnonzero(self.named)
        rank = [ranks(part) for part in level_parts(self.levels[at])]
        return at[np.lexsort(rank[::-1])]


@dataclass
class Frame:
    """Model columns of the rows that are used."""

    rows: np.ndarray
    n_dropped: dict[str, int]
    y: np.ndarray
    names: list[str]
    x: list[np.ndarray | None]
    factors: list[Factor]
    weights: np.ndarray | None
    offset: np.ndarray | None
    categories: dict
    warnings: list[str]
    left_out: list[str] = field(default_factory=list)
    """Terms without a column: their text has one value in all rows."""
    labels: pd.Index | None = None
    """Row labels of the whole table; `rows` are positions in it."""
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
            raise UserError(problem(f"the {what} column '{value}' is not in the data", "name one that is"))
        series = plain(data[value])
        if not is_numeric(series) and not pd.api.types.is_bool_dtype(series.dtype):
            raise UserError(problem(f"the {what} column '{value}' is not numeric", "name a column of numbers"))
        return series
    array = checks.floats(checks.aligned(value, data.index, what), what)
    if array.shape != (len(data),):
        raise UserError(problem(f"{what} has shape {array.shape}, the data {len(data)} rows", "give one per row"))
    return pd.Series(array, index=data.index)


def _one_offset(spec: ModelSpec, offset):
    """The offset of the formula or the one that is given."""
    if spec.offset is not None and offset is not None:
        raise UserError(problem("an offset is in the formula and given as offset=", "keep one"))
    return spec.offset if offset is None else offset


def _offset_values(spec: ModelSpec, offset, data: pd.DataFrame) -> pd.Series | None:
    expression = dict(spec.computed).get(offset) if isinstance(offset, str) and offset == spec.offset else None
    if expression is None:
        return _vector(offset, data, "offset")
    absent = [name for name in expression.columns() if name not in data.columns]
    if absent:
        raise UserError([problem(f"no column '{name}' in the data", "correct the name or add the column")
                         for name in absent])
    made = computed({offset: expression}, data, data.index)
    given = np.all([~missing(plain(data[name])) for name in expression.columns()], axis=0)
    check_defined(made, given)
    return made[offset]


def _check_columns(spec: ModelSpec, data: pd.DataFrame, membership: dict) -> None:
    checks.frame_of(data)
    needed = spec.sources([*spec.variables(), *sorted(spec.taken_out)])
    needed += [g for r in spec.random for g in r.group if r.name not in membership]
    there = data.columns
    absent = [name for name in dict.fromkeys(needed) if name not in there]
    if absent:
        raise UserError([problem(f"no column '{name}' in the data", "correct the name or add the column")
                         for name in absent])
    twice = [] if data.columns.is_unique else [
        name for name in dict.fromkeys(needed) if (data.columns == name).sum() > 1]
    if twice:
        raise UserError([problem(f"the data have {(data.columns == name).sum()} columns '{name}'", "keep one")
                         for name in twice])
    if not spec.random:
        raise UserError(problem("the model has no random term", "add one, such as (1 | therapist)"))
    unknown = set(membership) - {r.name for r in spec.random}
    if unknown:
        raise UserError(problem(f"membership is given for '{sorted(unknown)[0]}', which is no random term's group",
                                "name a group of the model"))


def _loads_nothing(term: RandomTerm, data, rows: np.ndarray) -> bool:
    """Whether a random term is 0 on all of these rows, so that they need no level."""
    if INTERCEPT in term.terms:
        return False
    for names in term.terms:
        if not any(pd.api.types.is_numeric_dtype(data[n].dtype) and (data[n].to_numpy()[rows] == 0).all()
                   for n in names):
            return False
    return True


def build_frame(spec: ModelSpec, data: pd.DataFrame, membership=None, weights=None, offset=None,
                also_missing=()) -> Frame:
    """Select complete rows, build the design columns and code the groups.

    Rows are dropped for a missing outcome, predictor, group, weight or offset, and for weight 0; ``n_dropped``
    counts each row once, under its first reason. A missing group is no reason when the random terms of that
    group are 0 in the row (a random effect in one arm only). `also_missing` are further (array, reason) pairs.
    """
    membership = checks.mapping(membership, "membership", '{"therapist": W}')
    _check_columns(spec, data, membership)
    membership = {name: checks.membership_rows(w, data, f"membership of '{name}'") for name, w in membership.items()}
    n, labels = len(data), data.index
    offset = _one_offset(spec, offset)
    w, off = _vector(weights, data, "weights"), _offset_values(spec, offset, data)
    # Each column is taken from the table once: that is what costs in small models.
    groups = [name for r in spec.random if r.name not in membership for name in r.group]
    variables, sources = spec.variables(), spec.sources(spec.variables())
    of_offset = [] if spec.offset is None else spec.sources([spec.offset])
    data = {name: data[name] for name in dict.fromkeys([*sources, *of_offset, *groups])}
    data |= {name: plain(data[name]) for name in [*sources, *of_offset]}
    made = computed({name: e for name, e in spec.computed if name in variables}, data, labels)
    data |= made
    keep = np.ones(n, bool)
    n_dropped: dict[str, int] = {}

    def drop(bad: np.ndarray, reason: str) -> None:
        bad = bad & keep
        if bad.any():
            n_dropped[reason] = int(bad.sum())
            keep[bad] = False

    for name in sources:
        drop(missing(data[name]), f"{name} missing")
    for bad, reason in also_missing:
        drop(bad, reason)
    if off is not None:
        drop(missing(off), "offset missing")
    if w is not None:
        drop(missing(w), "weight missing")
        if (w[keep] < 0).any():
            raise UserError(problem(f"{int((w[keep] < 0).sum())} weights are negative", "give weights above 0"))
        if not (w[keep] > 0).any():
            raise UserError(problem("all weights are 0", "give weights above 0"))
        drop(w.to_numpy() == 0, "weight 0")
    for term in spec.random:
        if term.name in membership:
            continue
        for name in term.group:
            gone = missing(data[name]) & keep
            if gone.any() and not _loads_nothing(term, data, gone):
                drop(gone, f"{name} missing")

    rows = np.flatnonzero(keep)
    if rows.size == 0:
        raise UserError(problem("no complete row is left", "; ".join(f"{k}: {v}" for k, v in n_dropped.items())
                                or "the table is empty"))
    check_defined(made, rows)
    used = data if rows.size == n else {name: column.iloc[rows] for name, column in data.items()}
    if not pd.api.types.is_numeric_dtype(data[spec.outcome].dtype):
        raise UserError(problem(f"the outcome '{spec.outcome}' is not numeric", "give numbers"))
    y = numbers(used[spec.outcome], spec.outcome).astype(np.float64)
    cats = categories(used, [c for c in variables if c != spec.outcome], spec.categorical, dict(spec.references))
    names, x = design_columns(spec.fixed, spec.intercept, used, cats)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(problem(f"two fixed effects are named '{twice}'", "rename the column of that name"))
    frame = Frame(rows, n_dropped, y, names, x, [], None if w is None else numbers(w.iloc[rows], "weights"),
                  None if off is None else numbers(off.iloc[rows], "offset"), cats, [], labels=labels,
                  offset_column=offset if isinstance(offset, str) else None,
                  level=constant_columns(spec.fixed, spec.intercept, names, cats))
    frame.sources = {name: used[name] for name in [*sources, *of_offset] if name not in cats and name != spec.outcome}
    if spec.intercept:
        single = {name for name, category in cats.items() if len(category.levels) == 1}
        frame.left_out = [":".join(term) for term in spec.fixed if single & set(term)]
    for term in spec.random:
        _add_term(frame, term, used, membership, rows, n)
    return frame


def membership_matrix(value, group: str, n: int):
    """Weights (n, levels) as a sparse matrix, and the levels."""
    from scipy import sparse

    what = f"membership of '{group}'"
    levels = pd.Index(value.columns) if isinstance(value, (pd.DataFrame, Membership)) else None
    value = value.weights if isinstance(value, Membership) else value
    matrix = sparse.csr_matrix(value if sparse.issparse(value) else checks.floats(value, what), dtype=np.float64)
    if matrix.shape[0] != n:
        raise UserError(problem(f"{what} has {matrix.shape[0]} rows, the data {n}",
                                "give one row of weights per row of data"))
    return matrix, pd.RangeIndex(matrix.shape[1]) if levels is None else levels


def _used_weights(value, group: str, rows: np.ndarray, n: int):
    matrix, levels = membership_matrix(value, group, n)
    with np.errstate(invalid="ignore"):
        matrix = matrix[rows]
    if not np.isfinite(matrix.data).all():
        raise UserError(problem(f"membership of '{group}' has weights that are not finite",
                                "give every used row its weights"))
    matrix.eliminate_zeros()
    if not matrix.nnz:
        raise UserError(problem(f"membership of '{group}' is 0 in every row", "give the weights of the levels"))
    if len(rows) > 1 and np.bincount(matrix.indices).max() == 1:
        raise UserError(problem(f"each level of '{group}' has weight in one row only",
                                "its variance cannot be told from the residual's; drop the term or add rows"))
    return matrix, levels


def _add_term(frame: Frame, term: RandomTerm, used, membership, rows, n) -> None:
    factor = next((f for f in frame.factors if f.terms[0].group == term.group), None)
    if factor is None:
        if any(f.name == term.name for f in frame.factors):
            raise UserError(problem(f"two groups are named '{term.name}'", "rename the column of that name"))
        if term.name in membership:
            matrix, levels = _used_weights(membership[term.name], term.name, rows, n)
            factor = Factor(term.name, levels, None, matrix)
            share = np.asarray(matrix.sum(axis=1)).ravel()
            if np.abs(share - 1).max() > 1e-6:
                frame.warnings.append(f"membership weights of '{term.name}' do not sum to 1 in "
                                      f"{int((np.abs(share - 1) > 1e-6).sum())} rows")
        else:
            codes, levels = group_codes(term.group, used)
            if (codes < 0).any():
                codes, levels = np.where(codes < 0, len(levels), codes), with_missing(levels)
            factor = Factor(term.name, levels, codes, None)
        frame.factors.append(factor)
    single = [name for names in term.terms for name in names
              if name in frame.categories and len(frame.categories[name].levels) == 1]
    if single:
        raise UserError(problem(f"the random slope '{single[0]}' of '{term.name}' has one value in all rows",
                                "drop that slope"))
    for labels, basis in random_columns(term, used, frame.categories):
        twice = [label for label in labels if label in factor.labels]
        if twice:
            raise UserError(problem(f"the random term '{twice[0]}' of '{term.name}' is given twice", "keep one"))
        first = len(factor.labels)
        factor.labels += labels
        factor.basis += basis
        factor.blocks.append((list(range(first, first + len(labels))), term.correlated or len(labels) > 1))
    factor.terms.append(term)
