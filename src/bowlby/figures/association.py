"""The main association: outcome by perceived attachment, with the model's line."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, pool_points
from bowlby.figures.canvas import BLUE, INK, WIDTH, dots
from bowlby.figures.outcome import direction, label
from bowlby.figures.residuals import column
from bowlby.results import Results
from bowlby.terms import P

COLUMNS = ["kind", "x", "y", "low", "high", "n", "outcome", "better"]
POINTS = 2000


def gather(results: Results) -> pd.DataFrame | None:
    """From the primary model and its analysis set."""
    fit, rows = results.json("fits/primary.json"), results.analysis_set("primary")
    if not fit or rows is None:
        return None
    table = association_data(fit, rows, direction(results), results.shareable)
    return table.assign(outcome=label(results), better=direction(results))


def association_data(fit: Mapping, rows: pd.DataFrame, sign: int, shareable: bool = True) -> pd.DataFrame:
    """Outcomes adjusted for the model's other terms, and the model's mean, by perceived attachment.

    Parameters
    ----------
    fit : dict
        ``fits/primary.json``; its outcome is higher where better.
    rows : DataFrame
        Its analysis set.
    sign : {1, -1}
        Direction of the outcome's own units.
    shareable : bool
        Points are means of five or more patients with similar values; otherwise single patients.

    Returns
    -------
    DataFrame
        kind ``line``: perceived attachment x (reference SD, difference from the therapist's mean), the model's mean y
        with the other terms at their means, in the outcome's own units, and its 95% limits; kind ``point``: x, y, n.
    """
    from scipy.special import stdtrit

    terms = [f["term"] for f in fit["fixed"]]
    if len(rows) < 2 * SMALLEST or P not in terms:
        return pd.DataFrame(columns=COLUMNS)
    beta = np.array([f["estimate"] for f in fit["fixed"]])
    covariance = fit.get("vcov_adjusted") or fit["vcov"]
    at = [covariance["terms"].index(t) for t in terms]
    v = np.asarray(covariance["values"], dtype=float)[np.ix_(at, at)]
    columns = np.column_stack([column(rows, t) for t in terms])
    mean = columns.mean(axis=0)
    others = (columns - mean) @ np.where(np.array(terms) == P, 0.0, beta)
    points = pd.DataFrame({"x": columns[:, terms.index(P)], "y": sign * (rows["y"].to_numpy(float) - others)})
    if shareable:
        points = points.groupby(pool_points(points)).agg(x=("x", "mean"), y=("y", "mean"), n=("x", "size"))
    else:
        points = points.iloc[:: max(1, len(points) // POINTS)].assign(n=1)
    points = points.sort_values(["x", "y"]).assign(kind="point")
    line = np.tile(mean, (25, 1))
    line[:, terms.index(P)] = np.linspace(points["x"].min(), points["x"].max(), 25)
    df = next(f["df"] for f in fit["fixed"] if f["term"] == P)
    half = stdtrit(df if df is not None else np.inf, 0.975) * np.sqrt(np.einsum("ij,jk,ik->i", line, v, line))
    value = sign * (line @ beta)
    lines = pd.DataFrame({"kind": "line", "x": line[:, terms.index(P)], "y": value})
    lines = lines.assign(low=value - half, high=value + half)
    return pd.concat([lines, points], ignore_index=True).reindex(columns=COLUMNS).astype({"n": "Int64"})


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the points, the line and its interval."""
    ax.figure.set_size_inches(WIDTH, 4.3)
    line, points = data[data["kind"] == "line"], data[data["kind"] == "point"]
    dots(ax, points["x"], points["y"], s=34 if points["n"].min() >= SMALLEST else 10, color=BLUE, alpha=0.6)
    ax.fill_between(line["x"], line["low"], line["high"], color=INK, alpha=0.2, lw=0)
    ax.plot(line["x"], line["y"], color=INK, lw=2)
    each = f"mean of {SMALLEST}+ similar patients" if points["n"].min() >= SMALLEST else "a patient"
    ax.set_title(f"line: model's mean, 95% CI; point: {each}", fontsize=9.5, loc="left")
    ax.set_xlabel("perceived attachment\n(SD from the therapist's mean; above 0: more secure)")
    better = "higher" if data["better"].iloc[0] > 0 else "lower"
    ax.set_ylabel(f"{data['outcome'].iloc[0]}, adjusted for the other terms\n({better} is better)")
