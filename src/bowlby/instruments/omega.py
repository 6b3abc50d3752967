"""Omega total of a scale with one factor, with its interval."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

NOTHING = (np.nan, np.nan, np.nan)
NO_RESIDUAL = 1e-3


def omega_total(items: pd.DataFrame, level: float = 0.95) -> tuple[float, float, float]:
    """Omega of the sum of the items, by maximum likelihood with one factor, and its interval.

    Parameters
    ----------
    items : DataFrame
        Complete rows of keyed items, in their own units (as for raw alpha). One with the same answer throughout adds
        nothing to what the sum differs by.
    level : float
        Of the interval.

    Returns
    -------
    value, low, high : float
        ``(sum loading)^2 / ((sum loading)^2 + sum residual variance)``; the interval by the delta method on the logit,
        from expected information. NaN with under three items that vary, fewer rows than parameters, or where the search
        does not end; no interval where an item has no residual variance.

    References
    ----------
    McDonald (1999), Test theory, ch. 6; Raykov & Marcoulides (2011), Introduction to psychometric theory.
    """
    values = items.to_numpy(float)
    values = values[:, values.std(axis=0) > 1e-9] if len(values) else values
    n, k = values.shape
    if k < 3 or n <= 2 * k:
        return NOTHING
    found = one_factor(np.corrcoef(values.T))
    if found is None:
        return NOTHING
    sd = values.std(axis=0)
    loadings, residuals = found[0] * sd, found[1] * sd**2
    value = omega(loadings, residuals)
    if (found[1] < NO_RESIDUAL).any():
        return value, np.nan, np.nan
    return (value, *logit_interval(value, _variance(loadings, residuals, n), level))


def one_factor(correlations: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Loadings and uniquenesses by maximum likelihood; None where the search does not end.

    statsmodels begins at random unless it is told where, and calls a search failed that ends by rounding.
    """
    from statsmodels.multivariate.factor import Factor

    values, vectors = np.linalg.eigh(correlations)
    if not values[0] > 1e-9:
        return None
    start = vectors[:, -1:] * np.sqrt(values[-1]) * 0.9
    model = Factor(corr=correlations, n_factor=1, method="ml")
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        fitted = model.fit(start=(start, 1 - start[:, 0] ** 2))
    end = model.mle_retvals
    if not (end.success or np.abs(end.jac).max() < 1e-3):
        return None
    return fitted.loadings[:, 0], np.asarray(fitted.uniqueness)


def omega(loadings: np.ndarray, residuals: np.ndarray) -> float:
    """Share of the sum's variance that the factor explains."""
    common = loadings.sum() ** 2
    whole = common + residuals.sum()
    return float(common / whole) if whole > 0 else np.nan


def omega_gradient(loadings: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Derivative of omega by each loading, then by each residual variance."""
    total = loadings.sum()
    whole = total**2 + residuals.sum()
    by_loading, by_residual = 2 * total * residuals.sum() / whole**2, -(total**2) / whole**2
    return np.repeat([by_loading, by_residual], len(loadings))


def logit_interval(value: float, variance: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share between 0 and 1 from its variance; NaN where there is none."""
    if not (0 < value < 1 and np.isfinite(variance) and variance > 0):
        return np.nan, np.nan
    half = norm.isf((1 - level) / 2) * np.sqrt(variance) / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


def _variance(loadings: np.ndarray, residuals: np.ndarray, n: int) -> float:
    """Delta-method variance of omega from the expected information of the covariance model."""
    k = len(loadings)
    inverse = np.linalg.inv(np.outer(loadings, loadings) + np.diag(residuals))
    parts = np.zeros((2 * k, k, k))
    for i in range(k):
        parts[i, i, :] += loadings
        parts[i, :, i] += loadings
        parts[k + i, i, i] = 1
    turned = inverse @ parts
    information = n / 2 * np.einsum("aij,bji->ab", turned, turned)
    gradient = omega_gradient(loadings, residuals)
    return float(gradient @ np.linalg.solve(information, gradient))
