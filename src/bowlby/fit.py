"""Fits as files: the models of a run, and what is kept of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from bowlby.mixed.second_engine import SecondFit, contrast, fit_second

ENGINE = "statsmodels MixedLM (Powell) with GLS standard errors"


def fit_primary(data: pd.DataFrame, design: dict) -> tuple[dict, pd.DataFrame]:
    """Fit M1 with a therapist intercept.

    Parameters
    ----------
    data : DataFrame
        The analysis set of :func:`bowlby.design.primary.primary_set`.
    design : dict
        Its description; ``sd_outcome`` standardises the contrasts.

    Returns
    -------
    fit : dict
        The contract of ``fits/<model>.json``; contrasts P, T, P-T, P+T in outcome SD per reference SD.
    effects : DataFrame
        Random effects: group, level, term, value, variance.
    """
    terms = [c for c in data.columns if c not in ("patient", "therapist", "y")]
    result = _fit(data, terms, reml=True, outer_terms=tuple(t for t in terms if t == "s_star" or t.endswith("_b")))
    unit = 1.0 / design["sd_outcome"]
    weights = {
        "P": {"a_star_w": unit},
        "T": {"s_star": unit},
        "P-T": {"a_star_w": unit, "s_star": -unit},
        "P+T": {"a_star_w": unit, "s_star": unit},
    }
    record = record_fit(
        "primary", result, [contrast(result, w, name) for name, w in weights.items()], design["n_dropped"]
    )
    record["warnings"] = ["slope_variance_not_modelled", *record["warnings"]]
    if design["n_switching"]:
        record["warnings"].append("switching_patients_in_main_therapist")
    return record, result.effects


def fit_growth(data: pd.DataFrame, reml: bool, n_dropped: dict) -> tuple[dict, pd.DataFrame]:
    """Fit the three-level growth model: occasions in patients in therapists.

    Parameters
    ----------
    data : DataFrame
        Columns patient, therapist, time, y.
    reml : bool
        Restricted or full maximum likelihood.
    n_dropped : dict
        Rows left out, by reason.

    Returns
    -------
    fit : dict
        The contract of ``fits/<model>.json``.
    effects : DataFrame
        Random effects.
    """
    result = _fit(data, ["time"], reml=reml, inner="patient")
    record = record_fit("growth", result, [], n_dropped)
    return record, result.effects


def _fit(
    data: pd.DataFrame, terms: list[str], reml: bool, inner: str | None = None, outer_terms: tuple[str, ...] = ()
) -> SecondFit:
    x = data[terms].astype(float).reset_index(drop=True)
    x.insert(0, "Intercept", 1.0)
    return fit_second(
        data["y"].to_numpy(float),
        x,
        data["therapist"].astype(str).to_numpy(),
        None if inner is None else data[inner].astype(str).to_numpy(),
        outer_terms=outer_terms,
        reml=reml,
    )


def record_fit(model: str, result: SecondFit, contrasts: list[dict], n_dropped: dict) -> dict:
    """A fit in the contract of ``fits/<model>.json``."""
    se = np.sqrt(np.diag(result.cov))
    t = result.params / se
    half = stats.t.ppf(0.975, result.df) * se
    fixed = [
        {
            "term": term,
            "estimate": b,
            "se": s,
            "df": df,
            "t": tt,
            "p": 2 * stats.t.sf(abs(tt), df),
            "ci_low": b - h,
            "ci_high": b + h,
        }
        for term, b, s, df, tt, h in zip(result.terms, result.params, se, result.df, t, half)
    ]
    random = [
        {"group": group, "term": "Intercept", "term2": None, "variance_or_cov": v, "sd_or_corr": np.sqrt(v)}
        for group, v in result.variances.items()
    ]
    flags = [f"singular: {group} variance is 0" for group, v in result.variances.items() if v <= 1e-6 * result.scale]
    return {
        "schema": 1,
        "model": model,
        "engine": ENGINE,
        "reml": result.reml,
        "llf": result.llf,
        "n_obs": result.n_obs,
        "n_dropped": n_dropped,
        "groups": result.groups,
        "fixed": fixed,
        "vcov": {"terms": result.terms, "values": result.cov},
        "vcov_adjusted": None,
        "contrasts": contrasts,
        "blocks": [],
        "random": random,
        "scale": result.scale,
        "singular": result.singular,
        "converged": result.converged,
        "df_method": "containment",
        "provisional": True,
        "warnings": flags + result.warnings,
    }
