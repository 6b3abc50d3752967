"""The specification curve: the question asked in every way one could have asked it, and which choices each way made."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.figures.canvas import BAND, BLUE, GREY, INK, VERMILION, WIDTH
from bowlby.results import Results

NODES = {
    "outcome": "outcome",
    "answers": "missing items",
    "perceived": "perceived",
    "style": "style",
    "occasion": "occasion",
    "covariates": "covariates",
    "between": "therapists' means",
    "switching": "switching",
    "slope": "therapists' slopes",
    "caseload": "patients, at least",
    "outliers": "outliers",
}
LEVELS = {
    ("outcome", "ancova"): "given before",
    ("outcome", "change"): "change",
    ("answers", "complete"): "left out",
    ("between", "out"): "not in the model",
    ("between", "in"): "in the model",
    ("perceived", "joint"): "all scales in one model",
    ("outliers", "drop_3"): "left out beyond 3 SD",
    ("outliers", "drop_2"): "left out beyond 2 SD",
    ("outliers", "winsorise_3"): "pulled in to 3 SD",
    ("outliers", "winsorise_2"): "pulled in to 2 SD",
    ("switching", "share"): "share of sessions",
}
COLOURS = {"supported": BLUE, "inconclusive": GREY, "refuted": VERMILION}
DRAWN = 400
ROW = 0.165


def gather(results: Results) -> pd.DataFrame | None:
    """From the multiverse's table; specification 0 is the registered one."""
    table = results.table("robustness/multiverse.parquet")
    return None if table is None or "P" not in table or (table["status"] == "failed").all() else multiverse_data(table)


def multiverse_data(table: pd.DataFrame) -> pd.DataFrame:
    """The specifications that could be fitted, from the smallest to the largest P - |T|.

    Returns
    -------
    DataFrame
        rank, P, T, P-|T| with the 95 % limits of the smaller of P - T and P + T, verdict of C2, registered, and the
        choice at every node at which there was one.
    """
    from scipy import stats

    fitted = table[table["status"] != "failed"].sort_values(["P-|T|", "replicate"], ignore_index=True)
    binding = np.where(fitted["T"] >= 0, "P-T", "P+T")
    se, df = (
        np.where(binding == "P-T", fitted[f"P-T_{part}"], fitted[f"P+T_{part}"]).astype(float) for part in ("se", "df")
    )
    half = stats.t.ppf(0.975, df) * se
    chosen = [node for node in NODES if node in fitted and len(set(fitted[node])) > 1]
    out = {"rank": range(1, len(fitted) + 1), "P": fitted["P"], "T": fitted["T"], "P-|T|": fitted["P-|T|"]}
    out |= {"ci_low": fitted["P-|T|"] - half, "ci_high": fitted["P-|T|"] + half, "C2": fitted["C2"]}
    return pd.DataFrame(out | {"registered": fitted["replicate"] == 0} | {n: fitted[n].astype(str) for n in chosen})


def draw(ax, data: pd.DataFrame) -> None:
    """Draw P - |T|, P and T, and below the matrix of choices; of very many specifications some, evenly."""
    figure = ax.figure
    ax.remove()
    keep = np.unique(np.linspace(0, len(data) - 1, DRAWN).astype(int))
    keep = np.union1d(keep, np.flatnonzero(data["registered"]))
    shown = data.iloc[keep].reset_index(drop=True)
    rows = _rows(data)
    height = ROW * max(len(rows), 1) + 0.08 * len({node for node, _ in rows})
    figure.set_size_inches(WIDTH, 3.9 + height)
    upper, middle, lower = figure.subplots(3, 1, sharex=True, height_ratios=[2.1, 1.2, height])
    _curve(upper, shown)
    _slopes(middle, shown)
    _matrix(lower, shown, rows)
    lower.set_xlim(-1, len(shown))
    figure.supxlabel(f"{len(data):,} specifications, from the smallest P − |T| to the largest", fontsize=10.5)
    handles, labels = upper.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, columnspacing=1.0, handlelength=1.2,
                  markerscale=1.3)  # fmt: skip


def _curve(ax, shown: pd.DataFrame) -> None:
    ax.fill_between(shown.index, shown["ci_low"], shown["ci_high"], color=BAND, lw=0, label="95% CI")
    ax.axhline(0, color=GREY, lw=1)
    for verdict, colour in COLOURS.items():
        own = shown[shown["C2"] == verdict]
        if len(own):
            ax.plot(own.index, own["P-|T|"], "o", ms=3.2, color=colour, mew=0, label=f"P > |T| {verdict}")
    own = shown[shown["registered"]]
    ax.plot(own.index, own["P-|T|"], "D", ms=8, mfc="white", mec=INK, mew=1.6, label="as registered")
    # one specification without information must not flatten the others
    low, high = shown["ci_low"].quantile(0.05), shown["ci_high"].quantile(0.95)
    low, high = min(low, shown["P-|T|"].min(), 0.0), max(high, shown["P-|T|"].max(), 0.0)
    margin = 0.06 * (high - low)
    ax.set_ylim(low - margin, high + margin)
    ax.set_ylabel("P − |T|")


def _slopes(ax, shown: pd.DataFrame) -> None:
    ax.axhline(0, color=GREY, lw=1)
    for name, colour in (("P", BLUE), ("T", VERMILION)):
        ax.plot(shown.index, shown[name], "o", ms=2.2, color=colour, mew=0)
        ax.annotate(name, (1.01, shown[name].iloc[-20:].median()), xycoords=("axes fraction", "data"), color=colour,
                    va="center", fontweight="bold")  # fmt: skip
    ax.set_ylabel("P, T")


def _rows(data: pd.DataFrame) -> list[tuple[str, str]]:
    """Nodes with their levels, the registered one first."""
    rows = []
    for node in [n for n in NODES if n in data]:
        own = data.loc[data["registered"], node].tolist()
        rows += [(node, level) for level in [*own, *sorted(set(data[node]) - set(own))]]
    return rows


def _matrix(ax, shown: pd.DataFrame, rows: list[tuple[str, str]]) -> None:
    """A row for each level: a stroke over the specifications that chose it; a line a row keeps the drawing small."""
    places, labels, y, last = [], [], 0.0, None
    for node, level in rows:
        y += 1.0 if node == last else 1.5
        chosen = np.flatnonzero(np.diff(np.r_[0, (shown[node] == level).to_numpy(int), 0]))
        starts, ends = chosen[::2] - 0.45, chosen[1::2] - 0.55
        x = np.column_stack([starts, ends, np.full(len(starts), np.nan)]).ravel()
        registered = bool((shown.loc[shown["registered"], node] == level).any())
        ax.plot(x, np.full(len(x), y), color=INK if registered else GREY, lw=6, solid_capstyle="butt")
        words = LEVELS.get((node, level), level.replace("_", " "))
        labels.append(f"{NODES[node]}: {words}" if node != last else words)
        places.append(y)
        last = node
    ax.set_yticks(places, labels, fontsize=8.5)
    ax.set_ylim(y + 1, 0.3)
    ax.tick_params(length=0)
    ax.set_xticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
