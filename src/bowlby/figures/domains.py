"""Both slopes for every outcome, with the band within which a slope counts as negligible."""

from __future__ import annotations

import pandas as pd

from bowlby.figures.canvas import BAND, BLUE, GREY, VERMILION, WIDTH
from bowlby.results import Results

COLOURS = {"P": (BLUE, "o", "P: perceived attachment"), "T": (VERMILION, "s", "T: therapist's own style")}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``domains.json``: a row for each outcome and slope."""
    record = results.json("domains.json")
    if not record:
        return None
    rows = []
    for row in record["outcomes"]:
        said = row["outcome"]
        label = f"{said['domain']}\n({said['instrument']} {said['scale']})"
        for effect in COLOURS:
            e = row["effects"][effect]
            rows.append((label, effect, e["estimate"], *e["ci"], record["delta"]))
    return pd.DataFrame(rows, columns=["outcome", "effect", "estimate", "ci_low", "ci_high", "delta"])


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a line for each outcome; the registered one is on top."""
    outcomes = list(dict.fromkeys(data["outcome"]))
    ax.figure.set_size_inches(WIDTH, 1.5 + 0.75 * len(outcomes))
    delta = data["delta"].iloc[0]
    ax.axvspan(-delta, delta, color=BAND, lw=0, label=f"negligible: within ±{delta:g}")
    ax.axvline(0, color=GREY, lw=1)
    for effect, (colour, marker, label) in COLOURS.items():
        rows = data[data["effect"] == effect]
        y = [len(outcomes) - 1 - outcomes.index(o) + (0.15 if effect == "P" else -0.15) for o in rows["outcome"]]
        ax.hlines(y, rows["ci_low"], rows["ci_high"], color=colour, lw=1.8)
        ax.plot(rows["estimate"], y, marker, color=colour, ms=7, mec="white", label=label)
    ax.set_yticks(range(len(outcomes) - 1, -1, -1), outcomes)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(outcomes) - 0.4)
    ax.set_xlabel("SD of outcome per SD of predictor")
    ax.figure.legend(loc="outside upper center", ncols=1)
