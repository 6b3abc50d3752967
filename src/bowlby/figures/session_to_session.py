"""Paths from one session to the next, by method of detrending."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bowlby.figures.canvas import BLUE, INK, VERMILION, WIDTH
from bowlby.figures.forest import negligible, point_groups
from bowlby.results import Results

WAYS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "none": ("without detrending", 0.24, {"color": INK, "marker": "s", "fill": False}),
    "mean": ("session means removed", 0.08, {"color": BLUE, "marker": "o"}),
    "patient": ("each patient's line also removed", -0.08, {"color": VERMILION, "marker": "D"}),
    "centred": ("common model (biased)", -0.24, {"color": INK, "marker": "^", "fill": False}),
}
COLUMNS = ["path", "label", "way", "estimate", "ci_low", "ci_high", "delta"]


def gather(results: Results) -> pd.DataFrame | None:
    """From ``session_to_session.json``: a row for each path and way."""
    record = results.json("session_to_session.json")
    if not record:
        return None
    one, other = record["labels"]["predictor"], record["labels"]["outcome"]
    labels = {"L": f"{one}\n→ next {other}", "R": f"{other}\n→ next {one}",
              "predictor_own": f"{one}\n→ next {one}", "outcome_own": f"{other}\n→ next {other}"}  # fmt: skip
    every = {**record["paths"], "centred": record["centred"]}
    rows = [(path, label, way, paths[path]["estimate"], *paths[path]["ci"], record["delta"])
            for path, label in labels.items() for way, paths in every.items() if path in paths]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the paths from top to bottom."""
    ax.figure.set_size_inches(WIDTH, 5.2)
    handles = [negligible(ax, data["delta"].iloc[0])]
    data = data.rename(columns={"estimate": "value", "ci_low": "low", "ci_high": "high"})
    handles += point_groups(ax, data, "label", "way", WAYS, size=6, line=1.6)
    ax.set_xlabel("SD at the next session per SD at this session\n(both within patients; higher is better)")
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=2, columnspacing=1.2)
