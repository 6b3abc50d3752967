"""The specification curve: P - |T| of every way to analyse the study, with the choices that each made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bowlby.figures.canvas import BLUE, GREY, INK, VERMILION, WIDTH, dots, keys, note, point_ranges
from bowlby.results import Results

NODES = {
    "outcome": "outcome",
    "answers": "missing items",
    "perceived": "perceived attachment",
    "style": "therapist's style",
    "occasion": "occasion",
    "covariates": "covariates",
    "between": "therapists' means",
    "switching": "patients who switched therapist",
    "slope": "therapists' slopes",
    "caseload": "fewest patients of a therapist",
    "outliers": "outliers",
}
LEVELS = {
    ("outcome", "ancova"): "adjusted for baseline",
    ("outcome", "change"): "change score",
    ("answers", "complete"): "left out",
    ("between", "out"): "not in the model",
    ("between", "in"): "in the model",
    ("perceived", "joint"): "all scales jointly",
    ("covariates", "registered"): "as in the main analysis",
    ("outliers", "drop_3"): "left out beyond 3 SD",
    ("outliers", "drop_2"): "left out beyond 2 SD",
    ("outliers", "winsorise_3"): "winsorised at 3 SD",
    ("outliers", "winsorise_2"): "winsorised at 2 SD",
    ("switching", "share"): "share of sessions",
}
VERDICT_STYLES: dict[str, dict[str, Any]] = {
    "supported": {"color": BLUE, "marker": "o"},
    "inconclusive": {"color": GREY, "marker": "o", "fill": False},
    "refuted": {"color": VERMILION, "marker": "v"},
}
DRAWN = 150
ROW = 0.2


def gather(results: Results) -> pd.DataFrame | None:
    """From the multiverse's table; specification 0 is the registered one. No row if none could be fitted."""
    table = results.table("robustness/multiverse.parquet")
    if table is None:
        return None
    failed = "P" not in table or (table["status"] == "failed").all()
    return pd.DataFrame(columns=["rank", "P", "T", "P-|T|"]) if failed else multiverse_data(table)


def multiverse_data(table: pd.DataFrame) -> pd.DataFrame:
    """The specifications that could be fitted, from the smallest to the largest P - |T|.

    Returns
    -------
    DataFrame
        rank, P, T, P-|T| with the 95% limits of the smaller of P - T and P + T, verdict of C2, registered, and the
        choice at every node at which there was one, the node of most influence (:func:`influence`) first.
    """
    from scipy.special import stdtrit

    fitted = table[table["status"] != "failed"].sort_values(["P-|T|", "replicate"], ignore_index=True)
    binding = np.where(fitted["T"] >= 0, "P-T", "P+T")
    se, df = (
        np.where(binding == "P-T", fitted[f"P-T_{part}"], fitted[f"P+T_{part}"]).astype(float) for part in ("se", "df")
    )
    half = stdtrit(df, 0.975) * se
    chosen = [node for node in NODES if node in fitted and len(set(fitted[node])) > 1]
    out = {"rank": range(1, len(fitted) + 1), "P": fitted["P"], "T": fitted["T"], "P-|T|": fitted["P-|T|"]}
    out |= {"ci_low": fitted["P-|T|"] - half, "ci_high": fitted["P-|T|"] + half, "C2": fitted["C2"]}
    table = pd.DataFrame(out | {"registered": fitted["replicate"] == 0} | {n: fitted[n].astype(str) for n in chosen})
    return table[[*(c for c in table if c not in chosen), *sorted(chosen, key=lambda n: -influence(table, n))]]


def influence(data: pd.DataFrame, node: str) -> float:
    """How far apart the choices at a node are: the largest difference between their means of P - |T|."""
    return float(np.ptp(data.groupby(node)["P-|T|"].mean()))


def draw(ax, data: pd.DataFrame) -> None:
    """Draw P - |T|, P and T, and below the matrix of choices; of very many specifications some, evenly."""
    figure = ax.figure
    ax.remove()
    keep = np.unique(np.linspace(0, len(data) - 1, DRAWN).astype(int))
    keep = np.union1d(keep, np.flatnonzero(data["registered"]))
    shown = data.iloc[keep].reset_index(drop=True).rename_axis("at").reset_index()
    rows = _rows(data)
    height = ROW * max(len(rows), 1) + 0.2 * len({node for node, _ in rows})
    figure.set_size_inches(WIDTH, 4.6 + height)
    upper, middle, lower = figure.subplots(3, 1, sharex=True, height_ratios=[2.3, 1.3, height])
    handles = _curve(upper, shown)
    _slopes(middle, shown)
    _matrix(lower, shown, rows)
    for at in shown.index[shown["registered"]]:
        for panel in (upper, middle, lower):
            panel.axvline(at, color=INK, lw=0.9, ls=":", zorder=0)
    lower.set_xlim(-1, len(shown))
    lower.set_xlabel(f"{len(data):,} analyses,\nfrom the smallest P − |T| to the largest", fontsize=10.5)
    figure.legend(handles=handles, loc="outside upper center", ncols=1, handlelength=1.4)


