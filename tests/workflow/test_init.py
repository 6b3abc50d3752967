"""`bowlby init` as its user meets it."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_init_drafts_a_study_that_check_reads(tmp_path, shell):
    files = [ROOT / "data/raw/example" / name for name in ("patients.csv", "therapists.xlsx", "demographics.sav")]
    ran = shell("bowlby", "init", *files, "--into", tmp_path / "mine", cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert sorted(os.listdir(tmp_path / "mine")) == ["config.yaml", "study.yaml"]
    ran = shell("bowlby", "check", tmp_path / "mine/config.yaml", cwd=tmp_path)
    # The draft takes the ECR-S for the ECR-12, and marks it; the answers do not fit that key.
    *_, counts, marks = ran.out.splitlines()
    assert (ran.status, counts) == (0, "0 errors, 6 warnings, 2 notes")
    assert marks.startswith("22 lines of the draft have a mark (`# ?`), 0 of them uncertain")
    assert sum(line.startswith("warning: ecr_12: ") for line in ran.out.splitlines()) == 4
    ran = shell("bowlby", "init", *files, "--into", tmp_path / "mine", cwd=tmp_path)
    assert ran.status == 1 and len(ran.err.splitlines()) == 2 and "is there already" in ran.err
