"""E2 and E3: which predictor accounts for more of all outcome variance, and of what it could account for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bowlby.terms import WITHIN, P, T, at_level, parse


@dataclass(frozen=True)
class Rows:
    """Covariances of the model's columns over rows, and how membership spreads a therapist's effect.

    Attributes
    ----------
    within, between : list of str
        Terms that vary within, and between therapists.
    phi : DataFrame, shape (p, p)
        Sample covariances (n - 1) of the terms over rows.
    slope_variance : float
        Mean square of the term with a random slope.
    spread : float
        Mean of ``sum_j w_ij^2``: 1 where nobody switches.
    in_unit : float
        Share of rows treated in a group, couple or family.
    """

    within: list[str]
    between: list[str]
    phi: pd.DataFrame
    slope_variance: float
    spread: float
    in_unit: float = 0.0

    @cached_property
    def covariances(self) -> tuple[np.ndarray, dict[str, int]]:
        """``phi`` as an array, and the row of each term in it; a bootstrap looks them up thousands of times."""
        return self.phi.to_numpy(), {term: k for k, term in enumerate(self.phi.columns)}


def rows_of(data: pd.DataFrame, membership: pd.DataFrame, terms: list[str], slope: str = P) -> Rows:
    """Describe the rows of an analysis set for :func:`partition`."""
    squares = (membership["weight"] ** 2).groupby(membership["patient"]).sum()
    return Rows(
        at_level(terms, WITHIN),
        [t for t in terms if parse(t).level != WITHIN],
        data[terms].astype(float).cov(),
        float((data[slope] ** 2).mean()),
        float(squares.reindex(data["patient"]).mean()),
        float(data["in_unit"].mean()) if "in_unit" in data else 0.0,
    )


def partition(
    params: np.ndarray, cov: np.ndarray, variances: dict[str, float], scale: float, rows: Rows, terms: list[str]
) -> dict:
    """Split model-implied outcome variance into parts within and between therapists.

    Parameters
    ----------
    params : ndarray, shape (p,)
        Coefficients of the terms, intercept left out.
    cov : ndarray, shape (p, p)
        Their covariance, for the bias correction.
    variances : dict of float
        ``Intercept`` and, where the model has them, the slope's variance and that of units (``in_unit``).
    scale : float
        Residual variance.
    rows : Rows
    terms : list of str
        Terms of the coefficients.

    Returns
    -------
    dict
        f1, f2 (fixed, within and between), f1_corrected, f2_corrected, v (random slope), m (random intercept), u
        (units, counted within therapists), sigma2, within, between, total; squared outcome units. Corrected parts are
        ``b'Phi b - tr(Phi V)``.

    References
    ----------
    Rights & Sterba (2019), Psychol Methods 24:309-338, predictors centred within clusters.
    """
    index = {t: k for k, t in enumerate(terms)}
    covariances, place = rows.covariances

    def fixed(part: list[str]) -> tuple[float, float]:
        chosen = [index[t] for t in part if t in index]
        at = [place[terms[k]] for k in chosen]
        phi = covariances[np.ix_(at, at)]
        raw = float(params[chosen] @ phi @ params[chosen])
        return raw, raw - float(np.trace(phi @ cov[np.ix_(chosen, chosen)]))

    f1, f1_corrected = fixed(rows.within)
    f2, f2_corrected = fixed(rows.between)
    v = sum(x for term, x in variances.items() if term not in ("Intercept", "in_unit")) * rows.slope_variance
    u = variances.get("in_unit", 0.0) * rows.in_unit
    m = variances["Intercept"] * rows.spread
    within, between = f1 + v + u + scale, f2 + m
    return {
        "f1": f1,
        "f2": f2,
        "f1_corrected": f1_corrected,
        "f2_corrected": f2_corrected,
        "v": v,
        "m": m,
        "u": u,
        "sigma2": scale,
        "within": within,
        "between": between,
        "total": within + between,
    }


def shares(full: dict, base: dict) -> dict[str, float]:
    """What perceived attachment and therapist style add, with the base model's variances as fixed denominators.

    Parameters
    ----------
    full, base : dict
        Partitions of M1 and M0.

    Returns
    -------
    dict
        perceived_total, style_total (E2), perceived_within, style_between (E3); bias-corrected, may be below 0.
    """
    perceived = full["f1_corrected"] - base["f1_corrected"]
    style = full["f2_corrected"] - base["f2_corrected"]
    return {
        "perceived_total": perceived / base["total"],
        "style_total": style / base["total"],
        "perceived_within": perceived / base["within"],
        "style_between": style / base["between"],
    }


def style_limits(fit: dict, base: dict, rows: Rows) -> dict[str, list[float]]:
    """Intervals of what therapist style adds, from the interval of its coefficient.

    A share of variance is the square of a coefficient in units of its own, so the squares of all coefficients in the
    interval are the shares that the interval allows.

    Parameters
    ----------
    fit : dict
        M1 as it is kept; a coefficient has its 95% limits.
    base : dict
        Partition of M0.
    rows : Rows

    Returns
    -------
    dict
        style_total (E2), style_between (E3): lower and upper limit of ``b^2 Var(S | others) / V``, V the variance of
        M0 that :func:`shares` divides by and others the remaining terms between therapists.
    """
    style = next(f for f in fit["fixed"] if f["term"] == T)
    low, high = sorted(abs(style[name]) for name in ("ci_low", "ci_high"))
    if style["ci_low"] < 0 < style["ci_high"]:
        low = 0.0
    phi = rows.phi.loc[rows.between, rows.between].to_numpy()
    own = 1.0 / np.linalg.inv(phi)[rows.between.index(T), rows.between.index(T)]
    return {name: [low**2 * own / base[part], high**2 * own / base[part]]
            for name, part in (("style_total", "total"), ("style_between", "between"))}  # fmt: skip


def partition_of(fit: dict, rows: Rows) -> dict:
    """Partition of a fit as it is kept."""
    terms = [f["term"] for f in fit["fixed"] if f["term"] != "Intercept"]
    values = fit["vcov_adjusted"] or fit["vcov"]
    keep = [values["terms"].index(t) for t in terms]
    cov = np.array(values["values"])[np.ix_(keep, keep)]
    params = np.array([f["estimate"] for f in fit["fixed"] if f["term"] != "Intercept"])
    variances = {r["term"]: r["variance_or_cov"] for r in fit["random"] if r["term2"] is None}
    return partition(params, cov, variances, fit["scale"], rows, terms)
