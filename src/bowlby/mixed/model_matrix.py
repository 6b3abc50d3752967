"""Columns of the design, and the levels that categories and grouping factors have.

Numbers enter as they are, categories as treatment contrasts, interactions as products.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem, refusal
from bowlby.mixed import tolerances as tol
from bowlby.mixed.terms import INTERCEPT, Expression, RandomTerm, Term

_KINDS = {"string": "text", "integer": "numbers", "floating": "numbers", "mixed-integer": "numbers and text"}
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")


def group_codes(group: tuple[str, ...], data) -> tuple[np.ndarray, pd.Index]:
    """Level number of every row (-1 where missing) and the levels, a MultiIndex of combinations."""
    parts = [_codes_of(data[name], name) for name in group]
    codes, levels = parts[0]
    if len(parts) == 1:
        return codes, levels
    gone = np.any([part < 0 for part, _ in parts], axis=0)
    for more, other in parts[1:]:
        both = np.where(gone, -1, codes.astype(np.int64) * max(len(other), 1) + more)
        kept, first, codes = np.unique(both, return_index=True, return_inverse=True)
    missing_one = int(kept.size > 0 and kept[0] < 0)
    first = first[missing_one:]
    levels = pd.MultiIndex([ids for _, ids in parts], [part[first] for part, _ in parts], names=list(group))
    return codes - missing_one, levels


def _codes_of(series: pd.Series, name: str) -> tuple[np.ndarray, pd.Index]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes, levels = series.array.codes.astype(np.intp), series.array.categories
        present = np.bincount(codes[codes >= 0], minlength=len(levels)) > 0
        if not present.all():
            renumber = np.where(present, np.cumsum(present) - 1, -1)
            codes, levels = np.where(codes >= 0, renumber[codes], -1), levels[present]
        return codes, levels
    # Of arrays, because factorizing a Series takes twice as long.
    codes, found = pd.factorize(series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array)
    levels = pd.Index(found, dtype=series.dtype)
    if levels.inferred_type.startswith("mixed"):
        texts = pd.Index(as_text(levels))
        if texts.has_duplicates:
            raise refusal(
                f"column '{name}' holds the id {texts[texts.duplicated()][0]} as a number and as text",
                "give all ids the same type",
            )
    return codes, levels


def with_missing(levels: pd.Index) -> pd.Index:
    """Levels and after them a missing one."""
    if isinstance(levels, pd.MultiIndex):
        return levels.set_codes([np.append(codes, -1) for codes in levels.codes])
    return pd.Index([*levels, None], dtype=object)


def level_parts(levels: pd.Index) -> list[pd.Index]:
    """The ids that levels consist of, one for each column of the group."""
    if isinstance(levels, pd.MultiIndex):
        return [levels.get_level_values(k) for k in range(levels.nlevels)]
    return [levels]


def as_text(ids: Iterable) -> list[str]:
    """Ids as they are read, 1, 1.0 and "1" alike."""
    return [str(int(i)) if isinstance(i, (float, np.floating)) and i.is_integer() else str(i) for i in ids]


def ranks(ids: pd.Index) -> np.ndarray:
    """Place of each id in their order; those of several types by type first."""
    codes, distinct = pd.factorize(ids)
    try:
        order = np.argsort(distinct, kind="stable")
    except TypeError:
        names = distinct.tolist()
        order = np.array(sorted(range(len(names)), key=lambda k: (type(names[k]).__name__, names[k])), dtype=np.intp)
    rank = np.empty(len(distinct), dtype=np.intp)
    rank[order] = np.arange(len(distinct))
    return rank[codes]


def check_types(name: str, new: pd.Index, old: pd.Index) -> None:
    """Stop at ids that are not the model's for their type alone, such as "1" for 1."""
    unseen = new[old.get_indexer(new) < 0]
    kinds = {_kind(new), _kind(old)}
    if not len(unseen) or kinds == {"text"}:
        return
    if (len(unseen) == len(new) and len(kinds) == 2) or not set(as_text(unseen)).isdisjoint(as_text(old)):
        raise refusal(
            f"the levels of '{name}' are {_kind(new)} in the new data but {_kind(old)} in the model's",
            "give them the same type",
        )


def _kind(levels: pd.Index) -> str:
    kind = levels.inferred_type
    return _KINDS.get(kind, kind)


@dataclass(frozen=True)
class Category:
    """Levels of a categorical column, in order; the first is the reference."""

    levels: tuple
    label: str


