"""When: occasions in column names, session numbers, dates in one stated style."""

import datetime as dt

import pytest

from bowlby.errors import UserError
from bowlby.ingest import check, ingest

ITEMS = [f"g{n}" for n in range(1, 8)]


def long_file(rows, extra="day"):
    return "\n".join(["id,th,s," + extra + "," + ",".join(ITEMS), *rows]) + "\n"


LONG = """name: s
occasions: [treatment]
files:
  - path: a.csv
    who: {person: id, therapist: th}
    when: {occasion: treatment}
    session: s
    date: day
    measures: [{instrument: gad7, items: "g{n}"}]
"""
SAME = ",1,1,1,1,1,1,1"


def test_sessions_and_dates_are_part_of_the_measure(made):
    rows = ["01,A,2,2024-02-09" + SAME, "01,A,1,2024-02-02 10:15" + SAME, "2,B,1," + SAME]
    result = ingest(made(LONG, a__csv=long_file(rows)))
    table = result.measures["gad7"]
    assert table["session"].tolist() == [1, 2, 1]
    assert table["date"].tolist()[:2] == [dt.date(2024, 2, 2), dt.date(2024, 2, 9)]
    assert table["date"].isna().tolist() == [False, False, True]
    sessions = result.people["sessions"]
    assert sessions["patient"].tolist() == ["01", "01", "2"]
    assert sessions["therapist"].tolist() == ["A", "A", "B"]
    assert sessions["session"].tolist() == [1, 2, 1]


def test_a_log_of_sessions_is_read_too(made):
    study = LONG + "  - {path: log.csv, who: {person: id, therapist: th}, session: nr, date: day, dates: DD.MM.YYYY}\n"
    files = {
        "a__csv": long_file(["1,A,1,2024-02-02" + SAME]),
        "log__csv": "id,th,nr,day\n1,A,1,02.02.2024\n1,B,2,9.2.2024\n",
    }
    sessions = ingest(made(study, **files)).people["sessions"]
    assert sessions["session"].tolist() == [1, 2]
    assert sessions["date"].tolist() == [dt.date(2024, 2, 2), dt.date(2024, 2, 9)]


def test_a_session_is_there_once_with_its_earliest_date(made):
    study = LONG + "  - {path: log.csv, who: {person: id, therapist: th}, session: nr, date: day}\n"
    files = {
        "a__csv": long_file(["1,A,0,2024-01-25" + SAME, "1,A,1," + SAME, "1,A,2,2024-02-10" + SAME]),
        "log__csv": "id,th,nr,day\n1,A,1,2024-02-02\n1,B,2,2024-02-09\n1,B,,2024-02-09\n1,B,,2024-02-20\n",
    }
    result = ingest(made(study, **files))
    sessions = result.people["sessions"].astype(object).where(lambda t: t.notna(), None)
    assert sessions.to_numpy().tolist() == [
        ["1", "A", 1, dt.date(2024, 2, 2)],  # number 0 lies before the first; the date is the log's
        ["1", "B", 2, dt.date(2024, 2, 9)],
        ["1", "B", None, dt.date(2024, 2, 20)],
    ]
    assert result.issues["what"].tolist() == [
        "1 session of the same patient and number with different dates",
        "1 session of the same patient and number with different therapists",
    ]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            ["02.03.2024", "03.03.2024"],
            "error: a.csv:2:day: dates are not written YYYY-MM-DD but DD.MM.YYYY; "
            "write `dates: DD.MM.YYYY` in the study file",
        ),
        (
            ["02/03/2024", "03/04/2024"],
            "error: a.csv:2:day: dates are not written YYYY-MM-DD but DD/MM/YYYY or MM/DD/YYYY; "
            "say which with `dates:` in the study file",
        ),
        (
            ["2024-03-02", "03.03.2024", "03/04/2024"],
            "error: a.csv:3:day: dates are written in several styles: 1 YYYY-MM-DD, 2 others (rows 3, 4); "
            "write all in one style",
        ),
    ],
)
def test_dates_in_another_style_are_an_error(made, error_lines, cells, expected):
    rows = [f"{i},A,1,{cell}{SAME}" for i, cell in enumerate(cells)]
    assert error_lines(made(LONG, a__csv=long_file(rows))) == [expected]


