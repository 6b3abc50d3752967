"""A table for people, as HTML and as DOCX in APA style."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pandas as pd

STATISTICS = ("b", "SE", "df", "t", "p", "n", "N", "J", "M", "SD")
NUMERIC = re.compile(r"[<\[(]?[\s\d.,−<\[\](%)–]+(?: to [\d.,−]+)?")
STYLE = (
    "body{margin:2rem;font:1rem/1.5 'Times New Roman',serif}"
    "table{border-collapse:collapse;border-top:2px solid;border-bottom:2px solid}"
    "th,td{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}"
    "thead th{border-bottom:1px solid}th[scope=row]{font-weight:400}.number{white-space:nowrap;text-align:right}"
    ".note{max-width:46rem}figure{margin:0}"
)
EPOCH = (2000, 1, 1, 0, 0, 0)
"""Date in Word documents, which say nothing of when they were made."""
A4, MARGIN = (21.0, 29.7), 2.2
"""Paper of Word documents, and its margins, in cm."""
LETTER_LENGTH = 27.94
"""The longer side of US Letter: tables on their side fit both papers."""
LETTER, GAP, SMALL = 0.2, 0.42, 9
"""Width of a letter of 11 points, and of the space in a cell, in cm; size in points of letters in wide tables."""
LONG = 24
"""Rows above which a table may be parted on paper."""
FORMULA = re.compile(r"(?<=\S) ([−+<>=]) (?=\S)")
ABSENT = ("", "–", "hidden", "not available", "fewer than 5", "all but a few")
"""Words that may be in a column of numbers."""
MARK = re.compile(r"\*([^*\s][^*]*)\*")


@dataclass(frozen=True)
class Sheet:
    """A table as printed.

    Attributes
    ----------
    number, title : str
        "Table 1" and what it shows.
    columns : list of str
        Heads; those that name a statistic are printed in italics.
    parts : list of (str or None, list of list of str)
        Groups of rows, each with a head of its own or none.
    note : str
        The note; ``*N*`` is printed in italics.
    """

    number: str
    title: str
    columns: list[str]
    parts: Sequence[tuple[str | None, list[list[str]]]] = ()
    note: str = ""

    def noted(self, sentence: str) -> Sheet:
        """The same with one more sentence in the note, if there is one."""
        return replace(self, note=f"{self.note} {sentence}".strip()) if sentence else self

    def titled(self, addition: str) -> Sheet:
        """The same with more in brackets in the title, if there is more."""
        inner = addition.translate(str.maketrans("()", "[]"))
        return replace(self, title=f"{self.title} ({inner})") if addition else self

    def reworded(self, wording: Callable[[str], str]) -> Sheet:
        """The same with every text put through a function."""
        parts = [(head and wording(head), [[wording(str(cell)) for cell in row] for row in rows])
                 for head, rows in self.parts]  # fmt: skip
        return Sheet(self.number, wording(self.title), [wording(c) for c in self.columns], parts, wording(self.note))


def sheet_html(sheet: Sheet) -> str:
    """A sheet as HTML; every cell escaped."""
    sheet = aligned(sheet)
    numbers = numeric_columns(sheet)
    kinds = (' class="number"' if k in numbers else "" for k in range(len(sheet.columns)))
    heads = "".join(
        f'<th scope="col"{kind}>{_head(c)}</th>' if c else "<td></td>"
        for c, kind in zip(sheet.columns, kinds, strict=True)
    )
    body = []
    for title, rows in sheet.parts:
        body.append("<tbody>")
        if title:
            body.append(
                f'<tr class="part"><th scope="rowgroup" colspan="{len(sheet.columns)}">{_text(title)}</th></tr>'
            )
        for first, *rest in rows:
            cells = "".join(_cell(c, k in numbers) for k, c in enumerate(rest, start=1))
            body.append(f'<tr><th scope="row">{_text(first)}</th>{cells}</tr>')
        body.append("</tbody>")
    caption = ""
    if sheet.number or sheet.title:
        caption = f'<figcaption class="caption"><b>{_text(sheet.number)}</b> <i>{_text(sheet.title)}</i></figcaption>'
    note = f'<p class="note"><i>Note.</i> {_italics(sheet.note)}</p>' if sheet.note else ""
    name = _text(sheet.title or "Table")
    long = " long" if sum(len(rows) for _, rows in sheet.parts) > LONG else ""
    return (
        f'<figure class="sheet{long}">{caption}'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table: {name}">'
        f'<table aria-label="{name}"><thead><tr>{heads}</tr></thead>{"".join(body)}</table></div>{note}</figure>\n'
    )


def numeric_columns(sheet: Sheet) -> set[int]:
    """Columns of numbers alone, but for the first."""
    rows = [row for _, part in sheet.parts for row in part]
    return {
        k
        for k in range(1, len(sheet.columns))
        if (cells := [row[k] for row in rows if row[k] not in ABSENT]) and all(map(NUMERIC.fullmatch, cells))
    }


PLAIN = re.compile(r"[<−]?\s?[\d,]*(?:\.(\d+))?")


def aligned(sheet: Sheet) -> Sheet:
    """The same with figure spaces after numbers of fewer decimals, so that right-aligned columns align at the point.

    Examples
    --------
    >>> aligned(Sheet("", "", ["", "b"], [(None, [["x", "0.125"], ["y", "1.2"]])])).parts[0][1][1]
    ['y', '1.2\u2007\u2007']
    """
    rows = [row for _, part in sheet.parts for row in part]
    places = {}
    for k in numeric_columns(sheet):
        found = [PLAIN.fullmatch(row[k]) for row in rows if row[k] not in ABSENT]
        if all(found):
            places[k] = max((len(number[1] or "") for number in found), default=0)

    def pad(k: int, cell: str) -> str:
        if not (wanted := places.get(k)) or cell in ABSENT:
            return cell
        point, own = cell.partition(".")[1:]
        return cell + "\u2007" * (wanted - len(own)) + ("" if point else "\u2008")

    parts = [(head, [[pad(k, cell) for k, cell in enumerate(row)] for row in part]) for head, part in sheet.parts]
    return replace(sheet, parts=parts)


def sheet_page(sheet: Sheet) -> str:
    """A sheet as a page of its own, which any browser or word processor opens as it was meant."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(sheet.title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{sheet_html(sheet)}</body></html>\n"
    )


