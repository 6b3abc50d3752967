"""Parts of a platform from Parquet to the report: they end, within their part of the memory, and find what is true."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from bowlby.files import read_json
from bowlby.simulate.platform import TRUTH, Platform, write_platform

ROOT = Path(__file__).parents[2]


def run_platform(folder: Path, shell, platform: Platform, study: str) -> Path:
    """Simulate and run; the folder of results."""
    write_platform(platform, folder / "data")
    run = yaml.safe_load((ROOT / "config/examples/platform.yaml").read_text("utf-8"))
    run |= {"study": str(ROOT / "config/examples" / study), "data": str(folder / "data")}
    (folder / "platform.yaml").write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    ran = shell("bowlby", "run", "platform.yaml", "--cores", 2, cwd=folder)
    assert ran.status == 0, ran.err[-3000:]
    return folder / "results/platform"


def memory_of(results: Path) -> dict[str, float]:
    """Largest memory of every job, MB."""
    return {p.stem: pd.read_csv(p, sep="\t")["max_rss"].max() for p in results.glob("benchmarks/**/*.tsv")}


@pytest.mark.slow
def test_a_tenth_of_a_platform(tmp_path, shell):
    results = run_platform(tmp_path, shell, Platform(therapists=2_500), "platform-study.yaml")
    memory = memory_of(results)
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


@pytest.mark.slow
def test_patients_who_switch_and_join_all_therapists(tmp_path, shell):
    """Membership and the effects of therapists who are joined stay sparse: no job takes more memory than scoring."""
    platform = Platform(therapists=1_200, patients=20, switching=0.05)
    results = run_platform(tmp_path, shell, platform, "platform-switching-study.yaml")
    memory = memory_of(results)
    assert max(memory.values()) < 1_000, memory
    fit = read_json(results / "fits/primary.json")
    assert fit["converged"] and any("estimates" in line for line in fit["warnings"])
    assert all(0 < f["df_se"] < 0.01 * f["df"] for f in fit["fixed"])
    effects = {c["name"]: c for c in fit["contrasts"]}
    assert effects["P"]["p"] < 1e-50 and effects["T"]["ci_low"] < 0.03 and effects["T"]["ci_high"] > -0.03
    design = read_json(results / "analysis/primary.design.json")
    assert design["n_switching"] == read_json(tmp_path / "data/truth.json")["switching"]
    assert "random vectors" in (results / "methods.md").read_text("utf-8")
