"""The tables of a raw file as it comes: sheet, header rows, labels, rows that are no data, decimal sign, columns."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bowlby.config.study import FILL, DataFile, Who
from bowlby.drafting.columns import Column, profile
from bowlby.drafting.vocabulary import bare, words
from bowlby.errors import Place, UserError, existing, problem
from bowlby.ingest.issues import Issues
from bowlby.ingest.readers import Selection, read
from bowlby.ingest.readers.base import FORMAT_OF_ENDING, Raw, Unreadable, check_kind, joined, unique
from bowlby.ingest.readers.redcap_dictionary import is_dictionary, read_dictionary
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
FULL = 0.6
"""Share of the widest row's cells that a row of column names fills."""
BOOK_NAMES = set("variable variablenname kürzel kuerzel code name item field spalte column variablen".split())
BOOK_TEXTS = set("bedeutung label description beschreibung meaning inhalt text frage question erläuterung".split())
MOST_BOOK_COLUMNS = 6
CODED_NAME = re.compile(r"([A-Za-z]\w*(?:\[[^\]]*\])*)[.:]\s+(\S.*)", re.DOTALL)
"""A column name of LimeSurvey: the question's code, a dot, and the question."""


@dataclass
class Table:
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
    labels : dict of str
        What the file says that columns mean: variable labels, questions, or the question behind a code.
    groups : dict of str
        The heading above several columns, column: heading.
    """

    path: Path
    raw: Raw
    columns: dict[str, Column]
    stated: dict[str, object]
    notes: list[str] = field(default_factory=list)
    dictionary: Path | None = None
    doubts: list[Doubt] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    def code(self, column: str) -> str:
        """A column's name; of one that holds a question as well, the code before it."""
        return m[1] if (m := CODED_NAME.fullmatch(column)) else column

    def words(self, column: str) -> list[str]:
        """The words of a column's name."""
        return words(self.code(column))

    def texts(self, column: str) -> list[str]:
        """The words of a column's name and label."""
        return [*self.words(column), *words(self.labels.get(column, ""))]

    def add_labels(self, book: dict[str, str]) -> None:
        """Take the meanings of a code book, of the column itself or of all that begin alike."""
        known = {bare(name): text for name, text in book.items()}
        for column in self.columns:
            stem = re.sub(r"[\d_\W]+", "", column).lower()
            text = known.get(bare(column)) or known.get(stem)
            if text and column not in self.labels:
                self.labels[column] = text

    def code_book(self) -> dict[str, str] | None:
        """The meanings of columns, where the table is a code book and no data."""
        names = list(self.columns)
        if not 2 <= len(names) <= MOST_BOOK_COLUMNS:
            return None
        name = next((n for n in names if set(words(n)) & BOOK_NAMES), None)
        text = next((n for n in names if n != name and set(words(n)) & BOOK_TEXTS), None)
        if name is None or text is None or self.columns[text].numeric:
            return None
        return dict(zip(self.raw.text(name), self.raw.text(text), strict=True))


def is_redcap_dictionary(path: Path) -> bool:
    """Whether a file is a data dictionary of REDCap, which describes other files."""
    head = _text_head(path) if FORMAT_OF_ENDING.get(path.suffix.lower()) == "csv" else []
    return bool(head) and is_dictionary(head[0])


def read_tables(path: Path, dictionary: Path | None = None) -> list[Table]:
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
    kind = FORMAT_OF_ENDING.get(path.suffix.lower())
    if kind == "excel":
        sheets, several = _workbook_heads(path)
        found = [_table(path, rows, {"sheet": name} if several else {}) for name, rows in sheets.items()]
        return [one for one in found if one is not None] or [existing(_table(path, [], {}))]
    return [
        existing(_table(path, _text_head(path) if kind == "csv" else [], {}, dictionary if kind == "csv" else None))
    ]


