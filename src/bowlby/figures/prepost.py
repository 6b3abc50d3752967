"""What the model expects from before to after treatment, over what was observed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, bins
from bowlby.figures.canvas import BAND, BLUE, GREY, VERMILION, WIDTH
from bowlby.figures.outcome import before_after, direction, fine_edges, label
from bowlby.results import Results

COLUMNS = ["kind", "perceived", "style", "at", "value", "ci_low", "ci_high", "low", "high", "share", "outcome"]
TERMS = ("Intercept", "a_star_w", "s_star")
THREADS = 300
ENDS = {"pre": 0.0, "post": 1.0}


def gather(results: Results) -> pd.DataFrame | None:
    """From the primary model, its analysis set and the outcome's scores."""
    fit, rows = results.json("fits/primary.json"), results.table("analysis/primary.parquet")
    scores = before_after(results)
    if not fit or rows is None or scores is None:
        return None
    table = prepost_data(fit, scores.reindex(rows["patient"]).dropna(), direction(results), results.shareable)
    return table.assign(outcome=label(results))


def prepost_data(fit: dict, scores: pd.DataFrame, sign: int, shareable: bool = True) -> pd.DataFrame:
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
        to 1 %, so that comparing them with those of all patients does not tell who was left out.
    """
    from scipy import stats

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
            value, half = sign * float(x @ beta), float(stats.t.ppf(0.975, df) * np.sqrt(x @ v @ x))
            who = {"kind": "expected", "perceived": perceived, "style": style}
            rows.append({**who, "at": "pre", "value": scores["pre"].mean()})
            rows.append({**who, "at": "post", "value": value, "ci_low": value - half, "ci_high": value + half})
    edges = fine_edges(scores.to_numpy().min(), scores.to_numpy().max())
    for end in ENDS:
        for low, high, n in bins(scores[end], edges, shareable):
            rows.append({"kind": "observed", "at": end, "low": low, "high": high, "share": round(n / len(scores), 2)})
    if not shareable:
        for pre, post in scores.iloc[:: max(1, len(scores) // THREADS)].itertuples(index=False):
            rows.append({"kind": "patient", "low": pre, "high": post})
    return pd.DataFrame(rows).reindex(columns=COLUMNS).astype({c: float for c in COLUMNS[4:10]})


def draw(ax, data: pd.DataFrame) -> None:
    """Draw four lines between the distributions before and after."""
    ax.figure.set_size_inches(WIDTH, 4.6)
    for row in data[data["kind"] == "patient"].itertuples(index=False):
        ax.plot([0, 1], [row.low, row.high], color=GREY, lw=0.4, alpha=0.35)
    for end, x in ENDS.items():
        bins = data[(data["kind"] == "observed") & (data["at"] == end)]
        density = bins["share"] / (bins["high"] - bins["low"])
        wide = 0.42 * density / max(density.max(), 1e-12) * (1 if x else -1)
        tall, left = bins["high"] - bins["low"], x + (0.1 if x else -0.02)
        ax.barh(bins["low"], wide, tall, left=left, align="edge", color=BAND, lw=0)
    shift = {(1, 1): 0.0, (1, -1): 0.025, (-1, 1): 0.05, (-1, -1): 0.075}
    expected = data[data["kind"] == "expected"]
    for (perceived, style), part in expected.groupby(["perceived", "style"], sort=False):
        ends = part.set_index("at")
        colour = BLUE if perceived > 0 else VERMILION
        line = {"lw": 4, "alpha": 0.4} if style > 0 else {"lw": 1.6, "ls": (0, (4, 2))}
        x, last = 1 + shift[perceived, style], ends.loc["post"]
        words = f"attachment {'+' if perceived > 0 else '−'}1 SD, style {'+' if style > 0 else '−'}1 SD"
        ax.plot([0, x], ends.loc[["pre", "post"], "value"], color=colour, label=words, **line)
        ax.vlines(x, last["ci_low"], last["ci_high"], color=colour, lw=1.4)
    ax.set_xlim(-0.5, 1.6)
    ax.set_xticks([0, 1.04], ["before", "after treatment"])
    ax.set_ylabel(str(data["outcome"].iloc[0]))
    ax.figure.legend(loc="outside upper center", ncols=2, handlelength=2.2, columnspacing=1.0, fontsize=9)
