"""`make validate-sessions`: batches as jobs, a page at the end, and only what is missing when it is started again."""

from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_validation_of_sessions_resumes_and_gives_the_same(shell, tmp_path):
    words = ["snakemake", "-s", ROOT / "workflow/validate.smk", "--directory", tmp_path, "--cores", 2,
             "--config", "kind=sessions", "studies=2", "batch=1", "detailed=1",
             "scenarios=S10"]  # fmt: skip
    ran = shell(*words, cwd=tmp_path)
    assert ran.status == 0, ran.err
    table = (tmp_path / "docs/validation_sessions.csv").read_bytes()
    text = (tmp_path / "docs/validation_sessions.md").read_text("utf-8")
    assert "1 scenarios, 4 designs" in text and "2 studies" in text
    found = pd.read_csv(tmp_path / "docs/validation_sessions.csv")
    assert set(found["n"]) == {1, 2} and (found["n"] == 1).eq(found["quantity"].str.startswith("single sessions")).all()
    for lost in ("results/validation_sessions/batches/S10-16x36-1.parquet", "docs/validation_sessions.md"):
        (tmp_path / lost).unlink()
    ran = shell(*words, cwd=tmp_path)
    assert ran.status == 0 and "2 of 2 steps" in ran.err, ran.err
    assert (tmp_path / "docs/validation_sessions.csv").read_bytes() == table
