"""Columns of text as codes, and the order of rows by several columns, without a comparison of each pair of texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bowlby.instruments.cells import combined

MOST_RUNS = 0.5


def factorize(values: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Codes in order of appearance, -1 where missing, and the different values.

    As :func:`pandas.factorize`, but equal texts in successive rows, such as the ids of sorted rows, are looked up once.
    """
    if values.dtype != "str" or len(values) < 2:
        return pd.factorize(values)
    texts = pa.array(values)
    starts = np.flatnonzero(pc.fill_null(pc.not_equal(texts[1:], texts[:-1]), True)) + 1
    if len(starts) > MOST_RUNS * len(values):
        return pd.factorize(values)
    starts = np.concatenate([[0], starts])
    codes, different = pd.factorize(values.array[starts])
    return np.repeat(codes, np.diff(starts, append=len(values))), pd.Index(different)


def different(values: pd.Series) -> np.ndarray:
    """The different values that are not missing, in order of appearance."""
    return factorize(values)[1].to_numpy(object)


def constant(text: str | None, rows: pd.Index) -> pd.Series:
    """The same text, or none, in each of some rows."""
    value = pa.scalar(text, pa.large_string())
    return pd.Series(pd.array(pa.repeat(value, len(rows)), dtype="str"), index=rows)


def ranks(table: pd.DataFrame, key: list[str]) -> np.ndarray:
    """A whole number for each row, in the order of the rows by some columns; equal ones where all of these are equal.

    Missing values are equal and come last.
    """
    return combined(_places(table[column]) for column in key)


def _places(values: pd.Series) -> np.ndarray:
    """Place of each value among the different ones, shape (n,); missing values have the last."""
    codes, found = factorize(values)
    place = np.empty(len(found) + 1, dtype=np.int64)
    place[found.argsort()] = np.arange(len(found))
    place[-1] = len(found)
    return place[codes]


def in_order(table: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The rows in the order of some columns, missing values last, with new row numbers."""
    order = np.argsort(ranks(table, key), kind="stable")
    sorted_already = np.array_equal(order, np.arange(len(table)))
    return (table if sorted_already else table.take(order)).reset_index(drop=True)


def repeated(table: pd.DataFrame, key: list[str]) -> np.ndarray:
    """Rows with the same values in some columns as an earlier row; missing values are equal."""
    if _ascending(table, key):
        return np.zeros(len(table), dtype=bool)
    return pd.Series(ranks(table, key)).duplicated().to_numpy()


def _ascending(table: pd.DataFrame, key: list[str]) -> bool:
    """Whether each row comes after the one above by some columns, without missing values as far as they decide it."""
    equal = np.ones(max(len(table) - 1, 0), dtype=bool)
    for column in key:
        if not equal.any():
            return True
        values = pa.array(table[column])
        if values.null_count or (equal & np.asarray(pc.less(values[1:], values[:-1]))).any():
            return False
        equal &= np.asarray(pc.equal(values[1:], values[:-1]))
    return not equal.any()
