"""What the replicates say: intervals, p values, who carries the finding."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtrit

from bowlby.files import read_parquet
from bowlby.robustness.imputation_summary import imputed, tipping_summary
from bowlby.robustness.multiverse import NODES
from bowlby.robustness.replicates import FAILED, SINGULAR, absent, share_as_large
from bowlby.robustness.resampling import judged
from bowlby.robustness.verdict_changes import ESTIMATES, binding

NAMES = ("P", "T", "P-T", "P+T", "T_A")
CLAIMS = ("C1", "C2", "C3", "C4", "C5")
LEVELS = (0.025, 0.975)


def summarise(
    tables: dict[str, pd.DataFrame], effects: dict[str, dict], delta: float, verdicts: dict[str, str]
) -> dict[str, dict]:
    """One record a kind of robustness.

    Parameters
    ----------
    tables : dict of DataFrame
        ``robustness/<kind>.parquet`` by kind.
    effects : dict of dict
        Contrasts of the run's fits by name: estimate, se, df.
    delta : float
        Equivalence bound.
    verdicts : dict of str
        The run's verdict of every claim that is tested.

    Returns
    -------
    dict of dict
        By kind: replicates, singular, failed, and

        - parametric, cluster: ``intervals`` of each contrast (percentile; for cluster BCa too where the leave-one-out
          estimates are there), mean, sd;
        - permutation: two-sided p of T, 95% quantile of \\|t\\|, share of each verdict of C2 with permuted style;
        - wild: two-sided p of every contrast;
        - sandwich: estimate, se, df, p, ci of every contrast;
        - any kind that could not be computed: ``not_computed``, the reason;
        - multiverse, multiverse_null: see :func:`curve`; p of the curve under the null;
        - assumptions: see :func:`bowlby.robustness.resampling.judged`;
        - imputation, tipping: see :mod:`bowlby.robustness.imputation_summary`;
        - influence: per claim the verdicts without one therapist, and those who turn it (the other verdict, by how many
          SE the estimate moves; the largest first, therapists not named); the largest distances, and how many
          therapists' Cook's distance is above 4 / J.
    """
    out = {}
    for kind, table in sorted(tables.items()):
        record = {
            "replicates": len(table),
            "singular": int((table["status"] == SINGULAR).sum()),
            "failed": int((table["status"] == FAILED).sum()),
        }
        if why := absent(kind, table):
            out[kind] = record | {"not_computed": why}
        elif kind == "multiverse":
            out[kind] = record | curve(table, delta)
        elif kind == "imputation":
            out[kind] = record | imputed(table, delta)
        elif kind == "tipping":
            out[kind] = record | tipping_summary(table, verdicts, delta)
        elif kind == "assumptions":
            out[kind] = record | judged(table)
        elif kind == "influence":
            out[kind] = record | _influence(table, effects, verdicts)
        else:
            out[kind] = record | _SUMMARIES[kind](table, effects, tables)
    return out


def read_tables(folder: Path, kinds: Iterable[str]) -> dict[str, pd.DataFrame]:
    """The tables of a run by kind."""
    return {kind: read_parquet(folder / f"robustness/{kind}.parquet") for kind in kinds}


def _bootstrap(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    kept = table[table["status"] != FAILED]
    out = {}
    for name in NAMES:
        values = kept[name].to_numpy(float)
        if name not in effects or len(values) < 2:
            continue
        out[name] = {
            "estimate": effects[name]["estimate"],
            "mean": values.mean(),
            "sd": values.std(ddof=1),
            "ci": np.quantile(values, LEVELS),
        }
    return {"intervals": out}


def _cluster(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    summary = _bootstrap(table, effects, tables)
    left_out = tables.get("influence")
    for name, row in summary["intervals"].items():
        if left_out is not None and name in left_out:
            values = table.loc[table["status"] != FAILED, name].to_numpy(float)
            row["bca"] = bca(values, row["estimate"], left_out[name].dropna().to_numpy(float))
    return summary


def bca(values: np.ndarray, estimate: float, jackknife: np.ndarray, levels=LEVELS) -> list[float]:
    """Bias-corrected and accelerated limits.

    Parameters
    ----------
    values : ndarray
        Replicates.
    estimate : float
    jackknife : ndarray
        Estimates with one cluster left out.
    levels : sequence of float

    Returns
    -------
    list of float
        With ``z0 = Phi^-1(share of replicates below the estimate)`` and acceleration
        ``a = sum d^3 / (6 (sum d^2)^1.5)``, d the mean of the jackknife less its values, the quantiles at
        ``Phi(z0 + (z0 + z) / (1 - a (z0 + z)))`` (Efron 1987, J Am Stat Assoc 82:171-185). Ties count half.
    """
    share = ((values < estimate).mean() + (values <= estimate).mean()) / 2
    edge = 0.5 / len(values)
    z0 = ndtri(np.clip(share, edge, 1 - edge))
    d = jackknife.mean() - jackknife
    square = float((d**2).sum())
    a = float((d**3).sum()) / (6 * square**1.5) if square > 0 else 0.0
    z = z0 + ndtri(np.asarray(levels))
    return [float(q) for q in np.quantile(values, ndtr(z0 + z / (1 - a * z)))]


def _permutation(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    t = table.loc[table["status"] != FAILED, "T_t"].abs().to_numpy(float)
    others = table[(table["status"] != FAILED) & (table["replicate"] > 0)]
    shares = {v: float((others["C2"] == v).mean()) for v in ("supported", "refuted", "inconclusive")}
    return {
        "p": {"T": share_as_large(t)},
        "t_95": float(np.quantile(others["T_t"].abs(), 0.95)),
        "c2_with_permuted_style": shares,
    }


def _wild(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    return {"p": {name: share_as_large(table[f"{name}_t"].abs().to_numpy(float)) for name in NAMES}}


def _sandwich(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    row, out = table.iloc[0], {}
    for name in (*NAMES, *(n for n in ("Z",) if n in table)):
        half = stdtrit(row[f"{name}_df"], 0.975) * row[f"{name}_se"]
        out[name] = {"estimate": row[name], "se": row[f"{name}_se"], "df": row[f"{name}_df"], "p": row[f"{name}_p"],
                     "ci": [row[name] - half, row[name] + half]}  # fmt: skip
    return {"contrasts": out}


def _influence(table: pd.DataFrame, effects: dict, now: dict[str, str]) -> dict:
    fitted = table[table["status"] != FAILED]
    moved = {
        name: float((fitted[name] - effects[name]["estimate"]).abs().max())
        for name in (*NAMES, "Z")
        if name in fitted and name in effects
    }
    verdicts = {c: {v: int(n) for v, n in fitted[c].value_counts().items()} for c in CLAIMS if c in fitted}
    return {
        "therapists": len(table),
        "verdicts": verdicts,
        "flips": {name: flips(name, verdict, fitted, effects) for name, verdict in now.items() if name in fitted},
        "largest_move": moved,
        "largest_cooks": float(fitted["cooks"].max()),
        "cooks_above": int((fitted["cooks"] > 4 / len(table)).sum()),
        "largest_mdffits": float(fitted["mdffits"].max()),
        "covratio": [float(fitted["covratio"].min()), float(fitted["covratio"].max())],
    }


def flips(name: str, verdict: str, fitted: pd.DataFrame, effects: dict[str, dict]) -> list[dict]:
    """Therapists without whom a claim's verdict is another, not named: the one who moves its estimate most first."""
    estimate = ESTIMATES.get(name) or binding(effects)
    other = fitted[fitted[name] != verdict]
    moved = ((other[estimate] - effects[estimate]["estimate"]) / effects[estimate]["se"]).sort_values(key=abs)[::-1]
    return [{"verdict": other.loc[at, name], "moved_se": float(value)} for at, value in moved.items()]


