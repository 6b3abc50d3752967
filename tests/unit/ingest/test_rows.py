"""Rows that are nobody's answers: told as errors, and left out by one line of the study file; nothing by guess."""

import numpy as np
import openpyxl
import pandas as pd
import pytest

from bowlby.config.study import DataFile, Who
from bowlby.figures.participants import flow_data
from bowlby.ingest import check, ingest
from bowlby.ingest.readers.base import Raw
from bowlby.ingest.rows import doubts

ITEMS = [f"g{n}" for n in range(1, 8)]
STUDY = """name: s
occasions: [pre]
files:
  - path: {path}
    {more}
    who: {{person: {person}, therapist: th}}
    when: {{occasion: pre}}
    measures: [{{instrument: gad7, items: "g{{n}}"}}]
"""
QUALTRICS = ["th", *ITEMS, "ResponseId", "Status", "Finished"]


def study(person="id", more="", path="a.csv"):
    return STUDY.format(person=person, more=more or "format: csv" if path == "a.csv" else more, path=path)


def table(n=30, seed=1):
    frame = pd.DataFrame(np.random.default_rng(seed).integers(0, 4, (n, 7)), columns=ITEMS)
    frame.insert(0, "th", [f"T{i % 5}" for i in range(n)])
    frame.insert(0, "id", [f"p{i}" for i in range(n)])
    return frame


def csv(frame, foot=()):
    return frame.to_csv(index=False) + "".join(f"{line}{',' * (len(frame.columns) - 1)}\n" for line in foot)


def with_statistics(frame, names=("Mean", "SD", "N"), digits=2):
    kinds = {"Mean": "mean", "SD": "std", "N": "count", "Total": "sum"}
    rows = [{"id": name} | frame[ITEMS].agg(kinds[name]).round(digits).to_dict() for name in names]
    return pd.concat([frame, pd.DataFrame(rows)], ignore_index=True)


def patients(result):
    return result.people["patients"]["patient"].tolist()


def settled(made, error_lines, person, code_line, left, data):
    """The error's own line, written into the study file, leaves exactly the others."""
    name = "a.csv"
    (line,) = error_lines(made(study(person), a__csv=data))
    assert code_line in line
    rule = line.split("write `")[1].split("`")[0]
    result = ingest(made(study(person, rule), a__csv=data))
    assert len(patients(result)) == left, (name, rule)
    every = line.rsplit("`", 2)[1]
    assert not (check(made(study(person, every), a__csv=data))["severity"] == "error").any()
    return line, result


def test_previews_spam_and_unfinished_rows_of_qualtrics(made, error_lines):
    frame = table(6).drop(columns="id").assign(ResponseId=[f"R_{i}" for i in range(6)])
    frame["Status"] = ["IP Address", "Survey Preview", "IP Address", "Spam", "IP Address", "IP Address"]
    frame["Finished"] = ["True"] * 5 + ["False"]
    data = csv(frame)
    lines = error_lines(made(study("ResponseId"), a__csv=data))
    assert lines == [
        "error: a.csv:3:Status: 2 rows are previews, tests or spam according to the survey's own Status column "
        '(rows 3, 5); if they do not count, write `rows: {Status: {leave_out: [Spam, "Survey Preview"]}}` for this '
        "file; if they do, `rows: {Status: {leave_out: []}}`",
        "error: a.csv:7:Finished: 1 row is not finished according to the survey's own Finished column (row 7); "
        'if they do not count, write `rows: {Finished: {leave_out: ["False"]}}` for this file; if they do, '
        "`rows: {Finished: {leave_out: []}}`",
    ]
    rule = "rows: {Status: {leave_out: [Spam, Survey Preview]}, Finished: {keep: ['True']}}"
    result = ingest(made(study("ResponseId", rule), a__csv=data))
    assert patients(result) == ["R_0", "R_2", "R_4"]
    steps = [(s["step"], s["patients"], s["rows"]) for s in result.flow["steps"][:4]]
    assert steps == [
        ("rows in the files", 6, 6),
        ("without: a.csv Status", 4, 4),
        ("without: a.csv Finished", 3, 3),
        ("rows read", 3, 3),
    ]
    chart = flow_data(result.flow["steps"][:4], "internal")
    assert chart.loc[chart["kind"] == "left_out", ["patients", "reason"]].to_numpy().tolist() == [
        [2, "left out of a.csv by `rows:` (Status)"],
        [1, "left out of a.csv by `rows:` (Finished)"],
    ]


def test_a_status_of_another_program_says_nothing(made):
    data = csv(table(6).assign(Status=[1, 2, 8, 1, 1, 1], Finished=[0] * 6))
    assert len(ingest(made(study(), a__csv=data)).people["patients"]) == 6


