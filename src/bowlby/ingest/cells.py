"""Columns of a raw file as ids, numbers, whole numbers and dates."""

from __future__ import annotations

import difflib
import re

import numpy as np
import pandas as pd

from bowlby.config.study import ROW
from bowlby.ingest.dates import DATE, parse_dates, styles_of
from bowlby.ingest.notices import Issues, rows_text
from bowlby.ingest.readers import Raw

NUMBER = re.compile(r"\d+")


def present(raw: Raw, column: str | None) -> bool:
    """Whether a file has a column, or the column is its row number."""
    return column == ROW or column in raw.frame.columns


def has(raw: Raw, column: str | None, issues: Issues, instrument: str | None = None) -> bool:
    """Whether a column exists; if not, an error that suggests the nearest name."""
    if present(raw, column):
        return True
    # A column that differs only in its number is another item, not a misspelling of this one.
    others = [str(c) for c in raw.frame.columns if NUMBER.sub("", str(c)) != NUMBER.sub("", str(column))]
    near = difflib.get_close_matches(str(column), others, n=1)
    do = f"did you mean '{near[0]}'?" if near else "correct the study file, or add the column"
    issues.add(
        "error",
        "missing_column",
        f"column '{column}' is missing",
        do,
        column=column,
        row=raw.spec.header_row,
        instrument=instrument,
        **raw.place,
    )
    return False


def ids(raw: Raw, column: str) -> pd.Series:
    """Ids as text, with the site in front where the study file names a site column for it."""
    if column == ROW:
        values = pd.Series(raw.frame.index.astype(str), index=raw.frame.index, dtype=object)
    else:
        values = raw.frame[column].astype(object)
    site = raw.spec.who.site
    if site and site in raw.frame.columns:
        values = (raw.frame[site] + ":" + values).where(values != "", "")
    return values


def numbers(raw: Raw, text: pd.DataFrame | pd.Series, missing: list[str]):
    """Cells as numbers, and where text stands that is neither a number nor a code for missing."""
    frame = text.to_frame() if isinstance(text, pd.Series) else text
    values, wrong = {}, {}
    for name in frame.columns:
        cells = frame[name].str.strip()
        empty = cells.eq("") | cells.isin(missing)
        if raw.spec.decimal == ",":
            cells = cells.str.replace(",", ".", regex=False)
        number = pd.to_numeric(cells.mask(empty), errors="coerce").astype(float)
        number = number.where(np.isfinite(number))
        values[name], wrong[name] = number, number.isna() & ~empty
    return pd.DataFrame(values, index=frame.index), pd.DataFrame(wrong, index=frame.index)


def whole(raw: Raw, column: str, rows, issues: Issues) -> pd.Series:
    """A column of session numbers; what is no whole number from 0 is told and becomes missing."""
    values, wrong = (t.iloc[:, 0] for t in numbers(raw, raw.frame.loc[rows, column], raw.spec.missing))
    wrong |= values.notna() & ((values % 1 != 0) | (values < 0))
    if wrong.any():
        told(raw, column, wrong, "not_a_session", "cells are not a whole number from 0", issues)
    return values.mask(wrong).astype("Int64")


def dates(raw: Raw, column: str, rows, issues: Issues) -> pd.Series:
    """A column of dates in the file's one style; another style is an error, anything else is told and missing."""
    style, cells = raw.spec.dates, raw.frame.loc[rows, column].str.strip()
    cells = cells.mask(cells.eq("") | cells.isin(raw.spec.missing))
    if cells.isna().all():
        return pd.Series(pd.array([None] * len(cells), dtype=DATE), index=cells.index)
    values = parse_dates(cells, style)
    wrong = values.isna() & cells.notna()
    if wrong.any():
        others = styles_of(cells[wrong])
        if others:
            _other_styles(raw, column, wrong, others, int(values.notna().sum()), issues)
        else:
            told(raw, column, wrong, "not_a_date", f"cells are not a date written {style}", issues)
    return values


def _other_styles(raw: Raw, column: str, wrong: pd.Series, others: dict[str, int], right: int, issues: Issues) -> None:
    style, n = raw.spec.dates, int(wrong.sum())
    whole_column = [s for s, read in others.items() if read == n and not right]
    if whole_column:
        what = f"dates are not written {style} but {' or '.join(whole_column)}"
        do = (
            f"write `dates: {whole_column[0]}` in the study file"
            if len(whole_column) == 1
            else ("say which with `dates:` in the study file")
        )
    else:
        what = f"dates are written in several styles: {right} {style}, {n} others ({rows_text(wrong.index[wrong])})"
        do = "write all in one style"
    issues.add("error", "date_style", what, do, row=wrong.index[wrong][0], column=column, n=n, **raw.place)


def told(raw: Raw, column: str, wrong: pd.Series, code: str, what: str, issues: Issues, instrument=None) -> None:
    """Note the wrong cells of one column as one issue: how many, and the first rows."""
    rows = wrong.index[wrong]
    issues.add(
        "warning",
        code,
        f"{len(rows)} {what} ({rows_text(rows)})",
        "set to missing",
        row=rows[0],
        column=column,
        n=len(rows),
        instrument=instrument,
        **raw.place,
    )
