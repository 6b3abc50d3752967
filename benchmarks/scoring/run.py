"""Time the scoring of a 12-item questionnaire beside R's psych::scoreItems, one core each; write results.md.

python benchmarks/scoring/run.py        about three minutes and 8 GiB; without R its columns stay empty
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.instruments.model import Instrument, Scale
from bowlby.instruments.scoring import item_name, score

HERE = Path(__file__).parent
ONE_CORE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
SIZES, SIZES_OF_R = (10_000, 100_000, 1_000_000, 10_000_000), (10_000, 100_000, 1_000_000)
ITEMS, REVERSED, MISSING, REPEATS = 12, [1, 5, 8, 9], 0.02, 3
GOAL = 10.0
KEYS = {
    "one": ("one scale of 12 items", {"a": range(1, 13)}),
    "two": ("two scales of 6 items", {"a": range(1, 7), "b": range(7, 13)}),
}


def answers(rows: int) -> np.ndarray:
    """Answers from 1 to 7, 2 % missing."""
    random = np.random.default_rng(1)
    values = random.integers(1, 8, (ITEMS, rows), dtype=np.int8).astype(float)
    values[random.random((ITEMS, rows), dtype=np.float32) < MISSING] = np.nan
    return values


def key(name: str) -> Instrument:
    scales = {
        scale: Scale(items=items, reverse=[i for i in REVERSED if i in items], min_answered=1)
        for scale, items in KEYS[name][1].items()
    }
    form = {"n_items": ITEMS, "response": (1, 7), "aggregate": "mean", "confidence": "verified-1"}
    return Instrument(id="x", name="x", scales=scales, **form)


def form(values: np.ndarray) -> pd.DataFrame:
    """As the run hands them on: one row an administration, key columns as categories."""
    n = values.shape[1]
    head = {
        "person": np.arange(n) // 10,
        "role": pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), ["patient"]),
        "about": pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), ["self"]),
        "occasion": pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), ["session"]),
        "session": np.arange(n) % 10,
    }
    return pd.DataFrame(head | {item_name(i + 1): values[i] for i in range(ITEMS)}, copy=False)


def ours(name: str, rows: int) -> dict:
    """Best time of some, the peak of memory, and the scores' means to compare."""
    data, instrument, best = form(answers(rows)), key(name), np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        scores = score(data, instrument)
        best = min(best, time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": best, "peak": peak, "means": [float(scores[s].mean()) for s in instrument.scales]}


def theirs(name: str, rows: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.bin"
        answers(rows).astype("<f8").tofile(path)
        keys = [",".join(f"{'-' if i in REVERSED else ''}i{i}" for i in items) for items in KEYS[name][1].values()]
        command = ["Rscript", str(HERE / "score_items.R"), str(path), str(rows), str(REPEATS), *keys]
        return run_json(command)


def run_json(command: list[str]) -> dict:
    done = subprocess.run(command, env={**os.environ, **ONE_CORE}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[1]).name}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    lines, with_r = [], shutil.which("Rscript") is not None
    for name, (label, _) in KEYS.items():
        for rows in SIZES:
            load = os.getloadavg()[0]
            mine = run_json([sys.executable, __file__, name, str(rows)])
            cells = ["", "", ""]
            if with_r and rows in SIZES_OF_R:
                r = theirs(name, rows)
                np.testing.assert_allclose(mine["means"], r["means"], rtol=1e-10)
                cells = [f"{r['seconds']:.3g} s", f"{r['seconds'] / mine['seconds']:.0f}x", f"{r['peak']:.2f}"]
            goal = f"< {GOAL:.0f} s {'met' if mine['seconds'] < GOAL else 'missed'}" if rows == SIZES[-1] else ""
            lines.append(
                f"| {label} | {rows:,} | {mine['seconds']:.3g} s | {cells[0]} | {cells[1]} | {goal} "
                f"| {mine['peak']:.2f} | {cells[2]} | {load:.1f} |"
            )
            print(lines[-1], flush=True)
    (HERE / "results.md").write_text(page(lines), encoding="utf-8")


def page(lines: list[str]) -> str:
    head = "| key | administrations | bowlby | psych::scoreItems | ratio | goal | peak GiB | peak GiB (R) | load |"
    notes = [
        f"- {machine()}, {os.cpu_count()} cores; each program on one core",
        f"- Python {platform.python_version()}, NumPy {np.__version__}, pandas {pd.__version__}",
        f"- 12 items from 1 to 7, four of them reversed, {MISSING:.0%} of the answers missing; item means. Processor "
        f"time from answers in memory to scores in memory, the best of {REPEATS}. Both give the same means of the "
        "scales (compared to 1e-10).",
        "- Ours also checks every answer's range and gives items answered and prorated for each scale; scoreItems "
        '(`impute = "none"`) also gives alpha and the scales\' correlations. Peak memory holds the data.',
        "- `load` is the machine's one-minute load when the case began: above 1, others were at work on it.",
    ]
    if shutil.which("Rscript"):
        code = 'cat(R.version.string, "psych", as.character(packageVersion("psych")))'
        notes.insert(2, f"- {subprocess.run(['Rscript', '-e', code], capture_output=True, text=True).stdout}")
    rule = "|---" * (head.count("|") - 1) + "|"
    return "\n".join(["# Speed of scoring", "", *notes, "", head, rule, *lines, ""])


def machine() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    names = [x for x in info.read_text().splitlines() if x.startswith("model name")] if info.is_file() else []
    return names[0].split(": ", 1)[1] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(ours(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
