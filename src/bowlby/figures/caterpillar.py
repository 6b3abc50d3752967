"""The caterpillar: what the model leaves of differences between therapists, without names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.figures.canvas import BLUE, GREY
from bowlby.results import Results

BARS = 300
POINTS = 1000


def gather(results: Results) -> pd.DataFrame | None:
    """From the random effects of the run's first model."""
    for model in ("primary", "pair", "growth"):
        effects = results.table(f"fits/{model}.random.parquet")
        if effects is not None:
            return caterpillar_data(effects)
    return None


def caterpillar_data(effects: pd.DataFrame) -> pd.DataFrame:
    """Therapist effects in order of size with value ± 1.96 SE, and nothing that names a therapist."""
    chosen = (effects["group"] == "therapist") & (effects["term"] == "Intercept")
    rows = effects[chosen].sort_values("value", ignore_index=True)
    half = 1.96 * np.sqrt(rows["variance"])
    return pd.DataFrame(
        {
            "rank": range(1, len(rows) + 1),
            "effect": rows["value"],
            "ci_low": rows["value"] - half,
            "ci_high": rows["value"] + half,
        }
    )


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a bar for each therapist; where there are very many, a band."""
    ax.axhline(0, color=GREY, lw=1)
    if len(data) <= BARS:
        size = float(np.clip(240 / max(len(data), 1), 2.5, 7))
        clear = (data["ci_low"] > 0) | (data["ci_high"] < 0)
        ax.vlines(data["rank"], data["ci_low"], data["ci_high"], color=BLUE, lw=max(size / 4, 0.9))
        for rows, face in ((data[clear], BLUE), (data[~clear], "white")):
            ax.plot(rows["rank"], rows["effect"], "o", ms=size, color=BLUE, mfc=face, mew=1)
    else:
        thin = data.iloc[np.unique(np.linspace(0, len(data) - 1, POINTS).astype(int))]
        ax.fill_between(thin["rank"], thin["ci_low"], thin["ci_high"], color=BLUE, alpha=0.25, lw=0)
        ax.plot(thin["rank"], thin["effect"], color=BLUE, lw=1.5)
    ax.set_xlim(0, len(data) + 1)
    ax.set_xticks([])
    ax.set_xlabel(f"{len(data):,} therapists, lowest to highest (no names)")
    ax.set_ylabel("therapist's effect\n(units of outcome, 95%)")