def _table(path: Path, head: list[list[str]], stated: dict, dictionary: Path | None = None) -> Table | None:
    stated, notes, above, questions = dict(stated), [], [], []
    if head:
        try:
            row = header_row(head)
        except Unreadable as error:
            what, do = error.args
            raise UserError(problem(what, do, Place(path.name))) from None
        above, rows = head[row - 2] if row > 1 else [], head[row - 1 :]
        if len(rows) > 1 and _is_upper_half(rows[0], rows[1]) and _goes_on(rows[0], rows[1]):
            rows, stated["header_rows"] = [joined(rows[:2]), *rows[2:]], 2
        elif _is_upper_half(above, rows[0]):
            row, rows, above = row - 1, [joined([above, rows[0]]), *rows[1:]], []
            stated["header_rows"] = 2
        if row > 1:
            stated["header_row"] = row
            notes.append(f"column names in row {row}; the rows above it look like a title")
        skip, what = rows_below(rows)
        if skip:
            stated["skip_rows"], questions = skip, [rows[0], rows[1]]
            notes.append(what)
    raw, dictionary = _read(path, stated, dictionary)
    found = doubts(raw)
    raw.frame = raw.frame.drop(index={row for doubt in found for row in doubt.rows})
    if not len(raw.frame):
        return None
    columns = {name: profile(_coded(raw, name)) for name in raw.frame.columns}
    if any(c.comma for c in columns.values()) and FORMAT_OF_ENDING.get(path.suffix.lower()) == "csv":
        stated["decimal"] = ","
    names = unique(raw.header)
    labels = {n: m[2] for n in columns if (m := CODED_NAME.fullmatch(n))} | raw.titles
    labels |= raw.dictionary.titles() if raw.dictionary else {}
    labels |= {n: q for n, q in zip(names, questions[1], strict=False) if q and q != n} if questions else {}
    return Table(path, raw, columns, stated, notes, dictionary, found, labels, _groups(above, names))


def _is_upper_half(above: list[str], below: list[str]) -> bool:
    """Whether a row is the upper of two rows of column names: it names columns that the lower one leaves empty."""
    filled = [i for i, cell in enumerate(above) if cell]
    return len(filled) > 1 and any(i >= len(below) or not below[i] for i in filled)


def _goes_on(above: list[str], below: list[str]) -> bool:
    """Whether a row without numbers names columns for which the one above it has no name."""
    more = sum(bool(cell) and (i >= len(above) or not above[i]) for i, cell in enumerate(below))
    return more > 1 and not any(map(_number, below))


def _groups(above: list[str], names: list[str]) -> dict[str, str]:
    """The headings above several columns each, where the row above the column names holds any."""
    filled = [i for i, cell in enumerate(above) if cell]
    if len(filled) < 2 or filled[0] == 0:
        return {}
    return {n: above[max(i for i in filled if i <= at)] for at, n in enumerate(names) if n and at >= filled[0]}


def _read(path: Path, stated: dict, dictionary: Path | None) -> tuple[Raw, Path | None]:
    issues, spec = Issues(), DataFile(path=path.name, who=Who(person=FILL), **stated)
    fields = read_dictionary(dictionary, issues) if dictionary else None
    selection = Selection(spec, everything=True, limit=MOST_ROWS, renamed=fields.named if fields else None)
    raw = read(path, selection, issues)
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
        for number, (row, width) in enumerate(zip(rows, widths, strict=True), 1)
        if width >= max(2, FULL * wide) and not any(_number(cell) for cell in row) and not row[0].startswith("#")
    ]
    if found:
        usual = {number: len(USUAL & {folded(cell) for cell in rows[number - 1]}) for number in found}
        best = max(found, key=lambda number: usual[number])
        return best if usual[best] > usual[found[0]] + 1 else found[0]
    first = [cell for cell in rows[0] if cell]
    numbers = [cell for cell in first if _number(cell)]
    if any(styles_of(pd.Series([cell])) for cell in first if not _number(cell)) or len(set(numbers)) < len(numbers):
        raise Unreadable("no row contains column names", "write them into the first row, and export the file again")
    return 1


def rows_below(rows: list[list[str]]) -> tuple[int, str]:
    """Rows below the column names that survey programs put there, and what they are."""
    for number, row in enumerate(rows[1:3], 1):
        if sum("ImportId" in cell for cell in row) > len(row) / 2:
            return number, f"{number} rows below the column names contain Qualtrics' questions and ImportIds"
    if len(rows) > 1 and rows[0][:2] == ["V1", "V2"] and rows[1][:1] == ["ResponseID"]:
        return 1, "the row below the column names contains Qualtrics' questions"
    if len(rows) > 3 and _is_label_row(rows):
        return 1, "the row below the column names contains labels"
    return 0, ""


def _is_label_row(rows: list[list[str]]) -> bool:
    """Whether the row below the column names holds texts where all rows below it hold numbers."""
    names, row, below = rows[0], rows[1], rows[2:]
    filled = [i for i, cell in enumerate(row) if cell]
    if len(filled) < FULL * len(names) or any(_number(row[i]) for i in filled):
        return False
    numeric = [i for i in filled if (c := [r[i] for r in below if i < len(r) and r[i]]) and all(map(_number, c))]
    return len(numeric) > len(filled) / 2


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


def _workbook_heads(path: Path) -> tuple[dict[str, list[list[str]]], bool]:
    """The first rows of each sheet that has more than one, and whether the workbook has several sheets."""
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
        return {"": []}, False
    tables = {name: rows for name, rows in heads.items() if sum(map(any, rows)) > 1}
    return tables or {"": []}, bool(tables) and len(heads) > 1
