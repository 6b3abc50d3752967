"""Suicidal ideation before and after treatment, as shares of patients by category."""

from __future__ import annotations

import pandas as pd

from bowlby.figures.canvas import BLUE, INK, WIDTH
from bowlby.results import Results

ENDS = {"before": "before treatment", "after": "after treatment"}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``suicidal_ideation.json``: a row for each outcome, time and category, with counts."""
    record = results.json("suicidal_ideation.json")
    if not record:
        return None
    rows = [
        (f"{row['outcome']['instrument']} {row['outcome']['scale'].replace('_', ' ')}", end, one["category"],
         one["count"], row["n"])
        for row in record["outcomes"] for end in ENDS for one in row[end]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["outcome", "end", "category", "count", "of"])


def draw(ax, data: pd.DataFrame) -> None:
    """Draw two bars for each outcome, darker the more severe; each part is labelled with its scores."""
    import seaborn

    bars = list(dict.fromkeys(zip(data["outcome"], data["end"], strict=True)))
    ax.figure.set_size_inches(WIDTH, 1.5 + 0.62 * len(bars))
    for k, (outcome, end) in enumerate(bars):
        own = data[(data["outcome"] == outcome) & (data["end"] == end)]
        share = 100 * own["count"] / own["of"]
        start, shades = share.cumsum() - share, seaborn.light_palette(BLUE, len(own) + 1)[1:]
        ax.barh([-k] * len(own), share, left=start, color=shades, edgecolor="white", height=0.7)
        for left, width, category, shade in zip(start, share, own["category"], range(len(own)), strict=True):
            if width > 2.2 * len(category):
                ax.text(left + width / 2, -k, category, ha="center", va="center", fontsize=10.5,
                        color="white" if shade > len(own) / 2 else INK)  # fmt: skip
    single = len(bars) == len(ENDS)
    names = [ENDS[end] if single else f"{outcome}\n{ENDS[end]}" for outcome, end in bars]
    ax.set_yticks([-k for k in range(len(bars))], names)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(0, 100), ylabel="", xlabel="patients by score (%)")
