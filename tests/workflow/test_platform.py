"""A tenth of a platform from Parquet to the report: it ends, within a tenth of the memory, and finds what is true."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from bowlby.files import read_json
from bowlby.simulate.platform import TRUTH, Platform, write_platform

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_tenth_of_a_platform(tmp_path, shell):
    write_platform(Platform(therapists=2_500), tmp_path / "data")
    run = yaml.safe_load((ROOT / "config/examples/platform.yaml").read_text("utf-8"))
    run |= {"study": str(ROOT / "config/examples/platform-study.yaml"), "data": str(tmp_path / "data")}
    (tmp_path / "platform.yaml").write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    ran = shell("bowlby", "run", "platform.yaml", "--cores", 2, cwd=tmp_path)
    assert ran.status == 0, ran.err[-3000:]
    results = tmp_path / "results/platform"
    memory = {p.stem: pd.read_csv(p, sep="\t")["max_rss"].max() for p in results.glob("benchmarks/*/*.tsv")}
    assert max(memory.values()) < 2_000, memory
    growth = read_json(results / "fits/growth.json")
    assert growth["n_obs"] > 990_000 and growth["groups"]["patient"] > 99_000
    claims = read_json(results / "verdict.json")["claims"]
    assert claims["C1"]["verdict"] == "supported" and claims["C3"]["verdict"] == "supported"
    effects = {c["name"]: c for c in read_json(results / "fits/primary.json")["contrasts"]}
    assert effects["P"]["p"] < 1e-50 and effects["P"]["estimate"] > 0
    low, high = effects["T"]["ci_low"], effects["T"]["ci_high"]
    assert TRUTH["T"] == 0 and low < 0.02 and high > -0.02
    assert (results / "report.html").stat().st_size < 8_000_000
    assert all(p.stat().st_size < 2_000_000 for p in results.glob("figures/data/*.csv"))