def curve(table: pd.DataFrame, delta: float) -> dict:
    """The specification curve: shares of signs and verdicts, and the medians of every choice.

    Parameters
    ----------
    table : DataFrame
        ``robustness/multiverse.parquet``; specification 0 is the registered one.
    delta : float
        Equivalence bound.
    """
    fitted, registered = table[table["status"] != FAILED], table.iloc[0]
    verdicts = {c: {v: float(s) for v, s in fitted[c].value_counts(normalize=True).items()} for c in ("C1", "C2", "C3")}
    nodes = {
        node: {level: {"specifications": len(own), "P": own["P"].median(), "T": own["T"].median()}
               for level, own in fitted.groupby(node)}
        for node in NODES
    }  # fmt: skip
    other = {n: float((np.sign(fitted[n]) != np.sign(registered[n])).mean()) for n in ("P", "P-|T|")}
    return {
        "combinations": table.attrs.get("combinations"),
        "dropped": table.attrs.get("dropped", []),
        "median": {name: fitted[name].median() for name in ("P", "T", "P-|T|")},
        "verdicts": verdicts,
        "expected": expected_support(fitted, registered),
        "p_above_t": float((fitted["P-|T|"] > 0).mean()),
        "other_sign": other,
        "t_beyond_delta": float((fitted["T"].abs() >= delta).mean()),
        "nodes": {node: levels for node, levels in nodes.items() if len(levels) > 1},
    }


def expected_support(fitted: pd.DataFrame, registered: pd.Series) -> dict[str, list[float]]:
    """Share of specifications that would support C1 and C2 if all had the registered estimates and differed in SE only.

    Of a specification with standard error s that share is the probability that an estimate around the registered one
    exceeds ``t s``. C2 needs two estimates, P-T and P+T, to do so: its range is from independent to fully dependent.

    Returns
    -------
    dict of list
        Lowest and highest share.
    """
    reach = {}
    for name in ("P", "P-T", "P+T"):
        se, df = fitted[f"{name}_se"].to_numpy(float), fitted[f"{name}_df"].to_numpy(float)
        reach[name] = ndtr(registered[name] / se - stdtrit(df, 0.975))
    both = [reach["P-T"] * reach["P+T"], np.minimum(reach["P-T"], reach["P+T"])]
    return {"C1": [float(reach["P"].mean())] * 2, "C2": [float(one.mean()) for one in both]}


def _null(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    """The curve of the study among curves under the null, and what any variable of therapists would have given."""
    others = table[table["replicate"] > 0]
    band = others["drawn_median"].dropna()
    return {
        "specifications": int(table["specifications"].iloc[0]),
        "p": {
            column: share_as_large(table[column].abs().to_numpy(float))
            for column in ("T_median", "T_significant", "P_median", "P_significant")
        },
        "c2_supported": {
            "registered": float(table["C2_permuted"].iloc[0]),
            "permuted_style": float(others["C2_permuted"].mean()),
            "unrelated_variable": float(others["C2_control"].mean()),
        },
        "median_p_less_t": float(table["drawn_median"].iloc[0]),
        "median_p_less_t_ci": list(np.quantile(band, LEVELS)) if len(band) > 1 else [None, None],
    }


_SUMMARIES = {
    "multiverse_null": _null,
    "parametric": _bootstrap,
    "cluster": _cluster,
    "permutation": _permutation,
    "wild": _wild,
    "sandwich": _sandwich,
}
