"""Slopes of a predictor along a moderator, with pointwise limits and simultaneous band."""

from __future__ import annotations

import textwrap

import pandas as pd

from bowlby.figures.canvas import BLUE, GREY, INK, VERMILION, WIDTH, point_ranges
from bowlby.figures.forest import rows_named
from bowlby.results import Results

COLUMNS = ["interaction", "predictor", "moderator", "tested", "kind", "at", "level", "estimate", "ci_low", "ci_high",
           "band_low", "band_high"]  # fmt: skip
FROM = {
    "within": "SD from the therapist's mean",
    "between": "therapist's mean, SD",
    "therapist": "SD from the mean of therapists",
}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``moderation.json``: rows of kind ``line``, ``rug`` (means of five persons or more) and ``level``."""
    record = results.json("moderation.json")
    if not record:
        return None
    rows = []
    for one in record["interactions"]:
        head = {"interaction": one["text"], **{key: one[key] for key in ("predictor", "moderator", "tested")}}
        rows += [{**head, "kind": "line", **point} for point in one.get("line", [])]
        rows += [{**head, "kind": "rug", "at": at} for at in one.get("rug", [])]
        rows += [{**head, "kind": "level", "level": level["level"], "estimate": level["estimate"],
                  "ci_low": level["ci"][0], "ci_high": level["ci"][1]} for level in one.get("levels", [])]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=COLUMNS).astype(dict.fromkeys(["at", *COLUMNS[7:]], float))


def draw(ax, data: pd.DataFrame) -> None:
    """A panel for each interaction, one above the other."""
    names = list(dict.fromkeys(data["interaction"]))
    parts = [data[data["interaction"] == name] for name in names]
    heights = [1.1 + 0.42 * len(own) if own["kind"].eq("level").all() else 2.9 for own in parts]
    figure = ax.figure
    ax.remove()
    figure.set_size_inches(WIDTH, 0.7 + sum(heights))
    panels = figure.subplots(len(names), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, own in zip(panels, parts, strict=True):
        (_levels if own["kind"].eq("level").all() else _line)(panel, own)
    if handles := next((p.get_legend_handles_labels()[0] for p in panels if p.get_legend_handles_labels()[0]), None):
        figure.legend(handles=handles, loc="outside upper center", ncols=3, handlelength=1.4, columnspacing=1.2)


def _line(ax, own: pd.DataFrame) -> None:
    """The slope along the moderator, and where the moderator was observed."""
    line, rug, about = own[own["kind"] == "line"], own[own["kind"] == "rug"], own.iloc[0]
    ax.axhline(0, color=GREY, lw=1)
    if line["band_low"].notna().all():
        ax.fill_between(line["at"], line["band_low"], line["band_high"], color=BLUE, alpha=0.15, lw=0,
                        label="simultaneous 95% band")  # fmt: skip
    for side, label in (("ci_low", "95% limits"), ("ci_high", "_")):
        ax.plot(line["at"], line[side], color=BLUE, lw=1.2, ls=(0, (4, 2)), label=label)
    ax.plot(line["at"], line["estimate"], color=INK, lw=2, label="slope")
    ax.plot(rug["at"], [0.0] * len(rug), "|", color=VERMILION, ms=9, mew=0.8, transform=ax.get_xaxis_transform(),
            clip_on=False, zorder=4)  # fmt: skip
    ax.set_xlabel(f"{about['moderator'].removeprefix('the ')}\n({FROM[about['tested']]})")
    ax.set_ylabel("SD of outcome per SD")
    ax.set_title(f"Slope of {about['predictor']}", fontsize=10.5, loc="left")


def _levels(ax, own: pd.DataFrame) -> None:
    """The slope at each value of a category."""
    ax.axvline(0, color=GREY, lw=1)
    table = own.rename(columns={"estimate": "value", "ci_low": "low", "ci_high": "high"}).drop(columns="at")
    point_ranges(ax, table.assign(at=range(len(table) - 1, -1, -1)), color=BLUE, marker="o", pointsize=7, linewidth=1.8)
    rows_named(ax, [textwrap.fill(str(level), 16) for level in own["level"]])
    about = own.iloc[0]
    ax.set_xlabel("SD of outcome per SD")
    ax.set_title(
        f"Slope of {about['predictor']}\nby {about['moderator'].removeprefix('the ')}", fontsize=10.5, loc="left"
    )
