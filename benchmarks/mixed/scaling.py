"""How time and peak memory of a fit with Kenward-Roger grow with rows, patients and therapists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
BASE = {"rows": 300_000, "patients": 30_000, "therapists": 750}
SIZES = {
    "rows": [75_000, 150_000, 300_000, 600_000, 1_200_000, 2_400_000],
    "patients": [1_000, 3_000, 10_000, 30_000, 100_000],
    "therapists": [30, 100, 300, 1_000, 3_000, 6_000],
}
SWITCHING = {"nobody switches": 0.0, "5 % switch": 0.05}


def one(options: dict) -> dict:
    """Seconds of fit and df and of reading the data once, and peak memory of a process of its own."""
    from cases import GROWTH, sessions
    from measure import clock, peak_gib, read_once

    from bowlby.mixed import MixedModel

    data = sessions(**options)
    fit_seconds, result = clock(lambda: MixedModel.from_formula(GROWTH, data).fit())
    df_seconds, _ = clock(lambda: result.tidy("kenward-roger"))
    return {
        **options,
        "fit_seconds": fit_seconds,
        "df_seconds": df_seconds,
        "read_seconds": read_once(data),
        "peak_gib": peak_gib(),
        "converged": result.converged,
    }


def collect() -> pd.DataFrame:
    rows = []
    for axis, sizes in SIZES.items():
        for label, switching in SWITCHING.items():
            for size in sizes:
                options = {**BASE, axis: size, "switching": switching}
                done = subprocess.run(
                    [sys.executable, str(HERE / "scaling.py"), json.dumps(options)],
                    env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                rows.append({"axis": axis, "label": label, **json.loads(done.stdout)})
    return pd.DataFrame(rows)


def curve(ax, size: pd.Series, value: pd.Series, style: str, colour: str, label: str) -> None:
    """Draw a line on logarithmic axes with its slope over the three largest sizes at its end."""
    ax.loglog(size, value, style, color=colour, label=label, markersize=4)
    slope = np.polyfit(np.log(size.iloc[-3:]), np.log(value.iloc[-3:]), 1)[0]
    end = (size.iloc[-1], value.iloc[-1])
    ax.annotate(
        f"{round(slope, 1) + 0.0:.1f}", end, (5, 0), textcoords="offset points", color=colour, fontsize=8, va="center"
    )


def draw() -> None:
    """Measure, and write scaling.csv and scaling.png."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    table = collect()
    table.to_csv(HERE / "scaling.csv", index=False)
    figure, axes = plt.subplots(2, len(SIZES), figsize=(11, 6), sharex="col", sharey="row", layout="constrained")
    for column, axis in enumerate(SIZES):
        parts = table[table["axis"] == axis].groupby("label", sort=False)
        for (label, part), colour in zip(parts, ("C0", "C1"), strict=False):
            curve(axes[0, column], part[axis], part["fit_seconds"], "o-", colour, f"fit, {label}")
            curve(axes[0, column], part[axis], part["df_seconds"], "s:", colour, f"df, {label}")
            curve(axes[1, column], part[axis], part["peak_gib"], "o-", colour, label)
        curve(axes[0, column], part[axis], part["read_seconds"], "-", "0.5", "reading the data once")
        axes[0, column].margins(x=0.12)
        fixed = ", ".join(f"{value:,} {name}" for name, value in BASE.items() if name != axis)
        axes[0, column].set_title(f"{fixed}", fontsize=9)
        axes[1, column].set_xlabel(axis)
    axes[0, 0].set_ylabel("seconds, one core")
    axes[1, 0].set_ylabel("peak memory of the process, GiB")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5, fontsize=8)
    figure.savefig(HERE / "scaling.png", dpi=120)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one(json.loads(sys.argv[1])), default=float))