def _curve(ax, shown: pd.DataFrame) -> list:
    """Each analysis as a point with its interval; returns the legend's entries."""
    ax.axhline(0, color=GREY, lw=1)
    table = shown.rename(columns={"P-|T|": "value", "ci_low": "low", "ci_high": "high"})
    size = float(np.clip(260 / len(shown), 2.0, 5.0))
    handles = []
    for verdict, how in VERDICT_STYLES.items():
        own = table[table["C2"] == verdict]
        if own.empty:
            continue
        point_ranges(ax, own, "y", pointsize=size, edgewidth=0.8, linewidth=size / 4, **how)
        face = "white" if how.get("fill") is False else how["color"]
        line = {"color": how["color"], "marker": how["marker"], "mfc": face, "ms": 5, "lw": 1.2}
        handles += keys(ax, (f"P > |T| {verdict}, 95% CI", line))
    own = table[table["registered"]]
    point_ranges(ax, own, "y", color=INK, marker="D", fill=False, pointsize=9, linewidth=2)
    words = "main analysis (dotted line, black choices)"
    handles += keys(ax, (words, {"color": INK, "marker": "D", "mfc": "white", "ms": 8, "lw": 1.6}))
    # one specification without information must not flatten the others
    low, high = table["low"].quantile(0.05), table["high"].quantile(0.95)
    low, high = min(low, table["value"].min(), 0.0), max(high, table["value"].max(), 0.0)
    margin = 0.06 * (high - low)
    ax.set_ylim(low - margin, high + margin)
    ax.set_ylabel("P − |T|\n(SD of outcome)")
    ax.tick_params(axis="x", length=0)
    return handles


def _slopes(ax, shown: pd.DataFrame) -> None:
    ax.axhline(0, color=GREY, lw=1)
    size = float(np.clip(260 / len(shown), 2.0, 4.5)) ** 2
    for name, colour, face in (("P", BLUE, BLUE), ("T", VERMILION, "white")):
        dots(ax, shown["at"], shown[name], s=size, color=face, edgecolor=colour, linewidth=0.9)
        note(ax, 1.01, shown[name].iloc[-20:].median(), name, color=colour, va="center", fontweight="bold",
             transform=ax.get_yaxis_transform())  # fmt: skip
    ax.set_ylabel("P (filled),\nT (hollow)")
    ax.tick_params(axis="x", length=0)


def _rows(data: pd.DataFrame) -> list[tuple[str, str]]:
    """Nodes with their levels, the node of most influence first and of each the registered level."""
    rows = []
    for node in [n for n in data if n in NODES]:
        own = data.loc[data["registered"], node].tolist()
        rows += [(node, level) for level in [*own, *sorted(set(data[node]) - set(own))]]
    return rows


def _matrix(ax, shown: pd.DataFrame, rows: list[tuple[str, str]]) -> None:
    """A row for each level: a stroke over the specifications that chose it; a line a row keeps the drawing small."""
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(ax.figure.transFigure, ax.transData)
    places, labels, y, last = [], [], 0.0, None
    for node, level in rows:
        if node != last:
            y += 1.6
            words = f"{NODES[node]}: means differ by {influence(shown, node):.2f}"
            head = ax.text(0.01, y, words, transform=across, fontsize=10.5, fontweight="bold", va="center")
            head.set_in_layout(False)  # or the panels give way to it
        y += 1.0
        chosen = np.flatnonzero(np.diff(np.r_[0, (shown[node] == level).to_numpy(int), 0]))
        starts, ends = chosen[::2] - 0.45, chosen[1::2] - 0.55
        x = np.column_stack([starts, ends, np.full(len(starts), np.nan)]).ravel()
        registered = bool((shown.loc[shown["registered"], node] == level).any())
        ax.plot(x, np.full(len(x), y), color=INK if registered else GREY, lw=7 if registered else 5,
                solid_capstyle="butt")  # fmt: skip
        labels.append(LEVELS.get((node, level), level.replace("_", " ")))
        places.append(y)
        last = node
    ax.set_yticks(places, labels, fontsize=10.5)
    ax.set_ylim(y + 1, 0.6)
    ax.tick_params(length=0)
    ax.set_xticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
