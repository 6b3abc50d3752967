"""The course of the outcome over time, and its parts by predictor."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST
from bowlby.figures.canvas import BLUE, GREY, INK, VERMILION, WIDTH, dots, note
from bowlby.figures.outcome import persons_in
from bowlby.results import Results
from bowlby.terms import IN_SENTENCES, P, T, by_time, parse

BINS = 10
THREADS = 200
POINTS = 25
COLUMNS = ["kind", "at", "time", "observed", "n", "model", "ci_low", "ci_high"]
LINES: dict[int, dict[str, Any]] = {1: {"color": BLUE, "dashes": ""}, -1: {"color": VERMILION, "dashes": (4, 2)}}


def gather(results: Results) -> pd.DataFrame | None:
    """From the growth model and its analysis set."""
    fit, data = results.json("fits/growth.json"), results.table("analysis/growth.parquet")
    return None if not fit or data is None else trajectory_data(fit, data, results.shareable)


def trajectory_data(fit: Mapping, data: pd.DataFrame, shareable: bool = True) -> pd.DataFrame:
    """Observed and modelled means with 95% limits for each time, and the model's courses at ±1 SD of the predictors.

    Times with fewer than five patients are left out; where every patient has times of their own, times are put
    together in ten groups. The limits take t with the smallest of the terms' degrees of freedom.

    Parameters
    ----------
    fit : dict
        ``fits/growth.json``.
    data : DataFrame
        Its analysis set.
    shareable : bool
        Otherwise courses of single patients are drawn too.

    Returns
    -------
    DataFrame
        kind (``mean``, a predictor, or ``patient``), at (SD of the predictor, or the number of a course), time,
        observed, n (patients), model, ci_low, ci_high.
    """
    table = _means(data, data["time"])
    if len(table) < 2 and len(data) >= 2 * SMALLEST:
        table = _means(data, pd.qcut(data["time"], min(BINS, len(data) // SMALLEST), duplicates="drop"))
    parts = [table.assign(kind="mean", at=0).join(_course(fit, table["time"]))]
    known = {f["term"] for f in fit["fixed"]}
    if len(table) > 1:
        times = pd.Series(np.linspace(table["time"].min(), table["time"].max(), POINTS), name="time")
        for predictor in (p for p in (P, T) if p in known):
            for at in LINES:
                line = _course(fit, times, {predictor: float(at)})
                parts.append(line.assign(kind=parse(predictor).variable, at=at, time=times))
    if not shareable:
        chosen = data["patient"].drop_duplicates().iloc[:: max(1, data["patient"].nunique() // THREADS)]
        for number, patient in enumerate(chosen):
            own = data.loc[data["patient"] == patient, ["time", "y"]].rename(columns={"y": "observed"})
            parts.append(own.assign(kind="patient", at=number))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _course(fit: Mapping, time: pd.Series, at: Mapping[str, float] | None = None) -> pd.DataFrame:
    """The model's mean with limits at these times; predictors that are not given are at their mean."""
    from scipy.special import stdtrit

    at, fixed = at or {}, {f["term"]: f for f in fit["fixed"]}
    clock = np.log1p(time) if "log_time" in fixed else time
    columns = {"Intercept": np.ones(len(time)), "time": time, "log_time": clock, "time_squared": time**2}
    columns |= {name: np.full(len(time), value) for name, value in at.items()}
    columns |= {by_time(name): value * clock for name, value in at.items()}
    used = [term for term in fixed if term in columns]
    covariance = fit.get("vcov_adjusted") or fit["vcov"]
    where = [covariance["terms"].index(term) for term in used]
    v = np.asarray(covariance["values"], dtype=float)[np.ix_(where, where)]
    x = np.column_stack([columns[term] for term in used])
    model, se = x @ [fixed[term]["estimate"] for term in used], np.sqrt(np.einsum("ij,jk,ik->i", x, v, x))
    df = min((fixed[term]["df"] for term in used if fixed[term]["df"] is not None), default=np.inf)
    half = stdtrit(df, 0.975) * se
    return pd.DataFrame({"model": model, "ci_low": model - half, "ci_high": model + half}, index=time.index)


