"""Broken and hostile files: one clear line each, no traceback, no guess, and the machine stays up."""

import io

import pyreadstat
import pytest
from small_files import GOOD, HEAD, book, frame, study

from bowlby.ingest import check, ingest


def sav(tmp_path, name="x.sav", write=pyreadstat.write_sav):
    write(frame(), tmp_path / name)
    return (tmp_path / name).read_bytes()


def parquet():
    out = io.BytesIO()
    frame().to_parquet(out)
    return out.getvalue()


def test_the_good_file_is_good(made):
    assert len(ingest(made(study("a.csv"), a__csv=GOOD)).issues) == 0


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.csv", b"", "the file is empty; export it again"),
        ("a.csv", b"\n\n\n", "no column names in the header row; correct `header_row:`, or export it again"),
        ("a.csv", b"\xef\xbb\xbf", "no column names in the header row; correct `header_row:`, or export it again"),
        ("a.csv", HEAD.encode(), "holds a header but no rows; export it again, with the data"),
        ("a.csv", GOOD.encode() + b"\x00\x01\x02", "not a text file; check `format:`, or export it again as CSV"),
        (
            "a.csv",
            GOOD.encode() + b'3,"A',
            "cannot be read as CSV (line 4); check quotes and `delimiter:`",
        ),
        (
            "a.csv",
            GOOD.encode() + b'3,"' + b"x" * 200_000 + b'"\n',
            "a cell at line 4 is longer than 131,072 characters; check the quotes there",
        ),
        (
            "a.csv",
            (HEAD + "\nJürgen,Zoë,1,1,1,1,1,1,1\n").encode() + "ß".encode("cp1252") + b",A,1,1,1,1,1,1,1\n",
            "mixes UTF-8 with another encoding; save it again as UTF-8, or say its `encoding:`",
        ),
        ("a.csv", b"\x1f\x8b\x08" + b"x" * 50, "is compressed; unpack it first"),
        (
            "a.csv",
            b"<!DOCTYPE html><html></html>",
            "is a web page or document, not a text file with columns; export it again as CSV",
        ),
        ("a.csv", b"%PDF-1.7 ...", "is a web page or document, not a text file with columns; export it again as CSV"),
        ("a.sav", GOOD.encode(), "cannot be read as an SPSS file; export it again"),
        ("a.dta", GOOD.encode(), "cannot be read as a Stata file; export it again"),
        ("a.sas7bdat", GOOD.encode(), "cannot be read as a SAS file; export it again"),
        ("a.xpt", GOOD.encode(), "cannot be read as a SAS file; export it again"),
        ("a.parquet", GOOD.encode(), "cannot be read as a Parquet file; write it again"),
        ("a.parquet", parquet()[:-40], "cannot be read as a Parquet file; write it again"),
        ("a.xlsx", GOOD.encode(), "cannot be read as an Excel workbook; save it again as .xlsx"),
        ("a.xlsx", book()[:2000], "cannot be read as an Excel workbook; save it again as .xlsx"),
        ("a.csv", book(), "is an Excel workbook, not a text file; give it the right ending, or write `format: excel`"),
        (
            "a.xlsx",
            parquet(),
            "is a Parquet file, not an Excel workbook; give it the right ending, or write `format: parquet`",
        ),
        ("a.xyz", GOOD.encode(), "unknown kind of file; say which with `format:` in the study file"),
    ],
)
def test_unreadable_files(made, error_lines, name, data, expected):
    assert error_lines(made(study(name), **{name.replace(".", "__"): data})) == [f"error: {name}: {expected}"]


