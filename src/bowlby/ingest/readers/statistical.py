"""SPSS, Stata, SAS and Parquet files: typed columns, value labels, and what the file itself declares missing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from bowlby.config.study import DataFile
from bowlby.errors import count
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.readers.base import WORDS, Table, Unreadable, cell_text, unique
from bowlby.ingest.readers.column_selection import Selection

SPSS_DATE = re.compile(r"[AEJS]?DATE|DATETIME|YMDHMS", re.IGNORECASE)
SPSS_FIRST = dt.datetime(1582, 10, 14)
SPSS_LAST = (dt.datetime(9999, 12, 31) - SPSS_FIRST).total_seconds()


def read_statistical(kind: str, path: Path, selection: Selection, issues: Issues) -> Table:
    """Read an SPSS, Stata or SAS file."""
    import pyreadstat

    name = path.suffix.lower()
    reader: Callable[..., tuple[pd.DataFrame, Any]]
    options: dict[str, Any]
    if kind == "spss":
        reader, options = (pyreadstat.read_por, {}) if name == ".por" else (pyreadstat.read_sav, {"user_missing": True})
    elif kind == "stata":
        reader, options = pyreadstat.read_dta, {"user_missing": True}
    elif name == ".xpt":
        reader, options = pyreadstat.read_xport, {}
    else:
        reader, options = pyreadstat.read_sas7bdat, {"user_missing": True}
    if selection.limit is not None:
        options["row_limit"] = selection.limit
    frame, meta = _read(reader, path, selection.spec, options, kind, issues)
    header = [str(c) for c in frame.columns]
    frame = frame.iloc[:, selection.keep(header)]
    labels = {c: {cell_text(k): v for k, v in m.items()} for c, m in (meta.variable_value_labels or {}).items()}
    columns = {c: _declared(frame[c], c, meta, path.name, issues) for c in frame.columns}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(1, len(frame) + 1))
    titles = {c: text for c, text in (meta.column_names_to_labels or {}).items() if text}
    return Table(header, frame, labels=labels, titles=titles)


def _read(reader, path: Path, spec: DataFile, options: dict, kind: str, issues: Issues):
    import pyreadstat

    faults = (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OSError, ValueError, OverflowError, MemoryError)
    tries = [spec.encoding] if spec.encoding or path.suffix.lower() == ".por" else [None, "windows-1252"]
    for encoding in tries:
        chosen = options | ({"encoding": encoding} if encoding else {})
        try:
            result = reader(path, **chosen)
        except OverflowError:  # a date that no calendar holds
            frame, meta = reader(path, **chosen, disable_datetime_conversion=True)
            result = (_spss_dates(frame, meta, path.name, issues) if kind == "spss" else frame), meta
        except faults:
            continue
        if encoding and not spec.encoding:
            issues.add(
                "note", "encoding", f"read as {encoding}", "none needed; `encoding:` sets another", file=path.name
            )
        return result
    raise Unreadable(f"cannot be read as {WORDS[kind]}", "export it again")


def _spss_dates(frame: pd.DataFrame, meta, file: str, issues: Issues) -> pd.DataFrame:
    """Seconds since the Gregorian calendar began as dates; those after the year 9999 are reported and missing."""
    for column, kind in meta.original_variable_types.items():
        if not SPSS_DATE.match(kind):
            continue
        seconds = frame[column]
        good = seconds.between(0, SPSS_LAST)
        pairs = zip(seconds, good, strict=True)
        frame[column] = [SPSS_FIRST + dt.timedelta(seconds=s) if g else None for s, g in pairs]
        bad = seconds.notna() & ~good
        if bad.any():
            n = int(bad.sum())
            what = f"{count(n, 'cell is', 'cells are')} no date before the year 10000 ({rows_text(bad[bad].index + 1)})"
            place = {"file": file, "row": int(bad[bad].index[0]) + 1, "column": column}
            issues.add("warning", "not_a_date", what, "set to missing", n=n, **place)
    return frame


def _declared(values: pd.Series, column: str, meta, file: str, issues: Issues) -> pd.Series:
    """A column with what the file declares missing set to missing, and reported."""
    bad = pd.Series(False, index=values.index)
    for r in (meta.missing_ranges or {}).get(column, []):
        low, high = r["lo"], r["hi"]
        bad |= values.eq(low) if isinstance(low, str) else pd.to_numeric(values, errors="coerce").between(low, high)
    tags = (getattr(meta, "missing_user_values", None) or {}).get(column, [])
    if tags:
        bad |= values.map(lambda v: isinstance(v, str) and v in tags)
    if bad.any():
        n = int(bad.sum())
        what = "with a tagged missing value" if tags else "with a code that the file defines as missing"
        issues.add(
            "note",
            "user_missing",
            f"{count(n, 'cell')} {what}",
            "set to missing",
            file=file,
            column=column,
            n=n,
        )
        values = values.mask(bad)
    if tags:
        values = pd.to_numeric(values, errors="coerce")
    return values.reset_index(drop=True).set_axis(pd.RangeIndex(1, len(values) + 1))


def read_parquet(path: Path, selection: Selection, issues: Issues) -> Table:
    """Read a Parquet file; whole numbers with gaps stay whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = {pa.int8(): "Int8", pa.int16(): "Int16", pa.int32(): "Int32", pa.int64(): "Int64"}
    whole |= {pa.uint8(): "UInt8", pa.uint16(): "UInt16", pa.uint32(): "UInt32", pa.uint64(): "UInt64"}
    kinds = {a: pd.api.types.pandas_dtype(p) for a, p in whole.items()}
    try:
        file = pq.ParquetFile(path)
        header = file.schema_arrow.names
        names = unique(header)
        if len(set(header)) < len(header):
            keep = names
            table = file.read()
        else:
            keep = [names[i] for i in selection.keep(names)]
            table = file.read(columns=keep)
        if selection.limit is not None:
            table = table.slice(0, selection.limit)
        nested = [f.name for f in table.schema if pa.types.is_nested(f.type)]
        if nested:
            what = f"{count(len(nested), 'column holds', 'columns hold')} lists in place of single values"
            raise Unreadable(what, f"write {', '.join(nested[:5])} as columns of single values")
        table = _decoded(table)
        frame = table.to_pandas(ignore_metadata=True, types_mapper=kinds.get, date_as_object=False)
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        raise Unreadable("cannot be read as a Parquet file", "write it again") from None
    frame.columns = keep
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return Table(header, frame)


def _decoded(table):
    """A table whose columns of bytes are text, as some programs write it.

    Raises
    ------
    Unreadable
        If the bytes are no UTF-8.
    """
    import pyarrow as pa

    kinds = (pa.types.is_binary, pa.types.is_large_binary)
    for at, field in enumerate(table.schema):
        if any(is_kind(field.type) for is_kind in kinds):
            try:
                table = table.set_column(at, field.name, table.column(at).cast(pa.large_string()))
            except pa.ArrowInvalid:
                what = f"column '{field.name}' holds bytes that are no UTF-8 text"
                raise Unreadable(what, "write it as a column of text") from None
    return table
