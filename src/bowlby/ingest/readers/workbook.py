"""Excel workbooks: titles and merged headings, dates of both epochs, formulas, and what would take the machine down."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import pyarrow as pa

from bowlby.errors import count
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.readers.base import Table, Unreadable, cell_text, framed, unique
from bowlby.ingest.readers.column_selection import Selection
from bowlby.ingest.readers.old_workbook import OldSheet, OldWorkbook, is_old

MOST_BYTES = 2_000_000_000
MOST_STRINGS = 400_000_000
MOST_RATIO = 200
SMALL = 50_000_000
MOST_CELLS = 300_000_000
PIECE = 20_000
FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    LookupError,
    ValueError,
    OSError,
    TypeError,
    AttributeError,
    EOFError,
    SyntaxError,  # what lxml's parser raises where it is installed
)
ROW_TAG = re.compile(rb"<(?:\w+:)?row\s[^>]*>")
HIDE = re.compile(rb"\shidden=[\"'](?:1|true)[\"']")
NUMBER = re.compile(rb"\sr=[\"'](\d+)[\"']")
DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))


def read_workbook(path: Path, selection: Selection, issues: Issues) -> Table:
    """Read one sheet of a workbook."""
    spec = selection.spec
    formulas = inspect(path)
    book = open_workbook(path)
    try:
        if not book.sheetnames:
            raise Unreadable("the workbook has no sheet", "open the workbook and save it again as .xlsx")
        if spec.sheet and spec.sheet not in book.sheetnames:
            raise Unreadable(f"no sheet '{spec.sheet}'", f"use one of {', '.join(book.sheetnames)}")
        sheet = spec.sheet or book.sheetnames[0]
        _which(book, sheet, path.name, spec.sheet is not None, issues)
        table = _table(rows_of(book, sheet, decimal=spec.decimal), selection)
        table.hidden = hidden_rows(path, book[sheet])
    except FAULTS:
        raise Unreadable("the sheet is damaged", "open the workbook and save it again as .xlsx") from None
    finally:
        book.close()
    table.sheet = sheet
    if formulas:
        _formulas(path, sheet, table, issues)
    return table


def _which(book, sheet: str, file: str, stated: bool, issues: Issues) -> None:
    """Tell which sheet is read where the study file does not say it, and a hidden one in any case."""
    place: dict[str, Any] = {"file": file, "sheet": sheet}
    if book[sheet].sheet_state != "visible":
        issues.add("warning", "hidden_sheet", "the sheet is hidden", "it is read; name another `sheet:`", **place)
    elif len(book.sheetnames) > 1 and not stated:
        what = f"the first of {len(book.sheetnames)} sheets is read"
        issues.add("note", "first_sheet", what, "none needed; `sheet:` names another", **place)


def inspect(path: Path) -> bool:
    """Look at the parts of a workbook before any is read; whether there are formulas (of `.xls`: unknown, so no).

    Raises
    ------
    Unreadable
        If it is no workbook, would take too much memory when unpacked, or declares entities.
    """
    if is_old(path):
        return False
    try:
        with zipfile.ZipFile(path) as parts:
            names = parts.namelist()
            if not any(name.endswith("workbook.xml") for name in names):
                raise Unreadable("cannot be read as an Excel workbook", "save it again as .xlsx")
            if any(info.flag_bits & 1 for info in parts.infolist()):
                raise Unreadable("is protected by a password", "save it without one")
            _sizes(parts.infolist())
            formulas = False
            for info in parts.infolist():
                if info.filename.endswith((".xml", ".rels")):
                    formulas |= _part(parts, info)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError):
        raise Unreadable("cannot be read as an Excel workbook", "save it again as .xlsx") from None
    return formulas


def _sizes(infos: list[zipfile.ZipInfo]) -> None:
    whole, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    strings = sum(i.file_size for i in infos if i.filename.endswith("sharedStrings.xml"))
    if whole > MOST_BYTES or strings > MOST_STRINGS or (whole > SMALL and whole > MOST_RATIO * max(packed, 1)):
        raise Unreadable(
            f"unpacks to {whole / 1e6:,.0f} MB",
            "save the sheet alone, or as CSV; if you did not make it, do not open it",
        )


def _part(parts: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    formulas, tail = False, b""
    with parts.open(info) as part:
        while block := part.read(1 << 20):
            window = tail + block
            if any(word in window for word in DECLARATIONS):
                raise Unreadable("declares XML entities, which no workbook needs", "do not open it; ask for a new copy")
            formulas |= b"<f>" in window or b"<f " in window
            tail = window[-40:]
    return formulas


def open_workbook(path: Path, results: bool = True):
    """Open a workbook for reading; ``results`` gives what formulas came to, otherwise the formulas."""
    if is_old(path):
        return OldWorkbook(path)
    import openpyxl

    try:
        with warnings.catch_warnings(record=True):
            return openpyxl.load_workbook(path, read_only=True, data_only=results)
    except (*FAULTS, openpyxl.utils.exceptions.InvalidFileException):
        raise Unreadable("cannot be read as an Excel workbook", "save it again as .xlsx") from None


def hidden_rows(path: Path, sheet) -> frozenset[int]:
    """The numbers of the rows that a sheet hides, by a filter or by hand."""
    if isinstance(sheet, OldSheet):
        return sheet.hidden
    rows: set[int] = set()
    with zipfile.ZipFile(path) as parts, parts.open(sheet._worksheet_path.lstrip("/")) as part:
        tail = b""
        while block := part.read(1 << 20):
            window = tail + block
            rows |= {int(n) for tag in ROW_TAG.findall(window) if b"hidden" in tag and HIDE.search(tag)
                      for n in NUMBER.findall(tag)[:1]}  # fmt: skip
            tail = window[window.rfind(b"<") :][-1000:]
    return frozenset(rows)


def rows_of(book, sheet: str, most: int | None = None, decimal: str = ".") -> Iterator[list[str]]:
    """The rows of a sheet as text, without empty cells at their ends; numbers with the file's decimal sign.

    Raises
    ------
    Unreadable
        If it has more cells than a machine can hold.
    """
    one = book[sheet]
    if not hasattr(one, "reset_dimensions"):
        raise Unreadable(f"'{sheet}' is a chart, not a table", "name another `sheet:`")
    one.reset_dimensions()
    visited, number = 0, 0
    for cells in one.iter_rows(values_only=True, max_row=most):
        number += 1
        visited += len(cells)
        if visited > MOST_CELLS:
            raise Unreadable(f"has more than {MOST_CELLS:,} cells up to row {number}", "save it as CSV")
        end = len(cells)
        while end and cells[end - 1] is None:
            end -= 1
        texts = [cell_text(value) for value in cells[:end]]
        if decimal == ",":
            pairs = zip(texts, cells[:end], strict=True)
            texts = [text.replace(".", ",") if isinstance(value, float) else text for text, value in pairs]
        yield texts


def _table(rows: Iterator[list[str]], selection: Selection) -> Table:
    spec = selection.spec
    header, names, keep = selection.read_header(rows)
    first = spec.header_row + spec.header_rows
    columns: list[list[str]] = [[] for _ in keep]
    done: list[list[pa.Array]] = [[] for _ in keep]
    wide: list[int] = []
    number, read = first - 1, 0
    for row in rows:
        number += 1
        if number < first + spec.skip_rows:
            continue
        if selection.limit is not None and number >= first + spec.skip_rows + selection.limit:
            break
        read += 1
        if any(cell.strip() for cell in row[len(header) :]):
            wide.append(number)
        for column, i in zip(columns, keep, strict=True):
            column.append(row[i] if i < len(row) else "")
        if columns and len(columns[0]) == PIECE:
            _flush(columns, done)
    _flush(columns, done)
    start = first + spec.skip_rows
    return Table(header, framed(done, [names[i] for i in keep], range(start, start + read)), wide=wide)


def _flush(columns: list[list[str]], done: list[list[pa.Array]]) -> None:
    for column, parts in zip(columns, done, strict=True):
        parts.append(pa.array(column, pa.large_string()))
        column.clear()


def _formulas(path: Path, sheet: str, table: Table, issues: Issues) -> None:
    """Tell formulas: with a result, the result is read; without one, the cell would be lost silently."""
    book = open_workbook(path, results=False)
    try:
        names = unique(table.header)
        kept = {names.index(c): c for c in table.frame.columns}
        lost: dict[str, list[int]] = {}
        with_result = 0
        for number, row in enumerate(rows_of(book, sheet), 1):
            if number not in table.frame.index:
                continue
            for i, name in kept.items():
                if i < len(row) and row[i].startswith("="):
                    if table.frame.at[number, name] == "":
                        lost.setdefault(name, []).append(number)
                    elif table.frame.at[number, name] != row[i]:
                        with_result += 1
    except FAULTS:
        raise Unreadable("the sheet is damaged", "open the workbook and save it again as .xlsx") from None
    finally:
        book.close()
    place: dict[str, Any] = {"file": path.name, "sheet": sheet}
    if with_result:
        what = f"{count(with_result, 'cell is a formula', 'cells are formulas')}; what is stored as the result is read"
        issues.add("note", "formula", what, "none needed", n=with_result, **place)
    for name, rows in lost.items():
        issues.add_rows("error", "formula",
                        f"{count(len(rows), 'formula')} without a stored result ({rows_text(rows)})",
                        "open the workbook in Excel or LibreOffice and save it", rows, column=name,
                        **place)  # fmt: skip
