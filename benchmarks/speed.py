"""Seconds and memory of what a user waits for, now and at another commit, in pairs.

    python benchmarks/speed.py 7c308f5 [--only help check …] [--repeat 3] [--therapists 25000]

writes benchmarks/results.md; with `--only` it prints the page instead. Both are run by the Python that runs this
script, one after the other in each repetition; the smallest time of each counts. That Python must have what either
needs (7c308f5 needs pandera too), but not the packages of notebooks: with those, Snakemake imports a parser of internet
addresses for 1.7 s a run. It takes about 20 minutes on two quiet cores, and 15 more with a platform of 25,000
therapists. Processor seconds are those of all processes of a command, user and system together, so that other work on
the machine changes little; memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
CONFIG = "config/config.yaml"
START = """
import os
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # as `bowlby run` gives it to its jobs
from types import SimpleNamespace
from bowlby.job import job, planned
asked = SimpleNamespace(log=["results/start.log"], params=SimpleNamespace(config="config/config.yaml"))
with job(asked):
    planned(asked)
"""
TABLES = "import pandas, pyarrow.parquet"
BOWLBY = [sys.executable, "-c", "from bowlby.cli import main; main()"]
FORMS = [sys.executable, str(ROOT / "benchmarks/ingest/forms.py")]
WORK = {
    "example": ("example, raw files to report", [*BOWLBY, "run", CONFIG, "--cores", "2"]),
    "again": ("the same again, nothing to do", [*BOWLBY, "run", CONFIG, "--cores", "2"]),
    "snakemake": ("`snakemake --version`", [sys.executable, "-m", "snakemake", "--version"]),
    "check": ("`bowlby check` of the example", [*BOWLBY, "check", CONFIG]),
    "plan": ("`bowlby plan`", [*BOWLBY, "plan", "--therapists", "48", "--patients", "12"]),
    "help": ("`bowlby --help`", [*BOWLBY, "--help"]),
    "job": ("start-up of a job", [sys.executable, "-c", START]),
    "job_tables": ("start-up of a job that reads tables", [sys.executable, "-c", f"{START}    {TABLES}"]),
    "pandas": (f"`{TABLES}`", [sys.executable, "-c", TABLES]),
    "measures": ("one million forms of nine items, CSV to measures", [*FORMS, "measures", "{scratch}"]),
    "scores": ("the same, to scores with reliability and audit", [*FORMS, "scores", "{scratch}"]),
    "robustness": (
        "example with nine kinds of robustness checks, usual numbers",
        [*BOWLBY, "run", "config/nine.yaml", "--cores", "2"],
    ),
    "platform": (
        "platform, raw files to report",
        [*BOWLBY, "run", "config/examples/platform.yaml", "--cores", "2"],
    ),
    "small": ("M1 on few rows", [sys.executable, str(ROOT / "benchmarks/mixed/small.py")]),
    "mixed": ("the models of benchmarks/mixed", [sys.executable, str(ROOT / "benchmarks/mixed/measure.py")]),
}
LONG = ("robustness", "platform")
"""Run once."""
NEEDS = {"again": "example", "scores": "measures"}
KINDS = "parametric cluster permutation influence sandwich assumptions multiverse imputation tipping".split()


class Use(NamedTuple):
    """Processor seconds, seconds on the clock, and megabytes of the largest process of a command."""

    processor: float
    clock: float
    megabytes: float


def prepare(names: list[str], checkouts: list[Path], scratch: Path, therapists: int) -> None:
    """Data and configurations of the works that need some, the same for both checkouts."""
    if "measures" in names:
        subprocess.run([*FORMS, "make", str(scratch)], check=True)
    if "platform" in names:
        size = ["--platform", "--therapists", str(therapists)]
        subprocess.run([*BOWLBY, "simulate", str(scratch / "platform"), *size], check=True)
    for checkout in checkouts:
        subprocess.run([sys.executable, "-m", "compileall", "-q", "src"], cwd=checkout, env=_env(checkout), check=True)
        run = yaml.safe_load((checkout / CONFIG).read_text("utf-8"))
        run |= {"run": "nine", "robustness": {"kinds": KINDS}}
        (checkout / "config/nine.yaml").write_text(yaml.safe_dump(run), "utf-8")
        (checkout / "data/raw/platform").symlink_to(scratch / "platform")


def used(command: list[str], checkout: Path) -> tuple[Use, str]:
    """What a command and all that it starts use, and what it prints."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=checkout, env=_env(checkout), stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        sys.exit(f"{' '.join(command[-3:])} in {checkout}: {text[-1000:]}")
    return Use(usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss / 1024), text


def _env(checkout: Path) -> dict[str, str]:
    """One thread, and compiled modules that are kept, as an installed package has them."""
    ours = {"PYTHONPATH": str(checkout / "src"), "BOWLBY_CHECKOUT": str(checkout), "OMP_NUM_THREADS": "1"}
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | ours


def jobs(checkout: Path) -> int:
    """Jobs of the example's run, each with one file of time and memory."""
    return len(list((checkout / "results/example/benchmarks").rglob("*.tsv")))


def models(checkouts: list[Path], repeat: int) -> dict[str, list[float]]:
    """Least seconds of each work of benchmarks/mixed at each checkout, in turn."""
    sys.path.insert(0, str(ROOT / "benchmarks/mixed"))
    from cases import CASES, INSTEVAL

    found = {}
    for case in CASES:
        if case.name == "insteval" and not INSTEVAL.exists():
            continue
        command = [*WORK["mixed"][1], case.name]
        runs = [[json.loads(used(command, one)[1])["seconds"] for one in checkouts] for _ in range(repeat)]
        least = found[f"{case.name}: {case.what}"] = [min(column) for column in zip(*runs, strict=True)]
        print(case.name, *least, flush=True)
    return found


