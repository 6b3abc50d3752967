"""The outcome from before to after treatment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, pooled_histogram
from bowlby.figures.canvas import BLUE, GREY, VERMILION, WIDTH, note, point_ranges, steps
from bowlby.figures.change import criterion, own_scale
from bowlby.figures.outcome import before_after, direction, fine_edges, label
from bowlby.results import Results
from bowlby.terms import M1, P

NUMBERS = ["value", "ci_low", "ci_high", "low", "high", "share"]
COLUMNS = ["kind", "perceived", "style", "at", *NUMBERS, "outcome", "better"]
TERMS = ("Intercept", *M1)
THREADS = 300
ENDS = {"pre": 0.0, "post": 1.0}
LINES = {
    1: {"color": BLUE, "marker": "o", "dashes": "", "fill": True, "shift": 0.0},
    -1: {"color": VERMILION, "marker": "s", "dashes": (4, 2), "fill": False, "shift": 0.03},
}


def gather(results: Results) -> pd.DataFrame | None:
    """From the primary model, its analysis set and the outcome's scores."""
    fit, rows = results.json("fits/primary.json"), results.analysis_set("primary")
    scores = before_after(results)
    if not fit or rows is None or scores is None:
        return None
    sign = direction(results)
    table = prepost_data(fit, scores.reindex(rows["patient"]).dropna(), sign, results.shareable)
    limits = None if (change := results.table("change.csv")) is None else criterion(own_scale(results, change))
    if limits and limits[0] is not None and limits[1] is not None and len(table):
        table = pd.concat(
            [table, recovered_data(fit, rows.set_index("patient"), scores["pre"], sign, limits[0], limits[1])]
        )
    return table.assign(outcome=label(results), better=direction(results))