def _means(data: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    groups = data.groupby(by.rename("group"), observed=True)
    table = groups.agg(time=("time", "mean"), observed=("y", "mean"))
    table["n"] = persons_in(groups.ngroup().to_numpy(), pd.factorize(data["patient"])[0])
    return table[table["n"] >= SMALLEST].reset_index(drop=True)


def draw(ax, data: pd.DataFrame) -> None:
    """The mean course; or for each predictor a panel with the courses at 1 SD more and less."""
    kinds = [kind for kind in dict.fromkeys(data["kind"]) if kind not in ("mean", "patient")]
    if not kinds:
        return _mean(ax, data)
    figure = ax.figure
    ax.remove()
    figure.set_size_inches(WIDTH, 3.9)
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for number, (panel, kind) in enumerate(zip(panels, kinds, strict=True)):
        _threads(panel, data)
        _predicted(panel, data[data["kind"] == kind])
        _observed(panel, data[data["kind"] == "mean"], legend=not number)
        panel.set_title(IN_SENTENCES[kind], fontsize=10.5)
        panel.set(xlabel="time", ylabel="" if number else "outcome (its own units)")
    figure.legend(loc="outside upper center", ncols=1, handlelength=1.4)
    return None


def _threads(ax, data: pd.DataFrame) -> None:
    for _, own in data[data["kind"] == "patient"].groupby("at"):
        ax.plot(own["time"], own["observed"], color=GREY, lw=0.4, alpha=0.35)


def _predicted(ax, data: pd.DataFrame) -> None:
    """Two courses with their intervals, named at their ends."""
    ends = {}
    for at, how in LINES.items():
        own = data[data["at"] == at]
        ax.fill_between(own["time"], own["ci_low"], own["ci_high"], color=how["color"], alpha=0.15, lw=0)
        ax.plot(own["time"], own["model"], lw=2, **how)
        ends[at] = own.iloc[-1]
    ax.margins(x=0.16)
    for at, end in ends.items():
        above = end["model"] >= ends[-at]["model"]
        note(
            ax,
            end["time"],
            end["model"],
            f" {at:+d} SD".replace("-", "−"),
            va="bottom" if above else "top",
            fontsize=9.5,
        )


def _observed(ax, data: pd.DataFrame, legend: bool = True) -> None:
    label = {"label": "observed mean"} if legend else {}
    dots(ax, data["time"], data["observed"], marker="D", s=30, color=INK, zorder=3, **label)


def _mean(ax, data: pd.DataFrame) -> None:
    """Line, interval, means, and the number of patients behind each mean."""
    _threads(ax, data)
    data = data[data["kind"] == "mean"]
    ax.fill_between(data["time"], data["ci_low"], data["ci_high"], color=BLUE, alpha=0.2, lw=0, label="95% CI")
    ax.plot(data["time"], data["model"], color=BLUE, lw=2.2, label="model")
    dots(ax, data["time"], data["observed"], marker="D", s=40, color=VERMILION, label="observed mean", zorder=3)
    ax.set_ylabel("outcome (its own units)")
    ax.margins(x=0.05, y=0.12)
    shown = max(2, min(6, 36 // len(f"{data['n'].max():,.0f}")))  # as many numbers as have room
    every = ceil(len(data) / shown)
    bottom = ax.get_ylim()[0]
    for row in pd.concat([data.iloc[: -every or None : every], data.iloc[-1:]]).itertuples(index=False):
        ax.text(row.time, bottom, f"{row.n:,.0f}", ha="center", va="bottom", fontsize=9.5, color=INK)
    ax.set_xlabel("time (numbers along the bottom: patients)")
    ax.figure.legend(loc="outside upper center", ncols=3, handlelength=1.4, columnspacing=1.2)
