"""`make validate`: batches as jobs, a page at the end, and only what is missing when it is started again."""

from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_validation_resumes_and_gives_the_same(shell, tmp_path):
    words = ["snakemake", "-s", ROOT / "workflow/validate.smk", "--directory", tmp_path, "--cores", 2, "--config",
             "studies=2", "batch=1", "scenarios=S6"]  # fmt: skip
    ran = shell(*words, cwd=tmp_path)
    assert ran.status == 0, ran.err
    table, text = (tmp_path / "docs/validation.csv").read_bytes(), (tmp_path / "docs/validation.md").read_text("utf-8")
    assert "1 scenarios, 4 designs" in text and "2 studies in each" in text
    assert set(pd.read_csv(tmp_path / "docs/validation.csv")["n"]) == {2}
    for lost in ("results/validation/batches/S6-16x36-1.parquet", "docs/validation.md"):  # as if it had been stopped
        (tmp_path / lost).unlink()
    ran = shell(*words, cwd=tmp_path)
    assert ran.status == 0 and "2 of 2 steps" in ran.err, ran.err
    assert (tmp_path / "docs/validation.csv").read_bytes() == table
