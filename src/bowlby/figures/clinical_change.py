"""Expected shares of patients who improve or recover, at one SD below and above the mean of each predictor."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bowlby.figures.canvas import BLUE, INK, WIDTH
from bowlby.figures.forest import point_groups
from bowlby.results import Results
from bowlby.terms import EVENTS

NAMES = {"perceived": "perceived attachment", "therapist_style": "therapist's own style"}
ENDS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "+1": ("1 SD above the mean", 0.13, {"color": BLUE, "marker": "o"}),
    "-1": ("1 SD below the mean", -0.13, {"color": INK, "marker": "s", "fill": False}),
}
COLUMNS = ["label", "event", "predictor", "at", "estimate", "ci_low", "ci_high"]


def gather(results: Results) -> pd.DataFrame | None:
    """From ``clinical_change.json``: a row for each event, predictor and end; none of events that are not estimable."""
    record = results.json("clinical_change.json")
    if not record:
        return None
    events = [record["event"], *(name for name in reversed(EVENTS) if name != record["event"])]
    models = {name: record["models"][name] for name in events if name in record["models"]}
    rows = [
        (f"{EVENTS[name]},\nby {NAMES[p['predictor']]}", name, p["predictor"], f"{p['at']:+d}", p["estimate"], *p["ci"])
        for name, model in models.items() if model["estimable"] for p in model["probabilities"]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the shares from top to bottom, the configured event first."""
    ax.figure.set_size_inches(WIDTH, 1.7 + 0.75 * data["label"].nunique())
    names = {"estimate": "value", "ci_low": "low", "ci_high": "high"}
    data = data.rename(columns=names).assign(**{to: 100 * data[name] for name, to in names.items()})
    handles = point_groups(ax, data, "label", "at", ENDS)
    ax.set_xlim(0, 102)
    ax.set_xlabel("expected patients with this event (%)")
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=2, columnspacing=1.2)
