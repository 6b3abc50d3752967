"""The same table in every encoding, separator, format and layout: the same bytes of `measures`."""

import csv
import datetime as dt
import io
import itertools
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from bowlby.config.base import parse
from bowlby.config.study import DataFile, Study
from bowlby.config.yamlfile import read_yaml
from bowlby.errors import UserError
from bowlby.files import write_parquet
from bowlby.ingest import ingest
from bowlby.ingest.issues import Issues
from bowlby.ingest.readers import Selection
from bowlby.ingest.readers import text as text_reader

GAD = [f"g{n}" for n in range(1, 8)]
HEAD = ["id", "th", "time", "day", *GAD, "phq"]


def the_table():
    random = np.random.default_rng(5)
    rows = []
    for i, t in itertools.product(range(25), ("pre", "post")):
        answers = [None if random.random() < 0.1 else int(a) for a in random.integers(0, 4, 7)]
        score = None if i == 7 else round(float(random.uniform(0, 27)), 3)
        rows.append(
            [
                ("Jürgen", "01", "Zoë 3")[i] if i < 3 else f"p{i:03}",
                f"T{i % 4}",
                t,
                dt.date(2024, 1 + i % 12, 3),
                *answers,
                score,
            ]
        )
    return rows


TABLE = the_table()
MEASURES = """
    measures:
      - {instrument: gad7, items: "g{n}"}
      - {instrument: phq9, scored: {total: phq}}
"""
LONG = """name: s
occasions: [pre, post]
files:
  - path: %s
    who: {person: id, therapist: th}
    when: {column: time}
    date: day%s"""


def study_of(path, keys=""):
    return LONG % (path, "".join(f"\n    {k}" for k in keys.split("\n") if k)) + MEASURES


def result(made, study, **files):
    return ingest(made(study, **files))


def content(made, tmp_path, study, **files):
    """The bytes of all measures, without file and row, which differ by nature."""
    found = b""
    for name, table in result(made, study, **files).measures.items():
        path = write_parquet(tmp_path / f"{name}.out", table.drop(columns=["source_file", "source_row"]))
        found += path.read_bytes()
    return found


def written(value, decimal="."):
    if value is None:
        return ""
    return str(value).replace(".", decimal) if isinstance(value, float) else str(value)


def text(delimiter=",", quoting=csv.QUOTE_MINIMAL, quote='"', decimal=".", line="\n", rows=None):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, quotechar=quote, lineterminator=line)
    writer.writerow(HEAD)
    writer.writerows([[written(v, decimal) for v in row] for row in (rows or TABLE)])
    return out.getvalue()


@pytest.fixture
def expected(made, tmp_path):
    return content(made, tmp_path, study_of("a.csv"), a__csv=text())


def test_the_reference_is_what_was_written(made):
    measures = result(made, study_of("a.csv"), a__csv=text()).measures
    first = measures["gad7"].query("person == '01' and occasion == 'pre'").iloc[0]
    row = next(r for r in TABLE if r[0] == "01" and r[2] == "pre")
    assert [None if pd.isna(v) else v for v in first[[f"i{n:02}" for n in range(1, 8)]]] == row[4:11]
    assert (first["date"], first["therapist"]) == (row[3], row[1])
    assert sorted(measures["phq9"]["total"]) == sorted(r[-1] for r in TABLE if r[-1] is not None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_separators(made, tmp_path, expected, encoding, delimiter):
    assert content(made, tmp_path, study_of("a.csv"), a__csv=text(delimiter).encode(encoding)) == expected


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ("", {"quoting": csv.QUOTE_ALL}),
        ("", {"line": "\r\n"}),
        ("", {"line": "\r"}),
        ('quote: "\'"', {"quoting": csv.QUOTE_ALL, "quote": "'"}),
        ("decimal: ','", {"delimiter": ";", "decimal": ","}),
        ("decimal: ','", {"decimal": ","}),
        ("", {"rows": TABLE[::-1]}),
    ],
)
def test_quotes_line_ends_decimals_and_row_order(made, tmp_path, expected, keys, options):
    assert content(made, tmp_path, study_of("a.csv", keys), a__csv=text(**options)) == expected