def test_unfinished_rows_of_limesurvey(made, error_lines):
    data = csv(table(6).assign(submitdate=["2020-01-01 10:00:00"] * 4 + ["", ""], lastpage=3))
    line, _ = settled(made, error_lines, "id", "2 rows are not finished", 4, data)
    assert '`rows: {submitdate: {leave_out: [""]}}`' in line


@pytest.mark.parametrize("names", [("Mean",), ("SD",), ("N",), ("Total",), ("Mean", "SD", "N", "Total")])
@pytest.mark.parametrize("digits", [1, 2, 9])
def test_rows_of_statistics_by_name_and_by_number(made, error_lines, names, digits):
    data = csv(with_statistics(table(), names, digits))
    line, _ = settled(made, error_lines, "id", "of the rows above (row", 30, data)
    written = ", ".join(names).replace("N", '"N"')
    assert f"`rows: {{id: {{leave_out: [{written}]}}}}`" in line


def test_statistics_of_each_site_and_persons_known_by_row(made, error_lines):
    one, other = table(20), table(20, seed=2)
    other["id"] = [f"q{i}" for i in range(20)]
    data = csv(pd.concat([with_statistics(one, ["Mean"]), with_statistics(other, ["Mean"])]))
    (line,) = error_lines(made(study(), a__csv=data))
    assert "2 rows hold statistics of the rows above (rows 22, 43)" in line
    frame = with_statistics(one).drop(columns="th").rename(columns={"id": "th"})
    (line,) = error_lines(made(study('"{row}"'), a__csv=csv(frame)))
    assert line.startswith("error: a.csv:22:th: 3 rows hold statistics")


@pytest.mark.parametrize("name", ["SD", "N", "M", "Total", "Mean"])
def test_a_person_with_such_an_id_is_a_person(made, name):
    frame = table()
    frame.loc[29, "id"] = name
    result = ingest(made(study(), a__csv=csv(frame)))
    assert name in patients(result) and len(patients(result)) == 30


def rounded(frame, kinds, decimals=0, sign="."):
    """Rows of statistics as texts."""
    found = []
    for name, (first, *second) in kinds.items():
        cells = [frame[ITEMS].agg([first, *second]).iloc[k] for k in range(1 + len(second))]
        texts = [[f"{v:.{decimals}f}".replace(".", sign) for v in row] for row in cells]
        joined = [" ".join([t[0], *(f"({x})" for x in t[1:])]) for t in zip(*texts, strict=True)]
        found.append({"id": name} | dict(zip(ITEMS, joined, strict=True)))
    return pd.concat([frame.astype(object), pd.DataFrame(found)], ignore_index=True)


@pytest.mark.parametrize(
    ("kinds", "decimals", "sign"),
    [
        ({"Mean": ["mean"]}, 0, "."),
        ({"SD": ["std"], "N": ["count"]}, 0, "."),
        ({"Mittelwert": ["mean"], "SD": ["std"]}, 2, ","),
        ({"M (SD)": ["mean", "std"]}, 2, "."),
        ({"Mean (SD):": ["mean", "std"]}, 1, ","),
        ({"Mean": ["mean", "std"]}, 2, "."),
    ],
)
def test_rounded_statistics_with_either_decimal_sign_and_two_in_a_cell(made, error_lines, kinds, decimals, sign):
    data = csv(rounded(table(), kinds, decimals, sign))
    line, _ = settled(made, error_lines, "id", "of the rows above (row", 30, data)
    assert line.startswith("error: a.csv:32:id: ")


def test_whole_numbers_are_rounded_statistics_only_where_all_fit():
    frame = rounded(table(), {"SD": ["std"]})
    frame.loc[30, "g4"] = "3"
    raw = Raw(DataFile(path="a.csv", who=Who(person="id")), "a.csv", frame.astype(str))
    assert doubts(raw) == []
    frame.loc[30, "g4"] = "1"
    raw.frame = frame.astype(str)
    assert [(d.column, d.rows) for d in doubts(raw)] == [("id", [30])]
    raw.frame = frame[["id", "g1", "g2"]].astype(str)
    assert doubts(raw) == []