def is_numeric(series: pd.Series) -> bool:
    kind = series.dtype
    if isinstance(kind, np.dtype):
        return kind.kind in "iufc"
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def plain(series: pd.Series) -> pd.Series:
    """A column of Python numbers as numbers; missing ones, None and the like, make pandas keep them as objects."""
    if series.dtype != object or pd.api.types.infer_dtype(series, skipna=True) not in _NUMBERS:
        return series
    return pd.to_numeric(series).astype(np.float64)


def missing(series: pd.Series) -> np.ndarray:
    """Boolean array, True where a value is missing."""
    kind = series.dtype
    if isinstance(kind, np.dtype) and kind.kind in "iub":
        return np.zeros(len(series), bool)
    if isinstance(kind, np.dtype) and kind.kind == "f":
        return np.isnan(series.to_numpy())
    if isinstance(kind, pd.CategoricalDtype):
        return np.asarray(series.array.codes) < 0
    return np.asarray(series.array.isna())


def numbers(series: pd.Series, name: str) -> np.ndarray:
    """A numeric column as float64; complex, dates and infinite values are user errors."""
    kind = series.dtype
    if pd.api.types.is_complex_dtype(kind):
        raise refusal(f"column '{name}' is complex", "give real numbers")
    if isinstance(kind, np.dtype):
        values = series.to_numpy().astype(np.float64, copy=False)
    else:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    top = np.abs(values).max(initial=0.0)
    if tol.SMALLEST <= top <= tol.LARGEST or top == 0:
        return values
    if np.nanmax(np.abs(values), initial=0.0) < tol.SMALLEST and top > 0:
        raise refusal(f"column '{name}' has no value beyond 1e-100", "change the unit")
    infinite = np.isinf(values)
    if infinite.any():
        raise refusal(f"column '{name}' has {int(infinite.sum())} infinite values", "make them missing or correct them")
    if (np.abs(values) > tol.LARGEST).any():
        raise refusal(f"column '{name}' has values beyond 1e100", "correct them or change the unit")
    return values


def computed(expressions: Mapping[str, Expression], data: Mapping, index: pd.Index) -> dict[str, pd.Series]:
    """The columns that a formula computes, by name; NaN or infinite where they are not defined."""
    columns = {}
    for name in dict.fromkeys(source for expression in expressions.values() for source in expression.columns()):
        series = plain(data[name])
        if not (is_numeric(series) or pd.api.types.is_bool_dtype(series.dtype)) or series.dtype.kind == "c":
            raise refusal(
                f"column '{name}' is not numeric, but the formula computes with it",
                "make it a number, or use it as it is",
            )
        columns[name] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return {name: pd.Series(expression.values(columns), index=index) for name, expression in expressions.items()}


def check_defined(values: Mapping[str, pd.Series], rows: np.ndarray) -> None:
    """Stop where a computed column has no value in rows that have all that it is computed from."""
    counts = {name: int((~np.isfinite(series.to_numpy()[rows])).sum()) for name, series in values.items()}
    lines = [
        problem(
            f"{name} is not defined in {count} rows that have its columns",
            "correct these values, or make a column that is missing there",
        )
        for name, count in counts.items()
        if count
    ]
    if lines:
        raise UserError(lines)


def categories(
    data, names: Iterable[str], forced: frozenset[str], references: Mapping[str, str] | None = None
) -> dict[str, Category]:
    """Which of the columns are categorical, with the levels present in `data` (rows already complete).

    The first level is the reference, unless `references` names another.
    """
    by_column = {}
    for name in names:
        series = data[name]
        if is_numeric(series) and name not in forced:
            continue
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            raise refusal(f"column '{name}' holds dates", "make it a number, such as days since start")
        if pd.api.types.is_timedelta64_dtype(series.dtype) or isinstance(series.dtype, pd.PeriodDtype):
            raise refusal(f"column '{name}' holds spans of time", "make it a number, such as days")
        if isinstance(series.dtype, pd.CategoricalDtype):
            present = set(series.unique())
            levels = tuple(level for level in series.cat.categories if level in present)
        else:
            levels = _sorted_levels(series, name)
        if references and name in references:
            levels = _reference_first(levels, references[name], name)
        by_column[name] = Category(levels, f"C({name})" if name in forced else name)
    return by_column


