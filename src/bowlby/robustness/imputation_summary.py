"""Results pooled over imputations, and how much missing outcomes must differ to change a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, small
from bowlby.effect import Effect
from bowlby.reasons import reason
from bowlby.robustness.refit_claims import Answer
from bowlby.robustness.replicates import FAILED


@dataclass(frozen=True)
class Pooled:
    """An effect over imputations.

    Attributes
    ----------
    effect : Effect
        Estimate, SE and df.
    fmi : float
        Fraction of information that is missing.
    """

    effect: Effect
    fmi: float


def rubin(estimates: np.ndarray, se: np.ndarray, df: np.ndarray) -> Pooled:
    """Pool one effect by Rubin's rules, with the small-sample df of Barnard and Rubin.

    Parameters
    ----------
    estimates, se, df : ndarray, shape (m,)
        Of every completed data set; df Kenward-Roger's, whose harmonic mean is the df of complete data (a variance of
        0 in one of them may make its df large, which would carry an arithmetic mean).

    Returns
    -------
    Pooled
        With U the mean of ``se^2``, B the variance of the estimates and ``T = U + (1 + 1/m) B``: SE ``sqrt(T)``;
        ``lambda = (1 + 1/m) B / T``; df ``1 / (lambda^2 / (m - 1) + 1 / v)`` where
        ``v = (n + 1) / (n + 3) n (1 - lambda)`` for n df of complete data; ``fmi = (r + 2 / (df + 3)) / (1 + r)``,
        ``r = (1 + 1/m) B / U``.

    References
    ----------
    Barnard & Rubin (1999), Biometrika 86:948-955.
    """
    m = len(estimates)
    within, between = float((se**2).mean()), float(estimates.var(ddof=1))
    added = (1 + 1 / m) * between
    total = within + added
    share, complete = added / total, float(1 / (1 / df).mean())
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    pooled = 1 / (share**2 / (m - 1) + 1 / observed)
    r = added / within
    return Pooled(Effect(float(estimates.mean()), total**0.5, pooled), (r + 2 / (pooled + 3)) / (1 + r))


def drift(before: np.ndarray, after: np.ndarray) -> float:
    """Whether independent chains still move: t of the change from one stretch of every chain to the next.

    Parameters
    ----------
    before, after : ndarray, shape (chains,)
        Means of the chains' third and last quarters.

    Returns
    -------
    float
        Mean change over its standard error; 0 where nothing changes.
    """
    change = after - before
    spread = change.std(ddof=1)
    return float(change.mean() / spread * len(change) ** 0.5) if spread > 0 else 0.0


NAMES = ("P", "T", "P-T", "P+T", "T_A")
TRACES = ("between", "within", "mean")
LEAST = 20
NEAR = 0.2
OUTCOME = ("C1", "C2", "C3")


def pooled(table: pd.DataFrame) -> dict[str, Pooled]:
    """Effects over the imputations that could be fitted; none where fewer than two could."""
    table = _bare(table)
    kept = table[table["status"] != FAILED]
    if len(kept) < 2:
        return {}
    return {name: rubin(*(kept[name + part].to_numpy(float) for part in ("", "_se", "_df")))
            for name in NAMES if name in kept}  # fmt: skip


def _bare(table: pd.DataFrame) -> pd.DataFrame:
    """The table without what it says of the study, of which pandas would make a copy for each column taken."""
    bare = table.copy(deep=False)
    bare.attrs = {}
    return bare


def verdicts(effects: dict[str, Pooled], delta: float) -> dict[str, str]:
    """Verdicts of the claims that pooled effects decide."""
    claims = Answer({name: one.effect for name, one in effects.items()}).verdicts(delta)
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
    effects = pooled(table)
    missing = table.attrs["missing"]
    needed = max(LEAST, ceil(100 * missing["incomplete_patients"]))
    moved = {name: drift(table[f"{name}_before"].to_numpy(float), table[f"{name}_after"].to_numpy(float))
             for name in TRACES}  # fmt: skip
    return {
        "effects": {name: _line(one.effect) | {"fmi": one.fmi} for name, one in effects.items()},
        "verdicts": verdicts(effects, delta),
        "missing": missing,
        "needed": needed,
        "enough": len(table) >= needed,
        "drift": moved,
        "settled": all(abs(t) < 4 for t in moved.values()),
    }


def _line(effect: Effect) -> dict:
    low, high = effect.limits(0.975)
    return {"estimate": effect.estimate, "se": effect.se, "df": effect.df, "p": effect.p_two_sided(), "ci": [low, high]}


def effects_by_slope_difference(table: pd.DataFrame, delta: float) -> list[dict]:
    """Effects and verdicts for every difference in slope of those whose outcome is missing, the smallest first."""
    out = []
    for (along, move), rows in sorted(
        _bare(table).groupby(["along", "delta"]), key=lambda item: (abs(item[0][1]), *item[0])
    ):
        effects = pooled(rows)
        if effects and (move or along == "attachment"):  # no difference is the same along either
            out.append({"along": along, "delta": float(move), "verdicts": verdicts(effects, delta),
                        "effects": {name: _line(one.effect) for name, one in effects.items()}})  # fmt: skip
    return out


def smallest_changing_difference(name: str, verdict: str, moves: list[dict]) -> dict | None:
    """The smallest difference in slope at which a claim's verdict is another, as ``along`` and ``delta``; or None.

    ``moves`` is what :func:`effects_by_slope_difference` gives.
    """
    for line in moves:
        if line["verdicts"].get(name, verdict) != verdict:
            return {"along": line["along"], "delta": line["delta"]}
    return None


def tipping_summary(table: pd.DataFrame, now: dict[str, str], delta: float) -> dict:
    """Every difference in slope that was tried, and for every claim the smallest that changes its verdict."""
    moves = effects_by_slope_difference(table, delta)
    return {
        "imputations": int(table["imputation"].nunique()),
        "moves": moves,
        "tips": {name: smallest_changing_difference(name, now[name], moves) for name in OUTCOME if name in now},
    }


def changes_from_missing_data(name: str, claim: dict, tables: dict[str, pd.DataFrame], delta: float) -> list[dict]:
    """How what is missing changes a verdict: another one with imputed values, or close to them."""
    verdict, out = claim["verdict"], []
    if "imputation" in tables:
        other = verdicts(pooled(tables["imputation"]), delta).get(name, verdict)
        if other != verdict:
            out.append(reason("imputed", verdict=other))
    if "tipping" in tables and name in OUTCOME:
        at = smallest_changing_difference(name, verdict, effects_by_slope_difference(tables["tipping"], delta))
        if at is not None and abs(at["delta"]) <= NEAR + 1e-9 and not out:
            way = "lower" if at["delta"] < 0 else "higher"
            tipped = reason("tipped", along=at["along"], size=abs(at["delta"]), way=way)
            out.append(tipped if at["delta"] else reason("outcomes_imputed"))
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
