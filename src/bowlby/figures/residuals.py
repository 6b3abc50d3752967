"""What the model leaves: residuals against a normal distribution, and against what was fitted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, equal_blocks
from bowlby.figures.canvas import BAND, BLUE, GREY, WIDTH, dots, point_ranges
from bowlby.results import Results

COLUMNS = ["kind", "x", "y", "low", "high", "n"]
QUANTILES = 200
GROUPS = 20
POINTS = 2000


def gather(results: Results) -> pd.DataFrame | None:
    """From the run's first model, its rows and its random effects."""
    for model in ("primary", "pair", "growth"):
        fit, rows = results.json(f"fits/{model}.json"), results.analysis_set(model)
        effects = results.table(f"fits/{model}.random.parquet")
        if fit and rows is not None and effects is not None:
            members = results.table(f"analysis/{model}.membership.parquet")
            fitted, residual = conditional(fit, rows, effects, members)
            return residual_data(fitted, residual, results.shareable)
    return None


def conditional(
    fit: Mapping, rows: pd.DataFrame, effects: pd.DataFrame, members: pd.DataFrame | None
) -> tuple[np.ndarray, np.ndarray]:
    """Fitted values with the random effects in them, and residuals in residual SDs.

    Parameters
    ----------
    fit : dict
        ``fits/<model>.json``.
    rows : DataFrame
        Its analysis set.
    effects : DataFrame
        Predicted random effects: group, level, term, value.
    members : DataFrame, optional
        patient, therapist, weight; without it, or where patients have several rows, each row has its own therapist.
    """
    shared = members is not None and "patient" in rows and not rows["patient"].duplicated().any()
    fitted = sum(f["estimate"] * column(rows, f["term"]) for f in fit["fixed"])
    for (group, term), own in effects.groupby(["group", "term"], sort=False):
        value = own.set_index("level")["value"]
        if group == "therapist" and shared and members is not None:
            seen = members["weight"] * members["therapist"].map(value).fillna(0.0)
            at = rows["patient"].map(seen.groupby(members["patient"]).sum())
        elif group in rows:
            at = rows[group].map(value)
        else:
            continue
        fitted = fitted + at.fillna(0.0).to_numpy(float) * column(rows, term)
    residual = rows["y"].to_numpy(float) - fitted
    return fitted, residual / np.sqrt(fit["scale"])


def column(rows: pd.DataFrame, term: str) -> np.ndarray:
    """Column of a fixed term: ones, a variable or the product of several."""
    value = np.ones(len(rows))
    for name in [] if term == "Intercept" else term.split(":"):
        value = value * rows[name].to_numpy(float)
    return value


def residual_data(fitted: np.ndarray, residual: np.ndarray, shareable: bool = True) -> pd.DataFrame:
    """Points of both panels; where privacy asks for it each is the mean of five residuals or more.

    Returns
    -------
    DataFrame
        kind quantile: normal quantile x, residual y, and the limits within which 95% of normal samples would lie at
        that place; kind fitted: fitted value x, mean residual y and the mean ± 1 SD of the group; kind point: single
        residuals, internal only.
    """
    from scipy.special import betaincinv, ndtri

    n = len(residual)
    if n < 2 * SMALLEST:
        return pd.DataFrame(columns=COLUMNS)
    order = np.sort(residual)
    block = equal_blocks(n, QUANTILES, shareable)
    place = np.arange(1, n + 1)
    normal = ndtri((place - 0.375) / (n + 0.25))
    middle = pd.Series(place).groupby(block).mean().to_numpy()
    low, high = (ndtri(betaincinv(middle, n + 1 - middle, q)) for q in (0.025, 0.975))
    quantiles = pd.DataFrame({"x": normal, "y": order}).groupby(block).agg(x=("x", "mean"), y=("y", "mean"))
    quantiles = quantiles.assign(kind="quantile", low=low, high=high, n=np.bincount(block))
    by = np.argsort(fitted, kind="stable")
    group = equal_blocks(n, min(GROUPS, max(3, n // 15)))
    means = pd.DataFrame({"x": fitted[by], "y": residual[by]}).groupby(group)
    groups = means.agg(x=("x", "mean"), y=("y", "mean"), sd=("y", "std"), n=("y", "size"))
    groups = groups.assign(kind="fitted", low=groups["y"] - groups["sd"], high=groups["y"] + groups["sd"])
    parts = [quantiles, groups]
    if not shareable:
        some = by[:: max(1, n // POINTS)]
        parts.append(pd.DataFrame({"kind": "point", "x": fitted[some], "y": residual[some]}))
    return pd.concat(parts, ignore_index=True)[COLUMNS].astype({"n": "Int64"})


def draw(ax, data: pd.DataFrame) -> None:
    """Draw both panels, one above the other."""
    figure = ax.figure
    ax.remove()
    figure.set_size_inches(WIDTH, 6.4)
    upper, lower = figure.subplots(2, 1)
    normal = data[data["kind"] == "quantile"]
    upper.fill_between(normal["x"], normal["low"], normal["high"], color=BAND, lw=0)
    upper.axline((0, 0), slope=1, color=GREY, lw=1)
    dots(upper, normal["x"], normal["y"], s=20, color=BLUE)
    upper.set(xlabel="quantile of a normal distribution", ylabel="residual (SD)")
    upper.set_title("grey: 95% of normal samples", fontsize=10.5, loc="left")
    points, groups = data[data["kind"] == "point"], data[data["kind"] == "fitted"]
    dots(lower, points["x"], points["y"], s=6, color=GREY, alpha=0.5)
    lower.axhline(0, color=GREY, lw=1)
    groups = groups.rename(columns={"x": "at", "y": "value"})
    point_ranges(lower, groups, "y", color=BLUE, marker="D", pointsize=7, edgecolor="white", linewidth=1.6)
    lower.set(xlabel="fitted outcome (higher: better)", ylabel="residual (SD)")
    lower.set_title("points: means of groups; lines: ± 1 SD", fontsize=10.5, loc="left")