def prepost_data(fit: Mapping, scores: pd.DataFrame, sign: int, shareable: bool = True) -> pd.DataFrame:
    """Expected scores of four kinds of patients, and the observed ones in bins.

    All four start at the mean before treatment; after treatment the model expects them apart, by one reference SD up
    and down of perceived attachment (against the same therapist's other patients) and of the therapist's style.

    Parameters
    ----------
    fit : dict
        ``fits/primary.json``; its outcome is higher where better.
    scores : DataFrame
        Columns pre and post of the analysed patients, in the outcome's own units.
    sign : {1, -1}
        Direction of the outcome's own units.
    shareable : bool
        Bins of five patients or more only; otherwise single patients are drawn too. Shares of the bins are rounded
        to 1%, so that comparing them with those of all patients does not tell who was left out.
    """
    from scipy.special import stdtrit

    fixed = {f["term"]: f for f in fit["fixed"]}
    if len(scores) < SMALLEST or not set(TERMS) <= set(fixed):
        return pd.DataFrame(columns=COLUMNS)
    covariance = fit.get("vcov_adjusted") or fit["vcov"]
    at = [covariance["terms"].index(t) for t in TERMS]
    v = np.asarray(covariance["values"], dtype=float)[np.ix_(at, at)]
    df = min((fixed[t]["df"] for t in TERMS if fixed[t].get("df") is not None), default=np.inf)
    beta = np.array([fixed[t]["estimate"] for t in TERMS])
    rows = []
    for perceived in (1, -1):
        for style in (1, -1):
            x = np.array([1.0, perceived, style])
            value, half = sign * float(x @ beta), float(stdtrit(df, 0.975) * np.sqrt(x @ v @ x))
            who = {"kind": "expected", "perceived": perceived, "style": style}
            rows.append({**who, "at": "pre", "value": scores["pre"].mean()})
            rows.append({**who, "at": "post", "value": value, "ci_low": value - half, "ci_high": value + half})
    edges = fine_edges(scores.to_numpy().min(), scores.to_numpy().max())
    for end in ENDS:
        for low, high, n in pooled_histogram(scores[end], edges, shareable):
            rows.append({"kind": "observed", "at": end, "low": low, "high": high, "share": round(n / len(scores), 2)})
    if not shareable:
        for pre, post in scores.iloc[:: max(1, len(scores) // THREADS)].itertuples(index=False):
            rows.append({"kind": "patient", "low": pre, "high": post})
    return pd.DataFrame(rows).reindex(columns=COLUMNS).astype(dict.fromkeys(NUMBERS, float))


def recovered_data(
    fit: dict, rows: pd.DataFrame, pre: pd.Series, sign: int, reliable: float, cut: float
) -> pd.DataFrame:
    """Share of patients who would recover if all perceived attachment were one SD higher, or lower, than the mean.

    Each patient's outcome is moved along the model's slope from the observed value of perceived attachment (difference
    from the therapist's mean) to +1 or -1 SD; all else stays as observed. Counted are patients on the dysfunctional
    side of the cut-off before treatment, ten or more.

    Parameters
    ----------
    fit : dict
        ``fits/primary.json``.
    rows : DataFrame
        Its analysis set by patient.
    pre : Series
        Scores before treatment by patient, in the outcome's own units.
    sign : {1, -1}
        Direction of the outcome's own units.
    reliable, cut : float
        Points of reliable change, and the cut-off.

    Returns
    -------
    DataFrame
        kind ``recovered``: perceived, value (share, rounded to 1%); ci_low and ci_high with the slope at the limits of
        its interval.
    """
    slope = next((f for f in fit["fixed"] if f["term"] == P), None)
    pre = sign * pre.reindex(rows.index)
    rows, pre = rows[pre < sign * cut], pre[pre < sign * cut]
    if slope is None or len(rows) < 2 * SMALLEST:
        return pd.DataFrame(columns=COLUMNS)
    shares = []
    for at in (1.0, -1.0):
        post = [rows["y"] + slope[b] * (at - rows[P]) for b in ("estimate", "ci_low", "ci_high")]
        share = [round(float(((y >= sign * cut) & (y - pre >= reliable)).mean()), 2) for y in post]
        ends = {"value": share[0], "ci_low": min(share), "ci_high": max(share)}
        shares.append({"kind": "recovered", "perceived": at, "at": "post", **ends})
    return pd.DataFrame(shares).reindex(columns=COLUMNS)


def draw(ax, data: pd.DataFrame) -> None:
    """Draw two lines for each kind of therapist, between the distributions before and after."""
    figure = ax.figure
    ax.remove()
    figure.set_size_inches(WIDTH, 4.4)
    before, *panels, after = figure.subplots(1, 4, sharey=True, width_ratios=[0.55, 1.5, 1.5, 0.55])
    for side, end in ((before, "pre"), (after, "post")):
        _observed(side, data[(data["kind"] == "observed") & (data["at"] == end)])
        place = "left" if end == "pre" else "right"
        side.set_title("observed\n" + ("before" if end == "pre" else "after"), fontsize=9.5, loc=place)
    before.invert_xaxis()
    for panel, style in zip(panels, (1, -1), strict=True):
        for row in data[data["kind"] == "patient"].itertuples(index=False):
            panel.plot([0, 1], [row.low, row.high], color=GREY, lw=0.4, alpha=0.35)
        for perceived, how in LINES.items():
            own = data[(data["kind"] == "expected") & (data["style"] == style) & (data["perceived"] == perceived)]
            _expected(panel, own.assign(x=own["at"].map(ENDS)), perceived, how)
        panel.set_title(f"therapist's style\n{_signed(style)} SD", fontsize=10.5)
        panel.set(xlim=(-0.15, 1.45), xlabel="", ylabel="")
        panel.set_xticks([0, 1], ["before", "after"])
        panel.tick_params(axis="y", length=0, labelleft=False)
        panel.spines["left"].set_visible(False)
    figure.supxlabel("perceived attachment: solid +1 SD, dashed −1 SD", fontsize=10.5)
    before.set_ylabel(f"{data['outcome'].iloc[0]} ({'higher' if data['better'].iloc[0] > 0 else 'lower'} is better)")


def _expected(ax, own: pd.DataFrame, perceived: int, how: dict) -> None:
    """One line with the interval of its end, named at its end."""
    colour, marker, dashes, fill, shift = how["color"], how["marker"], how["dashes"], how["fill"], how["shift"]
    ax.plot(own["x"], own["value"], color=colour, lw=2, dashes=dashes)
    end = own[own["at"] == "post"].assign(at=1 + shift, low=own["ci_low"], high=own["ci_high"])
    point_ranges(ax, end, "y", color=colour, marker=marker, fill=fill, pointsize=7, linewidth=1.8)
    for row in end.itertuples(index=False):
        note(ax, 1.14, row.value, f"{_signed(perceived)} SD", va="center", fontsize=9.5)


def _observed(ax, bins: pd.DataFrame) -> None:
    """The distribution, in bins of several widths."""
    if len(bins):
        steps(ax, bins, bins["share"] / (bins["high"] - bins["low"]), alpha=0.25, along="y", color=GREY, lw=0.8)
    ax.set(xlabel="", ylabel="", xticks=[])
    ax.spines["bottom"].set_visible(False)
    if ax.get_subplotspec().colspan.start:
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0, labelleft=False)


def _signed(value: float) -> str:
    return "+1" if value > 0 else "−1"
