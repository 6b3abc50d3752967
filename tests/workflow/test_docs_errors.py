"""The messages that docs/errors.md explains are those that a study with the fault gets."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bowlby.check import check

ROOT = Path(__file__).parents[2]
FILES = re.compile(r"<!-- file: config/local/my-study/(\S+) -->\n```yaml\n(.*?)^```", re.M | re.S)
LINES = re.findall(r"^(?:error|warning): .+$", (ROOT / "docs/errors.md").read_text("utf-8"), re.M)


def text(file, old, new):
    """A fault in a text file: one word exchanged."""

    def write(folder):
        before = (folder / file).read_text("utf-8")
        assert old in before
        (folder / file).write_text(before.replace(old, new), "utf-8")

    return write


def table(change):
    """A fault in the table of patients."""

    def write(folder):
        change(pd.read_csv(folder / "patients.csv", dtype=object)).to_csv(folder / "patients.csv", index=False)

    return write


def counted_from_one(rows):
    items = [f"phq9_{n}" for n in range(1, 10)]
    return rows.assign(**{name: pd.to_numeric(rows[name]).add(1).astype("Int64") for name in items})


def with_means(rows):
    means = rows.filter(like="_").filter(regex=r"\d$").apply(pd.to_numeric).mean().round(2)
    return pd.concat([rows, pd.DataFrame([{**means, "patient_id": "Mean", "timepoint": "T0"}])])


def contradicting(rows):
    """Row 1495 of the file repeats row 1494; one response is exchanged."""
    rows.loc[1493, "phq9_1"] = "3"
    return rows


FAULTS = [
    lambda folder: None,
    text("study.yaml", "path: patients.csv", "path: patient.csv"),
    text("study.yaml", "person: patient_id, role: patient, th", "person: patient, role: patient, th"),
    text("study.yaml", "phq9_{n}", "phq_{n}"),
    text("config.yaml", "  perceived:", "\tperceived:"),
    text("config.yaml", "outcome:", "outcomes:"),
    text("study.yaml", "instrument: cats", "instrument: cat"),
    text("config.yaml", "secure: 1", "security: 1"),
    text("config.yaml", "instrument: cats", "instrument: FILL_IN"),
    text("config.yaml", "    about: therapist\n", ""),
    text("config.yaml", "post: T2", "post: T3"),
    text("study.yaml", "[T0, S5, T2]", "[T0, T2]"),
    table(lambda rows: rows.assign(date=pd.to_datetime(rows["date"]).dt.strftime("%d/%m/%Y"))),
    table(counted_from_one),
    table(with_means),
    table(contradicting),
    table(lambda rows: rows.assign(therapist_id=rows["therapist_id"].str.replace("T0", "T"))),
    table(lambda rows: rows[rows["therapist_id"].isin(["T01", "T02", "T03"])]),
    text("study.yaml", "instrument: ecr_s", "instrument: ecr_12"),
]


@pytest.mark.slow
def test_every_message_of_the_page_is_printed(tmp_path):
    page = (ROOT / "docs/walkthrough.md").read_text("utf-8")
    printed = set()
    for number, fault in enumerate(FAULTS):
        folder = tmp_path / str(number)
        shutil.copytree(ROOT / "data/raw/example", folder)
        for name, body in FILES.findall(page):
            (folder / name).write_text(body, "utf-8")
        if number == len(FAULTS) - 1:  # the wrong questionnaire stands in both files
            text("config.yaml", "instrument: ecr_s", "instrument: ecr_12")(folder)
        fault(folder)
        printed |= {f"{severity}: {line}" for severity, line in check(folder / "config.yaml")}
    assert len(LINES) > 15
    assert [line for line in LINES if line not in printed] == []
