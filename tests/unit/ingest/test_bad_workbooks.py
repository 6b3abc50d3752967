"""Broken and hostile workbooks: one clear line each, nothing unpacked without end, no formula run."""

import io
import resource
import struct
import zipfile

import openpyxl
import pytest
from small_files import HEAD, SHEET, book, rezipped, study

from bowlby.ingest import check, ingest


def test_password(made, error_lines):
    encrypted = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 100
    assert error_lines(made(study("a.xlsx"), a__xlsx=encrypted)) == [
        "error: a.xlsx: is protected by a password; save it without one"
    ]
    old = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600
    assert error_lines(made(study("a.xlsx"), a__xlsx=old)) == [
        "error: a.xlsx: cannot be read as an Excel workbook; save it again as .xlsx"
    ]


def test_a_sheet_that_is_not_there(made, error_lines):
    assert error_lines(made(study("a.xlsx", "sheet: Two"), a__xlsx=book(One=[]))) == [
        "error: a.xlsx[Two]: no sheet 'Two'; use one of Sheet, One"
    ]


def test_a_zip_bomb_is_not_unpacked(made, error_lines):
    def swell(name, data):
        return data.replace(b"</sheetData>", b" " * 300_000_000 + b"</sheetData>") if name == SHEET else data

    bomb = rezipped(book(), swell)
    assert len(bomb) < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = error_lines(made(study("a.xlsx"), a__xlsx=bomb))
    assert line.startswith("error: a.xlsx: unpacks to 300 MB; ")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_lie_about_the_unpacked_size_is_found(made, error_lines):
    def swell(name, data):
        return data.replace(b"</sheetData>", b" " * 100_000_000 + b"</sheetData>") if name == SHEET else data

    bomb = bytearray(rezipped(book(), swell))
    real = next(i.file_size for i in zipfile.ZipFile(io.BytesIO(bytes(bomb))).infolist() if i.filename == SHEET)
    lying = bytes(bomb).replace(struct.pack("<I", real), struct.pack("<I", 2000))
    assert error_lines(made(study("a.xlsx"), a__xlsx=lying)) == [
        "error: a.xlsx: cannot be read as an Excel workbook; save it again as .xlsx"
    ]


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml"])
def test_entities_are_refused(made, error_lines, part):
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10))
    bomb = b'<!DOCTYPE x [<!ENTITY l0 "lol">' + laughs + b"]>"

    def change(name, data):
        if name != part:
            return data
        start = data.index(b"?>") + 2 if data.startswith(b"<?xml") else 0
        return data[:start] + bomb + data[start:]

    assert error_lines(made(study("a.xlsx"), a__xlsx=rezipped(book(), change))) == [
        "error: a.xlsx: declares XML entities, which no workbook needs; do not open it; ask for a new copy"
    ]


def test_a_damaged_sheet(made, error_lines):
    data = rezipped(book(), lambda name, data: data[: len(data) // 2] if name == SHEET else data)
    assert error_lines(made(study("a.xlsx"), a__xlsx=data)) == [
        "error: a.xlsx: the sheet is damaged; open the workbook and save it again as .xlsx"
    ]


def test_formulas_without_results_are_an_error_and_never_run(made, error_lines):
    rows = [HEAD.split(","), [1, "A", "=1+1", "=1+1", *[1] * 5], [2, "B", '=HYPERLINK("http://x")', *[2] * 6]]
    assert error_lines(made(study("a.xlsx"), a__xlsx=book(rows))) == [
        "error: a.xlsx[Sheet]:2:g1: 2 formulas without a stored result (rows 2, 3); "
        "open the workbook in Excel or LibreOffice and save it",
        "error: a.xlsx[Sheet]:2:g2: 1 formula without a stored result (row 2); "
        "open the workbook in Excel or LibreOffice and save it",
    ]


def test_formulas_with_results_are_read_and_told(made):
    rows = [HEAD.split(","), [1, "A", "=1+1", *[1] * 6], [2, "B", *[2] * 7]]
    data = rezipped(
        book(rows),
        lambda n, d: d.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>").replace(
            b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>"
        ),
    )
    result = ingest(made(study("a.xlsx"), a__xlsx=data))
    assert result.measures["gad7"]["i01"].tolist() == [2, 2]
    assert result.issues[["code", "n"]].to_numpy().tolist() == [["formula", 1]]


def test_parts_that_are_missing_from_a_workbook(made, error_lines):
    def without(name, data):
        return None if name == SHEET else data

    def broken(name, data):
        return b"<x" if name == "xl/styles.xml" else data

    def unlisted(name, data):
        return (
            data.replace(b"</sheetData>", b'<row r="9"><c r="A9" t="s"><v>5</v></c></row></sheetData>')
            if name == SHEET
            else data
        )

    (line,) = error_lines(made(study("a.xlsx"), a__xlsx=rezipped(book(), unlisted)))
    assert line == "error: a.xlsx: the sheet is damaged; open the workbook and save it again as .xlsx"
    (line,) = error_lines(made(study("a.xlsx"), a__xlsx=rezipped(book(), without)))
    assert line == "error: a.xlsx: the workbook has no sheet; open the workbook and save it again as .xlsx"
    (line,) = error_lines(made(study("a.xlsx"), a__xlsx=rezipped(book(), broken)))
    assert line == "error: a.xlsx: cannot be read as an Excel workbook; save it again as .xlsx"


def test_which_sheet_is_read_is_told(made):
    issues = check(made(study("a.xlsx"), a__xlsx=book(Second=[["x"]])))
    assert issues[["severity", "what"]].to_numpy().tolist() == [["note", "the first of 2 sheets is read"]]
    out, hidden = io.BytesIO(), openpyxl.load_workbook(io.BytesIO(book(Second=[["x"]])))
    hidden.worksheets[0].sheet_state = "hidden"
    hidden.save(out)
    issues = check(made(study("a.xlsx"), a__xlsx=out.getvalue()))
    assert issues[["severity", "what"]].to_numpy().tolist() == [["warning", "the sheet is hidden"]]
