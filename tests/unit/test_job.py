"""What a job says of faults that are not the program's: a full disk, want of memory, inputs that change meanwhile."""

import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.files import sweep, write_json, write_parquet
from bowlby.job import job, planned, same_data
from bowlby.plan import plan
from bowlby.run_marker import begun_with, claim

ROOT = Path(__file__).parents[2]
WORK = """
import numpy as np, pandas as pd, sys
from types import SimpleNamespace
from bowlby.files import write_csv, write_parquet
from bowlby.job import job
table = pd.DataFrame({"x": np.random.default_rng(0).random(200_000)})
with job(SimpleNamespace(log=[sys.argv[1]])):
    {"csv": write_csv, "parquet": write_parquet}[sys.argv[2]](sys.argv[3], table)
"""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path, kind):
    """A limit of the size of files stands for the end of the disk: the same error reaches the program."""
    target = tmp_path / f"table.{kind}"
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(tmp_path / "job.log"), kind, str(target)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = (tmp_path / "job.log").read_text()
    assert done.returncode == 1
    assert "error: the disk is full" in said and "Traceback" not in said + done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["job.log"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_where_the_log_has_no_room_the_screen_has(tmp_path, capsys):
    log = tmp_path / "job.log"
    log.symlink_to("/dev/full")
    with pytest.raises(SystemExit), job(SimpleNamespace(log=[log])):
        raise OSError(28, "No space left on device", "table.parquet")
    assert "error: the disk is full" in capsys.readouterr().err


def test_want_of_memory_is_said(tmp_path):
    with pytest.raises(SystemExit), job(SimpleNamespace(log=[tmp_path / "job.log"])):
        np.empty(2**57)
    assert "error: not enough memory" in (tmp_path / "job.log").read_text()


def test_what_killed_jobs_left_is_swept(tmp_path):
    write_parquet(tmp_path / "fits/a.parquet", pd.DataFrame({"x": [1]}))
    left = tmp_path / "fits/.a.parquet.4711.parquet"
    left.write_bytes(b"PAR1")
    (tmp_path / ".bowlby").write_text("")
    assert sweep(tmp_path) == [left]
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [".bowlby", "a.parquet"]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The example in a folder of its own, its run just begun."""
    for part in ("config", "data/raw/example"):
        shutil.copytree(ROOT / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    run = plan("config/config.yaml")
    claim(run.folder, run.digest)
    return tmp_path


def test_a_configuration_changed_meanwhile_stops_the_job(study):
    asked = SimpleNamespace(params=SimpleNamespace(config="config/config.yaml"))
    assert planned(asked).digest == begun_with("results/example")
    path = study / "config/config.yaml"
    path.write_text(path.read_text("utf-8").replace("delta: 0.10", "delta: 0.20"), encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.yaml: the configuration was changed during the run"):
        planned(asked)
    run = plan("config/config.yaml")
    claim(run.folder, run.digest)  # as the next run begins
    assert planned(asked).loaded.run.comparison.delta == 0.2


def test_a_raw_file_changed_meanwhile_is_named(study):
    run = plan("config/config.yaml")
    before = run.checksums()
    same_data(run, before)
    with (study / "data/raw/example/patients.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(UserError, match=r"^patients\.csv: the file was changed or removed during the run"):
        same_data(run, before)
    (study / "data/raw/example/patients.csv").unlink()
    with pytest.raises(UserError, match=r"^patients\.csv: the file was changed or removed during the run"):
        same_data(run, before)


def test_a_job_that_finds_no_mark_of_its_run_does_not_take_results_for_its_own(study):
    asked = SimpleNamespace(params=SimpleNamespace(config="config/config.yaml"))
    folder = planned(asked).folder
    (folder / ".bowlby").unlink()
    (folder / "issues.csv").write_text("")
    with pytest.raises(UserError, match="the folder results/example was not made by bowlby"):
        planned(asked)


def test_files_that_do_not_fit_are_found_by_a_job_of_a_run_whose_beginning_is_not_known(study):
    """Where the workflow is a module of another, the mark holds no configuration."""
    asked = SimpleNamespace(params=SimpleNamespace(config="config/config.yaml"))
    path = study / "config/config.yaml"
    path.write_text(path.read_text("utf-8").replace("scale: total\n", "scale: nonesuch\n", 1), encoding="utf-8")
    with pytest.raises(UserError, match="changed during the run"):
        planned(asked)
    claim("results/example")
    with pytest.raises(UserError, match="phq9 has no scale 'nonesuch'"):
        planned(asked)


def test_a_job_says_what_it_used(tmp_path):
    with job(SimpleNamespace(log=[tmp_path / "job.log"])) as log:
        log.info("at work")
    first, second, last = (tmp_path / "job.log").read_text().splitlines()
    assert first.endswith("at work") and last.endswith("INFO done")
    said = re.search(r"INFO ([\d.]+) s of processor time, at most (\d+) MB of memory$", second)
    assert float(said[1]) > 0 and 20 < int(said[2]) < 100_000


def test_results_made_elsewhere_of_other_settings_are_not_taken_for_these(study):
    """Snakemake's records stay where a run was made; without them it would call such results up to date."""
    run = plan("config/config.yaml")
    inputs = {Path(path).name: digest for path, digest in run.checksums().items()}
    write_json(run.folder / "manifest.json", {"inputs": inputs})
    assert not run.stale_elsewhere()
    path = study / "config/config.yaml"
    path.write_text(path.read_text("utf-8").replace("delta: 0.10", "delta: 0.20"), encoding="utf-8")
    assert plan("config/config.yaml").stale_elsewhere()
    write_json(run.folder / "manifest.json", {"inputs": inputs | {"patients.csv": "other"}})
    assert run.stale_elsewhere()
