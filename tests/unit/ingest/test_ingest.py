"""Small files with one fault each; every test states the line that the reader sees."""

import pandas as pd
import pytest

from bowlby.config import load
from bowlby.design.frame import before_after
from bowlby.errors import UserError
from bowlby.ingest import check, ingest

RUN = """run: t
study: study.yaml
outcome: {instrument: phq2, pre: pre, post: post}
growth: {reml: true}
"""
STUDY = """name: Small
occasions: [pre, post]
files:
  - path: a.csv
    who: {person: id, therapist: th}
    when: {column: t}
    measures: [{instrument: phq2, items: "q{n}"}]
"""
HEAD = "id,th,t,q1,q2\n"
GOOD = HEAD + "01,A,pre,1,2\nNA,B,pre,0,3\n01,A,post,1,\n"


PHQ2 = """id: phq2
name: PHQ-2
n_items: 2
response: [0, 3]
scales:
  total: {items: [1, 2], min_answered: 2}
confidence: unverified
"""


@pytest.fixture
def study(tmp_path):
    def make(data=GOOD, text=STUDY):
        (tmp_path / "run.yaml").write_text(RUN)
        (tmp_path / "study.yaml").write_text(text)
        (tmp_path / "instruments").mkdir(exist_ok=True)
        (tmp_path / "instruments/phq2.yaml").write_text(PHQ2)
        if data is not None:
            (tmp_path / "a.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
        return load(tmp_path / "run.yaml")

    return make


def lines(loaded):
    with pytest.raises(UserError) as caught:
        ingest(loaded)
    return caught.value.lines()


def test_good_file_keeps_ids_as_written(study):
    result = ingest(study())
    table = result.measures["phq2"]
    assert table["person"].tolist() == ["01", "01", "NA"]
    assert table["source_row"].tolist() == [4, 2, 3]
    assert table["i01"].tolist() == [1, 1, 0]
    assert result.people["episodes"]["weight"].tolist() == [1.0, 1.0]
    assert len(result.issues) == 0


@pytest.mark.parametrize("read", [False, True])
def test_a_column_of_therapists_that_is_not_read_is_named(study, tmp_path, read):
    (tmp_path / "b.csv").write_text("id,th\n01,A\nNA,B\n")
    who = "{person: id, therapist: th}"
    text = STUDY.replace(who, who if read else "{person: id}") + f"  - path: b.csv\n    who: {who}\n"
    found = ingest(study(text=text)).issues
    named = found[found["code"] == "therapist_not_read"]
    assert named[["file", "column", "severity"]].to_numpy().tolist() == ([] if read else [["a.csv", "th", "warning"]])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, "error: a.csv: no such file; check `path` in the study file, and `data` in the run's file"),
        (b"", "error: a.csv: the file is empty; export it again"),
        (GOOD + '9,A,pre,"1,1\n', "error: a.csv: cannot be read as CSV (line 5); check quotes and `delimiter:`"),
        (HEAD, "error: a.csv: holds a header but no rows; export it again, with the data"),
        (
            "id,th,t,q1,q1,q2\n1,A,pre,1,1,1\n",
            "error: a.csv:1:q1: column name occurs twice; rename one of them, or name 'q1#1' or 'q1#2' in the study "
            "file",
        ),
        ("id,th,t,q1,q_2\n1,A,pre,1,1\n", "error: a.csv:1:q2: column 'q2' is missing; did you mean 'q_2'?"),
        ("id,th,t,q1,3q2\n1,A,pre,1,1\n", "error: a.csv:1:q2: column 'q2' is missing; did you mean '3q2'?"),
        (
            GOOD + "9,A,end,1,1\n",
            "error: a.csv:5:t: unknown occasion; use one of pre, post, or add it to the study file",
        ),
        (
            GOOD + "01,A,pre,2,2\n",
            "error: a.csv:5: same person and occasion as row 2, other values (phq2); keep the right one in the file",
        ),
        (
            GOOD + "01,B,pre,1,2\n",
            "error: a.csv:5: same person and occasion as row 2, another therapist (phq2); keep the right one in the "
            "file, with one column for each therapist under `episodes:`",
        ),
        (
            HEAD + "1,A,pre,7,7\n2,B,pre,7,1\n",
            "error: a.csv:1:q1: 3 of 4 values are outside 0 to 3: the instrument is scored on another range; "
            "give the form's `response:`, or recode the file",
        ),
        (
            GOOD + "9,A,pre,1,1,1\n",
            "error: a.csv:5: more cells than the header has columns; check quotes and separators there, and in the "
            "header",
        ),
    ],
)
def test_error_lines(study, data, expected):
    assert lines(study(data)) == [expected]