def test_files_that_end_early(made, error_lines, tmp_path):
    whole = sav(tmp_path)
    assert error_lines(made(study("a.sav"), a__sav=whole[: len(whole) // 2])) == [
        "error: a.sav: cannot be read as an SPSS file; export it again"
    ]
    whole = sav(tmp_path, "x.dta", pyreadstat.write_dta)
    assert error_lines(made(study("a.dta"), a__dta=whole[: len(whole) // 2])) == [
        "error: a.dta: cannot be read as a Stata file; export it again"
    ]


def test_wrong_label_of_a_statistics_file(made, error_lines, tmp_path):
    assert error_lines(made(study("a.dta"), a__dta=sav(tmp_path))) == [
        "error: a.dta: is an SPSS file, not a Stata file; give it the right ending, or write `format: spss`"
    ]


def test_text_that_looks_like_a_formula_is_only_text(made):
    issues = check(made(study("a.csv"), a__csv=GOOD + "=cmd|' /C calc'!A0,A,=1+1,1,1,1,1,1,1\n"))
    assert issues[["code", "row", "column"]].to_numpy().tolist() == [["not_a_number", 4, "g1"]]


def test_many_faults_of_a_kind_are_one_line_with_the_first_rows(made):
    rows = "".join(f"p{i},T{i % 3},{'x' if i < 30 else 1},1,1,1,1,1,1\n" for i in range(100))
    issues = check(made(study("a.csv"), a__csv=HEAD + "\n" + rows))
    assert issues["n"].tolist() == [30]
    assert issues["what"][0] == "30 times: text in an item (rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 …)"


def test_many_repeats_are_one_line(made, error_lines):
    rows = "".join(f"p{i},T{i % 3},1,1,1,1,1,1,1\n" for i in range(20))
    (line,) = check(made(study("a.csv"), a__csv=HEAD + "\n" + rows * 2))["what"]
    assert line == "20 rows repeat earlier ones (gad7) (rows 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 …)"
    (line,) = error_lines(made(study("a.csv"), a__csv=HEAD + "\n" + rows + rows.replace(",1\n", ",2\n")))
    assert line.startswith(
        "error: a.csv:22: 20 rows have the person and occasion of earlier ones, other values (gad7) (rows 22"
    )


def test_a_doubled_name_that_nobody_uses_does_no_harm(made):
    text = GOOD.replace(HEAD, HEAD + ",note,note").replace(",1\n", ",1,x,y\n").replace(",2\n", ",2,x,y\n")
    assert len(ingest(made(study("a.csv"), a__csv=text)).measures["gad7"]) == 2


def test_a_doubled_name_can_be_told_apart(made):
    text = GOOD.replace("g2", "g1")
    answers = ingest(made(study("a.csv").replace('"g{n}"', '["g1#2", g3, g4, g5, g6, g7, "g1#1"]'), a__csv=text))
    assert len(answers.measures["gad7"]) == 2


def test_another_range_is_an_error(made, error_lines):
    (line,) = error_lines(made(study("a.csv"), a__csv=GOOD.replace(",1", ",5").replace(",2", ",6")))
    assert line == (
        "error: a.csv:1:g1: 14 of 14 values are outside 0 to 3: the instrument is scored on another range; "
        "give the form's `response:`, or recode the file"
    )


def many(answers, n=60):
    """Rows whose items take these answers in turn."""
    cells = [[str(answers[(i + k) % len(answers)]) for k in range(7)] for i in range(n)]
    return HEAD + "\n" + "".join(f"p{i},T{i % 3},{','.join(row)}\n" for i, row in enumerate(cells))


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        (
            [1, 2, 3, 4],
            "error: a.csv:1:g1: all answers are from 1 to 4, the form's from 0 to 3; give `response: [1, 4]`, or list "
            "4 under `missing:` if it means no answer",
        ),
        (
            [0, 1, 2, 3, 4, 5],
            "error: a.csv:1:g1: 140 of 420 values are outside 0 to 3, in most items: the form may have another range; "
            "give the form's `response:`, or list the values under `missing:` if they mean no answer",
        ),
        (
            ["often", "never"],
            "error: a.csv:1:g1: most of the column's answers are text (and 6 more items of gad7); name columns of "
            "numbers, or say under `answers:` what the words mean",
        ),
        (
            ["1\uff0c0"],
            "error: a.csv:1:g1: most of the column's answers are text (and 6 more items of gad7); name columns of "
            "numbers, or say under `answers:` what the words mean",
        ),
    ],
)
def test_answers_of_another_form_are_one_line(made, error_lines, answers, line):
    assert error_lines(made(study("a.csv"), a__csv=many(answers))) == [line]


def test_decimal_commas_are_known_by_their_look(made, error_lines):
    text = many(["1,0", "2,0"]).replace(",T", ";T")
    head, *rows = text.splitlines()
    cells = [row.split(";")[0] + ";" + ";".join(_pairs(row.split(";")[1])) for row in rows]
    (line,) = error_lines(made(study("a.csv"), a__csv="\n".join([head.replace(",", ";"), *cells]) + "\n"))
    assert line.endswith('(and 6 more items of gad7); write `decimal: ","` for this file')


def _pairs(text):
    first, *rest = text.split(",")
    return [first, *(f"{a},{b}" for a, b in zip(rest[::2], rest[1::2], strict=True))]


@pytest.mark.parametrize("answers", [[0, 1, 2, 3] * 10 + [9], [0, 1, 2, 3, 3, 3, 2, 1] * 5 + [-1], [1, 2, 3, 1, 2]])
def test_a_few_impossible_answers_and_an_unused_end_are_no_other_form(made, answers):
    assert not check(made(study("a.csv"), a__csv=many(answers)))["severity"].eq("error").any()


def test_totals_beside_items_are_kept_to_be_compared(made, error_lines):
    data = many([0, 1, 2, 3]).splitlines()
    text = "\n".join([data[0] + ",sum", *(f"{row},{sum(map(int, row.split(',')[2:]))}" for row in data[1:])]) + "\n"
    both = study("a.csv").replace('items: "g{n}"', 'items: "g{n}", scored: {total: sum}')
    table = ingest(made(both, a__csv=text)).measures["gad7"]
    assert (table["total"] == table.filter(regex="^i").sum(axis=1)).all()
    (line,) = error_lines(made(both.replace("total:", "sum:"), a__csv=text))
    assert line == "error: a.csv: gad7 has no scale 'sum'; use one of total"


NEITHER = "none of the columns that the study file names is in row 1; "


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.csv", "sep=,\n" + GOOD, NEITHER + "check `header_row:`, `delimiter:` and `sheet:`, or the names"),
        ("a.csv", GOOD.replace(",", "~"), NEITHER + "check `header_row:`, `delimiter:` and `sheet:`, or the names"),
        ("a.csv", GOOD.upper(), NEITHER + "write them in capitals and small letters as there"),
        ("a.xls", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
         "cannot be read as an Excel workbook; save it again as .xlsx"),
        ("a.csv", GOOD.replace("1,A", "Jürgen,A").encode() + "Zoë,B,1,1,1,1,1,1,1\n".encode("cp1252"),
         "mixes UTF-8 with another encoding; save it again as UTF-8, or say its `encoding:`"),
    ],
)  # fmt: skip
def test_one_line_where_nothing_fits(made, error_lines, name, data, expected):
    assert error_lines(made(study(name), **{name.replace(".", "__"): data})) == [f"error: {name}: {expected}"]


