"""What a killed run, a damaged result or a full disk leaves, and how the next run goes on."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from bowlby.cli.snakemake_log import SnakemakeLog
from bowlby.errors import FULL_DISK, RECOMPUTE
from bowlby.files import Damaged, read_json, read_parquet, write_json, write_parquet
from bowlby.job import job
from bowlby.run_marker import MARKER, claim, ended, identity, lift_lock, moved


@pytest.mark.parametrize("name", ["a.json", "a.parquet"])
@pytest.mark.parametrize("left", [b"", b'{"half', b"PAR1\0\0\0\0PAR1", b"\xff\xfe"])
def test_a_damaged_result_is_removed_and_said(tmp_path, name, left):
    path = tmp_path / name
    path.write_bytes(left)
    log = tmp_path / "logs/fit.log"
    with pytest.raises(SystemExit), job(SimpleNamespace(log=[str(log)])):
        read_json(path) if name.endswith("json") else read_parquet(path)
    assert not path.exists()
    (line,) = [line for line in log.read_text("utf-8").splitlines() if line.startswith("error")]
    assert line.startswith(f"error: {name}: ") and line.endswith(RECOMPUTE) and "error in bowlby" not in line
    assert heard(line, log).removed(tmp_path)


def test_a_whole_result_is_read_and_one_that_is_missing_is_not_called_damaged(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    write_parquet(tmp_path / "a.parquet", pd.DataFrame({"x": [1]}))
    assert read_json(tmp_path / "a.json") == {"x": 1} and len(read_parquet(tmp_path / "a.parquet")) == 1
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "b.parquet")
    assert not issubclass(FileNotFoundError, Damaged)


def heard(line, log):
    messages = SnakemakeLog()
    for text in (line, "Error in rule fit:", f"    log: {log} (check log file(s) for error details)"):
        messages.read(f"{text}\n")
    return messages


def test_another_error_is_not_mended_by_running_again(tmp_path):
    assert not heard("error: a.csv:3: wrong; correct it", tmp_path / "no.log").removed(tmp_path)


def test_a_full_disk_says_nothing_of_memory(tmp_path):
    """A job that could write neither result nor log leaves nothing but Snakemake's own line."""
    log = tmp_path / "fit.log"
    log.write_text("INFO begun\n")
    messages = heard("OSError: [Errno 28] No space left on device: 'fits/a.json'", log)
    (line,) = messages.failure(tmp_path)
    assert line.startswith(f"error: {FULL_DISK}") and "memory" not in line


def test_a_process_is_known_by_its_start_and_not_by_its_number_alone():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        known = identity(process.pid)
        assert ended(known) is False
        process.communicate(b"\n")
    assert ended(known) is True
    host, pid, _, space = identity().split()
    assert ended(f"{host} {pid} 1 {space}") is True
    assert ended(f"elsewhere {pid} 1 {space}") is None and ended("nonsense") is None


@pytest.mark.parametrize(("owner", "folder", "lifted"), [
    ("killed", "results/a", True),
    ("alive", "results/a", False),
    ("elsewhere", "results/a", False),
    ("killed", "results/ab", False),
])  # fmt: skip
def test_only_the_lock_of_a_killed_run_of_this_machine_is_lifted(tmp_path, monkeypatch, owner, folder, lifted):
    """The lock names files of one results folder; the folder's marker names who works on it."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path.joinpath("results/a").relative_to(tmp_path)
    lock = tmp_path / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(f"{folder}/fits/primary.json\n")
    os.utime(lock, (1, 1))
    claim(results, "digest")
    host, pid, start, space = identity().split()
    text = (results / MARKER).read_text("utf-8")
    new = {"killed": f"{host} {pid} 1 {space}", "alive": f"{host} {pid} {start} {space}",
           "elsewhere": f"far {pid} 1 {space}"}[owner]  # fmt: skip
    (results / MARKER).write_text(text.replace(identity(), new), encoding="utf-8")
    assert lift_lock(results) is lifted and lock.exists() is not lifted


def test_results_that_were_moved_are_told_from_those_made_here(tmp_path, monkeypatch):
    """By the working directory of their marker, and by whether Snakemake has records at all."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        (folder / ".snakemake/metadata").mkdir(parents=True)
        (folder / ".snakemake/metadata/record").touch()
    monkeypatch.chdir(here)
    assert not moved("results/a")
    claim("results/a", "digest")
    assert not moved("results/a")
    shutil.copytree(here / "results", there / "results")
    monkeypatch.chdir(there)
    assert moved("results/a")
    monkeypatch.chdir(here)
    (here / ".snakemake/metadata/record").unlink()
    assert moved("results/a")
