"""`bowlby init --ask`: scripted answers give the text that editing the draft would."""

import random

import pytest

from bowlby.cli.commands import init
from bowlby.config.guesses import MARK
from bowlby.drafting import draft
from bowlby.drafting.ask import walk
from bowlby.errors import UserError

ROWS = 24


@pytest.fixture
def files(tmp_path):
    """Two candidates for the id, two dates, and nine columns D1 to D9 that may be a PHQ-9."""
    head = [["client_code", "patient_no", "therapist", "visit_date", "form_date", *(f"D{n}" for n in range(1, 10))]]
    ids = [[f"c{i:02}", f"n{i * 7}", f"T{i % 4}", f"2024-01-{i + 1:02}", f"2024-02-{i + 1:02}"] for i in range(ROWS)]
    drawn = random.Random(1)
    rows = [[*row, *(str(drawn.randint(0, 3)) for _ in range(9))] for row in ids]
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in [*head, *rows]) + "\n")
    return [tmp_path / "a.csv"]


def asked(files, typed):
    """The study file after these answers, and what was shown."""
    shown, replies = [], iter(typed)

    def reply(prompt):
        try:
            return next(replies)
        except StopIteration:
            raise EOFError from None

    text = draft(files, files[0].parent, lambda text, parts: walk(text, parts, reply, shown.append))["study.yaml"]
    return text, "\n".join(shown)


def test_answers_give_the_edited_draft(files):
    plain = draft(files, files[0].parent)["study.yaml"]
    assert asked(files, [])[0] == plain == asked(files, ["", "", ""])[0]
    text, shown = asked(files, ["2", "9", "x", "1", "1"])
    lines = plain.splitlines()
    who = next(k for k, line in enumerate(lines) if line.startswith("    who:"))
    date = next(k for k, line in enumerate(lines) if line.startswith("    date:"))
    items = next(k for k, line in enumerate(lines) if "D{n}" in line)
    lines[who] = "    who: {person: client_code, role: patient, therapist: therapist}"
    lines[date] = lines[date].partition(f"  {MARK}")[0]
    lines[items] = '      - {instrument: phq9, items: "D{n}"}'
    assert text.splitlines() == [line for line in lines if line != "      []"]
    assert "patient_no: n0, n7, n14, n21, n28" in shown and "there is no answer 9" in shown


def test_a_refused_suggestion_leaves_an_empty_list(files):
    text, _ = asked(files, ["", "", "2"])
    assert "D{n}" not in text and "    measures:\n      []\n" in text


def test_without_a_terminal_nothing_is_written(files):
    with pytest.raises(UserError, match="--ask needs a terminal"):
        init(files, files[0].parent / "out", ask=True)
    assert not (files[0].parent / "out").exists()


def test_whom_a_form_about_anyone_is_about_is_asked(tmp_path):
    """The ECR-RS of patients before and after: about the therapist, it is perceived attachment before the outcome."""
    scales = {"phq9": (9, 0, 3), "ecr_rs": (9, 1, 7)}
    names = [f"{q}_{n}_{t}" for t in ("pre", "post") for q, (most, *_) in scales.items() for n in range(1, most + 1)]
    drawn = random.Random(2)
    rows = [[f"p{i}", *(str(drawn.randint(*scales[name.rpartition("_")[0].rpartition("_")[0]][1:])) for name in names)]
            for i in range(ROWS)]  # fmt: skip
    (tmp_path / "b.csv").write_text("\n".join(",".join(row) for row in [["id", *names], *rows]) + "\n")
    text, shown = asked([tmp_path / "b.csv"], ["2"])
    assert "{instrument: ecr_rs, about: therapist, items: " in text and "if it is the therapist" in " ".join(
        shown.split()
    )
    assert "#     occasion: pre" in draft([tmp_path / "b.csv"], tmp_path)["config.yaml"]


def test_a_draft_without_uncertain_guesses_says_so(tmp_path):
    drawn = random.Random(3)
    rows = [[f"p{i}", *(str(drawn.randint(0, 3)) for _ in range(9))] for i in range(ROWS)]
    head = ["id", *(f"phq9_{n}" for n in range(1, 10))]
    (tmp_path / "c.csv").write_text("\n".join(map(",".join, [head, *rows])) + "\n")
    assert asked([tmp_path / "c.csv"], [])[1] == "no guess is uncertain, so nothing is asked"
