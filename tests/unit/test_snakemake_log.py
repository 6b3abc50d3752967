"""Why a run stopped, from what Snakemake and the jobs' logs say; and how far its batches have come."""

import io

import pytest

from bowlby.cli.progress import ProgressBars, long_jobs, replicates
from bowlby.cli.snakemake_log import UNLOCK, SnakemakeLog


def heard(*lines):
    log = SnakemakeLog()
    for line in lines:
        log.read(f"{line}\n")
    return log


def test_files_of_a_killed_job_are_no_reason(tmp_path):
    """They follow its name, and may hold the name of its rule."""
    log = tmp_path / "present.log"
    log.write_text("", encoding="utf-8")
    said = heard("Error in rule present:", "    message: None", "    jobid: 1", "    input: fits/m1.json",
                 f"    log: {log} (check log file(s) for error details)", "").failure(tmp_path)  # fmt: skip
    assert len(said) == 1 and said[0].startswith("error: present: it was killed, perhaps for lack of memory")


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("INFO parametric: 250 of 1000\n", "error: robustness_parametric: it was killed"),
        (None, "error: robustness_parametric: it was killed"),
        ("Traceback (most recent call last):\n", "error: robustness_parametric: an error in bowlby"),
    ],
)
def test_a_job_that_says_nothing_is_spoken_for(tmp_path, log, expected):
    path = tmp_path / "parametric.log"
    if log:
        path.write_text(log)
    log = heard("Error in rule robustness_parametric:", "    message: None", "    input: a, b",
                f"    log: {path} (check log file(s) for error details)")  # fmt: skip
    (line,) = log.failure(tmp_path)
    assert line.startswith(expected) and str(path) in line


def test_lines_of_a_job_are_said_once_and_alone(tmp_path):
    path = tmp_path / "ingest.log"
    path.write_text("error: a.csv:3: wrong; correct it\n")
    log = heard("error: a.csv:3: wrong; correct it", "Error in rule ingest:", f"    log: {path} (check)",
                "error: a.csv:3: wrong; correct it")  # fmt: skip
    assert log.failure(tmp_path) == ["error: a.csv:3: wrong; correct it"]


def test_a_second_run_in_one_folder_is_told_what_to_do(tmp_path):
    assert heard("LockException:", "Error: Directory cannot be locked. Please").failure(tmp_path) == [UNLOCK]


def test_what_nothing_explains_is_told_in_snakemakes_own_words(tmp_path):
    *said, last = heard("Building DAG of jobs...", "", "No rule to produce x.json").failure(tmp_path)
    assert said == ["Building DAG of jobs...", "No rule to produce x.json"] and last.startswith("error: the run")


def test_only_progress_is_shown_and_the_logs_come_last():
    log = SnakemakeLog()
    lines = ["Building DAG of jobs...", "localrule ingest:", "Finished jobid: 3 (Rule: fit_pair_models)",
             "4 of 23 steps (17%) done", "error: a.csv:1:x: wrong; correct it", "Error in rule ingest:",
             "    log: results/a/ingest.log (check log file(s) for error details)",
             "Complete log(s): /path/to/.snakemake/log/1.log"]  # fmt: skip
    shown = [progress for line in lines if (progress := log.read(f"{line}\n"))]
    assert shown == ["4 of 23 jobs done: fit pair models\n"]
    whole = "log of the whole run: /path/to/.snakemake/log/1.log"
    assert log.logs_to_read() == ["log of ingest: results/a/ingest.log", whole]


def test_long_jobs_are_named_with_their_replicates(tmp_path, monkeypatch):
    logs = tmp_path / "logs/robustness"
    logs.mkdir(parents=True)
    (logs / "cluster.log").write_text("INFO cluster: 250 of 1000, 50 a second, 15 s left\n")
    log = heard("rule ingest:", "rule robustness_cluster:", "Finished jobid: 1 (Rule: ingest)",
                "1 of 3 steps (33%) done")  # fmt: skip
    assert long_jobs(log, tmp_path, 0) == []
    log.running["robustness_cluster"] -= 130
    assert long_jobs(log, tmp_path, 0) == [
        "running for 2 min: robustness cluster (250 of 1,000 replicates, 15 s left)\n"
    ]


def test_bars_follow_jobs_and_replicates(tmp_path):
    from rich.console import Console
    from rich.progress import Progress

    logs = tmp_path / "logs/robustness"
    logs.mkdir(parents=True)
    (logs / "parametric-1-of-2.log").write_text("INFO parametric: 250 of 500, 125 a second, 2 s left\n"
                                                "INFO parametric: 500 of 500, 130 a second, 0 s left\n")  # fmt: skip
    (logs / "cluster.log").write_text("INFO cluster: 250 of 1000, 50 a second, 15 s left\n")
    found = replicates(tmp_path, 0)
    assert found["parametric-1-of-2"][:2] == (500, 500)
    assert found["cluster"] == (250, 1000, "50", "15")
    bars = Progress(console=Console(file=io.StringIO()))
    board = ProgressBars(bars, heard("3 of 20 steps (15%) done"), tmp_path)
    board.began = 0
    board.update()
    seen = {task.description: (task.completed, task.total, task.fields["said"]) for task in bars.tasks}
    assert seen == {"jobs": (3, 20, "3 of 20"), "parametric-1-of-2": (500, 500, "500, done"),
                    "cluster": (250, 1000, "250 of 1,000, 50 a second, 15 s left")}  # fmt: skip