def _reference_first(levels: tuple, reference: str, name: str) -> tuple:
    texts, wanted = as_text(levels), as_text([float(reference)])[0] if _is_float(reference) else reference
    at = next((k for k, text in enumerate(texts) if text in (reference, wanted)), None)
    if at is None:
        raise refusal(
            f"column '{name}' has no level '{reference}' in the rows used",
            f"name one of {', '.join(texts)} as its reference",
        )
    return (levels[at], *levels[:at], *levels[at + 1 :])


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sorted_levels(series: pd.Series, name: str) -> tuple:
    try:
        return tuple(sorted(series.unique().tolist(), key=lambda v: (str(type(v)), v)))
    except TypeError:
        kind = type(series.iloc[0]).__name__
        raise refusal(f"column '{name}' holds values of type {kind}", "give numbers or text") from None


def _pieces(name: str, data, category: Category | None, full: bool):
    """The label and values of each column that one variable contributes."""
    if category is None:
        return [(name, numbers(data[name], name))]
    codes = pd.Index(category.levels).get_indexer(data[name])
    if (codes < 0).any():
        odd = data[name][codes < 0].iloc[0]
        raise refusal(
            f"column '{name}' has the level '{odd}', which the model has not seen",
            f"use one of {', '.join(map(str, category.levels))}",
        )
    start, mark = (0, "[{}]") if full else (1, "[T.{}]")
    return [
        (category.label + mark.format(level), (codes == k).astype(np.float64))
        for k, level in enumerate(category.levels)
        if k >= start
    ]


def codings(terms: Iterable[Term], intercept: bool, cats: dict[str, Category]) -> list[tuple[Term, set[str]]]:
    """Terms in the order of their columns, main effects before interactions, each with its categories coded in full.

    A category has contrasts to its first level where the term without it is in the model too, and a column for
    every level where not (the rule of R and patsy).
    """
    ordered = sorted((t for t in terms if t != INTERCEPT), key=len)
    present: set[frozenset[str]] = {frozenset(t) for t in ordered} | ({frozenset()} if intercept else set())
    out = []
    for term in ordered:
        out.append((term, {name for name in term if name in cats and frozenset(term) - {name} not in present}))
        # A factor coded in full takes the place of its margin, so later terms may use contrasts.
        if len(term) == 1 and term[0] in cats and not intercept:
            present.add(frozenset())
    return out


def design_columns(
    terms: Iterable[Term], intercept: bool, data, cats: dict[str, Category]
) -> tuple[list[str], list[np.ndarray | None]]:
    """Names and values of the columns of a list of terms, coded as :func:`codings` says.

    Parameters
    ----------
    terms : iterable of Term
    intercept : bool
    data : DataFrame or dict of Series, n rows without missing values
    cats : dict
        From :func:`categories`.

    Returns
    -------
    names : list of str
    columns : list of ndarray, shape (n,); None stands for a column of ones
    """
    names: list[str] = ["Intercept"] if intercept else []
    columns: list[np.ndarray | None] = [None] if intercept else []
    for term, full in codings(terms, intercept, cats):
        parts = [("", None)]
        for name in term:
            parts = [
                (f"{a}:{b}" if a else b, y if x is None else x * y)
                for a, x in parts
                for b, y in _pieces(name, data, cats.get(name), name in full)
            ]
        names += [label for label, _ in parts]
        columns += [values for _, values in parts]
    return names, columns


def constant_columns(terms: Iterable[Term], intercept: bool, names: list[str], cats: dict[str, Category]) -> np.ndarray:
    """1 for the columns of :func:`design_columns` that sum to one in every row, 0 for others.

    These are the intercept, or all columns of the first category, or product of categories, that is coded in full.
    """
    for term in [INTERCEPT] if intercept else sorted(terms, key=len):
        levels = [[f"{cats[name].label}[{level}]" for level in cats[name].levels] for name in term if name in cats]
        own = {":".join(parts) for parts in product(*levels)} if term else {"Intercept"}
        if len(levels) == len(term) and own <= set(names):
            return np.array([float(name in own) for name in names])
    return np.zeros(len(names))


def random_columns(
    term: RandomTerm, data, cats: dict[str, Category]
) -> list[tuple[list[str], list[np.ndarray | None]]]:
    """Names and columns of a random term, one pair for each set of effects that may covary.

    Without correlations (``||``) each term stands for itself, as in lme4: a category has a column for every level, and
    these covary with each other.
    """
    slopes = [t for t in term.terms if t != INTERCEPT]
    if term.correlated:
        return [design_columns(slopes, INTERCEPT in term.terms, data, cats)]
    first: list[tuple[list[str], list[np.ndarray | None]]] = (
        [(["Intercept"], [None])] if INTERCEPT in term.terms else []
    )
    return first + [design_columns([t], False, data, cats) for t in sorted(slopes, key=len)]
