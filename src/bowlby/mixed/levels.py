"""Levels of grouping factors: the ids that make them, their codes and their order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem

_KINDS = {"string": "text", "integer": "numbers", "floating": "numbers", "mixed-integer": "numbers and text"}


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
    codes, levels = pd.factorize(series)
    levels = pd.Index(levels)
    if levels.inferred_type.startswith("mixed"):
        texts = pd.Index(as_text(levels))
        if texts.has_duplicates:
            raise UserError(problem(f"column '{name}' holds the id {texts[texts.duplicated()][0]} as a number and as "
                                    "text", "give all ids the same type"))
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
        order = sorted(range(len(names)), key=lambda k: (type(names[k]).__name__, names[k]))
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
        raise UserError(problem(f"the levels of '{name}' are {_kind(new)} in the new data but {_kind(old)} in the "
                                "model's", "give them the same type"))


def _kind(levels: pd.Index) -> str:
    kind = levels.inferred_type
    return _KINDS.get(kind, kind)
