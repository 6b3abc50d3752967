"""What callers give, checked where it enters: kind, labels, length and range; one line for each mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem, refusal

ADD_COLUMN = "correct the name or add the column"


def frame_of(data, what: str = "the data") -> pd.DataFrame:
    """`data` when it is a DataFrame."""
    if not isinstance(data, pd.DataFrame):
        raise refusal(f"{what} are a {type(data).__name__}", "give a pandas DataFrame")
    return data


def text(value, what: str) -> str:
    """`value` when it is text."""
    if not isinstance(value, str):
        raise refusal(f"{what} is of type {type(value).__name__}", "give text")
    return value


def flag(value, what: str) -> bool:
    """`value` when it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise refusal(f"{what} is {value!r}", "give True or False")
    return bool(value)


def mapping(value, what: str, example: str) -> dict:
    """`value` as a dict; empty for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refusal(f"{what} is of type {type(value).__name__}", f"give a dict such as {example}")
    return dict(value)


def known(names: Iterable, allowed: Iterable, what: str) -> None:
    """Stop at names that are not among those allowed."""
    allowed = list(allowed)
    odd = [name for name in names if name not in allowed]
    if odd:
        raise UserError(
            [problem(f"{what} '{name}' is not known", f"use {', '.join(map(str, allowed)) or 'none'}") for name in odd]
        )


def columns(names: Iterable[str], data: pd.DataFrame, what: str = "the data", do: str = ADD_COLUMN) -> None:
    """Stop at columns that are not in `data`."""
    absent = [name for name in dict.fromkeys(names) if name not in data.columns]
    if absent:
        raise UserError([problem(f"no column '{name}' in {what}", do) for name in absent])


def _scalar(value: Any) -> bool:
    return np.isscalar(value)


def confidence(level: Any) -> float:
    """A confidence level strictly between 0 and 1."""
    if isinstance(level, (bool, str)) or not _scalar(level) or not 0 < level < 1:
        raise refusal(f"the confidence level is {level!r}", "give a share between 0 and 1, such as 0.95")
    return float(level)


def whole(value, what: str, least: int = 0) -> int:
    """`value` when it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise refusal(f"{what} is {value!r}", f"give a whole number from {least}")
    return int(value)


def seed_sequence(seed) -> np.random.SeedSequence:
    """A seed, or a sequence of seeds, as NumPy's SeedSequence."""
    if isinstance(seed, np.random.SeedSequence):
        return seed
    try:
        return np.random.SeedSequence(seed)
    except (TypeError, ValueError):
        raise refusal(f"the seed is {seed!r}", "give a whole number from 0") from None


def starting_points(starts, count: int) -> tuple:
    """Starts of the optimiser: finite numbers, or arrays of the `count` covariance parameters."""
    what = problem(
        "the starts of the optimiser cannot be used", f"give at least one finite number or array of {count} numbers"
    )
    if isinstance(starts, str) or not isinstance(starts, Iterable):
        raise UserError(what)
    points = tuple(starts)
    for start in points:
        try:
            values = np.asarray(start, dtype=np.float64)
        except (TypeError, ValueError):
            raise UserError(what) from None
        if isinstance(start, str) or values.shape not in ((), (count,)) or not np.isfinite(values).all():
            raise UserError(what)
    if not points:
        raise UserError(what)
    return points


def floats(values, what: str) -> np.ndarray:
    """Numbers as float64, of any shape; text is refused even where it reads as a number."""
    array = np.asarray(values)
    if array.dtype.kind in "fiub":
        return array.astype(np.float64, copy=False)
    if array.dtype.kind == "O" and not any(isinstance(v, (str, bytes)) for v in array.ravel()):
        try:
            return pd.DataFrame(array).to_numpy(dtype=np.float64, na_value=np.nan).reshape(array.shape)
        except (TypeError, ValueError):
            pass
    raise refusal(f"{what} is not numeric", "give numbers")


def finite(values, what: str) -> np.ndarray:
    """Numbers as float64, none missing or infinite."""
    array = floats(values, what)
    if not np.isfinite(array).all():
        raise refusal(f"{what} has values that are missing or infinite", "give finite values")
    return array


def aligned(values, index: pd.Index, what: str):
    """A Series or DataFrame in the order of `index`, whose labels it must have; anything else as it is.

    Raises
    ------
    UserError
        When the labels differ, or the orders do and labels occur twice.
    """
    if not isinstance(values, (pd.Series, pd.DataFrame)) or values.index.equals(index):
        return values
    if len(values) == len(index):
        same = values.index.is_unique and index.is_unique and index.isin(values.index).all()
        if same:
            return values.reindex(index)
    elif isinstance(values, pd.DataFrame):
        raise refusal(f"{what} has {len(values)} rows, the data {len(index)}", "give one per row of data")
    else:
        raise refusal(f"{what} has {len(values)} values, the data {len(index)} rows", "give one per row")
    raise refusal(
        f"the row labels of {what} are not those of the data",
        "give it the index of the data, or an array in the order of the rows",
    )


def of_rows(values, labels: pd.Index, rows: np.ndarray, what: str) -> np.ndarray:
    """Finite numbers (nobs,) of the rows used.

    A Series goes by its labels, those of the rows used or of all rows of the data; an array by its order.
    """
    if isinstance(values, pd.Series) and len(values) == len(labels) != len(rows):
        values = aligned(values, labels, what).iloc[rows]
    elif isinstance(values, pd.Series):
        values = values if len(values) != len(rows) else aligned(values, labels[rows], what)
    array = floats(values, what)
    if array.shape != (len(rows),):
        raise refusal(f"{what} has shape {array.shape}", f"give {len(rows)} values")
    return finite(array, what)


def membership_rows(weights, data: pd.DataFrame, what: str):
    """Membership weights in the order of the rows of `data`.

    A DataFrame goes by its row labels: when its index is named as a column of the data, that column's (weights of
    patients, for rows of sessions), else those of the data. Memberships, arrays and sparse matrices go by
    their order.
    """
    if not isinstance(weights, pd.DataFrame):
        return weights
    if not weights.columns.is_unique:
        twice = weights.columns[weights.columns.duplicated()][0]
        raise refusal(f"{what} has two columns '{twice}'", "give each level one column")
    column = weights.index.name
    if not isinstance(column, str) or column not in data.columns:
        return aligned(weights, data.index, what)
    labels = pd.Index(data[column])
    if weights.index.equals(labels):
        return weights
    if not weights.index.is_unique or not labels.isin(weights.index).all():
        raise refusal(f"{what} has not one row for each '{column}' of the data", "add what is missing")
    return weights.loc[labels]
