"""What the imputations say together: effects, verdicts, and how the missing outcomes would have to lie to turn them."""

from __future__ import annotations

from math import ceil

import numpy as np
import pandas as pd
from scipy import stats

from bowlby.compare.verdict import Effect
from bowlby.disclosure import SMALLEST, small
from bowlby.robustness.claims import Answer
from bowlby.robustness.pooling import Pooled, drift, rubin
from bowlby.robustness.table import FAILED

NAMES = ("P", "T", "P-T", "P+T", "T_A")
TRACES = ("between", "within", "mean")
LEAST = 20
NEAR = 0.2
OUTCOME = ("C1", "C2", "C3")


def pooled(table: pd.DataFrame) -> dict[str, Pooled]:
    """Effects over the imputations that could be fitted; none where fewer than two could."""
    kept = table[table["status"] != FAILED]
    if len(kept) < 2:
        return {}
    return {name: rubin(*(kept[name + part].to_numpy(float) for part in ("", "_se", "_df")))
            for name in NAMES if name in kept}  # fmt: skip


def verdicts(found: dict[str, Pooled], delta: float) -> dict[str, str]:
    """Verdicts of the claims that pooled effects decide."""
    claims = Answer({name: one.effect for name, one in found.items()}).verdicts(delta)
    return {name: claim["verdict"] for name, claim in claims.items()}


def imputed(table: pd.DataFrame, delta: float) -> dict:
    """Pooled effects with their intervals, verdicts, and whether the imputations are many enough and settled.

    Parameters
    ----------
    table : DataFrame
        ``robustness/imputation.parquet``.
    delta : float
        Equivalence bound.

    Returns
    -------
    dict
        ``effects`` (estimate, se, df, p, ci, fmi), ``verdicts``, ``missing`` (see :func:`described`), ``needed``
        imputations, ``enough``; ``drift`` of the chains (t), ``settled`` where none is beyond 4.
    """
    found = pooled(table)
    missing = table.attrs["missing"]
    needed = max(LEAST, ceil(100 * missing["incomplete_patients"]))
    moved = {name: drift(table[f"{name}_before"].to_numpy(float), table[f"{name}_after"].to_numpy(float))
             for name in TRACES}  # fmt: skip
    return {
        "effects": {name: _line(one.effect) | {"fmi": one.fmi} for name, one in found.items()},
        "verdicts": verdicts(found, delta),
        "missing": missing,
        "needed": needed,
        "enough": len(table) >= needed,
        "drift": moved,
        "settled": all(abs(t) < 4 for t in moved.values()),
    }


def _line(effect: Effect) -> dict:
    low, high = effect.limits(0.975)
    p = 2 * float(stats.t.sf(abs(effect.estimate / effect.se), effect.df))
    return {"estimate": effect.estimate, "se": effect.se, "df": effect.df, "p": p, "ci": [low, high]}


def moved(table: pd.DataFrame, delta: float) -> list[dict]:
    """Effects and verdicts for every difference in slope of those whose outcome is missing, the smallest first."""
    out = []
    for (along, move), rows in sorted(table.groupby(["along", "delta"]), key=lambda item: (abs(item[0][1]), *item[0])):
        found = pooled(rows)
        if found and (move or along == "attachment"):  # no difference is the same along either
            out.append({"along": along, "delta": float(move), "verdicts": verdicts(found, delta),
                        "effects": {name: _line(one.effect) for name, one in found.items()}})  # fmt: skip
    return out


def tips(name: str, verdict: str, table: pd.DataFrame, delta: float) -> dict | None:
    """The smallest difference in slope at which a claim's verdict is another, as ``along`` and ``delta``; or None."""
    for line in moved(table, delta):
        if line["verdicts"].get(name, verdict) != verdict:
            return {"along": line["along"], "delta": line["delta"]}
    return None


def tipped(table: pd.DataFrame, now: dict[str, str], delta: float) -> dict:
    """Every difference in slope that was tried, and for every claim the smallest that changes its verdict."""
    return {
        "imputations": int(table["imputation"].nunique()),
        "moves": moved(table, delta),
        "tips": {name: tips(name, now[name], table, delta) for name in OUTCOME if name in now},
    }


def turned(name: str, claim: dict, tables: dict[str, pd.DataFrame], delta: float) -> list[str]:
    """Reasons why what is missing makes a verdict fragile: another one with imputed values, or close to them."""
    verdict, out = claim["verdict"], []
    if "imputation" in tables:
        other = verdicts(pooled(tables["imputation"]), delta).get(name, verdict)
        if other != verdict:
            out.append(f"with missing values imputed it is {other}")
    if "tipping" in tables and name in OUTCOME:
        at = tips(name, verdict, tables["tipping"], delta)
        if at is not None and abs(at["delta"]) <= NEAR + 1e-9 and not out:
            what = {"attachment": "perceived attachment", "style": "therapist style"}[at["along"]]
            out.append(f"it changes where the slope of {what} is {abs(at['delta']):g} SD "
                       f"{'lower' if at['delta'] < 0 else 'higher'} among patients without outcome"
                       if at["delta"] else "with missing outcomes imputed it is another")  # fmt: skip
    return out


def described(frame: pd.DataFrame, columns: list[str], style: np.ndarray) -> dict:
    """Who has something missing, and how those without an outcome differ from the others.

    Parameters
    ----------
    frame : DataFrame
        A row a patient with y and the columns.
    columns : list of str
    style : ndarray, shape (J, q)
        Therapists' scales, NaN where missing.

    Returns
    -------
    dict
        ``patients``; ``incomplete_patients``, share with anything missing; ``incomplete_therapists``; ``shares``
        missing of every column; ``without_outcome``, their number; ``dropout``: of every column the mean of those with
        and of those without outcome, and their difference in SD of all. Fewer than 5 without outcome are not described.
    """
    without = frame["y"].isna()
    lines = []
    for column in [c for c in columns if c != "y"]:
        values = frame[column].dropna()
        left = without.reindex(values.index)
        if min(left.sum(), (~left).sum()) < SMALLEST or not values.std() > 0:
            continue
        means = values.groupby(left).mean()
        lines.append({"column": column, "with_outcome": int((~left).sum()), "without_outcome": int(left.sum()),
                      "mean_with": float(means[False]), "mean_without": float(means[True]),
                      "difference_sd": float((means[True] - means[False]) / values.std())})  # fmt: skip
    incomplete = frame[[*columns, "y"]].isna().any(axis=1)
    return {
        "patients": len(frame),
        "incomplete_patients": float(incomplete.mean()),
        "incomplete_therapists": float(np.isnan(style).any(axis=1).mean()),
        "shares": {c: float(frame[c].isna().mean()) for c in ["y", *columns]},
        "without_outcome": None if small(without.sum()) else int(without.sum()),
        "dropout": lines,
    }
