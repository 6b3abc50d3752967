"""Processor seconds of what a user waits for, now and at another commit, in pairs.

    python benchmarks/speed.py COMMIT [--only help check …] [--repeat 3]        writes benchmarks/results.md

Both are run by the Python that runs this script, one after the other in each repetition; the smallest time of each
counts. Seconds are those of all processes of a command, user and system together, so that other work on the machine
changes little.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIG = "config/config.yaml"
START = "from bowlby.plan import plan; import bowlby.job; plan('config/config.yaml')"
BOWLBY = [sys.executable, "-c", "from bowlby.cli import main; main()"]
WORK = {
    "example": ("example, raw files to report", [*BOWLBY, "run", CONFIG, "--cores", "2"]),
    "again": ("the same again, nothing to do", [*BOWLBY, "run", CONFIG, "--cores", "2"]),
    "snakemake": ("`snakemake --version`", [sys.executable, "-m", "snakemake", "--version"]),
    "check": ("`bowlby check` of the example", [*BOWLBY, "check", CONFIG]),
    "plan": ("`bowlby plan`", [*BOWLBY, "plan", "--therapists", "48", "--patients", "12"]),
    "help": ("`bowlby --help`", [*BOWLBY, "--help"]),
    "job": ("start-up of a job", [sys.executable, "-c", START]),
    "pandas": ("`import pandas, pyarrow.parquet`", [sys.executable, "-c", "import pandas, pyarrow.parquet"]),
}
LONG = ("example", "again")
"""Run once, in this order: the second needs the results of the first."""


def seconds(command: list[str], checkout: Path) -> float:
    """Processor seconds of a command and all that it starts."""
    env = os.environ | {
        "PYTHONPATH": str(checkout / "src"), "BOWLBY_CHECKOUT": str(checkout), "OMP_NUM_THREADS": "1"
    }  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[-3:])} in {checkout}: {done.stderr[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def jobs(checkout: Path) -> int:
    """Jobs of the example's run, each with one file of time and memory."""
    return len(list((checkout / "results/example/benchmarks").rglob("*.tsv")))


def measured(names: list[str], checkouts: list[Path], repeat: int) -> dict[str, list[float]]:
    """By name of the work, seconds at each checkout."""
    found = {}
    for name in names:
        times = 1 if name in LONG else repeat
        runs = [[seconds(WORK[name][1], checkout) for checkout in checkouts] for _ in range(times)]
        found[name] = [min(column) for column in zip(*runs, strict=True)]
        print(name, *(f"{value:.2f}" for value in found[name]), flush=True)
    return found


def page(commits: list[str], found: dict[str, list[float]], counted: list[int]) -> str:
    """The table as Markdown: ratios first."""
    lines = [f"| {WORK[name][0]} | {then / now:.2f} | {then:.2f} | {now:.2f} |" for name, (then, now) in found.items()]
    if "example" in found:
        lines.append(f"| jobs of the example | {counted[0] / counted[1]:.2f} | {counted[0]} | {counted[1]} |")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join([
        "# What a user waits for", "",
        f"Processor seconds (user and system, all processes) at {commits[0]} and at {commits[1]}, in pairs in one run; "
        f"{machine}, `OMP_NUM_THREADS=1`. Made by `python benchmarks/speed.py {commits[0]}`.", "",
        f"| work | ratio | {commits[0]} | {commits[1]} |", "|---|---|---|---|", *lines, "",
    ])  # fmt: skip


def main() -> None:
    """Measure both commits in worktrees of their own and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("--only", nargs="+", choices=WORK, default=list(WORK))
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
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
