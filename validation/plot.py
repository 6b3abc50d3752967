"""The plot of operating characteristics: wrong verdicts, coverage and power beside their bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.files import atomic
from validation.characteristics import CLAIMS, COVERAGE, EFFECTS, SLACK

MARKS = ("o", "s", "^", "D", "v", "P")
COLORS = {"ok": "#0072b2", "fails": "#d55e00", "reported": "#8a8a8a"}
GAP = 0.17


def plot_characteristics(table: pd.DataFrame, path: str | Path) -> None:
    """Draw rates with their 99.9% intervals by scenario, a mark for each design; filled where they are judged."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scenarios = list(table["scenario"].unique())
    figure = Figure(figsize=(13, 3 * (1.2 + 0.24 * len(scenarios))), layout="constrained")
    FigureCanvasAgg(figure)
    rows: np.ndarray = np.asarray(figure.subfigures(3, 1))
    _row(rows[0], "Wrong verdicts (line: nominal rate; dotted: 1.2 times)", table,
         {c: table["quantity"].str.startswith(f"{c} false") for c in CLAIMS}, (-0.004, 0.125))  # fmt: skip
    _row(rows[1], "Coverage of 95% intervals (band: .94 to .96)", table,
         {e: table["quantity"] == f"coverage {e}" for e in EFFECTS}, (0.86, 1.003))  # fmt: skip
    _row(rows[2], "Power less the oracle's, same studies (line: bar)", table,
         {c: table["quantity"] == f"{c} power difference" for c in CLAIMS}, (-0.22, 0.12))  # fmt: skip
    for ax in rows[1].axes:
        ax.axvspan(*COVERAGE, color="#0072b2", alpha=0.10, lw=0)
    _legend(rows[0], list(table["design"].unique()))
    atomic(path, lambda p: figure.savefig(p, format="png", dpi=110, metadata={"Software": None}))


def _row(figure, title: str, table: pd.DataFrame, panels: dict[str, pd.Series], limits) -> None:
    """One panel for each claim or effect; scenarios from top to bottom."""
    scenarios, designs = list(table["scenario"].unique()), list(table["design"].unique())
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, (name, chosen) in zip(axes, panels.items(), strict=True):
        part = table[chosen]
        offset = part["design"].map(designs.index).astype(float) - (len(designs) - 1) / 2
        place = part["scenario"].map(scenarios.index).astype(float) + GAP * offset
        for verdict, color in COLORS.items():
            for design, mark in zip(designs, MARKS, strict=False):
                here = (part["verdict"] == verdict) & (part["design"] == design)
                ax.hlines(place[here], part.loc[here, "low"], part.loc[here, "high"], color=color, lw=0.8, alpha=0.7)
                face = "white" if verdict == "reported" else color
                ax.scatter(part.loc[here, "rate"], place[here], marker=mark, s=13, facecolor=face, edgecolor=color,
                           lw=0.8, zorder=3)  # fmt: skip
        _bars(ax, part, place)
        ax.set_title(name.replace("-", "−"), fontsize=10)
        ax.set_xlim(*limits)
        ax.locator_params(axis="x", nbins=5)
        ax.set_ylim(len(scenarios) - 0.5, -0.5)
        ax.set_yticks(np.arange(len(scenarios)), scenarios, fontsize=8)
        ax.tick_params(axis="x", labelsize=8)
        for k in range(0, len(scenarios), 2):
            ax.axhspan(k - 0.5, k + 0.5, color="#000000", alpha=0.04, lw=0)


def _bars(ax, part: pd.DataFrame, place: pd.Series) -> None:
    """The bar of each cell that has one; wrong verdicts have the slack beside it."""
    known = part["bar"].notna() & ~part["quantity"].str.startswith("coverage")
    bar, y = part.loc[known, "bar"], place[known]
    ax.vlines(bar, y - GAP / 2, y + GAP / 2, color="#222222", lw=1.2)
    if (bar > 0).any():
        ax.vlines(SLACK * bar, y - GAP / 2, y + GAP / 2, color="#222222", lw=0.9, ls=":")


def _legend(figure, designs: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], marker=m, ls="", color="#444444", ms=4, label=d.replace("x", " × "))
               for d, m in zip(designs, MARKS, strict=False)]  # fmt: skip
    for verdict, text in (("ok", "holds"), ("fails", "fails"), ("reported", "not judged")):
        color = COLORS[verdict]
        face = "white" if verdict == "reported" else color
        handles.append(Line2D([], [], marker="o", ls="", color=color, mfc=face, ms=4, label=text))
    figure.legend(handles=handles, fontsize=8, loc="upper right", ncols=len(handles), frameon=False)
