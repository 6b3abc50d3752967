"""Both slopes for every outcome, with the band within which a slope counts as negligible."""

from __future__ import annotations

import pandas as pd

from bowlby.figures.canvas import BLUE, VERMILION, WIDTH, keys, point_ranges
from bowlby.figures.forest import UNIT, negligible, rows_named
from bowlby.results import Results

EFFECTS = {
    "P": ("P: perceived attachment", 0.15, {"color": BLUE, "marker": "o"}),
    "T": ("T: therapist's own style", -0.15, {"color": VERMILION, "marker": "s", "fill": False}),
}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``domains.json``: a row for each outcome and slope."""
    record = results.json("domains.json")
    if not record:
        return None
    rows = []
    for row in record["outcomes"]:
        said = row["outcome"]
        label = f"{said['domain']}\n({said['instrument']} {said['scale']})"
        for effect in EFFECTS:
            e = row["effects"][effect]
            rows.append((label, effect, e["estimate"], *e["ci"], record["delta"]))
    return pd.DataFrame(rows, columns=["outcome", "effect", "estimate", "ci_low", "ci_high", "delta"])


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a line for each outcome; the registered one is on top."""
    outcomes = list(dict.fromkeys(data["outcome"]))
    ax.figure.set_size_inches(WIDTH, 1.6 + 0.75 * len(outcomes))
    handles = [negligible(ax, data["delta"].iloc[0])]
    data = data.rename(columns={"estimate": "value", "ci_low": "low", "ci_high": "high"})
    for effect, (label, shift, how) in EFFECTS.items():
        own = data[data["effect"] == effect]
        own = own.assign(at=[len(outcomes) - 1 - outcomes.index(o) + shift for o in own["outcome"]])
        point_ranges(ax, own, pointsize=7, linewidth=1.8, **how)
        face = "white" if how.get("fill") is False else how["color"]
        handles += keys(ax, (label, {"color": how["color"], "marker": how["marker"], "mfc": face, "ms": 7}))
    rows_named(ax, outcomes)
    ax.set_xlabel(UNIT)
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=1)
