"""The caterpillar: what the model leaves of differences between therapists, without names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import group_therapists
from bowlby.figures.canvas import BLUE, GREY, WIDTH, point_ranges
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
    import seaborn

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
        seaborn.lineplot(thin, x="at", y="value", color=BLUE, lw=1.5, errorbar=None, ax=ax)
        ax.set_title("line: effects; band: their 95% intervals", fontsize=10.5, loc="left")
    ax.set_xlim(0, len(table) + 1)
    ax.set_xticks([])
    several = int((data["therapists"] > 1).sum())
    grouped = f"\n({several:,} points: means of therapists with few patients)" if several else ""
    ax.set_xlabel(f"{data['therapists'].sum():,} therapists, from the lowest to the highest effect{grouped}")
    ax.set_ylabel("therapist's effect\n(units of outcome)")