def test_column_order(made, tmp_path, expected):
    table = pd.read_csv(io.StringIO(text()), dtype=str, keep_default_na=False)
    shuffled = table[sorted(table.columns, reverse=True)].to_csv(index=False)
    assert content(made, tmp_path, study_of("a.csv"), a__csv=shuffled) == expected


def workbook(rows, path, epoch=None, sheet="S", first="S"):
    book = openpyxl.Workbook()
    if epoch:
        book.epoch = epoch
    book.active.title = first
    target = book.active if sheet == first else book.create_sheet(sheet)
    for row in rows:
        target.append(row)
    book.save(path)


@pytest.mark.parametrize(
    ("keys", "rows", "options"),
    [
        ("", [HEAD, *TABLE], {}),
        ("", [HEAD, *[[None if v is None else str(v) for v in row] for row in TABLE]], {}),
        ("", [HEAD, *TABLE], {"epoch": CALENDAR_MAC_1904}),
        ("sheet: Data", [HEAD, *TABLE], {"sheet": "Data", "first": "Read me"}),
        ("header_row: 3", [["Our study"], [], HEAD, *TABLE], {}),
        ("skip_rows: 1", [HEAD, ["the id", "who", "when"], *TABLE], {}),
        ("dates: DD.MM.YYYY", [HEAD, *TABLE], {}),
    ],
    ids=["numbers", "numbers as text", "1904", "second sheet", "title rows", "rows below", "date cells have no style"],
)
def test_workbooks(made, tmp_path, expected, keys, rows, options):
    workbook(rows, tmp_path / "a.xlsx", **options)
    assert content(made, tmp_path, study_of("a.xlsx", keys)) == expected


@pytest.mark.parametrize("epoch", ["1900", "1904"])
def test_old_workbooks(made, tmp_path, expected, epoch):
    """A second sheet with a title, dates of both epochs, as Excel 97-2003 wrote them; the last row is hidden."""
    data = Path(__file__).with_name(f"table_{epoch}.xls").read_bytes()
    keys = 'sheet: Data\nheader_row: 3\nrows: {"{hidden}": {leave_out: []}}'
    assert content(made, tmp_path, study_of("a.xls", keys), a__xls=data) == expected
    with pytest.raises(UserError, match=r"hidden in the sheet \(row 53\)"):
        ingest(made(study_of("a.xls", "sheet: Data\nheader_row: 3"), a__xls=data))


def test_headings_over_several_columns(made, tmp_path, expected):
    top = ["", "", "", "", "GAD", *[""] * 6, "PHQ"]
    below = ["id", "th", "time", "day", *map(str, range(1, 8)), "total"]
    workbook([top, below, *TABLE], tmp_path / "a.xlsx")
    study = (
        study_of("a.xlsx", "header_rows: 2")
        .replace('"g{n}"', '"GAD / {n}"')
        .replace("total: phq", '"total": "PHQ / total"')
    )
    assert content(made, tmp_path, study) == expected


def typed():
    table = pd.DataFrame(TABLE, columns=HEAD)
    for column in [*GAD, "phq"]:
        table[column] = table[column].astype(float)
    return table


@pytest.mark.parametrize("name", ["a.sav", "a.zsav", "a.dta", "a.xpt", "a.parquet", "b.parquet"])
def test_typed_files(made, tmp_path, expected, name):
    table, path = typed(), tmp_path / name
    if name.endswith("sav"):
        pyreadstat.write_sav(table, path, compress=name == "a.zsav", missing_ranges={"g1": [9]})
    elif name == "a.dta":
        pyreadstat.write_dta(table, path)
    elif name == "a.xpt":
        pyreadstat.write_xport(table, path)
    elif name == "a.parquet":
        table.astype({"day": "datetime64[ns]"} | dict.fromkeys(GAD, "Int8")).to_parquet(path)
    else:
        table.set_index("id").to_parquet(path)  # the id in the index
    assert content(made, tmp_path, study_of(name)) == expected


def test_a_stated_format_reads_any_name(made, tmp_path, expected):
    (tmp_path / "a.export").write_text(text("\t"), encoding="utf-8")
    assert content(made, tmp_path, study_of("a.export", "format: csv")) == expected


WIDE = """name: s
occasions: [pre, post]
files:
  - path: %s
    who: {person: id, therapist: th}
    when: {names: {pre: pre, post: post}}
    date: "day_{t}"
    measures:
      - {instrument: gad7, items: "g{n}_{t}"}
      - {instrument: phq9, scored: {total: "phq_{t}"}}
"""