def test_what_is_no_date_or_no_session_is_told_and_missing(made):
    rows = ["1,A,1,soon" + SAME, "2,B,1.5,2024-02-02" + SAME, "3,B,-1,2024-02-02" + SAME]
    loaded = made(LONG, a__csv=long_file(rows))
    issues = check(loaded)
    assert issues[["code", "row", "n"]].to_numpy().tolist() == [["not_a_date", 2, 1], ["not_a_session", 3, 2]]
    assert ingest(loaded).measures["gad7"]["session"].isna().tolist() == [False, True, True]


WIDE = """name: s
occasions: [{id: intake, session: 0}, end]
files:
  - path: a.csv
    who: {person: "{row}"}
    when: {names: {pre: intake, t2: end}}
    date: "day_{t}"
    measures: [{instrument: gad7, items: "{t}_g{n}"}]
"""


def test_occasions_in_column_names_and_persons_by_row(made):
    head = ["day_pre", "day_t2", *(f"{t}_{i}" for t in ("pre", "t2") for i in ITEMS)]
    text = (
        ",".join(head) + "\n2024-01-01,2024-02-01" + ",0" * 7 + ",3" * 7 + "\n2024-01-03," + ",1" * 7 + "," * 7 + "\n"
    )
    table = ingest(made(WIDE, a__csv=text)).measures["gad7"]
    assert table[["person", "occasion", "i07"]].to_numpy().tolist() == [
        ["2", "end", 3],
        ["2", "intake", 0],
        ["3", "intake", 1],
    ]
    assert table["date"].tolist() == [dt.date(2024, 2, 1), dt.date(2024, 1, 1), dt.date(2024, 1, 3)]
    assert table["session"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{t}_g{n}", "g{n}", "gad7 has no {t} in its columns; add it where the occasion is in the name"),
        ("names: {pre: intake, t2: end}", "occasion: end", "gad7 has {t} in its columns; add `when: {names: …}`"),
        ("t2: end}", "t2: later}", "occasion later is not in the list of occasions; add it there"),
        ("    date:", "    dates: DD.MM\n    date:", "no way of writing dates; use YYYY, MM and DD once each"),
    ],
)
def test_mistakes_in_the_study_file(made, old, new, expected):
    with pytest.raises(UserError) as caught:
        made(WIDE.replace(old, new))
    assert len(caught.value.problems) == 1 and expected in caught.value.problems[0]


@pytest.mark.parametrize(("dated", "expected"), [(True, [3, 1, 2]), (False, [1, 2, 3])])
def test_rows_of_a_patient_can_be_counted(made, dated, expected):
    study = LONG.replace("session: s", 'session: "{count}"')
    if not dated:
        study = study.replace("    date: day\n", "")
    rows = ["1,A,,2024-02-20" + SAME, "1,A,,2024-02-02" + ",,,,,,,", "2,A,,2024-02-02" + SAME, "1,A,,2024-02-09" + SAME]
    result = ingest(made(study, a__csv=long_file(rows)))
    table = result.measures["gad7"].sort_values("source_row")
    first, _, last = expected  # the second row was not answered, and counts all the same
    assert table["session"].tolist() == [first, 1, last]
    assert result.people["sessions"]["session"].tolist() == [*sorted([first, last]), 1]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("session: s", 'session: "{row}"', "{row} is for persons only; name a column, or {count} for a session"),
        ("date: day", 'date: "{row}"', "{row} is for persons only; name a column, or {count} for a session"),
        ("person: id", 'person: "{count}"', "{count} is for sessions only; name a column"),
    ],
)
def test_signs_in_the_wrong_place(made, old, new, expected):
    with pytest.raises(UserError) as caught:
        made(LONG.replace(old, new))
    assert len(caught.value.problems) == 1 and expected in caught.value.problems[0]


def test_therapists_of_a_patient_stand_in_the_order_of_time(made):
    rows = ["1,B,3,2024-03-01", "1,A,2,2024-02-09", "1,Z,1,2024-02-02", "2,B,2,", "2,C,1,", "1,B,4,2024-03-08"]
    text = long_file([row + SAME for row in rows])
    episodes = ingest(made(LONG, a__csv=text)).people["episodes"]
    assert episodes[["patient", "therapist", "weight"]].to_numpy().tolist() == [
        ["1", "Z", 0.25],
        ["1", "A", 0.25],
        ["1", "B", 0.5],
        ["2", "C", 0.5],
        ["2", "B", 0.5],
    ]
