"""What must not matter to what is read: order of rows and columns, quoting, and which characters an id is made of."""

import csv
import io

import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bowlby.config import load
from bowlby.drafting import draft
from bowlby.files import write_parquet
from bowlby.ingest import ingest

RUN = "run: t\nstudy: study.yaml\noutcome: {instrument: gad7}\ngrowth: {reml: true}\n"
STUDY = """name: s
occasions: [pre, post]
files:
  - path: a.%s
    who: {person: id, therapist: th}
    when: {column: time}
    measures: [{instrument: gad7, items: "g{n}"}]
"""
HEAD = ["id", "th", "time", *(f"g{n}" for n in range(1, 8))]
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
words = st.sampled_from(
    ["NA", "01", "1e5", "1.0", "None", "nan", "#N/A", "TRUE", " a", "a ", "=1+1", "'", '"', "a,b;c\td", "\n"]
)
ids = st.one_of(words, text)
therapist_ids = ids.map("Dr {}".format)  # alone, NA or a dash means that there is no therapist
answer = st.sampled_from(["", "0", "1", "2", "3"])
relaxed = settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def tables(draw):
    persons = draw(st.lists(ids, min_size=1, max_size=6, unique=True))
    rows = []
    for person in persons:
        for time in draw(st.lists(st.sampled_from(["pre", "post"]), min_size=1, max_size=2, unique=True)):
            rows.append([person, draw(therapist_ids), time, "1", *[draw(answer) for _ in range(6)]])
    return rows


def read(folder, rows, head=HEAD, **options):
    out = io.StringIO(newline="")
    writer = csv.writer(out, **({"lineterminator": "\r\n"} | options))  # with "\n" it leaves "\r" in a cell unquoted
    writer.writerows([head, *rows])
    (folder / "a.csv").write_bytes(out.getvalue().encode("utf-8"))
    (folder / "run.yaml").write_text(RUN)
    (folder / "study.yaml").write_text(STUDY % "csv")
    return ingest(load(folder / "run.yaml"))


def content(folder, result):
    """The bytes of all tables, without the row in the raw file, which differs by nature."""
    tables = [*result.people.values(), result.measures["gad7"].drop(columns=["source_row"])]
    return [write_parquet(folder / "out.parquet", table).read_bytes() for table in tables]


@relaxed
@given(tables())
def test_ids_stay_as_written(tmp_path, rows):
    table = read(tmp_path, rows).measures["gad7"]
    assert sorted(zip(table["person"], table["therapist"], table["occasion"], strict=True)) == sorted(
        (r[0], r[1], r[2]) for r in rows
    )


@relaxed
@given(tables(), st.randoms(use_true_random=False))
def test_order_and_quotes_do_not_matter(tmp_path, rows, random):
    before = content(tmp_path, read(tmp_path, rows))
    rows, order = list(rows), list(range(len(HEAD)))
    random.shuffle(rows)
    random.shuffle(order)
    moved = [[row[i] for i in order] for row in rows]
    after = read(tmp_path, moved, [HEAD[i] for i in order], quoting=csv.QUOTE_ALL, lineterminator="\n")
    assert content(tmp_path, after) == before


# Text that every format can hold: no signs that control, none that stand for half a sign, and no space at the end,
# which SPSS and Stata drop.
held = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10).filter(lambda t: t == t.strip())
typed_ids = st.one_of(
    st.sampled_from(["01", "1e5", "NA", "1.0", "TRUE", "=1+1", "#N/A", '"', "a,b", "😀 x", "None"]), held
)


def workbook(table, path):
    book = openpyxl.Workbook()
    for r, row in enumerate([table.columns, *table.itertuples(index=False)], 1):
        for c, value in enumerate(row, 1):
            cell = book.active.cell(r, c, value)
            if isinstance(value, str):
                cell.data_type = "s"  # as Excel writes it, never a formula
    book.save(path)


WRITERS = {
    "xlsx": workbook,
    "parquet": lambda table, path: table.to_parquet(path),
    "sav": pyreadstat.write_sav,
    "dta": pyreadstat.write_dta,
}


@pytest.mark.parametrize("kind", sorted(WRITERS))
@settings(relaxed, max_examples=8)
@given(st.lists(typed_ids, min_size=1, max_size=8, unique=True))
def test_ids_survive_every_format(tmp_path, kind, persons):
    therapists = [f"Dr {p}" for p in persons[::-1]]
    table = pd.DataFrame({"id": persons, "th": therapists, "time": "pre"} | {f"g{n}": 1.0 for n in range(1, 8)})
    WRITERS[kind](table, tmp_path / f"a.{kind}")
    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "study.yaml").write_text(STUDY % kind)
    found = ingest(load(tmp_path / "run.yaml")).measures["gad7"].sort_values("source_row")
    assert found["person"].tolist() == persons
    assert found["therapist"].tolist() == therapists


@relaxed
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10), min_size=1, max_size=6),
    tables(),
)
def test_a_draft_of_any_columns_loads(tmp_path, names, rows):
    head = [*HEAD, *(n.strip() or "x" for n in names)]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([head, *([*row, *names] for row in rows)])
    (tmp_path / "a.csv").write_bytes(out.getvalue().encode("utf-8"))
    for name, content_of in draft([tmp_path / "a.csv"], tmp_path).items():
        (tmp_path / name).write_text(content_of, encoding="utf-8")
    load(tmp_path / "config.yaml")


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.sav", "a.dta", "a.parquet", "a.sas7bdat", "a.xpt"])
@relaxed
@given(st.binary(max_size=400))
def test_any_bytes_end_in_lines(tmp_path, name, data):
    from bowlby.errors import UserError

    (tmp_path / name).write_bytes(data)
    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "study.yaml").write_text(STUDY % name[2:])
    with pytest.raises(UserError) as caught:
        ingest(load(tmp_path / "run.yaml"))
    assert all(line.startswith(name) and "\n" not in line for line in caught.value.problems)
