"""Seconds and memory of what a user waits for, now and at another commit, in pairs.

    python benchmarks/speed.py 7c308f5 [--only help check …] [--repeat 3]        writes benchmarks/results.md

Both are run by the Python that runs this script, one after the other in each repetition; the smallest time of each
counts. It takes about six minutes on two quiet cores. Processor seconds are those of all processes of a command, user
and system together, so that other work on the machine changes little; memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CONFIG = "config/config.yaml"
START = "from bowlby.plan import plan; import bowlby.job; plan('config/config.yaml')"
TABLES = "import pandas, pyarrow.parquet"
BOWLBY = [sys.executable, "-c", "from bowlby.cli import main; main()"]
WORK = {
    "example": ("example, raw files to report", [*BOWLBY, "run", CONFIG, "--cores", "2"]),
    "again": ("the same again, nothing to do", [*BOWLBY, "run", CONFIG, "--cores", "2"]),
    "snakemake": ("`snakemake --version`", [sys.executable, "-m", "snakemake", "--version"]),
    "check": ("`bowlby check` of the example", [*BOWLBY, "check", CONFIG]),
    "plan": ("`bowlby plan`", [*BOWLBY, "plan", "--therapists", "48", "--patients", "12"]),
    "help": ("`bowlby --help`", [*BOWLBY, "--help"]),
    "job": ("start-up of a job", [sys.executable, "-c", START]),
    "job_tables": ("start-up of a job that reads tables", [sys.executable, "-c", f"{START}; {TABLES}"]),
    "pandas": (f"`{TABLES}`", [sys.executable, "-c", TABLES]),
}
LONG = ("example", "again")
"""Run once, in this order: the second needs the results of the first."""


class Use(NamedTuple):
    """Processor seconds, seconds on the clock, and megabytes of the largest process of a command."""

    processor: float
    clock: float
    megabytes: float


def used(command: list[str], checkout: Path) -> Use:
    """What a command and all that it starts use."""
    env = os.environ | {
        "PYTHONPATH": str(checkout / "src"), "BOWLBY_CHECKOUT": str(checkout), "OMP_NUM_THREADS": "1"
    }  # fmt: skip
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=checkout, env=env, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command[-3:])} in {checkout}: {said.read()[-1000:]}")
    return Use(usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss / 1024)


def jobs(checkout: Path) -> int:
    """Jobs of the example's run, each with one file of time and memory."""
    return len(list((checkout / "results/example/benchmarks").rglob("*.tsv")))


def measured(names: list[str], checkouts: list[Path], repeat: int) -> dict[str, list[Use]]:
    """By name of the work, the least that it used at each checkout."""
    found = {}
    for name in names:
        times = 1 if name in LONG else repeat
        runs = [[used(WORK[name][1], checkout) for checkout in checkouts] for _ in range(times)]
        found[name] = [Use(*map(min, zip(*column, strict=True))) for column in zip(*runs, strict=True)]
        print(name, *found[name], flush=True)
    return found


def page(commits: list[str], found: dict[str, list[Use]], counted: list[int]) -> str:
    """The table as Markdown: ratios first."""
    lines = [
        f"| {WORK[name][0]} | {then.processor / now.processor:.2f} | {then.clock / now.clock:.2f} "
        + "".join(f"| {one.processor:.2f} | {one.clock:.2f} | {one.megabytes:.0f} " for one in (then, now)) + "|"
        for name, (then, now) in found.items()
    ]  # fmt: skip
    if "example" in found:
        lines.append(f"| jobs of the example | {counted[0] / counted[1]:.2f} | | {counted[0]} | | | {counted[1]} | | |")
    if {"again", "snakemake"} <= set(found):
        lines += [
            "",
            f"Nothing to do takes {_ratio(found, 'again', 'snakemake')} times `snakemake --version` (goal 1.5).",
        ]
    if {"job", "pandas"} <= set(found):
        lines += ["", f"A job starts in {_ratio(found, 'job', 'pandas')} times `{TABLES}` (goal 1.2)."]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    both = " | ".join(f"{commit}: processor s | clock s | MB" for commit in commits)
    return "\n".join([
        "# What a user waits for", "",
        f"At {commits[0]} and at {commits[1]}, in pairs in one run: processor seconds (user, system, all processes), "
        f"seconds on the clock, and memory of the largest process; {machine}, `OMP_NUM_THREADS=1`. "
        f"Made by `python benchmarks/speed.py {commits[0]}`.", "",
        f"| work | ratio, processor | ratio, clock | {both} |", "|---" * 9 + "|", *lines, "",
    ])  # fmt: skip


def _ratio(found: dict[str, list[Use]], one: str, other: str) -> str:
    """Processor seconds of one work by those of another, now."""
    return f"{found[one][1].processor / found[other][1].processor:.2f}"


def main() -> None:
    """Measure both commits in worktrees of their own and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("--only", nargs="+", choices=WORK, default=list(WORK))
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    if "again" in asked.only and "example" not in asked.only:
        parser.error("`again` needs the results of `example`: name both")
    names = [name for name in WORK if name in asked.only]
    git = ["git", "-C", str(ROOT)]
    commits = [subprocess.run([*git, "rev-parse", "--short", commit], capture_output=True, text=True, check=True)
               .stdout.strip() for commit in (asked.commit, "HEAD")]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        checkouts = [Path(folder) / name for name in ("then", "now")]
        for checkout, commit in zip(checkouts, commits, strict=True):
            subprocess.run([*git, "worktree", "add", "-q", "--detach", str(checkout), commit], check=True)
        try:
            found = measured(names, checkouts, asked.repeat)
            text = page(commits, found, [jobs(checkout) for checkout in checkouts])
        finally:
            for checkout in checkouts:
                subprocess.run([*git, "worktree", "remove", "--force", str(checkout)], check=False)
    (ROOT / "benchmarks/results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
