"""Variance explained."""

from __future__ import annotations

import numpy as np


def r_squared(result) -> dict:
    """Nakagawa-Johnson R squared from the fitted variances.

    With V_f = var(X beta) over rows (denominator n - 1), V_g = mean diag(Z Sigma_g Z') of each grouping factor and
    V_e the mean over rows of the residual variance, which weights and residual structures make differ:
    marginal = V_f / V, conditional = (V_f + sum V_g) / V, V their sum.

    Returns
    -------
    dict
        marginal, conditional : float
        by_level : dict of str to float
            Share of V of "fixed", of each group and of "residual"; sums to 1.
        variances : dict of str to float
            The same in outcome units squared.
        icc_adjusted, icc_unadjusted : float
            sum V_g over V without, and with, V_f.

    References
    ----------
    Nakagawa & Schielzeth (2013), Methods Ecol Evol 4:133-142; Johnson (2014), ibid. 5:944-946.
    """
    model = result.model
    fixed = model.linear_predictor(result.params.to_numpy())
    if model.frame.offset is not None:
        fixed = fixed - model.frame.offset
    variances = {"fixed": float(np.var(fixed, ddof=1))}
    for factor, cov in zip(model.reduced.factors, result.covariances):
        variances[factor.name] = _mean_diagonal(factor, cov, model.nobs)
    variances["residual"] = float(np.mean(result.residual_variances))
    total = sum(variances.values())
    random = total - variances["fixed"] - variances["residual"]
    return {"marginal": variances["fixed"] / total, "conditional": (variances["fixed"] + random) / total,
            "by_level": {name: v / total for name, v in variances.items()}, "variances": variances,
            "icc_adjusted": random / (random + variances["residual"]), "icc_unadjusted": random / total}


def _mean_diagonal(factor, cov: np.ndarray, n: int) -> float:
    """Mean over rows of z' Sigma z; under multiple membership of sum_j w_j^2 z' Sigma z."""
    share = 1.0
    if factor.codes is None:
        share = np.asarray(factor.weights.multiply(factor.weights).sum(axis=1)).ravel()
    total = 0.0
    for a, za in enumerate(factor.basis):
        for b, zb in enumerate(factor.basis):
            if cov[a, b]:
                product = np.ones(n) if za is None else za
                total += cov[a, b] * float(np.mean(product * (1.0 if zb is None else zb) * share))
    return total
