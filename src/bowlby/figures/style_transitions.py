"""Attachment styles after treatment by the style before it, as a heat map."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.figures.canvas import WIDTH
from bowlby.instruments.styles import STYLES
from bowlby.results import Results

COLUMNS = ["before", "after", "count", "reliable", "share"]
WORDS = {"fearful/disorganized": "fearful or\ndisorganized"}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``style_transitions.json``: a row for each cell; share is that of the row, empty where one is hidden."""
    record = results.json("style_transitions.json")
    if not record:
        return None
    rows = []
    for before in STYLES:
        own = record["table"][before]
        whole = None if None in own.values() else sum(own.values())
        for after in STYLES:
            reliable = record["reliable"][before][after] if record["reliable"] and before != after else None
            rows.append((before, after, own[after], reliable, own[after] / whole if whole else None))
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[2:], float))


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the cells by their number of patients, with reliable changes in brackets."""
    import seaborn

    ax.figure.set_size_inches(WIDTH, 4.6)
    styles = list(STYLES)
    counts = data.pivot_table("count", "before", "after", "first", dropna=False).loc[styles, styles]
    data = data.assign(words=[_words(row) for row in data.itertuples(index=False)])
    words = data.pivot_table("words", "before", "after", "first").loc[styles, styles]
    names = [WORDS.get(style, style) for style in styles]
    seaborn.heatmap(counts.fillna(0.0), annot=words.to_numpy(), fmt="", cmap="Blues", vmin=0,
                    vmax=max(1.0, float(np.nanmax([*counts.to_numpy().ravel(), 0.0]))), cbar=False, linewidths=1,
                    annot_kws={"fontsize": 10.5}, xticklabels=names, yticklabels=names, ax=ax)  # fmt: skip
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)
    ax.set(xlabel="style after treatment", ylabel="style before treatment")


def _words(row) -> str:
    if pd.isna(row[2]):
        return "hidden"
    return f"{row[2]:,.0f}" + ("" if pd.isna(row[3]) else f"\n({row[3]:,.0f} reliable)")
