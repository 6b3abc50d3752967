"""The course of the outcome: the model's line with its interval over the observed means."""

from __future__ import annotations

from math import ceil

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST
from bowlby.figures.canvas import BLUE, INK, VERMILION
from bowlby.results import Results

BINS = 10


def gather(results: Results) -> pd.DataFrame | None:
    """From the growth model and its analysis set."""
    fit, data = results.json("fits/growth.json"), results.table("analysis/growth.parquet")
    return trajectory_data(fit, data) if fit and data is not None else None


def trajectory_data(fit: dict, data: pd.DataFrame) -> pd.DataFrame:
    """Observed means and the model's mean with 95 % limits, for each time.

    Times with fewer than five patients are left out; where every patient has times of their own, times are put
    together in ten groups. The limits take t with the smaller of the two terms' degrees of freedom.
    """
    from scipy import stats

    table = _means(data, data["time"])
    if len(table) < 2 and len(data) >= 2 * SMALLEST:
        table = _means(data, pd.qcut(data["time"], min(BINS, len(data) // SMALLEST), duplicates="drop"))
    fixed = {f["term"]: f for f in fit["fixed"]}
    covariance = fit.get("vcov_adjusted") or fit["vcov"]
    at = [covariance["terms"].index(term) for term in ("Intercept", "time")]
    v = np.asarray(covariance["values"], dtype=float)[np.ix_(at, at)]
    x = np.column_stack([np.ones(len(table)), table["time"]])
    se = np.sqrt(np.einsum("ij,jk,ik->i", x, v, x))
    df = min((fixed[t]["df"] for t in ("Intercept", "time") if fixed[t]["df"] is not None), default=np.inf)
    half = stats.t.ppf(0.975, df) * se
    model = x @ [fixed["Intercept"]["estimate"], fixed["time"]["estimate"]]
    return table.assign(model=model, ci_low=model - half, ci_high=model + half)


def _means(data: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    groups = data.groupby(by.rename("group"), observed=True)
    table = groups.agg(time=("time", "mean"), observed=("y", "mean"), n=("patient", "nunique"))
    return table[table["n"] >= SMALLEST].reset_index(drop=True)


def draw(ax, data: pd.DataFrame) -> None:
    """Draw line, interval, means, and the number of patients behind each mean."""
    import seaborn

    ax.fill_between(data["time"], data["ci_low"], data["ci_high"], color=BLUE, alpha=0.2, lw=0, label="95% CI")
    seaborn.lineplot(data, x="time", y="model", color=BLUE, lw=2.2, label="model", errorbar=None, legend=False, ax=ax)
    seaborn.scatterplot(data, x="time", y="observed", marker="D", s=40, color=VERMILION, label="observed mean",
                        legend=False, zorder=3, ax=ax)  # fmt: skip
    ax.set_ylabel("outcome (its own units)")
    ax.margins(x=0.05, y=0.12)
    shown = max(2, min(6, 36 // len(f"{data['n'].max():,}")))  # as many numbers as have room
    every = ceil(len(data) / shown)
    bottom = ax.get_ylim()[0]
    for row in pd.concat([data.iloc[: -every or None : every], data.iloc[-1:]]).itertuples(index=False):
        ax.text(row.time, bottom, f"{row.n:,}", ha="center", va="bottom", fontsize=9.5, color=INK)
    ax.set_xlabel("time (numbers along the bottom: patients)")
    ax.figure.legend(loc="outside upper center", ncols=3, handlelength=1.4, columnspacing=1.2)
