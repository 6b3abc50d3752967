"""Reliable change: the outcome after treatment against before, with the band that is error of measurement."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, pool_points
from bowlby.figures.canvas import BAND, BLUE, GREY, INK, WIDTH, dots, note
from bowlby.figures.outcome import before_after, direction, label
from bowlby.results import Results

COLUMNS = ["pre", "post", "n", "reliable", "cut", "direction", "outcome"]


def gather(results: Results) -> pd.DataFrame | None:
    """From the outcome's scores and ``change.csv``."""
    scores, table = before_after(results), results.table("change.csv")
    if scores is None or table is None:
        return None
    reliable, cut = criterion(own_scale(results, table))
    return change_data(scores, reliable, cut, results.shareable).assign(
        direction=direction(results), outcome=label(results)
    )


def own_scale(results: Results, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``change.csv`` of the run's outcome."""
    asked = results.config["outcome"]
    own = table[(table["instrument"] == asked["instrument"]) & (table["scale"] == asked.get("scale", "total"))]
    return own[(own["role"] == "patient") & (own["about"] == "self")]


def criterion(table: pd.DataFrame) -> tuple[float | None, float | None]:
    """Points of change that count as reliable, and the cut-off: published ones before those of this sample."""
    for method in ("published", "jacobson_truax"):
        rows = table[table["method"] == method]
        if rows.empty:
            continue
        row = rows.iloc[0]
        points = row["threshold"]
        if method == "jacobson_truax":
            points = row["threshold"] * row["sd"] * math.sqrt(2 * (1 - row["reliability"]))
        if points == points:
            return float(points), None if row["cut"] != row["cut"] else float(row["cut"])
    return None, None


def change_data(
    scores: pd.DataFrame, reliable: float | None, cut: float | None, shareable: bool = True
) -> pd.DataFrame:
    """Bubbles: means of five or more patients next to each other; where allowed, every pair of scores.

    Returns
    -------
    DataFrame
        pre, post, n, and in each row the points of reliable change and the cut-off (empty where there is none).
    """
    if shareable or len(scores) > 400 * SMALLEST:
        group = pool_points(scores[["pre", "post"]].to_numpy())
        scores = scores.assign(group=group)[group >= 0]
        table = scores.groupby("group").agg(pre=("pre", "mean"), post=("post", "mean"), n=("pre", "size"))
    else:
        table = scores.groupby(["pre", "post"]).size().rename("n").reset_index()
    table = table.reset_index(drop=True).sort_values(["pre", "post"], ignore_index=True)
    return table.assign(reliable=reliable, cut=cut, direction=None, outcome=None)[COLUMNS]


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the points, the band of changes that are not reliable, and the cut-off."""
    ax.figure.set_size_inches(WIDTH, 5.7)
    first = data.iloc[0]
    low, high = data[["pre", "post"]].to_numpy().min(), data[["pre", "post"]].to_numpy().max()
    pad = 0.06 * max(high - low, 1.0)
    ends = np.array([low - pad, high + pad])
    better = first["direction"] or 1
    above, below = ("reliably better", "reliably worse") if better > 0 else ("reliably worse", "reliably better")
    if pd.notna(first["reliable"]):
        points = float(first["reliable"])
        ax.fill_between(ends, ends - points, ends + points, color=BAND, lw=0, zorder=0)
        said = [f"grey: within ±{points:.3g}, not reliable"]
    else:
        above, below, said = above.split()[-1], below.split()[-1], []
    ax.plot(ends, ends, color=GREY, lw=1, zorder=1)
    if pd.notna(first["cut"]):
        for line in (ax.axhline, ax.axvline):
            line(first["cut"], color=INK, lw=0.9, ls=":", zorder=1)
        said.append(f"dotted: cut-off {first['cut']:g}")
    pooled = bool((data["n"] >= SMALLEST).all())
    each = SMALLEST if pooled else 1
    sizes = np.clip((34 if pooled else 12) * data["n"].astype(float) / each, 8, 160)
    dots(ax, data["pre"], data["post"], s=sizes, color=BLUE, alpha=0.6, zorder=2)
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    note(ax, 0.03, 0.97, above, transform=ax.transAxes, va="top", ha="left", fontsize=11)
    note(ax, 0.97, 0.03, below, transform=ax.transAxes, va="bottom", ha="right", fontsize=11)
    ax.set_title("; ".join([*said, "line: no change"]), fontsize=9.5, loc="left")
    ax.set_xlabel(f"{first['outcome']} before treatment\n(each point: {_point(data['n'], pooled)})")
    ax.set_ylabel(f"{first['outcome']} after treatment")


def _point(n: pd.Series, pooled: bool) -> str:
    """What a point is."""
    if not pooled:
        return "patients with these two scores, by size" if n.max() > 1 else "a patient"
    several = f"{n.min():,}" if n.min() == n.max() else f"{n.min():,} to {n.max():,}"
    return f"mean of {several} similar patients"
