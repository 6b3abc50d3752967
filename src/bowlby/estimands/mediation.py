"""Through what style is associated with outcome: indirect, direct and total effects, by mediator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.effect import Effect, effects_of
from bowlby.estimands.likeforlike import RATED, Between, between_therapists
from bowlby.files import read_json, read_set
from bowlby.terms import Z, both_levels

DRAWS = 20_000
THERAPISTS, PATIENTS = 10, 4
"""Therapists, with so many patients each, from whom the covariance of slopes can be estimated."""
GRID = 801


def mediation_of(mediators: Sequence[str], folder: Path, seed: int) -> dict:
    """What the mediators mediate, ``mediation.json``, from the analysis sets and fits in a run's folder."""
    records = []
    for mediator in mediators:
        data, _, described = read_set(folder, f"mediation_{mediator}")
        fits = {letter: read_json(folder / f"fits/mediation_{mediator}_{letter}.json") for letter in "abc"}
        records.append(mediation(mediator, data, fits, described["sd_outcome"], seed))
    return {"schema": 1, "mediators": records}


def mediation(mediator: str, data: pd.DataFrame, fits: Mapping[str, dict], sd_outcome: float, seed: int) -> dict:
    """Indirect effects of the patient's and of the therapist's style through one mediator.

    Parameters
    ----------
    mediator : str
        ``perceived``, ``alliance`` or ``mentalizing``.
    data : DataFrame
        Its analysis set.
    fits : mapping of dict
        ``a``, ``b``, ``c`` of :func:`bowlby.fit.mediation.fit_mediation`.
    sd_outcome : float
        Reference SD of the outcome.
    seed : int

    Returns
    -------
    dict
        ``patient`` (None without patient style) and ``therapist``: the paths a and b, indirect, direct, total, and rho,
        the correlation of the errors of mediator and outcome at which the indirect effect vanishes. In SD of outcome
        per SD of style.

    Notes
    -----
    Patient style (1-1-1): a b + cov(a_j, b_j), a and b slopes within therapists that differ between therapists j
    (Bauer, Preacher & Gil 2006); interval from draws of t distributions. Therapist style (2-1-1): a g, a the slope
    of the mediator on therapist style, g the slope of therapists' mean outcome on their mean mediator from different
    patients' answers, adjusted for style. The interval is the range of a g over the pairs that (a - â)²/SE² + t(g)²
    <= t² does not reject, t(g) the statistic of Fieller's set. rho: Imai, Keele & Tingley (2010).
    """
    effects = {name: e for fit in fits.values() for name, e in effects_of(fit["contrasts"]).items()}
    patient = None
    if "a_patient" in effects:
        patient = _patient(effects, _slopes_covary(mediator, data, fits, sd_outcome), fits, sd_outcome, seed)
    return {
        "mediator": mediator,
        "n_obs": fits["b"]["n_obs"],
        "n_therapists": fits["b"]["groups"]["therapist"],
        "patient": patient,
        "therapist": _therapist(mediator, effects, between_therapists(data, mediator), fits["b"], sd_outcome),
    }


def _patient(effects: Mapping[str, Effect], covary: dict, fits: Mapping, sd: float, seed: int) -> dict:
    a, b = effects["a_patient"], effects["b"]
    rng = np.random.default_rng([seed, 111])
    drawn = [e.estimate + e.se * rng.standard_t(e.df, DRAWS) for e in (a, b)]
    products = drawn[0] * drawn[1] + covary["estimate"] + covary["se"] * rng.standard_normal(DRAWS)
    errors = np.sqrt(fits["a"]["scale"]), np.sqrt(fits["b"]["scale"]) / sd
    nearest = min(b.limits(0.975), key=abs) if b.p_two_sided() < 0.05 else 0.0
    return {
        "a": a.record(),
        "b": b.record(),
        "covariance": covary,
        "indirect": {"estimate": a.estimate * b.estimate + covary["estimate"],
                     "ci": np.quantile(products, [0.025, 0.975]).tolist()},
        "direct": effects["direct_patient"].record(),
        "total": effects["total_patient"].record(),
        "rho": _rho(b.estimate, *errors),
        "rho_limit": _rho(nearest, *errors),
    }  # fmt: skip


