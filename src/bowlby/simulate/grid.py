"""A grid of planned designs: verdicts of all their simulated studies, as a table and a plot."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bowlby.files import atomic
from bowlby.simulate.planning import TRUTHS, verdict_shares

DESIGN = ["therapists", "patients", "icc", "switching", "delta"]
SHOWN = {
    ("S1", "C1"): "C1 supported (perceived attachment predicts)",
    ("S1", "C2"): "C2 supported (more than style does)",
    ("S1", "C3"): "C3 supported (style negligible)",
}
"""What is drawn: power of three claims where perceived attachment predicts and style does not."""


def grid_shares(studies: pd.DataFrame) -> pd.DataFrame:
    """Share of each verdict for every design and truth.

    Parameters
    ----------
    studies : DataFrame
        One row a study: ``planned`` (truth), the columns of :data:`DESIGN`, and the verdict of each claim.

    Returns
    -------
    DataFrame
        The columns of :data:`DESIGN`, studies, truth, claim, supported, refuted, inconclusive, mc_se.
    """
    parts = []
    for (truth, *design), rows in studies.groupby(["planned", *DESIGN], sort=True):
        shares = verdict_shares(truth, rows)
        parts.append(shares.assign(**dict(zip(DESIGN, design, strict=True)), studies=len(rows)))
    table = pd.concat(parts, ignore_index=True)
    return table[[*DESIGN, "studies", "truth", "claim", "supported", "refuted", "inconclusive", "mc_se"]]


def plot_grid(table: pd.DataFrame, path: str | Path) -> None:
    """Draw power against the number of therapists, a line for each other setting, with Monte-Carlo errors."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(SHOWN), 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(SHOWN), sharey=True)
    others = [name for name in DESIGN[1:] if len(table[name].unique()) > 1] or ["patients"]
    for ax, ((truth, claim), title) in zip(axes, SHOWN.items(), strict=True):
        part = table[(table["truth"] == TRUTHS[truth]) & (table["claim"] == claim)]
        for setting, line in part.groupby(others):
            line = line.sort_values("therapists")
            label = ", ".join(f"{name} {value:g}" for name, value in zip(others, setting, strict=True))
            ax.errorbar(line["therapists"], line["supported"], yerr=2 * line["mc_se"], marker="o", ms=4, lw=1.2,
                        capsize=2, label=label)  # fmt: skip
        ax.axhline(0.8, color="0.6", lw=0.8, ls=":")
        ax.set_title(title, fontsize=9)
        ax.set_xlabel("therapists")
        ax.set_ylim(-0.02, 1.02)
    axes[0].set_ylabel("share of studies (± 2 Monte-Carlo SE)")
    axes[-1].legend(fontsize=7, frameon=False)
    atomic(path, lambda p: figure.savefig(p, format="png", dpi=110, metadata={"Software": None}))
