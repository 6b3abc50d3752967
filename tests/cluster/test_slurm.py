"""Two studies at once on a real Slurm: to the end, through a killed job, and with the bytes of the local run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bowlby.config.robustness import Robustness
from bowlby.robustness.jobs import batches, works

ROOT = Path(__file__).parents[2]
LIMIT = 900
pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def decided(folder):
    """Bytes of everything that robustness enters."""
    results = folder / "results/example"
    files = [*(results / "robustness").glob("*.parquet"), *results.glob("estimands/*.json"),
             *(results / f"{name}.json" for name in ("comparison", "verdict", "robustness"))]  # fmt: skip
    return {f.name: f.read_bytes() for f in files}


def queue(env, *states):
    """Jobs of Slurm: id, state, processors, megabytes, run of Snakemake, what they are."""
    words = ["squeue", "-h", "-t", ",".join(states) or "all", "-o", "%i|%T|%C|%m|%j|%k"]
    lines = subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    return pd.DataFrame(
        [line.split("|") for line in lines], columns=["id", "state", "cpus", "memory", "run", "comment"]
    )


def kill_one(env, process, what):
    """Cancel the first running job of a rule; its id."""
    while process.poll() is None:
        running = queue(env, "RUNNING")
        found = running[running["comment"].str.contains(what)]
        if len(found):
            subprocess.run(["scancel", found["id"].iloc[0]], env=env, check=True)
            return found["id"].iloc[0]
        time.sleep(0.2)
    return None


def start(config, folder, env):
    """A run on Slurm, its messages in a file named after the configuration."""
    words = ["bowlby", "run", str(config), "--profile", "slurm", "--cores", str(min(2, os.cpu_count())), "--",
             "--slurm-init-seconds-before-status-checks", "2",
             "--default-resources", "slurm_account=lab", "slurm_partition=main"]  # fmt: skip
    with (folder / f"{Path(config).stem}.txt").open("w") as out:
        return subprocess.Popen(words, cwd=folder, env=env, stdout=out, stderr=out, start_new_session=True)


def test_two_studies_on_slurm_and_one_is_the_example_here(example, slurm, shell, tmp_path):
    """Both at once from one folder, from raw files to the report: one group, batches in shards, one of them killed and
    tried again with twice the memory, another group. The example has the bytes of the local run, and the other study
    its own results.
    """
    run = yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8"))
    run["study"] = str(ROOT / "config/study.yaml")
    run["robustness"]["shards"] = 2
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    env = slurm | {"PATH": f"{slurm['PATH'].split(os.pathsep)[0]}{os.pathsep}{Path(sys.executable).parent}"
                           f"{os.pathsep}{slurm['PATH']}"}  # fmt: skip
    made = shell("bowlby", "simulate", "other", "--scenario", "S3", "--therapists", 16, "--patients", 8, cwd=tmp_path)
    assert made.status == 0, made.err
    second = yaml.safe_load((tmp_path / "other/config.yaml").read_text("utf-8"))
    second |= {"run": "other", "study": "other/study.yaml", "robustness": None}
    (tmp_path / "second.yaml").write_text(yaml.safe_dump(second, sort_keys=False), encoding="utf-8")
    running = [start(name, tmp_path, env) for name in ("config.yaml", "second.yaml")]
    try:
        killed = kill_one(env, running[0], "shard_parametric")
        status, status_of_second = (process.wait(LIMIT) for process in running)
    finally:
        for process in running:
            if process.poll() is None:  # Snakemake, too, and not only what started it
                os.killpg(process.pid, signal.SIGKILL)
    assert status_of_second == 0, (tmp_path / "second.txt").read_text("utf-8", errors="replace")[-3000:]
    assert (tmp_path / "results/other/report.html").is_file()
    said = tmp_path / "config.txt"
    text = said.read_text("utf-8", errors="replace")
    assert status == 0, text[-3000:]
    assert killed, "no shard was seen running"
    assert decided(tmp_path) == decided(example)
    assert (tmp_path / "results/example/report.html").stat().st_size > 100_000

    every = queue(slurm).set_index("id")
    jobs = every[every["run"] == every.loc[killed, "run"]]
    rest = every.drop(jobs.index)
    assert rest["state"].tolist() == ["COMPLETED"]  # a study without robustness is one group, and so one job
    assert jobs.loc[killed, "state"] == "CANCELLED"
    again = jobs[jobs["comment"] == jobs.loc[killed, "comment"]]
    assert len(again) == 2 and set(again["state"]) == {"CANCELLED", "COMPLETED"}
    first, second = (int(m.rstrip("M")) for m in again.sort_index(key=lambda i: i.astype(int))["memory"])
    assert second == 2 * first
    assert (jobs["state"] == "COMPLETED").sum() == len(jobs) - 1
    # raw files to estimands, each batch of kinds in its shards, verdict to report; one killed
    parts = batches(works(Robustness.model_validate(run["robustness"])))
    shards = [part[0].shards for part in parts.values()]
    assert set(shards) == {1, 2} and len(jobs) == 1 + sum(shards) + 1 + 1
    assert jobs["cpus"].astype(int).max() <= min(2, os.cpu_count())


def test_jobs_compute_on_the_cores_they_asked_for(slurm, tmp_path):
    """What the profile says of threads: every library that counts threads is told one."""
    (tmp_path / "threads.py").write_text(
        "import os\n"
        "names = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMEXPR_NUM_THREADS']\n"
        "open(snakemake.output[0], 'w').write(' '.join(os.environ.get(n, '-') for n in names))\n"
    )
    (tmp_path / "Snakefile").write_text("rule threads:\n    output: 'threads.txt'\n    threads: 1\n"
                                        "    resources: mem_mb=300, runtime=5\n    script: 'threads.py'\n")  # fmt: skip
    words = ["-m", "snakemake", "--workflow-profile", str(ROOT / "profiles/slurm"),
             "--slurm-init-seconds-before-status-checks", "2", "--default-resources", "slurm_account=lab",
             "slurm_partition=main"]  # fmt: skip
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=slurm, capture_output=True, text=True,
                          check=False, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "threads.txt").read_text() == "1 1 1 1"
