"""Forest plots: the comparison, two predictors, and every outcome, with the band of negligible slopes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bowlby.config.run import IDEATION
from bowlby.figures.canvas import BAND, BLUE, GREY, INK, VERMILION, WIDTH, keys, note, point_ranges
from bowlby.reasons import decimals
from bowlby.results import Results

EFFECTS = ("P", "T", "P-T", "P+T")
LABELS = {"P": "P: perceived\nattachment", "T": "T: therapist's\nown style", "P-T": "P − T", "P+T": "P + T"}
MARK = " †"
"""Of outcomes whose mean is to be read with counts."""
UNIT = "SD of outcome per SD of predictor\n(above 0: better outcome)"


def gather(results: Results) -> pd.DataFrame | None:
    """From ``comparison.json``."""
    comparison = results.json("comparison.json")
    return forest_data(comparison) if comparison else None


def forest_data(comparison: Mapping) -> pd.DataFrame:
    """P, T, P-T and P+T with their 95% and 90% limits, and the equivalence bound."""
    rows = []
    for name in EFFECTS:
        effect = comparison[name]
        ci, ci90 = effect.get("ci") or [None, None], effect.get("ci90") or [None, None]
        rows.append((name, effect["estimate"], *ci, *ci90, comparison["delta"]))
    columns = ["effect", "estimate", "ci_low", "ci_high", "ci90_low", "ci90_high", "delta"]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
    return table.assign(label=table["effect"].map(LABELS))


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the forest."""
    ax.figure.set_size_inches(WIDTH, 4.3)
    band = negligible(ax, data["delta"].iloc[0])
    data = data.assign(at=range(len(data) - 1, -1, -1), value=data["estimate"])
    for slopes, colour, marker in ((True, BLUE, "o"), (False, VERMILION, "D")):
        own = data[data["effect"].isin(["P", "T"]) == slopes]
        thin, thick = (own.rename(columns={f"{ci}_low": "low", f"{ci}_high": "high"}) for ci in ("ci", "ci90"))
        point_ranges(ax, thin, color=colour, linewidth=1.6, pointsize=0)
        point_ranges(ax, thick, color=colour, linewidth=4.5, pointsize=8, marker=marker, edgecolor="white")
    for row in data.itertuples(index=False):
        if pd.isna(row.estimate):
            ax.text(0, row.at, "not available", ha="center", va="center", color=GREY)
            continue
        places = decimals((row.ci_high - row.ci_low) / 2)
        shown = (f"{round(x, places) + 0.0:.{places}f}" for x in (row.estimate, row.ci_low, row.ci_high))
        words = "{} [{}, {}]".format(*shown).replace("-", "−")
        note(ax, row.estimate, row.at + 0.2, words, ha="center", va="bottom")
    ax.axhline(1.5, color=GREY, lw=0.6, ls=":")
    lines = keys(ax, ("95% CI", {"color": INK, "lw": 1.6}), ("90% CI", {"color": INK, "lw": 4.5}))
    rows_named(ax, data["label"])
    ax.margins(x=0.16)
    ax.set_xlabel(UNIT)
    ax.figure.legend(handles=[band, *lines], loc="outside upper center", ncols=3, handlelength=1.4, columnspacing=1.2)


def negligible(ax, delta: float):
    """The band of slopes that count as negligible, and the line of 0."""
    ax.axvline(0, color=GREY, lw=1)
    return ax.axvspan(-delta, delta, color=BAND, lw=0, label=f"negligible: within ±{delta:g}")


def rows_named(ax, labels) -> None:
    """Names of rows from top to bottom at whole numbers."""
    labels = list(labels)
    ax.set_yticks(range(len(labels) - 1, -1, -1), labels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(labels) - 0.4)
    ax.set_ylabel("")


def point_groups(
    ax, data: pd.DataFrame, row: str, group: str, styles: Mapping, size: float = 7, line: float = 1.8
) -> list:
    """Draw rows from top to bottom, in each a point with its interval for every group.

    Parameters
    ----------
    ax : matplotlib Axes
    data : DataFrame
        ``value``, ``low``, ``high`` and the two columns named.
    row, group : str
        Columns with the names of rows and the keys of groups.
    styles : mapping of tuple
        By group: words for the legend, distance from the middle of the row, and properties of the point.
    size, line : float
        Of points and of intervals, in points.

    Returns
    -------
    list
        Entries of the legend.
    """
    names, handles = list(dict.fromkeys(data[row])), []
    for key, (words, shift, how) in styles.items():
        own = data[data[group] == key]
        own = own.assign(at=[len(names) - 1 - names.index(name) + shift for name in own[row]])
        point_ranges(ax, own, pointsize=size, linewidth=line, **how)
        face = "white" if how.get("fill") is False else how["color"]
        handles += keys(
            ax, (words, {"color": how["color"], "marker": how["marker"], "mfc": face, "ms": size, "lw": line})
        )
    rows_named(ax, names)
    return handles


PAIR = {"first": "P", "second": "T", "first-second": "P-T", "first+second": "P+T"}


def gather_pair(results: Results) -> pd.DataFrame | None:
    """From ``pair.json``."""
    pair = results.json("pair.json")
    if not pair:
        return None
    table = forest_data({PAIR[name]: c for name, c in pair["contrasts"].items()} | {"delta": pair["delta"]})
    first, second = (textwrap.fill(pair["labels"][side], 22) for side in ("first", "second"))
    return table.assign(label=[first, second, "difference", "sum"])


def draw_pair(ax, data: pd.DataFrame) -> None:
    """Draw the forest of two predictors."""
    draw(ax, data)


SLOPES: dict[str, tuple[str, float, dict[str, Any]]] = {
    "P": ("P: perceived attachment", 0.15, {"color": BLUE, "marker": "o"}),
    "T": ("T: therapist's own style", -0.15, {"color": VERMILION, "marker": "s", "fill": False}),
}


def gather_domains(results: Results) -> pd.DataFrame | None:
    """From ``domains.json``: a row for each outcome and slope."""
    record = results.json("domains.json")
    if not record:
        return None
    rows = []
    for row in record["outcomes"]:
        said = row["outcome"]
        mark = MARK if said["domain"] == IDEATION else ""
        label = f"{said['domain']}{mark}\n({said['instrument']} {said['scale']})"
        for effect in SLOPES:
            e = row["effects"][effect]
            rows.append((label, effect, e["estimate"], *e["ci"], record["delta"]))
    return pd.DataFrame(rows, columns=["outcome", "effect", "estimate", "ci_low", "ci_high", "delta"])


def draw_domains(ax, data: pd.DataFrame) -> None:
    """Draw a line for each outcome; the registered one is on top."""
    ax.figure.set_size_inches(WIDTH, 1.6 + 0.75 * data["outcome"].nunique())
    handles = [negligible(ax, data["delta"].iloc[0])]
    data = data.rename(columns={"estimate": "value", "ci_low": "low", "ci_high": "high"})
    handles += point_groups(ax, data, "outcome", "effect", SLOPES)
    ax.set_xlabel(UNIT)
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=1)
