"""What every reader gives, and what each kind of file is known by."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bowlby.config.study import DataFile

if TYPE_CHECKING:
    from bowlby.ingest.readers.redcap_dictionary import Dictionary

FORMAT_OF_ENDING = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".sav": "spss",
    ".zsav": "spss",
    ".por": "spss",
    ".dta": "stata",
    ".sas7bdat": "sas",
    ".xpt": "sas",
    ".parquet": "parquet",
}
WORDS = {
    "csv": "a text file",
    "excel": "an Excel workbook",
    "spss": "an SPSS file",
    "stata": "a Stata file",
    "sas": "a SAS file",
    "parquet": "a Parquet file",
}
OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")
SAS = bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")
FORMAT_OF_FIRST_BYTES = (
    (b"PK\x03\x04", "excel"),
    (OLD_OFFICE, "excel"),
    (b"$FL2", "spss"),
    (b"$FL3", "spss"),
    (b"<stata_dta>", "stata"),
    (b"PAR1", "parquet"),
    (b"HEADER RECORD*******LIB", "sas"),
)
HELD_BY = re.compile(r"#\d+$")


class Unreadable(Exception):
    """A file that cannot be read: what, and what to do."""


@dataclass
class Table:
    """What a reader gives: the names of the header, and the requested columns, indexed by row.

    Attributes
    ----------
    header : list of str
        All names as in the file, including repeated ones.
    frame : DataFrame
        Columns under :func:`unique` names; text, or numbers and dates where the file has types.
    sheet : str or None
    labels : dict
        Value labels, column: code: label.
    wide, short : list of int
        Rows with more cells than the header has names, and with fewer.
    titles : dict
        What the file says that columns mean, column: text.
    hidden : frozenset of int
        Rows that the sheet hides.
    """

    header: list[str]
    frame: pd.DataFrame
    sheet: str | None = None
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    wide: list[int] = field(default_factory=list)
    short: list[int] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()


@dataclass
class Raw:
    """A raw file, its columns by name, indexed by the row that the user's program shows.

    ``hidden`` are the rows that the sheet hides, and ``left_out`` the ids of the persons in the rows that the study
    file leaves out, by the column that says so.
    """

    spec: DataFile
    name: str
    frame: pd.DataFrame
    sheet: str | None = None
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    typed: bool = False
    dictionary: Dictionary | None = None
    titles: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    hidden: frozenset[int] = frozenset()
    left_out: dict[str, pd.Series] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = {*self.frame.columns}

    def release(self, columns: set[str]) -> None:
        """Let go of columns that nobody reads again; the file still has them."""
        self.frame = self.frame.drop(columns=[c for c in self.frame.columns if c in columns])

    @property
    def place(self) -> dict[str, Any]:
        """File and sheet, for an issue."""
        return {"file": self.name, "sheet": self.sheet}

    @property
    def person(self) -> str:
        """The column of the persons' ids; columns that name a person together are one by now (:func:`read`)."""
        return ":".join(self.spec.who.columns)

    @property
    def doubled(self) -> set[str]:
        """Names that occur several times in the header."""
        return {h for h in self.header if h and self.header.count(h) > 1}

    def column(self, column: str, rows=None) -> pd.Series:
        """A column as it is; of all rows or some."""
        if rows is None or self.frame.index.equals(rows):
            return self.frame[column]
        return self.frame.loc[rows, column]

    def text(self, column: str, rows=None) -> pd.Series:
        """A column as text, empty where nothing is; of all rows or some."""
        return as_text(self.column(column, rows))


def as_text(values: pd.Series) -> pd.Series:
    """A column as text: whole numbers without decimals, dates as YYYY-MM-DD, empty where nothing is."""
    if pd.api.types.is_bool_dtype(values):
        text = values.map({True: "TRUE", False: "FALSE"})
    elif pd.api.types.is_integer_dtype(values) or pd.api.types.is_float_dtype(values):
        codes, numbers = pd.factorize(values)
        texts = pd.array([*map(cell_text, numbers.tolist()), ""], dtype="str")
        return pd.Series(texts[codes], index=values.index, name=values.name)
    elif pd.api.types.is_datetime64_any_dtype(values):
        whole = (values.dt.normalize() == values)[values.notna()].all()
        text = values.dt.strftime("%Y-%m-%d" if whole else "%Y-%m-%dT%H:%M:%S")
    elif isinstance(values.dtype, pd.StringDtype) and values.dtype.na_value is np.nan:
        return values.fillna("") if values.hasnans else values
    else:
        text = values.astype(object).map(cell_text, na_action="ignore")
    return text.astype(object).where(values.notna(), "").astype(str)


def cell_text(value: Any) -> str:
    """One cell of a typed file as the user's program shows it."""
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < 1e16:
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
    return str(value)


def unique(header: list[str]) -> list[str]:
    """Unique names of columns: repeated ones get ``#1``, ``#2`` …, those without a name none."""
    seen: dict[str, int] = {}
    names = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name}#{seen[name]}" if name and header.count(name) > 1 else name)
    return names


def framed(parts: list[list[pa.Array]], names: list[str], rows: Sequence[int]) -> pd.DataFrame:
    """Text columns in pieces as a table whose index are the rows' numbers."""
    index = pd.Index(rows)
    if not names:
        return pd.DataFrame(index=index)
    frame = pa.table([pa.chunked_array(p, pa.large_string()) for p in parts], names=names).to_pandas()
    return frame.set_axis(index, axis=0)


def joined(rows: list[list[str]]) -> list[str]:
    """Names over several rows: merged cells above reach to the right, parts are joined by `` / ``."""
    if len(rows) == 1:
        return [cell.strip() for cell in rows[0]]
    width = max(len(row) for row in rows)
    filled = []
    for row in rows[:-1]:
        last, full = "", []
        for cell in [*row, *[""] * (width - len(row))]:
            last = cell.strip() or last
            full.append(last)
        filled.append(full)
    filled.append([*(c.strip() for c in rows[-1]), *[""] * (width - len(rows[-1]))])
    return [" / ".join(dict.fromkeys(part for part in parts if part)) for parts in zip(*filled, strict=True)]


def check_kind(path: Path, kind: str) -> None:
    """Refuse a file whose first bytes say that it is of another kind than its name or the study file.

    Raises
    ------
    Unreadable
        If it is.
    """
    with path.open("rb") as file:
        head = file.read(2048)
    if head.startswith(OLD_OFFICE):
        whole = path.read_bytes() if path.stat().st_size < 500_000_000 else b""
        if "EncryptedPackage".encode("utf-16-le") in whole:
            raise Unreadable("is protected by a password", "save it without one")
    if head.startswith(b"\x1f\x8b"):
        raise Unreadable("is compressed", "unpack it first")
    kind_found = next(
        (k for sign, k in FORMAT_OF_FIRST_BYTES if head.startswith(sign)), "sas" if SAS in head[:64] else None
    )
    if kind_found and kind_found != kind:
        raise Unreadable(
            f"is {WORDS[kind_found]}, not {WORDS[kind]}", f"give it the right ending, or write `format: {kind_found}`"
        )
    if kind == "csv" and (head.lstrip()[:5].lower() in (b"<html", b"<!doc") or head.startswith((b"%PDF", b"{\\rtf"))):
        raise Unreadable("is a web page or document, not a text file with columns", "export it again as CSV")
