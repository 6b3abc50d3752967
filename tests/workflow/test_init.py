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
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "0 errors, 2 warnings, 2 notes")
    ran = shell("bowlby", "init", *files, "--into", tmp_path / "mine", cwd=tmp_path)
    assert ran.status == 1 and len(ran.err.splitlines()) == 2 and "is there already" in ran.err
