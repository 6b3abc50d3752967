"""A raw file as it is found: kind, sheet, header row, rows that are no data, decimal sign, columns."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass, field
from pathlib import Path

from bowlby.config.study import DataFile, Who
from bowlby.draft.profile import Column, profile
from bowlby.errors import UserError
from bowlby.ingest.notices import Issues
from bowlby.ingest.readers import KINDS, Raw, read

HEAD_ROWS = 30
FILL = "FILL_IN"


@dataclass
class Look:
    """One table of one file.

    Attributes
    ----------
    path : Path
    raw : Raw
        The table as read.
    columns : dict
        Profile of each column.
    stated : dict
        Keys of the study file that reading it needs, key: value.
    notes : list of str
        What was found, for the reader of the draft.
    """

    path: Path
    raw: Raw
    columns: dict[str, Column]
    stated: dict[str, object]
    notes: list[str] = field(default_factory=list)


def look(path: Path) -> list[Look]:
    """The tables of one file.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind == "excel":
        sheets = _workbook_heads(path)
        found = [_table(path, rows, {"sheet": name} if len(sheets) > 1 else {}) for name, rows in sheets.items()]
        return [one for one in found if one is not None] or [_table(path, [], {})]
    return [_table(path, _text_head(path) if kind == "csv" else [], {})]


def _table(path: Path, head: list[list[str]], stated: dict) -> Look | None:
    stated, notes = dict(stated), []
    if head:
        row = header_row(head)
        if row > 1:
            stated["header_row"] = row
            notes.append(f"column names in row {row}; the rows above it look like a title")
        skip, what = rows_below(head[row - 1 :])
        if skip:
            stated["skip_rows"] = skip
            notes.append(what)
    raw = _read(path, stated)
    columns = {str(name): profile(raw.frame[name]) for name in raw.frame.columns}
    if any(c.comma for c in columns.values()) and KINDS.get(path.suffix.lower()) == "csv":
        stated["decimal"] = ","
    return Look(path, raw, columns, stated, notes)


def _read(path: Path, stated: dict) -> Raw:
    issues = Issues()
    raw = read(path, DataFile(path=path.name, who=Who(person=FILL), **stated), issues)
    if raw is None:
        raise UserError(issues.errors)
    return raw


def header_row(rows: list[list[str]]) -> int:
    """The row with the column names: the first that is about as wide as the table and holds no number."""
    widths = [sum(cell != "" for cell in row) for row in rows]
    wide = max(widths, default=0)
    for number, (row, width) in enumerate(zip(rows, widths), 1):
        if width >= max(2, 0.6 * wide) and not any(_number(cell) for cell in row):
            return number
    return 1


def rows_below(rows: list[list[str]]) -> tuple[int, str]:
    """Rows below the column names that survey programs put there, and what they are."""
    for number, row in enumerate(rows[1:3], 1):
        if sum("ImportId" in cell for cell in row) > len(row) / 2:
            return number, f"{number} rows below the column names hold Qualtrics' questions and ImportIds"
    if len(rows) > 1 and rows[0][:2] == ["V1", "V2"] and rows[1][:1] == ["ResponseID"]:
        return 1, "the row below the column names holds Qualtrics' questions"
    return 0, ""


def _number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _text_head(path: Path) -> list[list[str]]:
    data = path.read_bytes()[:1_000_000] if path.is_file() else b""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", errors="replace")
    best: list[list[str]] = []
    for delimiter in ",;\t|":
        try:
            rows = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), HEAD_ROWS))
        except csv.Error:
            continue
        if _regular(rows) > _regular(best):
            best = rows
    return best


def _regular(rows: list[list[str]]) -> float:
    if not rows:
        return 0.0
    widths = [len(r) for r in rows]
    common = max(set(widths), key=widths.count)
    return common * widths.count(common) / len(widths) if common > 1 else 0.5


def _workbook_heads(path: Path) -> dict[str, list[list[str]]]:
    import openpyxl

    from bowlby.ingest.readers import _cell

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception:  # what is wrong with it is told by the reader, in one line
        return {"": []}
    try:
        heads = {}
        for name in book.sheetnames:
            rows = book[name].iter_rows(values_only=True, max_row=HEAD_ROWS)
            heads[name] = [[_cell(v).strip() for v in row] for row in rows]
        return {n: rows for n, rows in heads.items() if sum(any(r) for r in rows) > 1} or {"": []}
    finally:
        book.close()