def wide_table():
    """One row a person; numbers as numbers, dates as dates."""
    table = typed().pivot_table(index=["id", "th"], columns="time", aggfunc="first")
    table.columns = [f"{name}_{time}" for name, time in table.columns]
    return table.reset_index()


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.sav", "a.dta", "a.xpt", "a.parquet"])
def test_wide_layout_in_every_format(made, tmp_path, expected, name):
    table, path = wide_table(), tmp_path / name
    if name == "a.csv":
        table.to_csv(path, index=False)
    elif name == "a.xlsx":
        table.to_excel(path, index=False)
    elif name == "a.parquet":
        table.to_parquet(path)
    else:
        {"a.sav": pyreadstat.write_sav, "a.dta": pyreadstat.write_dta, "a.xpt": pyreadstat.write_xport}[name](
            table, path
        )
    assert content(made, tmp_path, WIDE % name) == expected


def test_one_file_for_each_occasion_and_kind(made, tmp_path, expected):
    study, files = "name: s\noccasions: [pre, post]\nfiles:\n", {}
    for time in ("pre", "post"):
        files[f"{time}__csv"] = text(rows=[row for row in TABLE if row[2] == time])
        study += f"  - path: {time}.csv\n    who: {{person: id, therapist: th}}\n    when: {{occasion: {time}}}\n"
        study += "    date: day" + MEASURES
    assert content(made, tmp_path, study, **files) == expected


def test_words_for_answers(made, tmp_path, expected):
    words = ["überhaupt nicht", "An einzelnen  Tagen", "mehr als die Hälfte", "beinahe jeden Tag"]
    rows = [[*r[:4], *(None if v is None else words[v] for v in r[4:11]), r[-1]] for r in TABLE]
    map_ = "answers: {Überhaupt nicht: 0, an einzelnen Tagen: 1, mehr als die Hälfte: 2, beinahe jeden Tag: 3}"
    assert content(made, tmp_path, study_of("a.csv", map_), a__csv=text(rows=rows)) == expected


def test_the_study_file_of_the_reference_is_valid(tmp_path):
    (tmp_path / "s.yaml").write_text(study_of("a.csv"))
    assert parse(read_yaml(tmp_path / "s.yaml"), Study).files[0].date == "day"


LINES = {
    "regular": (["id,a,b", "x, 1,", "y,2.5,é "], True),
    "other line ends": (["id;a;b\r", "x;1;2\r", "y;;\r"], True),
    "two lines before": (["title", "more,words", "id,a,b", "x,1,2"], True),
    "empty line": (["id,a,b", "x,1,2", "", "y,2,3"], False),
    "short line": (["id,a,b", "x,1,2", "y,2"], False),
    "long line": (["id,a,b", "x,1,2,3", "y,2,3,"], False),
    "quoted": (["id,a,b", '"x, y",1,2'], False),
    "one column": (["id", "x", "", "y"], False),
    "no rows": (["id,a,b"], True),
}


@pytest.mark.parametrize("name", LINES)
def test_a_text_without_quotes_is_read_as_record_by_record(name, tmp_path, monkeypatch):
    lines, regular = LINES[name]
    path = tmp_path / "table.csv"
    path.write_bytes("\n".join(lines).encode() + b"\n")
    head = next(i for i, line in enumerate(lines, 1) if line.startswith("id"))
    spec = DataFile.model_validate({"path": "table.csv", "who": {"person": "id"}, "header_row": head})
    found = []

    def whole(*arguments, read=text_reader._unquoted):
        found.append(read(*arguments))
        return found[-1]

    monkeypatch.setattr(text_reader, "_unquoted", whole)
    table = text_reader.read_text(path, Selection(spec, everything=True), Issues())
    assert (found[0] is not None) == regular
    monkeypatch.setattr(text_reader, "_unquoted", lambda *arguments: None)
    expected = text_reader.read_text(path, Selection(spec, everything=True), Issues())
    assert (table.header, table.wide, table.short) == (expected.header, expected.wide, expected.short)
    pd.testing.assert_frame_equal(table.frame, expected.frame, check_index_type=False)
