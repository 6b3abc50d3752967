"""What the replicates say: intervals, p values, who carries the finding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from bowlby.errors import Place, UserError, problem
from bowlby.robust.table import FAILED, SINGULAR

NAMES = ("P", "T", "P-T", "P+T", "T_A")
CLAIMS = ("C1", "C2", "C3", "C4", "C5")
LEVELS = (0.025, 0.975)


def summarise(tables: dict[str, pd.DataFrame], effects: dict[str, dict]) -> dict[str, dict]:
    """One record a kind of robustness.

    Parameters
    ----------
    tables : dict of DataFrame
        ``robustness/<kind>.parquet`` by kind.
    effects : dict of dict
        Contrasts of the run's fits by name: estimate, se, df.

    Returns
    -------
    dict of dict
        By kind: replicates, singular, failed, and

        - parametric, cluster: ``intervals`` of each contrast (percentile; for cluster BCa too where the leave-one-out
          estimates are there), mean, sd;
        - permutation: two-sided p of T, 95 % quantile of \\|t\\|, share of each verdict of C2 with permuted style;
        - wild: two-sided p of every contrast;
        - sandwich: estimate, se, df, p, ci of every contrast, p of C5;
        - influence: per claim the number of therapists whose leaving changes the verdict, and how far the estimates
          move; the largest distances.
    """
    out = {}
    for kind, table in sorted(tables.items()):
        record = {
            "replicates": len(table),
            "singular": int((table["status"] == SINGULAR).sum()),
            "failed": int((table["status"] == FAILED).sum()),
        }
        out[kind] = record | _SUMMARIES[kind](table, effects, tables)
    return out


def read_tables(folder: Path, kinds: list[str], mark: str) -> dict[str, pd.DataFrame]:
    """The tables of a run by kind.

    Raises
    ------
    UserError
        If one was made from other data or another configuration; it is removed, so that the next run makes it anew.
    """
    tables, problems = {}, []
    for kind in kinds:
        path = folder / f"robustness/{kind}.parquet"
        tables[kind] = pd.read_parquet(path)
        if tables[kind].attrs.get("inputs") != mark:
            path.unlink()
            problems.append(
                problem(
                    "made from other data or another configuration",
                    "it was removed; run again, and it will be made anew",
                    Place(path.name),
                )
            )
    if problems:
        raise UserError(problems)
    return tables


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
    found = _bootstrap(table, effects, tables)
    left_out = tables.get("influence")
    for name, row in found["intervals"].items():
        if left_out is not None:
            values = table.loc[table["status"] != FAILED, name].to_numpy(float)
            row["bca"] = bca(values, row["estimate"], left_out[name].dropna().to_numpy(float))
    return found


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
    z0 = stats.norm.ppf(np.clip(share, edge, 1 - edge))
    d = jackknife.mean() - jackknife
    square = float((d**2).sum())
    a = float((d**3).sum()) / (6 * square**1.5) if square > 0 else 0.0
    z = z0 + stats.norm.ppf(np.asarray(levels))
    return [float(q) for q in np.quantile(values, stats.norm.cdf(z0 + z / (1 - a * z)))]


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


def share_as_large(values: np.ndarray) -> float:
    """Share of the values at least as large as the first, which is the study's; a p value."""
    return float((values >= values[0] * (1 - 1e-9)).mean())


def _sandwich(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    row, out = table.iloc[0], {}
    for name in NAMES:
        half = stats.t.ppf(0.975, row[f"{name}_df"]) * row[f"{name}_se"]
        out[name] = {"estimate": row[name], "se": row[f"{name}_se"], "df": row[f"{name}_df"], "p": row[f"{name}_p"],
                     "ci": [row[name] - half, row[name] + half]}  # fmt: skip
    return {"contrasts": out} | ({"C5_p": row["C5_p"]} if "C5_p" in table else {})


def _influence(table: pd.DataFrame, effects: dict, tables: dict) -> dict:
    fitted = table[table["status"] != FAILED]
    moved = {
        name: float((fitted[name] - effects[name]["estimate"]).abs().max())
        for name in (*NAMES, "Z_v")
        if name in fitted and name in effects
    }
    verdicts = {c: {v: int(n) for v, n in fitted[c].value_counts().items()} for c in CLAIMS if c in fitted}
    return {
        "therapists": len(table),
        "verdicts": verdicts,
        "largest_move": moved,
        "largest_cooks": float(fitted["cooks"].max()),
        "largest_mdffits": float(fitted["mdffits"].max()),
        "covratio": [float(fitted["covratio"].min()), float(fitted["covratio"].max())],
    }


_SUMMARIES = {
    "parametric": _bootstrap,
    "cluster": _cluster,
    "permutation": _permutation,
    "wild": _wild,
    "sandwich": _sandwich,
    "influence": _influence,
}
