"""Columns of a raw file as ids, numbers, whole numbers and dates."""

from __future__ import annotations

import difflib
import re

import numpy as np
import pandas as pd
import pyarrow as pa

from bowlby.config.study import COUNT, ROW
from bowlby.errors import count
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.keys import different
from bowlby.ingest.readers.base import Raw, as_text
from bowlby.ingest.text_values import (
    DATE,
    ISO,
    NOBODY,
    NOT_ANSWERED,
    UNKNOWN,
    among,
    codes_labelled,
    folded,
    parse_dates,
    plain,
    read_numerals,
    styles_of,
)

NUMBER = re.compile(r"\d+")


def present(raw: Raw, column: str | None) -> str | None:
    """A column that a file has, or that is made from its rows; None for any other."""
    return column if column in (ROW, COUNT) or column in raw.known else None


def has(raw: Raw, column: str | None, issues: Issues, instrument: str | None = None) -> bool:
    """Whether a column exists; if not, an error that suggests the nearest name."""
    if present(raw, column):
        return True
    # A column that differs only in the value of its number is another item, not a misspelling of this one.
    if column in raw.doubled:
        twins = [f"'{column}#{i}'" for i in range(1, raw.header.count(column) + 1)]
        issues.add(
            "error",
            "duplicate_column",
            f"column name occurs {'twice' if len(twins) == 2 else f'{len(twins)} times'}",
            f"rename one of them, or name {' or '.join(twins)} in the study file",
            row=raw.spec.header_row,
            column=column,
            instrument=instrument,
            **raw.place,
        )
        return False
    others = [c for c in raw.header if NUMBER.sub("0", str(c)) != NUMBER.sub("0", str(column))]
    same = [c for c in raw.header if folded(str(c)) == folded(str(column))]
    near = same or difflib.get_close_matches(str(column), others, n=1)
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
        values = pd.Series(raw.frame.index.astype(str), index=raw.frame.index, dtype="str")
    else:
        values = raw.text(column)
    where = site(raw)
    return values if where is None else (where + ":" + values).where(values != "", "")


def therapist_ids(raw: Raw, column: str) -> pd.Series:
    """Ids of therapists, empty if the text means that there is none (:func:`no_therapist`)."""
    none = no_therapist(raw, column)
    return ids(raw, column).mask(none, "") if none.any() else ids(raw, column)


def therapist_columns(raw: Raw) -> list[str]:
    """The columns of therapists that the study file names and the file has."""
    named = [raw.spec.who.therapist, *(e.therapist for e in raw.spec.episodes)]
    return [column for column in named if column is not None and column in raw.frame.columns]


def ids_of(raw: Raw, column: str) -> pd.Series:
    """Ids of a column, of therapists or of the persons who answered."""
    return therapist_ids(raw, column) if column in therapist_columns(raw) else ids(raw, column)


def no_therapist(raw: Raw, column: str) -> pd.Series:
    """Rows whose text in a column of therapists means none: ``NA``, ``-``, ``unknown``, a code for missing."""
    cells, spec = raw.text(column), raw.spec
    words = UNKNOWN | NOBODY | NOT_ANSWERED
    codes = {plain(code) for code in (*spec.missing, *codes_labelled(raw.labels.get(column, {}), words))}
    kept = {plain(text) for text in spec.keep_ids}
    texts = {text: plain(text) for text in different(cells) if text.strip()}
    none = [t for t, p in texts.items() if (p in codes or p.casefold() in words) and p not in kept]
    return cells.isin(none) if none else pd.Series(False, index=cells.index)


def site(raw: Raw) -> pd.Series | str | None:
    """The site of each row, where ids of different sites clash."""
    who = raw.spec.who
    return raw.text(who.site) if who.site and who.site in raw.frame.columns else who.site_name


def unseen(raw: Raw, column: str | None) -> pd.Series:
    """Rows whose form nobody saw, by the form's status; all rows where nothing says it."""
    if column is None or column not in raw.frame.columns:
        return pd.Series(True, index=raw.frame.index)
    return raw.text(column).str.strip().str.casefold().isin(["", "0", "incomplete", "no", "false"])


def numbers(
    raw: Raw, column: str, missing: list[str], issues: Issues, answers: dict[str, float] | None = None, rows=None
):
    """A column as numbers, and the cells with text that is neither a number nor a code for missing.

    Parameters
    ----------
    raw : Raw
    column : str
    missing : list of str
        Codes for missing.
    issues : Issues
        Numbers that can be read in two ways are an error.
    answers : dict, optional
        What words mean, folded text: number.
    rows : index, optional
        Only these rows.

    Returns
    -------
    values : Series of float
    wrong : Series of bool
    """
    cells, codes = raw.column(column, rows), None
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        number = cells.to_numpy(float, na_value=np.nan)
        empty = np.isnan(number)
    else:
        codes, found = pd.factorize(cells)
        texts = as_text(pd.Series(found)).str.strip()
        number, ambiguous = read_numerals(texts, raw.spec.decimal, raw.spec.thousands.get(column))
        if answers:
            number = np.where(np.isnan(number), texts.map(folded).map(answers).to_numpy(float), number)
        empty = (texts.eq("") | among(texts, missing)).to_numpy(bool)
        if (ambiguous := ambiguous & ~empty).any():
            _ambiguous(raw, column, cells.index[np.append(ambiguous, False)[codes]], issues)
            empty = empty | ambiguous
    empty = empty | np.isin(number, _as_numbers(missing))
    number = np.where(empty | ~np.isfinite(number), np.nan, number)
    wrong = np.isnan(number) & ~empty
    if codes is not None:
        number, wrong = np.append(number, np.nan)[codes], np.append(wrong, False)[codes]
    return pd.Series(number, index=cells.index), pd.Series(wrong, index=cells.index)


