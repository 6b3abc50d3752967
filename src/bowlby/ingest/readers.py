"""One reader per kind of file; each gives text cells, exactly as written, with the rows' own numbers."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bowlby.config.study import DataFile
from bowlby.ingest.notices import Issues, rows_text

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".sav": "spss",
    ".zsav": "spss",
    ".dta": "stata",
    ".sas7bdat": "sas",
    ".xpt": "sas",
    ".parquet": "parquet",
}


@dataclass
class Raw:
    """A file as read: text cells (empty for missing), indexed by the row that the user's program shows."""

    spec: DataFile
    name: str
    frame: pd.DataFrame
    sheet: str | None = None
    labels: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def place(self) -> dict[str, str | None]:
        """File and sheet, for an issue."""
        return {"file": self.name, "sheet": self.sheet}


class Unreadable(Exception):
    """A file that cannot be read: what, and what to do."""


def read(path: Path, spec: DataFile, issues: Issues) -> Raw | None:
    """Read one raw file; a fault is added to the issues and gives None."""
    place = {"file": path.name, "sheet": spec.sheet}
    try:
        if not path.is_file():
            raise Unreadable("no such file", "check `path` in the study file, and `data` in the run's file")
        if path.stat().st_size == 0:
            raise Unreadable("the file is empty", "export it again")
        kind = spec.format or KINDS.get(path.suffix.lower())
        if kind is None:
            raise Unreadable("unknown kind of file", "say which with `format:` in the study file")
        header, rows, first, sheet, labels = READERS[kind](path, spec, issues)
    except Unreadable as error:
        issues.add("error", "unreadable_file", *error.args, **place)
        return None
    place["sheet"] = sheet
    twice = sorted({h for h in header if h and header.count(h) > 1})
    for name in twice:
        issues.add(
            "error",
            "duplicate_column",
            "column name stands twice",
            "rename one of them",
            row=spec.header_row,
            column=name,
            **place,
        )
    if isinstance(rows, pd.DataFrame):
        frame = rows
    else:
        width, good, ragged = len(header), [], []
        for row in rows:
            if any(cell != "" for cell in row[width:]):
                ragged.append(first + len(good))
            good.append([*row[:width], *[""] * (width - len(row))])
        if ragged:
            what = "more cells than the header has columns"
            issues.add(
                "error",
                "ragged_row",
                what if len(ragged) == 1 else f"{what} ({rows_text(ragged)})",
                "check quotes and separators there, and in the header",
                row=ragged[0],
                n=len(ragged),
                **place,
            )
        frame = pd.DataFrame(good, columns=header, dtype=object)
    frame.index = pd.RangeIndex(first, first + len(frame))
    frame = frame.loc[(frame != "").any(axis=1)]
    if frame.empty:
        issues.add("error", "no_rows", "holds a header but no rows", "export it again, with the data", **place)
        return None
    return None if twice else Raw(spec, path.name, frame, sheet, labels)


def _csv(path: Path, spec: DataFile, issues: Issues):
    data = path.read_bytes()
    encodings = [spec.encoding] if spec.encoding else _encodings(data)
    for encoding in encodings:
        try:
            text = data.decode(encoding)
            break
        except LookupError:
            raise Unreadable(f"encoding '{encoding}' is unknown", "correct `encoding:`") from None
        except UnicodeDecodeError:
            continue
    else:
        raise Unreadable("the text cannot be decoded", "say its `encoding:` in the study file")
    if "\0" in text:
        raise Unreadable("not a text file", "check `format:`, or export it again as CSV")
    if not spec.encoding and encoding != "utf-8":
        issues.add("note", "encoding", f"read as {encoding}", "none needed; `encoding:` sets another", file=path.name)
    lines = text.splitlines()
    head = lines[spec.header_row - 1] if len(lines) >= spec.header_row else ""
    delimiter = spec.delimiter or max(",;\t|", key=head.count)
    if delimiter in ("tab", "\\t"):
        delimiter = "\t"
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (csv.Error, TypeError):
        raise Unreadable("cannot be read as CSV", "check quotes and `delimiter:`") from None
    return *_split(rows, spec), None, {}


def _encodings(data: bytes) -> list[str]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ["utf-16"]
    if data[:3] == b"\xef\xbb\xbf":
        return ["utf-8-sig"]
    return ["utf-8", "cp1252"]


def _split(rows: list[list[str]], spec: DataFile):
    if len(rows) < spec.header_row or not any(rows[spec.header_row - 1]):
        raise Unreadable("no column names in the header row", "correct `header_row:`, or export it again")
    header = [str(h).strip() for h in rows[spec.header_row - 1]]
    start = spec.header_row + spec.skip_rows
    return header, rows[start:], start + 1


def _excel(path: Path, spec: DataFile, issues: Issues):
    import zipfile
    import zlib
    from xml.etree.ElementTree import ParseError

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError):
        raise Unreadable("cannot be read as an Excel workbook", "save it again as .xlsx") from None
    try:
        if spec.sheet and spec.sheet not in book.sheetnames:
            raise Unreadable(f"no sheet '{spec.sheet}'", f"use one of {', '.join(book.sheetnames)}")
        sheet = spec.sheet or book.sheetnames[0]
        book[sheet].reset_dimensions()
        rows = [[_cell(v) for v in row] for row in book[sheet].iter_rows(values_only=True)]
    except (zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError):
        raise Unreadable("the sheet is damaged", "open the workbook and save it again as .xlsx") from None
    finally:
        book.close()
    return *_split(rows, spec), sheet, {}


def _cell(value) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
    return str(value)


def _statistical(path: Path, spec: DataFile, issues: Issues):
    import pyreadstat

    kind = spec.format or KINDS[path.suffix.lower()]
    try:
        if kind == "spss":
            frame, meta = pyreadstat.read_sav(path, user_missing=True)
        elif kind == "stata":
            frame, meta = pyreadstat.read_dta(path)
        else:
            frame, meta = (pyreadstat.read_xport if path.suffix.lower() == ".xpt" else pyreadstat.read_sas7bdat)(path)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OSError, ValueError):
        raise Unreadable(f"cannot be read as a {kind} file", "export it again") from None
    for column, ranges in (meta.missing_ranges or {}).items():
        bad = pd.Series(False, index=frame.index)
        for r in ranges:
            low, high = r["lo"], r["hi"]
            bad |= frame[column].eq(low) if isinstance(low, str) else frame[column].between(low, high)
        if bad.any():
            frame[column] = frame[column].mask(bad)
            issues.add(
                "note",
                "user_missing",
                f"{int(bad.sum())} cells hold codes that the file declares missing",
                "set to missing",
                file=path.name,
                column=column,
                n=int(bad.sum()),
            )
    labels = {c: {_cell(k): v for k, v in m.items()} for c, m in (meta.variable_value_labels or {}).items()}
    return list(frame.columns), _text(frame), 1, None, labels


def _parquet(path: Path, spec: DataFile, issues: Issues):
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError):
        raise Unreadable("cannot be read as a Parquet file", "write it again") from None
    return list(frame.columns), _text(frame), 1, None, {}


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_float_dtype(column):
            text = column.astype(str).str.removesuffix(".0")
        elif pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column):
            text = column.astype(object).map(_cell, na_action="ignore")
        else:
            text = column.astype(str)
        columns[name] = text.astype(object).where(column.notna(), "")
    return pd.DataFrame(columns, index=frame.index, dtype=object)


READERS = {
    "csv": _csv,
    "excel": _excel,
    "spss": _statistical,
    "stata": _statistical,
    "sas": _statistical,
    "parquet": _parquet,
}