def test_unknown_instrument(study):
    loaded = study(text=STUDY.replace("phq2", "pqh2"))
    assert lines(loaded) == ["error: study.yaml: unknown instrument 'pqh2'; did you mean 'phq2' or 'pswq' or 'phq9'?"]


def test_all_errors_at_once(study):
    loaded = study(HEAD.replace("th", "ther") + "1,A,x,1,1\n2,A,y,1,1\n")
    assert len(lines(loaded)) == 3


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("9,A,pre,1,44\n", "out_of_range", "q2"),
        ("9,A,pre,x,1\n", "not_a_number", "q1"),
        ("9,A,pre,1.5,1\n", "not_whole", "q1"),
        ("9,,pre,1,1\n", "missing_therapist", "th"),
        (",A,pre,1,1\n", "missing_id", "id"),
        ("01,A,pre,1,2\n", "duplicate_row", None),
    ],
)
def test_warnings_name_row_and_column_and_no_value(study, row, code, column):
    issues = check(study(GOOD + row))
    assert issues[["severity", "code", "row"]].to_numpy().tolist() == [["warning", code, 5]]
    assert issues["column"].fillna("").tolist() == [column or ""]
    assert "44" not in issues["what"][0] + issues["action"][0]


def test_impossible_value_becomes_missing(study):
    table = ingest(study(GOOD + "9,A,pre,1,44\n")).measures["phq2"]
    assert table.loc[table["person"].eq("9"), "i02"].isna().all()


def test_one_therapist_is_a_warning(study):
    assert check(study(HEAD + "1,A,pre,1,1\n"))["code"].tolist() == ["one_therapist"]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", []),
        ("utf-8-sig", ["read as utf-8-sig"]),
        ("utf-16", ["read as utf-16"]),
        ("cp1252", ["read as cp1252"]),
    ],
)
def test_encodings_and_semicolons(study, encoding, told):
    data = GOOD.replace(",", ";").replace("01", "ü1").encode(encoding)
    result = ingest(study(data))
    assert result.measures["phq2"]["person"].tolist() == ["NA", "ü1", "ü1"]
    assert result.issues["what"].tolist() == told


def test_blank_rows_are_no_administration_and_weights_are_shares(study):
    result = ingest(
        study(
            HEAD + "1,A,pre,1,1\n1,B,post,-99,\n2,B,pre,1,1\n",
            STUDY.replace("    who:", "    missing: ['-99']\n    who:"),
        )
    )
    assert len(result.measures["phq2"]) == 2
    assert result.people["episodes"]["weight"].tolist() == [0.5, 0.5, 1.0]


def test_decimal_comma_in_scored_scale(study):
    text = STUDY.replace('items: "q{n}"', "scored: {total: q1}, scored_as: sum")
    text = text.replace("    who:", "    decimal: ','\n    who:")
    result = ingest(study('id;th;t;q1\n1;A;pre;"2,5"\n2;B;pre;3\n', text))
    assert result.measures["phq2"]["total"].tolist() == [2.5, 3.0]


OTHERS = """  - path: t.xlsx
    sheet: S
    header_row: 2
    who: {person: tid, role: therapist}
    measures: [{instrument: phq2, items: "q{n:02}"}]
  - path: d.sav
    who: {person: id}
    covariates: {age: age, gender: {column: gender, kind: category}}
    episodes: [{therapist: t1, sessions: s1}, {therapist: t2, sessions: s2}]
"""


