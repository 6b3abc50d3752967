"""One row a person: by role, whom it is about and occasion, or the first or last session."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

HEAD = ["role", "about", "occasion"]


def by_occasion(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Rows by role, target and occasion; of a person's several sessions in one occasion the first."""
    for key, group in table.groupby(HEAD, sort=True, dropna=False):
        yield key, one_each(group)


def one_each(rows: pd.DataFrame, last: bool = False) -> pd.DataFrame:
    """The first (or last) session of each person."""
    if "session" in rows.columns:
        rows = rows.sort_values("session", kind="stable", na_position="first")
    return rows.drop_duplicates("person", keep="last" if last else "first")
