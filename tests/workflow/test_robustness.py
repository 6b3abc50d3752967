"""Robustness as jobs: the same numbers whatever the shards and cores; what is at fault is said and made anew."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bowlby.files import read_parquet, write_parquet

ROOT = Path(__file__).parents[2]
KINDS = ["cluster", "parametric", "permutation"]
REPLICATES = {"cluster": 18, "parametric": 20, "permutation": 17}


@pytest.fixture
def doubted(example, tmp_path):
    """The example's results up to its fits, and its configuration with a few replicates, in a folder of their own."""

    def make(name, shards):
        folder = tmp_path / name
        shutil.copytree(ROOT / "data/raw/example", folder / "data/raw/example")
        shutil.copytree(example / "results", folder / "results", ignore=shutil.ignore_patterns("robustness*"))
        shutil.copytree(example / ".snakemake", folder / ".snakemake")
        (folder / "config").mkdir()
        shutil.copy(ROOT / "config/study.yaml", folder / "config/study.yaml")
        run = yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8"))
        run["robustness"] = {"kinds": KINDS, "replicates": REPLICATES, "shards": shards}
        (folder / "config/config.yaml").write_text(yaml.safe_dump(run), encoding="utf-8")
        return folder

    return make


def run(shell, folder, cores=2, *more):
    return shell("bowlby", "run", "config/config.yaml", "--cores", cores, "results/example/verdict.json", *more,
                 cwd=folder)  # fmt: skip


def content(folder):
    """Bytes of everything that robustness decides."""
    results = folder / "results/example"
    files = [*(results / "robustness").glob("*.parquet"), results / "robustness.json", results / "comparison.json",
             results / "verdict.json"]  # fmt: skip
    return {f.name: f.read_bytes() for f in files}


def test_the_example_is_doubted(example):
    """Every kind asked for is a table of replicates; claims that are decided say whether they are fragile."""
    results = example / "results/example"
    asked = yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8"))["robustness"]["kinds"]
    assert {f.stem for f in (results / "robustness").glob("*.parquet")} == set(asked)
    for path in (results / "robustness").glob("*.parquet"):
        table = pd.read_parquet(path)
        assert list(table.columns[:3]) == ["replicate", "seed_address", "status"]
        assert table["replicate"].tolist() == list(range(len(table)))
        assert set(table["status"]) <= {"ok", "singular", "failed"}
        assert table["seed_address"][0] == f"20261125/{path.stem}/0"
    claims = json.loads((results / "verdict.json").read_text("utf-8"))["claims"]
    for claim in claims.values():
        assert (claim["fragile"] is None) == (claim["verdict"] == "inconclusive")
    assert claims["C1"]["fragile"] is False and claims["C1"]["fragile_because"] == []
    found = json.loads((results / "robustness.json").read_text("utf-8"))
    assert found["influence"]["verdicts"]["C1"] == {"supported": 48}
    low, high = found["parametric"]["intervals"]["P"]["ci"]
    assert claims["C1"]["ci"] == pytest.approx([low, high], abs=0.02)


@pytest.mark.slow
def test_shards_and_cores_change_nothing(doubted, shell):
    """One job on one core, four shards on two: the same bytes (for each kind by itself: tests/unit/robust)."""
    found = {}
    for name, shards, cores in (("one", 1, 1), ("four", 4, 2)):
        folder = doubted(name, shards)
        ran = run(shell, folder, cores)
        assert ran.status == 0, ran.err
        found[name] = content(folder)
    assert len(found["one"]) == 3 + len(KINDS) + 1  # cluster brings influence
    assert found["one"] == found["four"]


@pytest.mark.slow
def test_sixteen_shards_change_nothing(doubted, shell):
    found = {}
    for name, shards in (("one", 1), ("sixteen", 16)):
        folder = doubted(name, shards)
        assert run(shell, folder).status == 0
        found[name] = content(folder)
    assert found["one"] == found["sixteen"]


@pytest.mark.slow
def test_a_shard_at_fault_is_said_and_made_anew(doubted, shell):
    """Truncated, then deleted together with what was made of it: each later run has the bytes of the first."""
    folder = doubted("faults", 4)
    tables = [f"results/example/robustness/{kind}.parquet" for kind in KINDS]  # which the whole run asks for, too
    assert run(shell, folder).status == 0
    before = content(folder)
    shard = folder / "results/example/robustness/shards/parametric/2-of-4.parquet"
    shard.write_bytes(shard.read_bytes()[:700])
    ran = run(shell, folder, 2, *tables)
    assert ran.status == 0, ran.err
    (said,) = [line for line in (ran.out + ran.err).splitlines() if line.startswith("note: 2-of-4.parquet")]
    assert "the shard cannot be read" in said and "it was removed" in said
    assert content(folder) == before
    shard.unlink()
    (folder / "results/example/robustness/parametric.parquet").unlink()
    assert run(shell, folder, 2, *tables).status == 0
    assert content(folder) == before


@pytest.mark.slow
def test_a_table_of_other_data_is_said_and_made_anew(doubted, shell):
    """Where the job that fits makes the tables too, nothing but the figures would read it."""
    folder = doubted("foreign", 1)
    whole = ["bowlby", "run", "config/config.yaml", "--cores", 2]
    assert shell(*whole, cwd=folder).status == 0
    before, path = content(folder), folder / "results/example/robustness/permutation.parquet"
    table = read_parquet(path)
    table.attrs["inputs"] = "0" * 16
    write_parquet(path, table)
    ran = shell(*whole, cwd=folder)
    assert ran.status == 0, ran.err
    assert "note: permutation.parquet: made from other data or another configuration; it was removed" in ran.err
    assert content(folder) == before


@pytest.mark.slow
def test_what_is_not_asked_for_is_absent(doubted, shell):
    folder = doubted("without", 1)
    config = folder / "config/config.yaml"
    asked = yaml.safe_load(config.read_text("utf-8"))
    del asked["robustness"]
    config.write_text(yaml.safe_dump(asked), encoding="utf-8")
    for left in ("verdict.json", "comparison.json"):
        (folder / "results/example" / left).unlink()
    ran = run(shell, folder)
    assert ran.status == 0, ran.err
    assert not (folder / "results/example/robustness.json").exists()
    assert "done: analyse" in ran.err and "robustness" not in ran.err
    claims = json.loads((folder / "results/example/verdict.json").read_text("utf-8"))["claims"]
    assert claims["C1"]["fragile"] is None
