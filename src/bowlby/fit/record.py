"""The record of a fit, and its comparison with a second engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.fit.second_engine import fit_second
from bowlby.terms import IN_SENTENCES, SCHEMA

ENGINE = "bowlby.mixed"
EFFECTS = ["group", "level", "term", "value", "variance"]
LARGE = 200_000
"""Rows beyond which statsmodels would take hours."""
SECOND = "statsmodels MixedLM (Powell) with GLS standard errors"


def contrast(result, name: str, weights: dict[str, float]) -> dict:
    """One contrast by Kenward-Roger, as fits keep it.

    Parameters
    ----------
    result : MixedResult
    name : str
        Its name in the record.
    weights : dict of float
        By coefficient; those not named are 0.

    Returns
    -------
    dict
        name, weights, estimate, se, df, t, p, ci_low, ci_high (95%).
    """
    return contrasts(result, {name: weights})[0]


def contrasts(result, asked: dict[str, dict[str, float]]) -> list[dict]:
    """Several contrasts, given by name as weights; each as of :func:`contrast`."""
    terms = result.params.index
    vectors = [[weights.get(term, 0.0) for term in terms] for weights in asked.values()]
    rows = result.contrasts(vectors, df="kenward-roger")
    values = {key: rows[key].to_numpy() for key in ("estimate", "se", "df", "t", "p", "ci_low", "ci_high")}
    return [{"name": name, "weights": weights} | {key: column[k] for key, column in values.items()}
            for k, (name, weights) in enumerate(asked.items())]  # fmt: skip


def block_test(result, name: str, terms: list[str]) -> dict:
    """Joint Kenward-Roger F test that several coefficients are 0.

    Parameters
    ----------
    result : MixedResult
    name : str
        Its name in the record.
    terms : list of str
        The coefficients.

    Returns
    -------
    dict
        name, terms, f, df_num, df_den, p.
    """
    rows = [[float(t == term) for t in result.params.index] for term in terms]
    row = result.f_test(rows, df="kenward-roger").iloc[0]
    return {
        "name": name,
        "terms": terms,
        "f": row["F"],
        "df_num": row["df_num"],
        "df_den": row["df_den"],
        "p": row["p"],
    }


def record_fit(
    model: str, result, method: str, n_dropped: dict, contrasts: Sequence[dict] = (), blocks: Sequence[dict] = ()
) -> dict:
    """A fit in the contract of ``fits/<model>.json``."""
    varcorr = result.varcorr
    random = [
        {"group": r.group, "term": r.term, "term2": r.term2, "variance_or_cov": r.variance, "sd_or_corr": r.sd}
        for r in varcorr[varcorr["group"] != "Residual"].itertuples(index=False)
    ]
    terms = list(result.params.index)
    derivatives, covariance = result.df_parts(method)
    adjusted = result.cov_params(adjusted=True).to_numpy() if method == "kenward-roger" else None
    return {
        "schema": SCHEMA,
        "model": model,
        "engine": getattr(result, "engine", ENGINE),
        "reml": result.reml,
        "llf": result.llf,
        "n_obs": len(result.fittedvalues),
        "n_dropped": n_dropped,
        "groups": {group: len(table) for group, table in result.random_effects.items()},
        "fixed": result.tidy(df=method).to_dict("records"),
        "vcov": {"terms": terms, "values": result.cov_params().to_numpy()},
        "vcov_adjusted": None if adjusted is None else {"terms": terms, "values": adjusted},
        "df_parts": {"derivatives": derivatives, "covariance": covariance},
        "contrasts": list(contrasts),
        "blocks": list(blocks),
        "random": random,
        "scale": result.scale,
        "singular": result.singular,
        "known_zero": result.known_zero,
        "converged": result.converged,
        "df_method": method,
        "aic": result.aic,
        "n_parameters": result.n_parameters,
        "warnings": list(result.warnings),
    }


def effects_table(result) -> pd.DataFrame:
    """Random effects in long form: group, level, term, value, variance."""
    parts = []
    errors = result.effect_covariances() if result.random_effects else {}
    for group, table in result.random_effects.items():
        levels, k = table.index.astype(str).to_numpy(object), table.shape[1]
        columns = {
            "group": group,
            "level": np.repeat(levels, k),
            "term": np.tile(table.columns.to_numpy(object), len(table)),
            "value": table.to_numpy(float).ravel(),
            "variance": errors[group].diagonal(axis1=1, axis2=2).ravel(),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=EFFECTS)


def second_fit(data: pd.DataFrame, terms: list[str], first: dict, groups: tuple[str, ...] = ("therapist",)) -> dict:
    """Fit the same rows with the second engine (intercepts only, main therapist), and say how far it differs.

    Parameters
    ----------
    data : DataFrame
    terms : list of str
        Fixed effects besides the intercept.
    first : dict
        The record of the first fit.
    groups : tuple of str
        Whose intercepts vary: one column, or two of which the second is nested in the first.

    Returns
    -------
    dict
        engine, llf, fixed [{term, estimate, se, difference_in_se}], variances, differs_by_design (what the second
        engine cannot do). Where there is no second fit, as of more rows than :data:`LARGE`, ``left_out`` says why.
    """
    if len(data) > LARGE:
        return no_second(f"{len(data):,} rows are more than it fits in reasonable time")
    x = data[terms].astype(float).reset_index(drop=True)
    x.insert(0, "Intercept", 1.0)
    levels = [data[group].astype(str).to_numpy() for group in groups]
    try:
        result = fit_second(data["y"].to_numpy(float), x, *levels, names=groups, reml=first["reml"])
    except UserError as error:  # it is a check; what it cannot do does not end a run
        return no_second("; ".join(error.problems))
    except np.linalg.LinAlgError:
        return no_second("it gave no estimate")
    own = {f["term"]: f for f in first["fixed"]}
    fixed = [
        {"term": term, "estimate": b, "se": s, "difference_in_se": (b - own[term]["estimate"]) / own[term]["se"]}
        for term, b, s in zip(result.terms, result.params, np.sqrt(np.diag(result.cov)), strict=True)
    ]
    slopes = any(r["term"] != "Intercept" for r in first["random"])
    return {
        "schema": SCHEMA,
        "engine": SECOND,
        "llf": result.llf,
        "fixed": fixed,
        "variances": result.variances,
        "scale": result.scale,
        "differs_by_design": ["no random slope"] * slopes
        + ["groups, couples and families not modelled"] * ("unit" in data)
        + _switching(data, groups),
    }


def no_second(why: str) -> dict:
    """In place of a second fit: why there is none."""
    return {"schema": SCHEMA, "engine": SECOND, "fixed": [], "left_out": why}


def without_error(model: str, record: dict) -> str | None:
    """The line that refuses a fit of which some estimate has no standard error; None where all have one."""
    lines = [*record["fixed"], *record.get("contrasts", [])]
    names = [line.get("term") or line["name"] for line in lines if not np.isfinite(line["se"] or np.nan)]
    if not names:
        return None
    what = f"model {model}: no standard error can be computed for {', '.join(names)}"
    return problem(what, "there are too few patients of the same therapist; leave out covariates, or add patients")


def constant_outcome(outcome: str, name: str, data: pd.DataFrame) -> str | None:
    """The line that refuses an analysis set whose outcome does not vary; None where it does, or there is none."""
    if "y" not in data or not len(data) or (data["y"] != data["y"].iloc[0]).any():
        return None
    what = f"{IN_SENTENCES['perceived'] if name == 'perceived' else outcome} is the same in all {len(data):,} rows"
    return problem(f"analysis set {name}: {what}, so that no model can be fitted", "check these answers in the data")


def _switching(data: pd.DataFrame, groups: tuple[str, ...]) -> list[str]:
    """How the second engine counts patients with several therapists."""
    if groups == ("therapist",):
        return ["switching patients counted with the main therapist"]
    nested = "therapist" in groups and data.groupby("patient")["therapist"].nunique().max() > 1
    return ["a patient who switched counted as a new patient"] * int(nested)