def _as_numbers(codes: list[str]) -> list[float]:
    return pd.to_numeric(pd.Series(codes, dtype=object), errors="coerce").dropna().tolist() if codes else []


def _ambiguous(raw: Raw, column: str, rows, issues: Issues) -> None:
    """An error for numbers that can be read in two ways, which names both."""
    sign, example = ("dot", "1.234") if raw.spec.decimal == "," else ("comma", "1,234")
    what = (f"{count(len(rows), 'number has', 'numbers have')} a {sign} before three digits ({rows_text(rows)}): "
            f"{example} could be one thousand two hundred and thirty-four, or 1.234 with three decimals")  # fmt: skip
    do = f"write `thousands: {{{column}: yes}}` for this file if the {sign} separates thousands, `no` if decimals"
    issues.add_rows("error", "ambiguous_number", what, do, rows, column=column, **raw.place)


def labelled_missing(
    raw: Raw, column: str, labels: dict[str, str], words: frozenset[str], issues: Issues, instrument: str | None = None
) -> list[str]:
    """The codes of a column whose value label says that there is no answer; how many cells hold one is reported."""
    codes = codes_labelled(labels, words)
    if codes:
        cells = raw.text(column).str.strip()
        coded = cells.isin({*codes, *(labels[code] for code in codes)})
        if coded.any():
            rows = coded.index[coded]
            what = f"{count(len(rows), 'cell holds', 'cells hold')} a code that is labelled as missing or refused"
            issues.add_rows("note", "labelled_missing", what, "set to missing", rows, column=column,
                            instrument=instrument, **raw.place)  # fmt: skip
    return [*codes, *(labels[code] for code in codes)]


def session_numbers(raw: Raw, column: str, date: str | None, rows, issues: Issues) -> pd.Series:
    """A column of session numbers, or the rows of each person counted.

    Parameters
    ----------
    raw : Raw
    column : str
        Its name, or :data:`COUNT`.
    date : str or None
        Column of the date, by which rows are counted.
    rows : index
        Only these rows are wanted; all are counted.
    issues : Issues

    Returns
    -------
    Series of Int64
        What is no whole number from 0 is reported and missing.
    """
    if column == COUNT:
        return _counted(raw, date, issues).loc[rows]
    values, wrong = numbers(raw, column, raw.spec.missing, issues, rows=rows)
    wrong |= values.notna() & ((values % 1 != 0) | (values < 0))
    if wrong.any():
        reported(raw, column, wrong, "not_a_session", "not a whole number from 0", issues)
    return values.mask(wrong).astype("Int64")


def _counted(raw: Raw, date: str | None, issues: Issues) -> pd.Series:
    everything = raw.frame.index
    table = pd.DataFrame({"person": ids(raw, raw.person)}, index=everything)
    if day := present(raw, date):
        table["date"] = dates(raw, day, everything, issues)
        table = table.sort_values("date", kind="stable")
    return (table.groupby("person").cumcount() + 1).reindex(everything).astype("Int64")


def dates(raw: Raw, column: str, rows, issues: Issues) -> pd.Series:
    """A column of dates in the file's one style; another style is an error, anything else is reported and missing."""
    style, cells = raw.spec.dates, raw.text(column, rows).str.strip()
    cells = cells.mask(cells.eq("") | cells.isin(raw.spec.missing))
    if cells.isna().all():
        return no_dates(cells.index)
    values = parse_dates(cells, style)
    if raw.typed and style != ISO:  # a date cell of a workbook or a statistics program has no style
        values = values.fillna(parse_dates(cells, ISO))
    wrong = values.isna() & cells.notna()
    if wrong.any():
        others = styles_of(cells[wrong])
        if others or (wrong.sum() > 1 and values.isna().all()):
            _other_styles(raw, column, wrong, others, int(values.notna().sum()), issues)
        else:
            reported(raw, column, wrong, "not_a_date", f"not a date written {style}", issues)
    return values


def no_dates(rows: pd.Index) -> pd.Series:
    """A column of dates of which none is known."""
    return pd.Series(pd.array(pa.nulls(len(rows), pa.date32()), dtype=DATE), index=rows)


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
    elif not others:
        what, do = f"none of {n:,} cells is a date written {style}", "say with `dates:` how they are written"
    else:
        rows = rows_text(wrong.index[wrong])
        what = f"dates are written in several styles: {right:,} {style}, {count(n, 'other')} ({rows})"
        do = "write all in one style"
    issues.add_rows("error", "date_style", what, do, wrong.index[wrong], column=column, **raw.place)


def reported(raw: Raw, column: str, wrong: pd.Series, code: str, what: str, issues: Issues, instrument=None) -> None:
    """Note the wrong cells of one column as one issue: how many, and the first rows."""
    rows = wrong.index[wrong]
    issues.add_rows("warning", code, f"{count(len(rows), 'cell is', 'cells are')} {what} ({rows_text(rows)})",
                    "set to missing", rows, column=column, instrument=instrument, **raw.place)  # fmt: skip


def cell_issues(raw: Raw, columns: dict[str, str], mask: pd.DataFrame, code, what, action, instrument, issues) -> None:
    """Note wrong cells: one issue for each column, with how many and the first rows where there are several.

    ``action`` is a text, or a function from the name of the value column to one.
    """
    if not mask.to_numpy().any():
        return
    for name, column in columns.items():
        rows = mask.index[mask[name]]
        if len(rows):
            issues.add_rows("warning", code,
                            what if len(rows) == 1 else f"{len(rows)} times: {what} ({rows_text(rows)})",
                            action(name) if callable(action) else action, rows, column=column,
                            instrument=instrument, **raw.place)  # fmt: skip
