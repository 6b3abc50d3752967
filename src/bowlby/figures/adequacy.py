"""What the sample can show of therapist style, at several differences between therapists."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.figures.canvas import BAND, BLUE, INK, VERMILION
from bowlby.results import Results


def gather(results: Results) -> pd.DataFrame | None:
    """From ``adequacy.json``."""
    adequacy = results.json("adequacy.json")
    return adequacy_data(adequacy) if adequacy else None


def adequacy_data(adequacy: dict) -> pd.DataFrame:
    """Slopes by ICC: the smallest that can be detected, the largest possible, the half-width of the 90 % interval."""
    table = pd.DataFrame(adequacy["grid"])
    columns = ["icc", "minimum_detectable", "largest_possible", "half_width_90"]
    return table[columns].assign(delta=adequacy["delta"])


def draw(ax, data: pd.DataFrame) -> None:
    """Draw three points for each ICC, with the equivalence bound as a band."""
    delta = data["delta"].iloc[0]
    ax.axhspan(0, delta, color=BAND, label=f"negligible: below {delta:g}")
    x = np.arange(len(data))
    marks = (
        ("minimum_detectable", "o", BLUE, "smallest slope found with 80% power"),
        ("largest_possible", "_", INK, "largest slope possible"),
        ("half_width_90", "D", VERMILION, "half-width of the 90% CI"),
    )
    for shift, (column, marker, color, label) in zip((-0.15, 0, 0.15), marks):
        ax.plot(x + shift, data[column], marker, ms=9, mew=2, color=color, label=label)
    ax.set_xticks(x, [f"{icc:g}" for icc in data["icc"]])
    ax.set_xlim(-0.6, len(data) - 0.4)
    ax.set_ylim(0, 1.15 * float(data.drop(columns="icc").to_numpy().max()))
    ax.set_xlabel("share of outcome variance between therapists (ICC)")
    ax.set_ylabel("SD of outcome\nper SD of style")
    ax.figure.set_figheight(4.6)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.1, 1.0))