def _rho(slope: float, mediator: float, outcome: float) -> float:
    """Correlation of errors that explains a slope alone: the partial correlation of mediator and outcome."""
    return float(slope * mediator / np.hypot(slope * mediator, outcome))


def _slopes_covary(mediator: str, data: pd.DataFrame, fits: Mapping, sd: float) -> dict:
    """Covariance between therapists of the slopes a_j and b_j, with its jackknife standard error over therapists.

    The errors of a therapist's two slopes are independent given the model, so that the products of their deviations
    need no correction. Where one of the slope variances is 0, so is the covariance.
    """
    within = both_levels(mediator)[0]
    pairs = ((Z, data[within].to_numpy(float), fits["a"], 1.0), (within, data["y"].to_numpy(float), fits["b"], sd))
    group, size = data["therapist"], data.groupby("therapist")["y"].transform("size")
    many = size[size >= PATIENTS]
    if group[many.index].nunique() < THERAPISTS:
        why = f"fewer than {THERAPISTS} therapists have {PATIENTS} patients"
        return {"estimate": 0.0, "se": 0.0, "reason": why}
    if not all(_slope_variance(fits[model], term) for model, term in (("a", Z), ("b", within))):
        return {"estimate": 0.0, "se": 0.0, "reason": "a variance of the slopes was estimated at 0"}
    slopes = []
    for term, response, fit, unit in pairs:
        others = sum(f["estimate"] * data[f["term"]] for f in fit["fixed"] if f["term"] in data and f["term"] != term)
        x, y = (v - v.groupby(group).transform("mean") for v in (data[term], pd.Series(response, data.index) - others))
        slopes.append(((x * y).groupby(group).sum() / (x * x).groupby(group).sum() / unit)[group[many.index].unique()])
    a, b = (s.to_numpy(float) for s in slopes)
    weight = many.groupby(group).first()[slopes[0].index].to_numpy(float) - 1

    def covariance(keep: np.ndarray) -> float:
        w = weight[keep] / weight[keep].sum()
        return float(w @ ((a[keep] - w @ a[keep]) * (b[keep] - w @ b[keep])) / (1 - w @ w))

    every, n = np.arange(len(a)), len(a)
    without = np.array([covariance(np.delete(every, j)) for j in every])
    se = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return {"estimate": covariance(every), "se": float(se), "reason": None}


def _slope_variance(fit: Mapping, term: str) -> float:
    return next((r["variance_or_cov"] for r in fit["random"] if r["term"] == term and r["term2"] is None), 0.0)


def _therapist(mediator: str, effects: Mapping[str, Effect], means: Between | None, fit: Mapping, sd: float) -> dict:
    a, total = effects["a_therapist"], effects["total_therapist"]
    record = {"a": a.record(), "total": total.record()}
    if means is None or means.not_estimable:
        why = means.not_estimable if means else "too few patients or therapists"
        return record | {"estimable": False, "reason": str(why).format(RATED[mediator])}
    limit = means.quantile
    steps = np.linspace(-1, 1, GRID) * np.sqrt(limit)
    products = [(a.estimate + z * a.se) * g / sd for z in steps for g in means.limits(max(limit - z * z, 0.0))]
    estimate = a.estimate * means.slope / sd
    between = next((r["variance_or_cov"] for r in fit["random"] if r["term"] == "Intercept"), 0.0)
    rho = means.slope * means.sd / np.sqrt(between) if between > 0 else np.nan
    return record | {
        "estimable": True,
        "b": {"estimate": means.slope / sd, "ci": [g / sd for g in means.limits(limit)]},
        "indirect": {"estimate": estimate, "ci": [min(products), max(products)]},
        "direct": {"estimate": total.estimate - estimate},
        "rho": float(rho) if abs(rho) <= 1 else None,
    }
