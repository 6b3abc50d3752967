"""Rows of a table by role, target and occasion (a cell), where a person counts once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

CELL = ["role", "about", "occasion"]
TEXTS = [*CELL, "person", "therapist", "source_file"]


def coded(*tables: pd.DataFrame | None) -> list[Any]:
    """Tables with their texts as categories, so that rows are grouped by numbers.

    Parameters
    ----------
    tables : DataFrame or None
        The first has all rows; the others have the same rows, or some of them.

    Returns
    -------
    list of DataFrame or None
    """
    made: dict[int, pd.DataFrame] = {}
    texts: dict[str, pd.Series] = {}
    for table in tables:
        if table is None or id(table) in made:
            continue
        own = {}
        for c in (c for c in TEXTS if c in table.columns):
            if c in texts and len(texts[c]) == len(table):
                own[c] = texts[c]
            else:
                own[c] = table[c].astype("category")
                texts.setdefault(c, own[c])
        made[id(table)] = table.assign(**own)
    return [None if table is None else made[id(table)] for table in tables]


def codes(values: pd.Series) -> np.ndarray:
    """A number from 0 for each value, the same for the same; -1 where there is none."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy()
    return pd.factorize(values)[0]


def combined(numbers: Iterable[np.ndarray]) -> np.ndarray:
    """A whole number for each combination of several numbers of a row, in the order of the combinations.

    Parameters
    ----------
    numbers : iterable of ndarray of int, each of shape (n,)
        One or more, from 0; missing (-1) comes first.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    rows = iter(numbers)
    out = next(rows).astype(np.int64) + 1
    size = int(out.max(initial=0)) + 1
    for own in rows:
        levels = int(own.max(initial=-1)) + 2
        if size * levels > np.iinfo(np.int64).max:
            used, out = np.unique(out, return_inverse=True)
            size = len(used)
        out *= levels
        out += own
        out += 1
        size *= levels
    return out


def rows_of(table: pd.DataFrame, columns: list[str]) -> list[tuple[tuple, np.ndarray]]:
    """Positions of the rows with each combination of values of some columns, in the order of the values."""
    number = pd.factorize(combined([codes(table[c]) for c in columns]))[0]
    number = number.astype(np.min_scalar_type(number.max(initial=0)))
    places = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1]) if len(number) else []
    keys = table[columns].iloc[[own[0] for own in places]].astype(object).reset_index(drop=True)
    return [(tuple(keys.iloc[i]), places[i]) for i in keys.sort_values(columns, kind="stable").index]


def by_occasion(table: pd.DataFrame) -> list[tuple[tuple[str, str, str], np.ndarray]]:
    """Positions of the rows of each cell, in the order of the cells; of a person's several sessions in it the first."""
    person = codes(table["person"])
    return [(key, rows[one_each(person[rows], table, rows)]) for key, rows in rows_of(table, CELL)]


def one_each(person: np.ndarray, table: pd.DataFrame, rows: np.ndarray, last: bool = False) -> np.ndarray:
    """The first (or last) session of each person.

    Parameters
    ----------
    person : ndarray of int, shape (n,)
        Person of each row, by :func:`codes`.
    table : DataFrame
        With sessions, where they are known.
    rows : ndarray of int, shape (n,)
        Positions of the rows in the table.
    last : bool

    Returns
    -------
    ndarray of int
        Places in `rows`, in order.
    """
    again = _repeated(person)
    several = np.flatnonzero(again)
    if "session" in table.columns and len(several):
        session = table["session"].iloc[rows[several]].to_numpy(float, na_value=-np.inf)
        several = several[np.argsort(session, kind="stable")]
    further = pd.Series(person[several]).duplicated(keep="last" if last else "first").to_numpy()
    kept = ~again
    kept[several[~further]] = True
    return np.flatnonzero(kept)


def _repeated(number: np.ndarray) -> np.ndarray:
    """Which numbers occur several times."""
    if number.min(initial=0) < 0 or number.max(initial=0) > 4 * len(number):
        return pd.Series(number).duplicated(keep=False).to_numpy()
    return (np.bincount(number) > 1)[number]