def sheet_docx(path: Path, sheet: Sheet) -> None:
    """A sheet as a Word document: number in bold, title in italics, three rules, note below."""
    from docx import Document
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Cm, Pt, RGBColor

    sheet, document = aligned(sheet), Document()
    widths = _paper(document.sections[0], sheet)
    document.core_properties.title = sheet.title
    document.core_properties.author = "bowlby"
    document.styles["Normal"].font.name = "Times New Roman"
    document.styles["Normal"].font.size = Pt(11 if sum(widths) <= A4[0] - 2 * MARGIN else SMALL)
    caption = document.styles["Caption"]
    caption.font.name, caption.font.size, caption.font.bold = "Times New Roman", Pt(11), False
    caption.font.color.rgb = RGBColor(0, 0, 0)
    caption.paragraph_format.keep_with_next = True
    document.add_paragraph(style="Caption").add_run(sheet.number).bold = True
    document.add_paragraph(style="Caption").add_run(sheet.title).italic = True
    numbers = numeric_columns(sheet)
    grid = document.add_table(rows=1, cols=len(sheet.columns))
    grid.autofit = False
    for cell, name in zip(grid.rows[0].cells, sheet.columns, strict=True):
        cell.paragraphs[0].add_run(name).italic = name in STATISTICS
    _rule(grid.rows[0], top=True, bottom=True)
    for title, rows in sheet.parts:
        if title:
            cells = grid.add_row().cells
            head = cells[0].merge(cells[-1]).paragraphs[0]
            head.add_run(_printable(title)).bold = True
            head.paragraph_format.keep_with_next = True
        for row in rows:
            for cell, value in zip(grid.add_row().cells, row, strict=True):
                cell.text = _printable(_unbroken(str(value)))
    _rule(grid.rows[-1], bottom=True)
    _mark(grid.rows[0], "w:tblHeader")
    for row in grid.rows:
        _mark(row, "w:cantSplit")
    for k, column in enumerate(grid.columns):
        column.width = Cm(widths[k])
    for row in grid.rows:
        cells = row.cells  # found anew each time
        for k, cell in enumerate(cells if len(cells) > 1 else ()):
            if cell._tc.grid_span == 1:
                cell.width = Cm(widths[k])
                if k in numbers:
                    cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
        for paragraph in (p for cell in dict.fromkeys(cells) for p in cell.paragraphs):
            paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(1.5)
            paragraph.paragraph_format.line_spacing = 1.0
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_before = Pt(4)
    paragraph.add_run("Note. ").italic = True
    for i, piece in enumerate(MARK.split(_printable(sheet.note))):
        paragraph.add_run(piece).italic = bool(i % 2)
    save_undated(document, path)