def test_excel_and_spss(study, tmp_path):
    import openpyxl
    import pyreadstat

    book = openpyxl.Workbook()
    book.active.title = "S"
    for row in (["Title"], ["tid", "q01", "q02"], [1.0, 2, 3], [2, 1, 1], [4, 0, 0]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    frame = pd.DataFrame(
        {
            "id": [1.0, 2, 3],
            "age": [30, 40, 999.0],
            "gender": [1.0, 2, 9],
            "t1": [1.0, 2, 2],
            "s1": [6.0, 5, 5],
            "t2": [2.0, None, None],
            "s2": [2.0, None, None],
        }
    )
    pyreadstat.write_sav(
        frame,
        tmp_path / "d.sav",
        variable_value_labels={"gender": {1: "woman", 2: "man"}},
        missing_ranges={"age": [999], "gender": [{"lo": 8, "hi": 9}]},
    )
    result = ingest(study(HEAD + "1,1,pre,1,1\n2,3,pre,1,1\n", STUDY + OTHERS))
    patients = result.people["patients"]
    assert patients["patient"].tolist() == ["1", "2", "3"]
    assert patients["therapist"].tolist() == ["1", "2", "2"]
    assert patients["age"].isna().tolist() == [False, False, True]
    assert patients["gender"].fillna("").tolist() == ["woman", "man", ""]
    assert result.people["episodes"]["weight"].tolist() == [0.75, 0.25, 1.0, 1.0]
    assert result.measures["phq2"]["role"].tolist() == ["patient", "therapist"] * 2 + ["therapist"]
    told = result.issues.loc[result.issues["code"].eq("one_sided_id"), "what"].tolist()
    assert told == [
        "1 therapist who treats 1 patient is not in t.xlsx (row 3)",
        "1 patient without questionnaires (row 3)",
        "1 therapist without patients (row 5)",
    ]


def test_corrupt_files_are_one_line_each(study, tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"not a workbook")
    (tmp_path / "d.sav").write_bytes(b"not spss")
    assert lines(study(text=STUDY + OTHERS)) == [
        "error: d.sav: cannot be read as an SPSS file; export it again",
        "error: t.xlsx[S]: cannot be read as an Excel workbook; save it again as .xlsx",
    ]


def test_a_therapists_rating_of_patients_makes_no_patient_a_therapist(study):
    """Rated by the therapist about the patient: there are the therapists A and B, and no patient is one."""
    from bowlby import stages

    loaded = study(text=STUDY.replace('items: "q{n}"', 'items: "q{n}", role: therapist, about: patient'))
    result = ingest(loaded)
    assert result.people["therapists"]["therapist"].tolist() == ["A", "B"]
    assert set(result.measures["phq2"]["therapist"]) == {"A", "B"}
    step = result.flow["steps"][0]
    assert (step["patients"], step["therapists"]) == (2, 2)
    scores = {"phq2": stages.score_instrument(loaded, "phq2", result.measures["phq2"])[2]}
    outcome = loaded.run.outcome.model_copy(update={"role": "therapist"})
    assert outcome.whom == "patient"
    before, _ = before_after(scores["phq2"], outcome)
    assert before.to_dict() == {"01": 3.0, "NA": 3.0}
    assert before_after(scores["phq2"], loaded.run.outcome)[0].empty


DYADS = """name: s
occasions: [pre, post]
files:
  - path: a.csv
    who: {person: [family, member], therapist: th}
    when: {column: wave}
    measures: [{instrument: gad7, items: "g{n}"}]
"""


def test_persons_named_by_two_columns(made, error_lines):
    """Members of different families have one letter; together with the family they are persons of their own."""
    rows = [f"F{f},{m},T{f % 2},{w},{f % 4},1,1,1,1,1,1" for f in range(6) for m in "AB" for w in ("pre", "post")]
    text = "family,member,th,wave,g1,g2,g3,g4,g5,g6,g7\n" + "\n".join(rows) + "\n"
    table = ingest(made(DYADS, a__csv=text)).measures["gad7"]
    assert table["person"].nunique() == 12 and "F0:A" in set(table["person"])
    assert error_lines(made(DYADS.replace("member]", "mamber]"), a__csv=text)) == [
        "error: a.csv:1:mamber: column 'mamber' is missing; did you mean 'member'?"
    ]
    left = ingest(made(DYADS, a__csv=text.replace("F0,A,T0,pre", "F0,,T0,pre")))
    assert left.measures["gad7"]["person"].nunique() == 12 and len(left.measures["gad7"]) == 23
    assert left.issues["what"].tolist() == ["the id is missing (row 2)"]
