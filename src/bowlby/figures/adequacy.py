"""What the sample can show of therapist style, by how much therapists differ: slopes, and power."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.design.adequacy import ICC_GRID, POWER, adequacy_at_icc, detection_power
from bowlby.figures.canvas import BAND, BLUE, GREY, INK, VERMILION, WIDTH, dots, note
from bowlby.results import Results

WIDEST = 0.16
"""Largest share between therapists that is drawn, if no larger one was observed."""
SLOPES = {
    "largest_possible": ("largest slope possible", INK, (1, 1)),
    "minimum_detectable": (f"smallest slope detectable with {POWER:.0%} power", BLUE, ""),
    "half_width_90": ("half-width of the 90% CI of T", VERMILION, (5, 2)),
}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``adequacy.json`` and, where it was estimated, the share between therapists."""
    adequacy = results.json("adequacy.json")
    if not adequacy:
        return None
    observed = (results.json("estimands/variance.json") or {}).get("icc")
    return adequacy_data(adequacy, observed)


def adequacy_data(adequacy: dict, observed: float | None = None) -> pd.DataFrame:
    """Slopes and power by share of outcome variance between therapists (ICC), in steps of a hundredth.

    Parameters
    ----------
    adequacy : dict
        ``adequacy.json``.
    observed : float, optional
        The share that was estimated.

    Returns
    -------
    DataFrame
        icc; minimum_detectable, largest_possible and half_width_90, slopes in SD of outcome per SD of style;
        power_delta, the power to detect a slope as large as delta; power_negligible, the chance to show a slope of 0 to
        be negligible; delta; registered (one of the shares of the table made before outcomes were read); observed.
    """
    top = min(adequacy["curve"]["icc"][-1], max(WIDEST, 1.2 * (observed or 0)))
    shares = [icc for icc in adequacy["curve"]["icc"] if icc <= top + 1e-9]
    if observed is not None and observed <= top:
        shares = sorted({*shares, observed})
    lines = pd.DataFrame([adequacy_at_icc(adequacy, icc) for icc in shares]).assign(delta=adequacy["delta"])
    return pd.DataFrame({
        **lines[["icc", "minimum_detectable", "largest_possible", "half_width_90"]],
        "power_delta": detection_power(lines["se"], lines["df"], lines["delta"]),
        "power_negligible": lines["equivalence_power"],
        "delta": lines["delta"],
        "registered": np.isclose(lines["icc"].to_numpy()[:, None], ICC_GRID).any(axis=1),
        "observed": lines["icc"] == observed,
    })  # fmt: skip


def draw(ax, data: pd.DataFrame) -> None:
    """Draw slopes above and power below, over the share between therapists."""
    figure = ax.figure
    ax.remove()
    figure.set_size_inches(WIDTH, 6.6)
    slopes, power = figure.subplots(2, 1, sharex=True, height_ratios=[1.4, 1])
    delta = data["delta"].iloc[0]
    slopes.axhspan(0, delta, color=BAND, lw=0, label=f"negligible: below {delta:g}")
    for name, (words, colour, dashes) in SLOPES.items():
        _curve(slopes, data, name, colour, dashes, words)
    slopes.set_ylim(0, 1.1 * float(data[["minimum_detectable", "largest_possible"]].to_numpy().max()))
    slopes.set_ylabel("SD of outcome\nper SD of style")
    _legend(slopes)
    power.axhline(POWER, color=GREY, lw=0.8, ls=":")
    for name, words, colour, dashes in (
        ("power_delta", f"to detect a slope of {delta:g}", BLUE, ""),
        ("power_negligible", "to show that a slope of 0 is negligible", VERMILION, (5, 2)),
    ):
        _curve(power, data, name, colour, dashes, words)
    for row in data[data["observed"]].itertuples(index=False):
        for panel in (slopes, power):
            panel.axvline(row.icc, color=INK, lw=1, ls=(0, (6, 3)))
        away = row.icc / data["icc"].max()  # the words stay inside the axes
        side = "left" if away < 0.2 else "right" if away > 0.8 else "center"
        note(slopes, row.icc, slopes.get_ylim()[1], f" estimated: {100 * row.icc:.1f}% ", va="top", ha=side)
    _legend(power)
    power.set(ylim=(0, 1), yticks=np.linspace(0, 1, 6), xlim=(-0.003, data["icc"].max() + 0.003))
    power.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    power.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    power.set_ylabel("power")
    power.set_xlabel("share of outcome variance between therapists (ICC)")


def _legend(ax) -> None:
    """Above the panel, so that it hides no curve."""
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), handlelength=2.6, borderaxespad=0.2)


def _curve(ax, data: pd.DataFrame, name: str, colour: str, dashes, words: str | None = None) -> None:
    """One curve, with points at the shares that were named before outcomes were read."""
    ax.plot(data["icc"], data[name], color=colour, lw=2, label=words, dashes=dashes)
    points = data[data["registered"]]
    dots(ax, points["icc"], points[name], s=34, color=colour, zorder=3)
