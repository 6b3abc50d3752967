"""`bowlby check`: every problem once, in one order, with what follows from it; a summary; the exit status."""

from functools import cache

import typer

from bowlby.cli.commands import check
from bowlby.instruments.catalogue import load_instrument
from validation.keying_audit import answers

RUN = """run: t
study: study.yaml
outcome: {instrument: gad7, scale: total, pre: pre, post: post}
comparison:
  perceived: {instrument: cats, about: therapist, occasion: pre, weights: {secure: 1}}
  therapist_style: {instrument: ecr_s, weights: {anxiety: -1, avoidance: -1}}
"""
STUDY = """name: s
occasions: [pre, post]
files:
  - path: b.csv
    who: {person: id, therapist: th}
    when: {column: t}
    measures:
      - {instrument: gad7, items: "g{n}"}
      - {instrument: cats, items: "c{n}", about: therapist}
  - path: a.csv
    who: {person: th, role: therapist}
    measures: [{instrument: ecr_s, items: "e{n}"}]
  - path: d.csv
    who: {person: id}
    covariates: [age]
"""
PATIENTS = ["id", "th", "t", *(f"g{n}" for n in range(1, 8)), *(f"c{n}" for n in range(1, 37))]


OTHERS = [f"{10 * j + i},{therapist}" for j, therapist in enumerate("KLPQRS", 1) for i in range(5)]
"""Patients of six therapists, with whom the study can be analysed; they stand below the rows that a test is about."""


@cache
def forms(instrument: str) -> list[str]:
    """Answers as published samples give them, a line for each person."""
    table = answers(load_instrument(instrument), 1, 60).filter(regex=r"^i\d").astype(int)
    return [",".join(map(str, row)) for row in table.to_numpy()]


def rows(*heads):
    lines, persons = [",".join(PATIENTS)], list(dict.fromkeys(head.partition(",")[0] for head in heads))
    for head in [*heads, *(f"{other},{t}" for other in OTHERS for t in ("pre", "post"))]:
        who = head.rpartition(",")[0]
        k = OTHERS.index(who) if who in OTHERS else len(OTHERS) + persons.index(head.partition(",")[0])
        lines.append(f"{head},{forms('gad7')[k - head.endswith('post')]},{forms('cats')[k]}")
    return "\n".join(lines) + "\n"


def therapists(*ids):
    lines = ["th," + ",".join(f"e{n}" for n in range(1, 13))]
    lines += [f"{i},{forms('ecr_s')[k] if i != 'C' else ',' * 11}" for k, i in enumerate([*ids, *"KLPQRS"])]
    return "\n".join(lines) + "\n"


def ages(lines: str) -> str:
    return lines + "".join(f"{other.partition(',')[0]},{20 + k}\n" for k, other in enumerate(OTHERS))


def said(folder, capsys, run=RUN, study=STUDY, **files):
    (folder / "run.yaml").write_text(run)
    (folder / "study.yaml").write_text(study)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    try:
        check(folder / "run.yaml")
        status = 0
    except typer.Exit as end:
        status = end.exit_code
    out, err = capsys.readouterr()
    assert err == ""
    return status, out.splitlines()


GOOD = {
    "a": therapists("A", "B"),
    "b": rows("1,A,pre", "2,A,pre", "3,B,pre", "3,B,post"),
    "d": ages("id,age\n1,30\n2,40\n3,50\n"),
}
CELLS = GOOD["b"].splitlines()[4].split(",")
AGAIN = ",".join([*CELLS[:3], str((int(CELLS[3]) + 1) % 4), *CELLS[4:]]) + "\n"
"""Row 5 with another answer to one item of the GAD-7."""
LATER = "note: scores and models were not checked because of {} in {}; correct {}, then check again"


def test_nothing_wrong(tmp_path, capsys):
    assert said(tmp_path, capsys, **GOOD) == (0, ["0 errors, 0 warnings"])


def test_ids_on_one_side_say_what_follows(tmp_path, capsys):
    files = {
        "a": therapists("A", "B", "C", "D"),
        "b": rows("1,A,pre", "2,E,pre", "3,E,post", "4,C,pre", "5,B,pre", "6,,pre"),
        "d": ages("id,age\n1,30\n2,40\n3,50\n4,50\n6,2\n7,30\n"),
    }
    style = "the therapist style of these patients is unknown, so they drop out of the comparison; "
    status, lines = said(tmp_path, capsys, **files)
    assert status == 0
    assert lines == [
        "warning: a.csv:4:th: 1 therapist with patients, but no answer to ecr_s (row 4); "
        + style
        + "fill the answers in where there are any",
        "warning: a.csv:5:th: 1 therapist without patients (row 5); "
        "their answers count in no model; check the ids if they do have patients",
        "warning: b.csv:3:th: 1 therapist who treats 2 patients is not in a.csv (row 3); "
        + style
        + "check the ids, or add these therapists",
        "warning: b.csv:6:id: 1 patient not in d.csv (row 6); "
        "what d.csv says of patients is missing for them; check the ids",
        "warning: b.csv:7:th: therapist id is missing in 1 row of 1 patient; "
        "models exclude patients without any therapist; fill it in if it is known",
        "warning: d.csv:7:id: 1 patient without questionnaires (row 7); "
        "they have no scores, so no model counts them; check the ids if they did answer",
        "0 errors, 6 warnings",
    ]


