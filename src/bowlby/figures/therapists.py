"""Therapists without names: their effects, and the estimates without each of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bowlby.disclosure import group_therapists
from bowlby.figures.canvas import BAND, BLUE, GREY, INK, VERMILION, WIDTH, dots, keys, point_ranges
from bowlby.figures.forest import EFFECTS, LABELS, UNIT, negligible, rows_named
from bowlby.results import Results

BARS = 300
POINTS = 1000


def gather(results: Results) -> pd.DataFrame | None:
    """From the random effects of the run's first model."""
    for model in ("primary", "pair", "growth"):
        effects = results.table(f"fits/{model}.random.parquet")
        if effects is not None:
            return caterpillar_data(effects, _caseloads(results, model) if results.shareable else None)
    return None


def _caseloads(results: Results, model: str) -> pd.Series | None:
    """Patients of each therapist in the analysis set of a model."""
    for name in (f"analysis/{model}.membership.parquet", f"analysis/{model}.parquet"):
        rows = results.table(name)
        if rows is not None and {"patient", "therapist"} <= set(rows):
            return rows[["patient", "therapist"]].drop_duplicates()["therapist"].astype(str).value_counts()
    return None


def caterpillar_data(effects: pd.DataFrame, patients: pd.Series | None = None) -> pd.DataFrame:
    """Therapist effects in order of size with value ± 1.96 SE, and nothing that names a therapist.

    Parameters
    ----------
    effects : DataFrame
        As :attr:`bowlby.fit.models.Fitted.effects`.
    patients : Series, optional
        Patients of each therapist, by id: therapists of fewer than five are shown in groups of five patients or more,
        as the mean of their effects with the mean of their variances.

    Returns
    -------
    DataFrame
        rank, therapists (1, or how many a group holds), effect, ci_low, ci_high.
    """
    chosen = (effects["group"] == "therapist") & (effects["term"] == "Intercept")
    rows = effects.loc[chosen, ["level", "value", "variance"]].assign(therapists=1)
    if patients is not None:
        own = patients.reindex(rows["level"].astype(str)).fillna(0).to_numpy(int)
        rows["group"] = group_therapists(rows["value"], own)
        parts = rows[rows["group"] >= 0].groupby("group")
        rows = parts.agg({"value": "mean", "variance": "mean", "therapists": "sum"})
    rows = rows.sort_values("value", ignore_index=True)
    half = 1.96 * np.sqrt(rows["variance"])
    return pd.DataFrame(
        {
            "rank": range(1, len(rows) + 1),
            "therapists": rows["therapists"],
            "effect": rows["value"],
            "ci_low": rows["value"] - half,
            "ci_high": rows["value"] + half,
        }
    )


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a point with its interval for each therapist; where there are very many, a line with a band."""
    ax.figure.set_size_inches(WIDTH, 3.8)
    ax.axhline(0, color=GREY, lw=1)
    table = data.rename(columns={"rank": "at", "effect": "value", "ci_low": "low", "ci_high": "high"})
    if len(table) <= BARS:
        size = float(np.clip(240 / max(len(table), 1), 2.5, 7))
        clear = (table["low"] > 0) | (table["high"] < 0)
        for rows, fill in ((table[clear], True), (table[~clear], False)):
            width = max(size / 4, 0.9)
            point_ranges(ax, rows, "y", color=BLUE, fill=fill, pointsize=size, edgewidth=1, linewidth=width)
        ax.set_title("filled: the 95% interval excludes 0", fontsize=10.5, loc="left")
    else:
        thin = table.iloc[np.unique(np.linspace(0, len(table) - 1, POINTS).astype(int))]
        ax.fill_between(thin["at"], thin["low"], thin["high"], color=BLUE, alpha=0.25, lw=0)
        ax.plot(thin["at"], thin["value"], color=BLUE, lw=1.5)
        ax.set_title("line: effects; band: their 95% intervals", fontsize=10.5, loc="left")
    ax.set_xlim(0, len(table) + 1)
    ax.set_xticks([])
    several = int((data["therapists"] > 1).sum())
    points = "1 point: mean" if several == 1 else f"{several:,} points: means"
    grouped = f"\n({points} of therapists with few patients)" if several else ""
    ax.set_xlabel(f"{data['therapists'].sum():,} therapists, from the lowest to the highest effect{grouped}")
    ax.set_ylabel("therapist's effect\n(units of outcome)")


CLAIMS = {"P": "C1", "T": "C3", "P-T": "C2", "P+T": "C2"}
ESTIMATES = 300


def gather_influence(results: Results) -> pd.DataFrame | None:
    """From the refits without one therapist, and the estimates with all. No row if none could be fitted."""
    table = results.table("robustness/influence.parquet")
    comparison, verdict = results.json("comparison.json"), results.json("verdict.json")
    if table is None or not comparison or not verdict:
        return None
    if (table["status"] == "failed").all():
        return pd.DataFrame(columns=["effect", "rank", "value"])
    return influence_data(table, comparison, verdict["claims"], results.shareable)


def influence_data(table: pd.DataFrame, comparison: Mapping, claims: dict, shareable: bool = True) -> pd.DataFrame:
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


def draw_influence(ax, data: pd.DataFrame) -> None:
    """Draw a swarm for each effect over its interval; of very many therapists the range and the middle 90%."""
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
    if data["effect"].value_counts().max() > ESTIMATES:
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
        dots(ax, own["value"], own["at"], marker="X", s=50, color=VERMILION, edgecolor=INK, zorder=4)
        cross = {"color": VERMILION, "marker": "X", "mec": INK, "ls": "", "ms": 7}
        handles += keys(ax, ("one therapist left out, another verdict", cross))
    handles += keys(ax, ("all therapists, 95% CI", {"color": INK, "marker": "|", "ms": 10, "mew": 2, "lw": 1.6}))
    rows_named(ax, [LABELS[e] for e in effects])
    ax.set_xlabel(UNIT)
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=1, handlelength=1.4)


def _some(own: pd.DataFrame) -> pd.DataFrame:
    """At most so many, evenly."""
    return own.iloc[np.unique(np.linspace(0, len(own) - 1, ESTIMATES).astype(int))]
