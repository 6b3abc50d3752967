"""One factor by maximum likelihood, and omega total of it with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtri

NOTHING = (np.nan, np.nan, np.nan)
NO_RESIDUAL = 1e-3
LEAST = np.log(1e-9)
CHUNK = 16_384
"""Rows that are taken at a time, so that they stay in the cache."""


class Products(NamedTuple):
    """Sums of squares and products of complete rows.

    Attributes
    ----------
    n : int
        Rows.
    mean : ndarray, shape (n_items,)
    cross : ndarray, shape (n_items, n_items)
        About the means.
    """

    n: int
    mean: np.ndarray
    cross: np.ndarray

    @property
    def sd(self) -> np.ndarray:
        """Standard deviation of each item with the divisor n, shape (n_items,)."""
        return np.sqrt(np.maximum(np.diag(self.cross), 0) / max(self.n, 1))

    def of(self, items: np.ndarray) -> Products:
        """The same of some items."""
        return Products(self.n, self.mean[items], self.cross[np.ix_(items, items)])

    @property
    def correlations(self) -> np.ndarray:
        """Correlations of the items."""
        size = np.sqrt(np.diag(self.cross))
        return self.cross / np.outer(size, size)


def products(
    items: Sequence[np.ndarray],
    known: np.ndarray | None = None,
    cells: np.ndarray | None = None,
    means: np.ndarray | None = None,
) -> Products:
    """Sums of squares and products, of complete rows only, without a copy of them all.

    Parameters
    ----------
    items : sequence of ndarray, each of shape (n_rows,)
        Answers to each item; missing is NaN.
    known : ndarray of bool, shape (n_rows,), optional
        Which rows count; by default all.
    cells : ndarray of int, shape (n_rows,), optional
        Cell of each row, from 0.
    means : ndarray, shape (n_items, n_cells), optional
        What is taken out of the rows of each cell.
    """
    n, k = 0, len(items)
    about, total, cross = None, np.zeros(k), np.zeros((k, k))
    for first in range(0, len(items[0]) if k else 0, CHUNK):
        rows = np.array([item[first : first + CHUNK] for item in items], dtype=float)
        if cells is not None and means is not None:
            rows -= means[:, cells[first : first + CHUNK]]
        complete = ~np.isnan(rows).any(axis=0)
        if known is not None:
            complete &= known[first : first + CHUNK]
        rows = rows if complete.all() else rows[:, complete]
        if rows.shape[1]:
            about = rows[:, 0].copy() if about is None else about
            rows -= about[:, None]
            n, total, cross = n + rows.shape[1], total + rows.sum(axis=1), cross + rows @ rows.T
    mean = total / max(n, 1)
    return Products(n, mean + (0 if about is None else about), cross - n * np.outer(mean, mean))


def omega_total(items: Products, level: float = 0.95) -> tuple[float, float, float]:
    """Omega of the sum of the items, by maximum likelihood with one factor, and its interval.

    Parameters
    ----------
    items : Products
        Of keyed items in their own units (as for raw alpha). A constant item does not change the
        variance of the sum.
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
    own = items.of(items.sd > 1e-9)
    n, k, sd = own.n, len(own.mean), own.sd
    if k < 3 or n <= 2 * k:
        return NOTHING
    factor = one_factor(own.correlations)
    if factor is None:
        return NOTHING
    loadings, residuals = factor[0] * sd, factor[1] * sd**2
    value = omega(loadings, residuals)
    if (factor[1] < NO_RESIDUAL).any():
        return value, np.nan, np.nan
    return (value, *logit_interval(value, _variance(loadings, residuals, n), level))


def one_factor(correlations: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Loadings and uniquenesses by maximum likelihood; None where the search does not end.

    Of given uniquenesses the best loadings are known, so that the search is over the logs of the uniquenesses alone.

    References
    ----------
    Joreskog (1967), Psychometrika 32:443-482.
    """
    from scipy.optimize import minimize

    values, vectors = np.linalg.eigh(correlations)
    if not values[0] > 1e-9:
        return None

    def loadings(uniquenesses):
        roots, vectors = np.linalg.eigh(correlations / np.sqrt(np.outer(uniquenesses, uniquenesses)))
        return vectors[:, -1] * np.sqrt(max(roots[-1] - 1, 0) * uniquenesses), roots[:-1]

    def criterion(logs):
        own = np.exp(logs)
        factor, rest = loadings(own)
        return np.sum(rest - np.log(rest) - 1), (factor**2 + own - np.diag(correlations)) / own

    start = np.log(1 - 0.81 * values[-1] * vectors[:, -1] ** 2)
    options = {"maxiter": 5000, "maxfun": 10000, "ftol": 1e-15, "gtol": 1e-9}
    end = minimize(criterion, start, jac=True, method="L-BFGS-B", bounds=[(LEAST, None)] * len(start), options=options)
    if not (end.success or np.abs(end.jac).max() < 1e-3):
        return None
    uniquenesses = np.exp(end.x)
    factor = loadings(uniquenesses)[0]
    return factor if factor.sum() >= 0 else -factor, uniquenesses


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
    half = -ndtri((1 - level) / 2) * np.sqrt(variance) / (value * (1 - value))
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
