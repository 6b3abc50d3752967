"""A raw file as it is found: kind, sheet, header row, rows that are no data, decimal sign, columns."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bowlby.config.study import FILL, DataFile, Who
from bowlby.drafting.profile import Column, profile
from bowlby.errors import Place, UserError, problem
from bowlby.ingest.issues import Issues
from bowlby.ingest.readers import Ask, read
from bowlby.ingest.readers.base import KINDS, Raw, Unreadable, check_kind
from bowlby.ingest.readers.redcap import is_dictionary, read_dictionary
from bowlby.ingest.readers.text import best_delimiter, find_encoding, sample
from bowlby.ingest.readers.workbook import inspect, open_workbook, rows_of
from bowlby.ingest.rows import Doubt, doubts
from bowlby.ingest.text_values import folded, styles_of

HEAD_ROWS = 30
USUAL = set(
    "id pid patient patient_id patientid client client_id subject subject_id participant code record_id responseid "
    "therapist therapist_id therapistid th clinician name patient_name first_name last_name vorname nachname dob "
    "birthdate date_of_birth geburtsdatum age alter sex gender geschlecht site group arm occasion time visit session "
    "date datum wave".split()
)
MOST_ROWS = 20_000


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
    dictionary : Path or None
        REDCap's data dictionary of the file.
    doubts : list of Doubt
        Rows that look like nobody's answers; ``raw`` is without them.
    """

    path: Path
    raw: Raw
    columns: dict[str, Column]
    stated: dict[str, object]
    notes: list[str] = field(default_factory=list)
    dictionary: Path | None = None
    doubts: list[Doubt] = field(default_factory=list)


def is_redcap_dictionary(path: Path) -> bool:
    """Whether a file is a data dictionary of REDCap, which describes other files."""
    head = _text_head(path) if KINDS.get(path.suffix.lower()) == "csv" else []
    return bool(head) and is_dictionary(head[0])


def look(path: Path, dictionary: Path | None = None) -> list[Look]:
    """The tables of one file.

    Parameters
    ----------
    path : Path
    dictionary : Path, optional
        REDCap's data dictionary; it is left out where it names no column of the file.

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
    return [_table(path, _text_head(path) if kind == "csv" else [], {}, dictionary if kind == "csv" else None)]


def _table(path: Path, head: list[list[str]], stated: dict, dictionary: Path | None = None) -> Look | None:
    stated, notes = dict(stated), []
    if head:
        try:
            row = header_row(head)
        except Unreadable as error:
            raise UserError(problem(*error.args, Place(path.name))) from None
        if row > 1:
            stated["header_row"] = row
            notes.append(f"column names in row {row}; the rows above it look like a title")
        skip, what = rows_below(head[row - 1 :])
        if skip:
            stated["skip_rows"] = skip
            notes.append(what)
    raw, dictionary = _read(path, stated, dictionary)
    found = doubts(raw)
    raw.frame = raw.frame.drop(index={row for doubt in found for row in doubt.rows})
    columns = {name: profile(_coded(raw, name)) for name in raw.frame.columns}
    if any(c.comma for c in columns.values()) and KINDS.get(path.suffix.lower()) == "csv":
        stated["decimal"] = ","
    return Look(path, raw, columns, stated, notes, dictionary, found)


def _read(path: Path, stated: dict, dictionary: Path | None) -> tuple[Raw, Path | None]:
    issues, spec = Issues(), DataFile(path=path.name, who=Who(person=FILL), **stated)
    fields = read_dictionary(dictionary, issues) if dictionary else None
    raw = read(path, Ask(spec, everything=True, limit=MOST_ROWS, renamed=fields.named if fields else None), issues)
    if raw is None or issues.errors:
        raise UserError(issues.errors)
    if fields and set(raw.header) & set(fields.titles()):
        raw.dictionary, raw.labels = fields, fields.labels() | raw.labels
        return raw, dictionary
    return raw, None


def _coded(raw: Raw, name: str) -> pd.Series:
    """A column with codes in place of the labels that the file or its dictionary gives them."""
    cells = raw.text(name)
    codes = {folded(label): code for code, label in raw.labels.get(name, {}).items()}
    if not codes:
        return cells
    found = cells.map(lambda cell: codes.get(folded(cell), cell))
    return found if found.isin([*codes.values(), ""]).all() else cells


def header_row(rows: list[list[str]]) -> int:
    """The row with the column names: as wide as the table and without numbers; the first, or one with more usual names.

    Raises
    ------
    Unreadable
        If there is none, and the first row looks like data, which must not become column names.
    """
    widths = [sum(cell != "" for cell in row) for row in rows]
    wide = max(widths, default=0)
    found = [
        number
        for number, (row, width) in enumerate(zip(rows, widths), 1)
        if width >= max(2, 0.6 * wide) and not any(_number(cell) for cell in row)
    ]
    if found:
        usual = {number: len(USUAL & {folded(cell) for cell in rows[number - 1]}) for number in found}
        best = max(found, key=lambda number: usual[number])
        return best if usual[best] > usual[found[0]] + 1 else found[0]
    first = [cell for cell in rows[0] if cell]
    numbers = [cell for cell in first if _number(cell)]
    if any(styles_of(pd.Series([cell])) for cell in first if not _number(cell)) or len(set(numbers)) < len(numbers):
        raise Unreadable("no row holds column names", "write them into the first row, and export the file again")
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
    try:
        check_kind(path, "csv")
        return best_delimiter(sample(path, find_encoding(path)))[1][:HEAD_ROWS]
    except (Unreadable, OSError):  # what is wrong with it is told by the reader, in one line
        return []


def _workbook_heads(path: Path) -> dict[str, list[list[str]]]:
    heads: dict[str, list[list[str]]] = {}
    try:
        check_kind(path, "excel")
        inspect(path)
        book = open_workbook(path)
        for name in book.sheetnames:
            with suppress(Unreadable):
                heads[name] = [[c.strip() for c in row] for row in rows_of(book, name, HEAD_ROWS)]
        book.close()
    except (Unreadable, OSError):  # what is wrong with it is told by the reader, in one line
        return {"": []}
    return {name: rows for name, rows in heads.items() if sum(any(row) for row in rows) > 1} or {"": []}
