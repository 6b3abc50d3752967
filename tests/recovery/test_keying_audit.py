"""The audit names known faults in at least 95 of 100 studies of 150 patients and cries wolf in at most 5."""

import re
from pathlib import Path

import pytest

from validation.keying_audit import STUDIES, Case, cases, count, study_alarms

SHORT = 5
PAGE = Path(__file__).parents[2] / "docs/keying_audit.md"


def name(case):
    return " ".join(str(x) for x in (case.fault, case.instrument, case.which) if x is not None)


SOME = [
    Case("clean", "ecr_s"),
    Case("clean", "wai_sr"),
    Case("item", "ecr_s", 8),
    Case("scale", "cats", "secure"),
    Case("five", "ecr_s"),
    Case("shuffled", "wai_sr"),
    Case("straight", "ecr_s"),
    Case("copied", "cats"),
    Case("already", "core10"),
]


@pytest.mark.parametrize("case", SOME, ids=name)
def test_a_few_studies(case):
    assert case in cases()
    found = count(case, studies=SHORT)
    if case.fault == "clean":
        assert found <= 1
    else:
        assert found >= SHORT - 1


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=name)
def test_a_hundred_studies(case):
    found = count(case)
    if case.fault == "clean":
        assert found <= 5
    else:
        assert found >= 95


def test_the_page_of_rates_has_every_case_within_its_bounds():
    text = PAGE.read_text("utf-8").partition("## What it cannot detect")[0]
    faults, _, clean = text.partition("## Clean studies")
    named = [int(n) for n in re.findall(rf"\| (\d+) of {STUDIES} \|", faults)]
    alarms = [int(n) for n in re.findall(rf"\| (\d+) of {STUDIES} \|", clean)]
    assert len(named) == sum(c.fault != "clean" for c in cases())
    assert len(alarms) == sum(c.fault == "clean" for c in cases())
    assert min(named) >= 95
    assert max(alarms) <= 5


def test_a_few_whole_studies_raise_no_alarm():
    assert [study for study in range(3) if len(study_alarms(study))] == []


@pytest.mark.slow
def test_at_most_two_of_a_hundred_clean_studies_are_alarmed():
    assert sum(len(study_alarms(study)) > 0 for study in range(STUDIES)) <= 2
