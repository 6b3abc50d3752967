"""Fits as files: the models of a run, what is kept of each, and the second engine beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.mixed import MixedModel
from bowlby.mixed.second_engine import fit_second

ENGINE = "bowlby.mixed"
SECOND = "statsmodels MixedLM (Powell) with GLS standard errors"
NOT_TERMS = ("patient", "therapist", "occasion", "y")


def fit_primary(data: pd.DataFrame, membership: pd.DataFrame, design: dict) -> tuple[dict, pd.DataFrame, dict]:
    """Fit M1: a therapist intercept and an uncorrelated therapist slope of perceived attachment, by REML.

    Parameters
    ----------
    data : DataFrame
        The analysis set of :func:`bowlby.design.primary.primary_set`.
    membership : DataFrame
        Columns patient, therapist, weight: patients who switch are members of several therapists.
    design : dict
        Description of the set; ``sd_outcome`` standardises the contrasts.

    Returns
    -------
    fit : dict
        The contract of ``fits/<model>.json``; contrasts P, T, P-T, P+T in outcome SD per reference SD, with
        Kenward-Roger standard errors and degrees of freedom.
    effects : DataFrame
        group, level, term, value, variance (of the prediction error, the fixed effects' uncertainty included).
    second : dict
        The second engine on the same rows, and how far the two differ.
    """
    terms = [c for c in data.columns if c not in NOT_TERMS]
    random = [{"group": "therapist", "terms": ["1", "a_star_w"], "correlated": False}]
    weights = membership.pivot_table(index="patient", columns="therapist", values="weight", fill_value=0.0)
    weights = weights.loc[data["patient"]]
    shared = (weights > 0).sum(axis=1).gt(1).any()
    model = MixedModel.from_terms("y", terms, random, data, membership={"therapist": weights} if shared else None)
    result = model.fit(reml=True)
    unit = 1.0 / design["sd_outcome"]
    asked = {
        "P": {"a_star_w": unit},
        "T": {"s_star": unit},
        "P-T": {"a_star_w": unit, "s_star": -unit},
        "P+T": {"a_star_w": unit, "s_star": unit},
    }
    contrasts = [contrast(result, name, weight) for name, weight in asked.items()]
    record = record_fit("primary", result, "kenward-roger", contrasts, design["n_dropped"])
    return record, effects_table(result), second_fit(data, terms, record)


def fit_growth(data: pd.DataFrame, reml: bool, n_dropped: dict) -> tuple[dict, pd.DataFrame, dict]:
    """Fit the three-level growth model: occasions in patients, patients with therapists.

    Parameters
    ----------
    data : DataFrame
        Columns patient, therapist, time, y.
    reml : bool
        Restricted (Kenward-Roger) or full maximum likelihood (Satterthwaite).
    n_dropped : dict
        Rows left out, by reason.

    Returns
    -------
    fit, effects, second
        As of :func:`fit_primary`.
    """
    result = MixedModel.from_terms("y", ["time"], [{"group": "patient"}, {"group": "therapist"}], data).fit(reml=reml)
    method = "kenward-roger" if reml else "satterthwaite"
    record = record_fit("growth", result, method, [], n_dropped)
    return record, effects_table(result), second_fit(data, ["time"], record, inner="patient")


def contrast(result, name: str, weights: dict[str, float]) -> dict:
    """One contrast by Kenward-Roger, as it is kept."""
    vector = [weights.get(term, 0.0) for term in result.params.index]
    row = result.contrast(vector, df="kenward-roger").iloc[0]
    return {"name": name, "weights": weights} | {
        key: row[key] for key in ("estimate", "se", "df", "t", "p", "ci_low", "ci_high")
    }


def record_fit(model: str, result, method: str, contrasts: list[dict], n_dropped: dict) -> dict:
    """A fit in the contract of ``fits/<model>.json``."""
    varcorr = result.varcorr
    random = [
        {"group": r.group, "term": r.term, "term2": r.term2, "variance_or_cov": r.variance, "sd_or_corr": r.sd}
        for r in varcorr[varcorr["group"] != "Residual"].itertuples(index=False)
    ]
    terms = list(result.params.index)
    adjusted = result.cov_params(adjusted=True).to_numpy() if method == "kenward-roger" else None
    return {
        "schema": 1,
        "model": model,
        "engine": ENGINE,
        "reml": method == "kenward-roger",
        "llf": result.llf,
        "n_obs": len(result.fittedvalues),
        "n_dropped": n_dropped,
        "groups": {group: len(table) for group, table in result.random_effects.items()},
        "fixed": result.tidy(df=method).to_dict("records"),
        "vcov": {"terms": terms, "values": result.cov_params().to_numpy()},
        "vcov_adjusted": None if adjusted is None else {"terms": terms, "values": adjusted},
        "contrasts": contrasts,
        "blocks": [],
        "random": random,
        "scale": result.scale,
        "singular": result.singular,
        "converged": result.converged,
        "df_method": method,
        "provisional": False,
        "warnings": list(result.warnings),
    }


def effects_table(result) -> pd.DataFrame:
    """Random effects in long form: group, level, term, value, variance."""
    rows = []
    for group, table in result.random_effects.items():
        errors = result.random_effects_pev[group]
        for level, values in table.iterrows():
            variances = np.diag(np.atleast_2d(errors[level]))
            rows += [(group, str(level), term, v, s) for term, v, s in zip(table.columns, values, variances)]
    return pd.DataFrame(rows, columns=["group", "level", "term", "value", "variance"])


def second_fit(data: pd.DataFrame, terms: list[str], first: dict, *, inner: str | None = None) -> dict:
    """Fit the same rows with the second engine (intercepts only, main therapist), and say how far it differs.

    Returns
    -------
    dict
        engine, llf, fixed [{term, estimate, se, difference_in_se}], variances, differs_by_design (what the second
        engine cannot do).
    """
    x = data[terms].astype(float).reset_index(drop=True)
    x.insert(0, "Intercept", 1.0)
    therapist = data["therapist"].astype(str).to_numpy()
    nested = None if inner is None else data[inner].astype(str).to_numpy()
    result = fit_second(data["y"].to_numpy(float), x, therapist, nested, reml=first["reml"])
    own = {f["term"]: f for f in first["fixed"]}
    fixed = [
        {"term": term, "estimate": b, "se": s, "difference_in_se": (b - own[term]["estimate"]) / own[term]["se"]}
        for term, b, s in zip(result.terms, result.params, np.sqrt(np.diag(result.cov)))
    ]
    slopes = any(r["term"] != "Intercept" for r in first["random"])
    return {
        "schema": 1,
        "engine": SECOND,
        "llf": result.llf,
        "fixed": fixed,
        "variances": result.variances,
        "scale": result.scale,
        "differs_by_design": ["no random slope"] * slopes + ["switching patients counted with the main therapist"],
    }
