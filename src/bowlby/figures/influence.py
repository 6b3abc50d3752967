"""Every estimate again with one therapist left out: does the finding hang on one of them?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import group_therapists
from bowlby.figures.canvas import BAND, BLUE, GREY, INK, VERMILION, WIDTH
from bowlby.figures.forest import EFFECTS, LABELS
from bowlby.results import Results

CLAIMS = {"P": "C1", "T": "C3", "P-T": "C2", "P+T": "C2"}
POINTS = 300
GOLDEN = (np.sqrt(5) - 1) / 2


def gather(results: Results) -> pd.DataFrame | None:
    """From the refits without one therapist, and the estimates with all."""
    table = results.table("robustness/influence.parquet")
    comparison, verdict = results.json("comparison.json"), results.json("verdict.json")
    if table is None or (table["status"] == "failed").all() or not comparison or not verdict:
        return None
    return influence_data(table, comparison, verdict["claims"], results.shareable)


def influence_data(table: pd.DataFrame, comparison: dict, claims: dict, shareable: bool = True) -> pd.DataFrame:
    """Estimates without one therapist, each effect's in order of size, so that no line tells a therapist.

    Where privacy asks for it, therapists of fewer than five patients are shown in groups of five patients or more, with
    the mean of the estimates without each of them.

    Returns
    -------
    DataFrame
        effect, rank, value, therapists (1, or how many a group holds), turns (without how many of them the effect's
        claim has another verdict), and of the whole sample estimate, ci_low, ci_high, and delta.
    """
    fitted = table[table["status"] != "failed"]
    parts = []
    for effect in EFFECTS:
        whole, claim = comparison[effect], claims[CLAIMS[effect]]
        turns = (fitted[CLAIMS[effect]] != claim["verdict"]) & (not claim["not_tested"])
        part = pd.DataFrame({"value": fitted[effect], "therapists": 1, "turns": turns.astype(int)})
        if shareable:
            group = group_therapists(part["value"], fitted["patients"])
            shown = group >= 0
            part = part[shown].groupby(group[shown]).agg({"value": "mean", "therapists": "sum", "turns": "sum"})
        part = part.sort_values("value", ignore_index=True)
        part.insert(0, "effect", effect)
        part.insert(1, "rank", part.index + 1)
        low, high = whole["ci"]
        parts.append(part.assign(estimate=whole["estimate"], ci_low=low, ci_high=high, delta=comparison["delta"]))
    return pd.concat(parts, ignore_index=True)


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a strip for each effect over its interval; of very many therapists the range and the middle 90 %."""
    ax.figure.set_size_inches(WIDTH, 3.9)
    delta = data["delta"].iloc[0]
    ax.axvspan(-delta, delta, color=BAND, lw=0, label=f"negligible: within ±{delta:g}")
    ax.axvline(0, color=GREY, lw=1)
    effects = list(dict.fromkeys(data["effect"]))
    for y, effect in zip(range(len(effects) - 1, -1, -1), effects):
        own = data[data["effect"] == effect]
        first = own.iloc[0]
        ax.plot([first["ci_low"], first["ci_high"]], [y - 0.3] * 2, color=GREY, lw=1.6)
        ax.plot(first["estimate"], y - 0.3, "|", color=INK, ms=10, mew=2)
        _strip(ax, y, own)
    ax.plot([], [], color=GREY, lw=1.6, label="all therapists, 95% CI")
    ax.plot([], [], "o", color=BLUE, ms=5, label="one therapist left out")
    if data["turns"].any():
        ax.plot([], [], "o", color=VERMILION, mec=INK, ms=5, label="and another verdict")
    ax.set_yticks(range(len(effects) - 1, -1, -1), [LABELS[e] for e in effects])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(effects) - 0.4)
    ax.set_xlabel("SD of outcome per SD of predictor")
    ax.figure.legend(loc="outside upper center", ncols=2, columnspacing=1.2, handlelength=1.4)


def _strip(ax, y: int, own: pd.DataFrame) -> None:
    """Points spread evenly by a fixed pattern, those with another verdict on top."""
    value, turns = own["value"].to_numpy(float), own["turns"].to_numpy() > 0
    place = y - 0.05 + 0.4 * ((np.arange(1, len(own) + 1) * GOLDEN) % 1)
    if len(own) > POINTS:
        low, high = np.quantile(value, [0.05, 0.95])
        ax.plot([value.min(), value.max()], [y + 0.1] * 2, color=BLUE, lw=1.6)
        ax.plot([low, high], [y + 0.1] * 2, color=BLUE, lw=9, solid_capstyle="butt")
    else:
        ax.plot(value[~turns], place[~turns], "o", ms=3.5, color=BLUE, mew=0, alpha=0.7)
    turned = np.flatnonzero(turns)
    turned = turned[np.unique(np.linspace(0, len(turned) - 1, POINTS).astype(int))] if len(turned) else turned
    ax.plot(value[turned], place[turned], "o", ms=5, color=VERMILION, mec=INK, mew=0.8)