@pytest.mark.parametrize(
    ("columns", "left", "rule"),
    [
        ({"Status": ["x", "x", "Survey Preview", "Spam", "Survey Test", "x"]}, 3, "Status"),
        ({"DistributionChannel": ["email", "preview", "email", "email", "preview", "email"]}, 4, "DistributionChannel"),
        ({"Progress": [100, 100, 12, 100, 100, 45]}, 4, "Progress"),
        ({"Progress": [100, 5, 12, 30, 1, 45], "RecordedDate": ["x"] * 6}, 1, "Progress"),
        ({"form_complete": [2, 2, 1, 0, 0, 2]}, 4, "form_complete"),
        ({"form_complete": ["Complete", "Incomplete", "Unverified", "Complete", "", "Complete"]}, 5, "form_complete"),
    ],
)
def test_the_mark_of_a_survey_alone_is_enough(made, error_lines, columns, left, rule):
    data = csv(table(6).assign(**columns))
    line, _ = settled(made, error_lines, "id", f"according to the survey's own {rule} column", left, data)
    assert f"`rows: {{{rule}: {{leave_out: []}}}}`" in line


@pytest.mark.parametrize(
    "columns",
    [
        {"Progress": [1, 5, 100, 30, 1, 45]},
        {"Progress": [100, 100, 12, 100, 50, 45], "Finished": [1] * 6},
        {"therapy_complete": [1, 1, 0, 0, 1, 1]},
        {"weeks_complete": [2, 1, 0, 12, 1, 1]},
        {"form_complete": [0] * 6},
        {"form_complete": [2] * 6, "x": ["", "a", "", "a", "", ""], "x_complete": [0, 2, 0, 2, 0, 0]},
        {"Status": ["single", "married", "single", "married", "1", "2"]},
    ],
)
def test_columns_of_other_meaning_say_nothing(made, columns):
    assert len(ingest(made(study(), a__csv=csv(table(6).assign(**columns)))).people["patients"]) == 6


def test_lines_below_the_table(made, error_lines):
    frame = table()
    frame.loc[29, ITEMS] = np.nan
    frame.loc[29, "th"] = ""
    foot = ["Note: exported on 3 May 2020 by the study office", "Source: clinic"]
    line, result = settled(made, error_lines, "id", "2 rows below the table with text in place of an id", 30,
                           csv(frame, foot))  # fmt: skip
    assert 'rows: {"{row}": {leave_out: ["32", "33"]}}' in line and "p29" in patients(result)


def test_patients_without_answers_at_the_end_are_patients(made):
    names = ["Anna Maria Muster", "Note One", "Max Otto Beispiel"] + [f"Eva Ada Nr {i}" for i in range(9)]
    frame = table(12).assign(id=names)
    frame.loc[9:, ITEMS] = np.nan
    frame.loc[9:, "th"] = ""
    assert len(patients(ingest(made(study(), a__csv=csv(frame))))) == 12


def test_rows_hidden_in_a_sheet(made, error_lines, tmp_path):
    book = openpyxl.Workbook()
    for row in [list(table().columns), *table().to_numpy().tolist()]:
        book.active.append(row)
    for row in (3, 4, 9):
        book.active.row_dimensions[row].hidden = True
    book.save(tmp_path / "a.xlsx")
    (line,) = error_lines(made(study(path="a.xlsx")))
    assert line == (
        "error: a.xlsx[Sheet]:3: 3 rows are hidden in the sheet (rows 3, 4, 9); if they do not count, write "
        '`rows: {"{hidden}": {leave_out: ["yes"]}}` for this file; if they do, `rows: {"{hidden}": {leave_out: []}}`'
    )
    for values, left in (("[yes]", 27), ("[]", 30)):
        rule = f'rows: {{"{{hidden}}": {{leave_out: {values}}}}}'
        assert len(patients(ingest(made(study(path="a.xlsx", more=rule))))) == left


def test_keep_by_arm_and_by_label_and_a_value_that_is_not_there(made):
    frame = table(9).assign(arm=[1, 2, 3] * 3)
    result = ingest(made(study(more="rows: {arm: {keep: [1, 2]}}"), a__csv=csv(frame)))
    assert patients(result) == ["p0", "p1", "p3", "p4", "p6", "p7"]
    found = check(made(study(more="rows: {arm: {leave_out: [4]}}"), a__csv=csv(frame)))
    assert found[["severity", "code", "column"]].to_numpy().tolist() == [["warning", "unmet_rule", "arm"]]


def test_a_rule_that_leaves_nobody_or_names_no_column_is_an_error(made, error_lines):
    data = csv(table(4).assign(arm=1))
    assert error_lines(made(study(more="rows: {arm: {keep: [2]}}"), a__csv=data)) == [
        "error: a.csv: `rows:` leaves no row; correct the values there"
    ]
    (line,) = error_lines(made(study(more="rows: {arms: {keep: [2]}}"), a__csv=data))
    assert "column 'arms' is missing; did you mean 'arm'?" in line