def measured(names: list[str], checkouts: list[Path], scratch: Path, repeat: int) -> tuple[dict, list[dict]]:
    """By name of the work the least that it used at each checkout; by checkout, milliseconds of M1 and of glmm."""
    found, small = {}, [{}, {}]
    for name in [name for name in names if name != "mixed"]:
        command = [word.replace("{scratch}", str(scratch)) for word in WORK[name][1]]
        runs = []
        for _ in range(1 if name in LONG else repeat):
            if name == "example":
                for checkout in checkouts:
                    shutil.rmtree(checkout / "results/example", ignore_errors=True)
            both = [used(command, checkout) for checkout in checkouts]
            runs.append([use for use, _ in both])
            if name == "small":
                small = [_least(least, json.loads(text)) for least, (_, text) in zip(small, both, strict=True)]
        found[name] = [Use(*map(min, zip(*column, strict=True))) for column in zip(*runs, strict=True)]
        print(name, *found[name], flush=True)
    found.pop("small", None)
    return found, small


def _least(one: dict, other: dict) -> dict:
    """The smaller of two times, for each size and engine."""
    return {size: {k: min(v, one.get(size, other[size])[k]) for k, v in of.items()} for size, of in other.items()}


def page(commits: list[str], found: dict[str, list[Use]], small: list[dict], fits: dict[str, list[float]],
         counted: list[int], size: int) -> str:  # fmt: skip
    """The tables as Markdown: ratios first."""
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
        reads = f", one that reads tables in {_ratio(found, 'job_tables', 'pandas')}" if "job_tables" in found else ""
        lines += ["", f"A job starts in {_ratio(found, 'job', 'pandas')} times `{TABLES}`{reads} (goal 1.2)."]
    if "platform" in found:
        lines += [
            "",
            f"The platform has {size:,} therapists, about {40 * size:,} patients and {400 * size:,} sessions.",
        ]
    if small[0]:
        lines += ["", *_small_fits(commits, small)]
    if fits:
        lines += ["", *_fits(commits, fits)]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    both = " | ".join(f"{commit}: processor s | clock s | MB" for commit in commits)
    return "\n".join([
        "# What a user waits for", "",
        f"At {commits[0]} and at {commits[1]}, in pairs in one run: processor seconds (user, system, all processes), "
        f"seconds on the clock, and memory of the largest process; {machine}, `OMP_NUM_THREADS=1`. "
        f"Made by `python benchmarks/speed.py {commits[0]}`.", "",
        f"| work | ratio, processor | ratio, clock | {both} |", "|---" * 9 + "|", *lines, "",
    ])  # fmt: skip


def _small_fits(commits: list[str], small: list[dict]) -> list[str]:
    """A table of the milliseconds of one small fit."""
    lines = [
        "M1, formula to table with df: milliseconds of one fit, and of glmm (no Kenward-Roger) in the same runs.",
        "",
        f"| rows | ratio | {commits[0]} | {commits[1]} | glmm | {commits[1]} over glmm |",
        "|---" * 6 + "|",
    ]
    for rows, then in small[0].items():
        one, two, peer = then["bowlby"], small[1][rows]["bowlby"], small[1][rows]["glmm"]
        lines.append(f"| {rows} | {one / two:.2f} | {one:.2f} | {two:.2f} | {peer:.2f} | {two / peer:.2f} |")
    return lines


def _fits(commits: list[str], fits: dict[str, list[float]]) -> list[str]:
    """A table of the seconds of each work of benchmarks/mixed."""
    lines = [
        "Models, from a data frame to the fit (goal: at most 1.05 times as long).",
        "",
        f"| work | {commits[1]} over {commits[0]} | {commits[0]}: s | {commits[1]}: s |",
        "|---" * 4 + "|",
    ]
    for what, (then, now) in fits.items():
        shown = what.replace("|", "\\|")
        lines.append(f"| {shown} | {now / then:.2f} | {then:.3g} | {now:.3g} |")
    return lines


def _ratio(found: dict[str, list[Use]], one: str, other: str) -> str:
    """Processor seconds of one work by those of another, now."""
    return f"{found[one][1].processor / found[other][1].processor:.2f}"


def main() -> None:
    """Measure both commits in worktrees of their own and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("--only", nargs="+", choices=WORK, default=list(WORK))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--therapists", type=int, default=2500)
    asked = parser.parse_args()
    for one, other in NEEDS.items():
        if one in asked.only and other not in asked.only:
            parser.error(f"`{one}` needs the results of `{other}`: name both")
    names = [name for name in WORK if name in asked.only]
    git = ["git", "-C", str(ROOT)]
    commits = [subprocess.run([*git, "rev-parse", "--short", commit], capture_output=True, text=True, check=True)
               .stdout.strip() for commit in (asked.commit, "HEAD")]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        checkouts = [Path(folder) / name for name in ("then", "now")]
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        for checkout, commit in zip(checkouts, commits, strict=True):
            subprocess.run([*git, "worktree", "add", "-q", "--detach", str(checkout), commit], check=True)
        try:
            prepare(names, checkouts, scratch, asked.therapists)
            found, small = measured(names, checkouts, scratch, asked.repeat)
            fits = models(checkouts, asked.repeat) if "mixed" in names else {}
            text = page(commits, found, small, fits, [jobs(checkout) for checkout in checkouts], asked.therapists)
        finally:
            for checkout in checkouts:
                subprocess.run([*git, "worktree", "remove", "--force", str(checkout)], check=False)
    if names == list(WORK):
        (ROOT / "benchmarks/results.md").write_text(text, encoding="utf-8")
    else:  # rows of the page that were not measured stay
        print(text)


if __name__ == "__main__":
    main()