def test_errors_come_first_then_warnings_each_by_file_and_row(tmp_path, capsys):
    files = GOOD | {"b": rows("1,A,pre", *(f"x{i},A,pre" for i in range(8)), "2,A,end", "3,B,x", ",B,post")}
    status, lines = said(tmp_path, capsys, **files)
    assert status == 1
    assert [line.split(":")[:3] for line in lines[:-1]] == [
        ["error", " b.csv", "11"],
        ["error", " b.csv", "12"],
        ["warning", " b.csv", "3"],
        ["warning", " b.csv", "13"],
        ["warning", " d.csv", "3"],
        LATER.format("2 errors", "b.csv", "them").split(":"),
    ]
    assert lines[-1] == "2 errors, 3 warnings, 1 note"


def test_configuration_that_cannot_be_read_ends_alike(tmp_path, capsys):
    assert said(tmp_path, capsys, run=RUN.replace("outcome:", "outcom:"), **GOOD) == (
        1,
        [
            "error: run.yaml:3: unknown key 'outcom'; did you mean 'outcome'?",
            LATER.format("1 error", "run.yaml", "it"),
            "1 error, 0 warnings, 1 note",
        ],
    )


def test_a_run_that_asks_for_another_instrument_does_not_hide_what_is_wrong_with_the_data(tmp_path, capsys):
    (tmp_path / "d.csv").unlink(missing_ok=True)
    files = {name: text for name, text in GOOD.items() if name != "d"}
    status, lines = said(tmp_path, capsys, run=RUN.replace("gad7", "phq9"), **files)
    assert (status, lines) == (
        1,
        [
            "error: run.yaml:3: outcome.instrument: the study file has no phq9; "
            "add it there, or choose one of cats, ecr_s, gad7",
            "error: d.csv: no such file; check `path` in the study file, and `data` in the run's file",
            LATER.format("2 errors", "d.csv, run.yaml", "them"),
            "2 errors, 0 warnings, 1 note",
        ],
    )


def test_a_patients_file_that_cannot_be_read_leaves_nobody_without_patients(tmp_path, capsys):
    status, lines = said(tmp_path, capsys, **GOOD | {"b": "<html>"})
    assert lines[1] == (
        "note: b.csv: the answers to cats, gad7 in this file were not checked because it could not be read; "
        "correct its error, then check again"
    )
    assert status == 1 and [line for line in lines if line.startswith("warning")] == []
    status, lines = said(tmp_path, capsys, **GOOD | {"b": GOOD["b"].replace("id,th,", "id,ther,", 1)})
    assert status == 1 and not any("without patients" in line for line in lines)


def test_a_row_that_contradicts_one_questionnaire_is_not_said_to_repeat_another(tmp_path, capsys):
    files = GOOD | {"b": GOOD["b"] + AGAIN + GOOD["b"].splitlines()[1] + "\n"}
    assert said(tmp_path, capsys, **files) == (
        1,
        [
            "error: b.csv:66: same person and occasion as row 5, other values (gad7); keep the right one in the file",
            "warning: b.csv:67: repeats row 2 (cats, gad7); the first is kept",
            "1 error, 1 warning",
        ],
    )


def test_where_an_answer_was_given_twice_the_occasion_must_be_said(tmp_path, capsys):
    run = RUN.replace("therapist, occasion: pre", "therapist")
    line = (
        "error: run.yaml:5: comparison.perceived.occasion is not given, and cats was answered at pre, post; say which "
        "counts, or give comparison.perceived.sessions"
    )
    assert line in said(tmp_path, capsys, run, **GOOD)[1]
    once = GOOD | {"b": "".join(row for row in GOOD["b"].splitlines(keepends=True) if ",post" not in row)}
    assert line not in said(tmp_path, capsys, run, **once)[1]


def test_a_run_file_with_faults_does_not_hide_what_is_wrong_with_the_data(tmp_path, capsys):
    files = GOOD | {"b": GOOD["b"].replace("1,A,pre", "1,A,before")}
    status, lines = said(tmp_path, capsys, run=RUN + "privacy: open\n", **files)
    assert status == 1
    assert lines[0].startswith("error: run.yaml:7: privacy: ")
    assert lines[1].startswith("error: b.csv:2:t: unknown occasion")


def test_what_the_models_need_is_checked_beside_rows_that_contradict_each_other(tmp_path, capsys):
    """All therapists have one style, which only the analysis set shows."""
    flat = "\n".join(["th," + ",".join(f"e{n}" for n in range(1, 13)), *(f"{t}{',4' * 12}" for t in "ABKLPQRS")])
    files = GOOD | {"a": flat + "\n", "b": GOOD["b"] + AGAIN}
    status, lines = said(tmp_path, capsys, **files)
    assert status == 1
    assert [line for line in lines if line.startswith("error")] == [
        "error: b.csv:66: same person and occasion as row 5, other values (gad7); keep the right one in the file",
        "error: ecr_s anxiety is the same for everyone; without variance it is no predictor; check the answers",
        "error: ecr_s avoidance is the same for everyone; without variance it is no predictor; check the answers",
    ]


def test_check_writes_nothing(tmp_path, capsys, monkeypatch):
    said(tmp_path, capsys, **GOOD)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    check(tmp_path / "run.yaml")
    assert sorted(tmp_path.rglob("*")) == before
