"""The caterpillar: what the model leaves of differences between therapists, without names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import group_therapists
from bowlby.figures.canvas import BLUE, GREY
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
    few = "; those of few patients in groups" if (data["therapists"] > 1).any() else ""
    ax.set_xlabel(f"{data['therapists'].sum():,} therapists, lowest to highest (no names{few})")
    ax.set_ylabel("therapist's effect\n(units of outcome, 95%)")