def test_capitals_are_suggested(made, error_lines):
    (line,) = error_lines(made(study("a.csv"), a__csv=GOOD.replace("g3", "G3")))
    assert line == "error: a.csv:1:g3: column 'g3' is missing; did you mean 'G3'?"


def test_utf_32_is_read(made):
    result = ingest(made(study("a.csv"), a__csv=GOOD.encode("utf-32")))
    assert len(result.measures["gad7"]) == 2 and result.issues["what"].tolist() == ["read as utf-32"]


def test_german_quotes_in_cp1252_are_no_mixture(made):
    rows = "".join(f"Jörg {i} „Spaß“,A,1,1,1,1,1,1,1\n" for i in range(5))
    table = ingest(made(study("a.csv"), a__csv=(GOOD + rows).encode("cp1252"))).measures["gad7"]
    assert "Jörg 0 „Spaß“" in table["person"].tolist()


def test_a_sign_for_what_could_not_be_read_is_a_sign_like_others(made):
    table = ingest(made(study("a.csv"), a__csv=GOOD + "�,A,1,1,1,1,1,1,1\n")).measures["gad7"]
    assert "�" in table["person"].tolist()


@pytest.mark.parametrize("cut", [GOOD[:-9], GOOD + "Total: 2\n"])
def test_rows_that_are_too_short_are_told(made, cut):
    issues = check(made(study("a.csv"), a__csv=cut))
    told = issues[issues["code"] == "short_row"]
    assert told["row"].tolist() == [3 + cut.endswith("2\n") * (len(cut) > len(GOOD))]
    assert told["what"].tolist()[0].startswith("1 row has fewer cells than the header")


def test_lists_in_a_parquet_column(made, error_lines):
    out = io.BytesIO()
    frame().assign(g2=[[1], [2]]).to_parquet(out)
    (line,) = error_lines(made(study("a.parquet"), a__parquet=out.getvalue()))
    assert line == (
        "error: a.parquet: 1 column holds lists in place of single values; write g2 as columns of single values"
    )


@pytest.mark.parametrize(
    "pair", [("7", "7 "), ("A7", "a7"), ("7", "07"), ("7", "7.0"), ("José", "Jose\u0301"), ("7", "7\u200b")]
)
def test_ids_that_look_alike_stay_different_and_are_told(made, pair):
    text = HEAD + "".join(f"\n{one},A,1,1,1,1,1,1,1" for one in pair) + "\nother,B,1,1,1,1,1,1,1\n"
    result = ingest(made(study("a.csv"), a__csv=text))
    assert sorted(result.measures["gad7"]["person"]) == sorted([*pair, "other"])
    assert result.issues[["code", "row", "n"]].to_numpy().tolist() == [["id_alike", 3, 1]]


def test_ids_that_a_spreadsheet_rounded_are_told(made):
    text = HEAD + "\n1.23457E+11,A,1,1,1,1,1,1,1\n1e5,B,1,1,1,1,1,1,1\n"
    issues = check(made(study("a.csv"), a__csv=text))
    assert issues[["code", "row", "action"]].to_numpy().tolist() == [["id_rounded", 2, "export the ids as text"]]


def test_an_instrument_that_nobody_answered_is_told(made):
    issues = check(made(study("a.csv"), a__csv=HEAD + "\n1,A" + "," * 7 + "\n2,B" + "," * 7 + "\n"))
    assert issues["what"].tolist() == ["no row has an answer to gad7"]


@pytest.mark.parametrize("cells", [["45001", "45002"], ["2024-13-40", "2024-99-01"], ["5.1.24", "6.1.24"]])
def test_a_column_without_one_date_is_an_error(made, error_lines, cells):
    text = HEAD + ",day\n" + "".join(f"{i},{'AB'[i]},1,1,1,1,1,1,1,{c}\n" for i, c in enumerate(cells))
    (line,) = error_lines(made(study("a.csv", "date: day"), a__csv=text))
    assert line == (
        "error: a.csv:2:day: none of 2 cells is a date written YYYY-MM-DD; say with `dates:` how they are written"
    )
