"""Every estimate again with one therapist left out: does the finding hang on one of them?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import group_therapists
from bowlby.figures.canvas import BAND, BLUE, INK, VERMILION, WIDTH, keys, point_ranges
from bowlby.figures.forest import EFFECTS, LABELS, UNIT, negligible, rows_named
from bowlby.results import Results

CLAIMS = {"P": "C1", "T": "C3", "P-T": "C2", "P+T": "C2"}
POINTS = 300


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
    """Draw a swarm for each effect over its interval; of very many therapists the range and the middle 90 %."""
    import seaborn

    ax.figure.set_size_inches(WIDTH, 4.9)
    handles = [negligible(ax, data["delta"].iloc[0])]
    effects = list(dict.fromkeys(data["effect"]))
    data = data.assign(at=[len(effects) - 1 - effects.index(e) for e in data["effect"]])
    whole = data.drop_duplicates("effect").drop(columns="value")
    whole = whole.rename(columns={"estimate": "value", "ci_low": "low", "ci_high": "high"})
    whole["at"] = whole["at"] - 0.42
    point_ranges(ax, whole, color=INK, marker="|", pointsize=10, edgewidth=2, linewidth=1.6)
    turned = data["turns"].astype(float) > 0
    if data["effect"].value_counts().max() > POINTS:
        seaborn.boxplot(data, x="value", y="at", orient="y", native_scale=True, whis=(0, 100), width=0.3, color=BAND,
                        linecolor=BLUE, showfliers=False, legend=False, ax=ax)  # fmt: skip
        left = "one therapist left out: range, quartiles, median"
        handles += keys(ax, (left, {"color": BLUE, "lw": 6}))
    else:
        seaborn.swarmplot(data[~turned], x="value", y="at", orient="y", native_scale=True, size=3.0, color=BLUE,
                          edgecolor="white", linewidth=0.2, warn_thresh=1, legend=False, ax=ax)  # fmt: skip
        handles += keys(ax, ("one therapist left out", {"color": BLUE, "marker": "o", "ls": "", "ms": 5}))
    if turned.any():
        own = data[turned].groupby("effect", sort=False).apply(_some, include_groups=False)
        seaborn.scatterplot(own, x="value", y="at", marker="X", s=50, color=VERMILION, edgecolor=INK, legend=False,
                            zorder=4, ax=ax)  # fmt: skip
        cross = {"color": VERMILION, "marker": "X", "mec": INK, "ls": "", "ms": 7}
        handles += keys(ax, ("one therapist left out, another verdict", cross))
    handles += keys(ax, ("all therapists, 95% CI", {"color": INK, "marker": "|", "ms": 10, "mew": 2, "lw": 1.6}))
    rows_named(ax, [LABELS[e] for e in effects])
    ax.set_xlabel(UNIT)
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=1, handlelength=1.4)


def _some(own: pd.DataFrame) -> pd.DataFrame:
    """At most so many, evenly."""
    return own.iloc[np.unique(np.linspace(0, len(own) - 1, POINTS).astype(int))]
