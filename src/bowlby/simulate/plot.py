"""The plot of operating characteristics."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bowlby.files import atomic


def plot_characteristics(table: pd.DataFrame, path: str | Path) -> None:
    """Draw rates of wrong verdicts with their 99.9 % intervals beside the nominal rates, a panel for each claim."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wrong = table[table["quantity"].str.contains("false")].reset_index(drop=True)
    claims = sorted(wrong["quantity"].str[:2].unique())
    figure = Figure(figsize=(11, 1.2 + 0.16 * len(wrong) / len(claims)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(claims), sharey=True)
    for ax, claim in zip(panels, claims):
        part = wrong[wrong["quantity"].str.startswith(claim)].reset_index(drop=True)
        y = len(part) - 1 - part.index
        colors = part["verdict"].map({"ok": "#0072b2", "fails": "#d55e00", "reported": "#6b6b6b"})
        ax.hlines(y, part["low"], part["high"], color=colors, lw=1)
        ax.scatter(part["rate"], y, c=colors, s=12, zorder=3)
        ax.vlines(part["bar"], y - 0.5, y + 0.5, color="#222222", lw=1)
        ax.set_title(claim)
        ax.set_xlim(0, 0.12)
        ax.set_xlabel("rate of the wrong verdict")
        ax.set_yticks(y, part["scenario"] + " " + part["design"], fontsize=6)
    atomic(path, lambda p: figure.savefig(p, format="png", dpi=150, metadata={"Software": None}))