def save_undated(document, path: Path) -> None:
    """Write a Word document with one date throughout, so that its bytes depend on its content alone."""
    for when in ("created", "modified"):
        setattr(document.core_properties, when, dt.datetime(*EPOCH))
    made = io.BytesIO()
    document.save(made)
    with ZipFile(made) as source, ZipFile(path, "w", ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            target.writestr(ZipInfo(name, EPOCH), source.read(name), ZIP_DEFLATED)


def frame_sheet(table: pd.DataFrame, note: str = "", title: str = "", by: str | None = None) -> Sheet:
    """A data frame as a sheet without number; nothing is printed for what is missing.

    With ``by``, rows are grouped under the values of that column.
    """
    parts: list[tuple[str | None, pd.DataFrame]] = [(None, table)]
    if by is not None:
        parts = [(str(value), part.drop(columns=by)) for value, part in table.groupby(by, sort=False)]
    columns = [str(c) for c in table.columns if c != by]
    return Sheet("", title, columns, [(head, _cells(part)) for head, part in parts], note)


def _cells(table: pd.DataFrame) -> list[list[str]]:
    return [["" if pd.isna(v) else str(v) for v in row] for row in table.itertuples(index=False)]


def _head(name: str) -> str:
    return f"<i>{_text(name)}</i>" if name in STATISTICS else _text(name)


def _text(value) -> str:
    return html.escape(str(value))


def _cell(value: str, numeric: bool) -> str:
    kind = ' class="number"' if numeric or NUMERIC.fullmatch(value) or value in ABSENT[2:] else ""
    return f"<td{kind}>{_text(value)}</td>"


def _unbroken(value: str) -> str:
    """A number or an interval that no line end parts."""
    return value.replace(" ", "\u00a0") if NUMERIC.fullmatch(value) else FORMULA.sub("\u00a0\\1\u00a0", value)


def _italics(note: str) -> str:
    return MARK.sub(r"<i>\1</i>", _text(note))


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c in "\t\n" or ord(c) >= 32)


def _rule(row, *, top: bool = False, bottom: bool = False) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for cell in row.cells:
        borders = OxmlElement("w:tcBorders")
        for side, drawn in (("top", top), ("bottom", bottom)):
            if drawn:
                edge = OxmlElement(f"w:{side}")
                for key, value in (("val", "single"), ("sz", "8"), ("space", "0"), ("color", "000000")):
                    edge.set(qn(f"w:{key}"), value)
                borders.append(edge)
        cell._tc.get_or_add_tcPr().append(borders)


def _paper(section, sheet: Sheet) -> list[float]:
    """Set A4, on its side where the table asks for it; the columns' widths in cm."""
    from docx.enum.section import WD_ORIENT
    from docx.shared import Cm

    rows = [sheet.columns, *(row for _, part in sheet.parts for row in part)]
    cells = [[_unbroken(str(row[k])) for row in rows] for k in range(len(sheet.columns))]
    letters = [max(len(word) for cell in column for word in [*cell.split(" "), ""]) for column in cells]
    wide = sum(n * LETTER + GAP for n in letters) > A4[0] - 2 * MARGIN
    letter = LETTER * SMALL / 11 if wide else LETTER
    least, whole = [n * letter + GAP for n in letters], [max(map(len, own)) * letter + GAP for own in cells]
    width, height = reversed(A4) if wide else A4
    section.orientation = WD_ORIENT.LANDSCAPE if wide else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Cm(width), Cm(height)
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", Cm(MARGIN))
    room = min(width, LETTER_LENGTH) - 2 * MARGIN
    if sum(whole) <= room:
        return whole
    share = max(room - sum(least), 0) / (sum(whole) - sum(least))
    return [low + share * (high - low) for low, high in zip(least, whole, strict=True)]


def _mark(row, name: str) -> None:
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement(name))
