"""Where time and memory go in a study of a platform's size: simulate, run, and print the table of results.md.

    python benchmarks/platform/run.py FOLDER --therapists 25000 --switching 0.05 --cores 2

FOLDER is made and kept (raw files, results); given again, only the table is printed anew.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[2]
USED = re.compile(r"([\d.]+) s of processor time, at most (\d+) MB")


def configuration(folder: Path, switching: float) -> Path:
    """The example's configuration with this folder's data."""
    run = yaml.safe_load((ROOT / "config/examples/platform.yaml").read_text("utf-8"))
    study = "platform-switching-study.yaml" if switching else "platform-study.yaml"
    run |= {"study": str(ROOT / "config/examples" / study), "data": str(folder / "data")}
    path = folder / "platform.yaml"
    path.write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    return path


def jobs(folder: Path) -> pd.DataFrame:
    """One row a job: wall seconds, processor seconds, largest memory in MB.

    Seconds on the clock are Snakemake's; the others are from the job's log, since Snakemake looks at a job seldom and
    never at its end.
    """
    results = folder / "results/platform"
    rows = []
    for path in sorted(results.glob("benchmarks/**/*.tsv"), key=lambda p: p.stat().st_mtime):  # in order of their ends
        stage = path.relative_to(results / "benchmarks").with_suffix("").as_posix()
        used = USED.findall((results / f"logs/{stage}.log").read_text("utf-8"))
        rows.append((stage, pd.read_csv(path, sep="\t")["s"].iloc[-1], *map(float, used[-1])))
    return pd.DataFrame(rows, columns=["job", "wall", "cpu", "memory"])


def page(table: pd.DataFrame, truth: dict, wall: float | None, load: float, cores: int) -> str:
    """The table in words."""
    lines = [
        f"{truth['therapists']:,} therapists, {truth['patients']:,} patients, {truth['sessions']:,} sessions, "
        f"{truth['switching']:,} patients who switch; "
        f"{platform.machine()}, {cores} cores, load before the run {load:.1f}.",
        "",
        "| job | wall s | processor s | largest memory, MB |",
        "|---|---|---|---|",
        *(f"| {r.job} | {r.wall:.0f} | {r.cpu:.0f} | {r.memory:,.0f} |" for r in table.itertuples()),
        f"| all | {'' if wall is None else f'{wall:.0f}'} | {table['cpu'].sum():.0f} | {table['memory'].max():,.0f} |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--therapists", type=int, default=25_000)
    parser.add_argument("--switching", type=float, default=0.0)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    folder, wall, load = asked.folder.resolve(), None, os.getloadavg()[0]
    folder.mkdir(parents=True, exist_ok=True)
    bowlby = str(Path(sys.executable).with_name("bowlby"))
    if not (folder / "data").exists():
        size = ["--therapists", str(asked.therapists), "--switching", str(asked.switching)]
        subprocess.run([bowlby, "simulate", str(folder / "data"), "--platform", *size], check=True)
    if not (folder / "results/platform/report.html").exists():
        began = time.perf_counter()
        words = [bowlby, "run", str(configuration(folder, asked.switching)), "--cores", str(asked.cores)]
        subprocess.run(words, cwd=folder, check=True)
        wall = time.perf_counter() - began
    truth = yaml.safe_load((folder / "data/truth.json").read_text("utf-8"))
    print(page(jobs(folder), truth, wall, load, asked.cores))


if __name__ == "__main__":
    main()
