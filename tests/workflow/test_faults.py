"""Faults while a run goes on: a job killed, a second run in the same folder, a configuration changed meanwhile."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

ROOT = Path(__file__).parents[2]
RESULTS = "results/example"
LOG = f"{RESULTS}/logs/robustness/parametric-1-of-2.log"
TARGET = f"{RESULTS}/verdict.json"


@pytest.fixture
def folder(example, tmp_path):
    """The example's results but for robustness, of which one kind that takes some seconds is asked for."""
    shutil.copytree(ROOT / "data/raw/example", tmp_path / "data/raw/example")
    later = shutil.ignore_patterns("robustness*", "verdict.json", "comparison.json")
    shutil.copytree(example / "results", tmp_path / "results", ignore=later)
    shutil.copytree(example / ".snakemake", tmp_path / ".snakemake")
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "config/study.yaml", tmp_path / "config/study.yaml")
    run = yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8"))
    run["robustness"] = {"kinds": ["parametric"], "replicates": {"parametric": 8000}, "shards": 2}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    return tmp_path


def begun(folder):
    """A run in the background, its bootstrap at work; and the bootstrap's process."""
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(["bowlby", "run", "config/config.yaml", "--cores", "1", TARGET], cwd=folder, env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    log = folder / LOG
    for _ in range(600):
        if log.is_file() and "a second" in log.read_text("utf-8"):
            break
        assert process.poll() is None, process.stdout.read()[-2000:]
        time.sleep(0.1)
    jobs = [p for p in psutil.Process(process.pid).children(recursive=True) if p.cmdline()[-1:]
            and p.cmdline()[-1].endswith(".robustness.py")]  # fmt: skip
    return process, jobs[-1]


def last_words(text):
    return text.split("bowlby stopped:")[1].strip()


@pytest.mark.slow
def test_a_killed_job_is_said_and_the_next_run_goes_on(folder, shell):
    process, job = begun(folder)
    second = shell("bowlby", "run", "config/config.yaml", "--cores", 1, TARGET, cwd=folder)
    assert second.status == 1
    assert last_words(second.err).startswith("error: another run uses this results folder")
    job.kill()
    said = process.communicate(timeout=200)[0]
    assert process.returncode == 1
    assert last_words(said).startswith("error: shard_parametric: it was killed") and "run again" in said
    left = [p for p in (folder / "results").rglob("*.parquet") if "parametric" in p.name]
    assert left == []
    again = shell("bowlby", "run", "config/config.yaml", "--cores", 1, TARGET, cwd=folder)
    assert again.status == 0, again.err[-2000:]
    assert "done: ingest" not in again.err and "done: shard parametric" in again.err
    assert not [p for p in (folder / RESULTS).rglob(".*") if p.name != ".bowlby"]


@pytest.mark.slow
def test_a_configuration_changed_meanwhile_mixes_nothing(folder, shell):
    process, _ = begun(folder)
    path = folder / "config/config.yaml"
    path.write_text(path.read_text("utf-8").replace("delta: 0.1", "delta: 0.3"), encoding="utf-8")
    said = process.communicate(timeout=200)[0]
    assert process.returncode == 1
    assert last_words(said).startswith("error: config.yaml: the configuration was changed during the run")
    assert not (folder / TARGET).exists()
    again = shell("bowlby", "run", "config/config.yaml", "--cores", 1, TARGET, cwd=folder)
    assert again.status == 0, again.err[-2000:]
    verdict = yaml.safe_load((folder / TARGET).read_text("utf-8"))
    assert verdict["claims"]["C3"]["bound"] == 0.3
