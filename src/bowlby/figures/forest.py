"""The forest: both slopes and their contrasts, with the band within which a slope counts as negligible."""

from __future__ import annotations

import pandas as pd

from bowlby.figures.canvas import BAND, BLUE, GREY, INK, VERMILION, WIDTH
from bowlby.results import Results

EFFECTS = ("P", "T", "P-T", "P+T")
LABELS = {"P": "P: perceived\nattachment", "T": "T: therapist's\nown style", "P-T": "P − T", "P+T": "P + T"}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``comparison.json``."""
    comparison = results.json("comparison.json")
    return forest_data(comparison) if comparison else None


def forest_data(comparison: dict) -> pd.DataFrame:
    """P, T, P-T and P+T with their 95 % and 90 % limits, and the equivalence bound."""
    rows = []
    for name in EFFECTS:
        effect = comparison[name]
        ci, ci90 = effect.get("ci") or [None, None], effect.get("ci90") or [None, None]
        rows.append((name, effect["estimate"], *ci, *ci90, comparison["delta"]))
    columns = ["effect", "estimate", "ci_low", "ci_high", "ci90_low", "ci90_high", "delta"]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
    return table.assign(label=table["effect"].map(LABELS))


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the forest."""
    ax.figure.set_size_inches(WIDTH, 4.2)
    delta = data["delta"].iloc[0]
    ax.axvspan(-delta, delta, color=BAND, lw=0, label=f"negligible: within ±{delta:g}")
    ax.axvline(0, color=GREY, lw=1)
    for y, row in zip(range(len(data) - 1, -1, -1), data.itertuples(index=False)):
        if pd.isna(row.estimate):
            ax.text(0, y, "not available", ha="center", va="center", color=GREY)
            continue
        colour = BLUE if row.effect in ("P", "T") else VERMILION
        ax.plot([row.ci_low, row.ci_high], [y, y], color=colour, lw=1.6, solid_capstyle="butt")
        ax.plot([row.ci90_low, row.ci90_high], [y, y], color=colour, lw=4.5, solid_capstyle="butt")
        ax.plot(row.estimate, y, "o" if row.effect in ("P", "T") else "D", color=colour, ms=8, mec="white")
        words = f"{row.estimate:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}]".replace("-", "−")
        ax.text(row.estimate, y + 0.2, words, ha="center", va="bottom", fontsize=10.5)
    ax.axhline(1.5, color=GREY, lw=0.6, ls=":")
    ax.plot([], [], color=INK, lw=1.6, label="95% CI")
    ax.plot([], [], color=INK, lw=4.5, label="90% CI")
    ax.set_yticks(range(len(data) - 1, -1, -1), list(data["label"]))
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.5, len(data) - 0.4)
    ax.margins(x=0.16)
    ax.set_xlabel("SD of outcome per SD of predictor")
    ax.figure.legend(loc="outside upper center", ncols=3, handlelength=1.4, columnspacing=1.2)
