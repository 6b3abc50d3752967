"""One factor within and one between groups, which may differ in size, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from bowlby.instruments.factor_models import logit_interval, omega, omega_gradient, products
from bowlby.instruments.item_agreement import cell_means

FEWEST_GROUPS = 10


@dataclass(frozen=True)
class TwoLevelFactorModel:
    """A fitted model; loadings and residual variances in the items' own units.

    Attributes
    ----------
    loadings_within, residuals_within, loadings_between, residuals_between : ndarray, shape (n_items,)
        Factor variances are 1; each level's loadings have a positive sum.
    llf : float
        Log-likelihood, constants included.
    within, between : tuple of float
        Omega of the level with its 95% interval; NaN where the level has none.
    n_groups : int
        Groups.
    """

    loadings_within: np.ndarray
    residuals_within: np.ndarray
    loadings_between: np.ndarray
    residuals_between: np.ndarray
    llf: float
    within: tuple[float, float, float]
    between: tuple[float, float, float]
    n_groups: int


class Moments:
    """Sums of rows by group and their cross-products, which are all that a two-level model needs of complete rows.

    Parameters
    ----------
    items : sequence of ndarray, each of shape (n_rows,)
        Answers to each item; rows with a missing one are left out.
    groups : ndarray of int, shape (n_rows,)
        Group of each row, from 0; rows with a negative number are left out.
    cells : ndarray of int, shape (n_rows,), optional
        Cells whose means are taken out, from 0.

    Attributes
    ----------
    n : int
        Rows.
    sizes : ndarray, shape (n_groups,)
        Rows of each group that has some.
    sums : ndarray, shape (n_groups, n_items)
        Of each item, about its mean over all rows.
    cross : ndarray, shape (n_items, n_items)
        Sums of products of items about these means.
    sd : ndarray, shape (n_items,)
        Standard deviation of each item.
    """

    def __init__(self, items: Sequence[np.ndarray], groups: np.ndarray, cells: np.ndarray | None = None):
        cells = None if cells is None else cells.astype(np.intp)
        means = None if cells is None else np.array([cell_means(item, cells) for item in items])
        known, groups = groups >= 0, groups.astype(np.intp)
        for item in items:
            known &= ~np.isnan(item)
        own, everything = products(items, known, cells, means), bool(known.all())
        groups = groups if everything else groups[known]
        sizes = np.bincount(groups)
        there, sums = sizes > 0, []
        for k, item in enumerate(items):
            values = item if cells is None or means is None else item - means[k][cells]
            sums.append(np.bincount(groups, values if everything else values[known])[there])
        self.n, self.sizes, self.cross, self.sd = own.n, sizes[there].astype(float), own.cross, own.sd
        self.sums = np.array(sums).T - self.sizes[:, None] * own.mean

    def of(self, items: np.ndarray) -> Moments:
        """The same of some items."""
        own = copy(self)
        own.sums, own.cross, own.sd = self.sums[:, items], self.cross[np.ix_(items, items)], self.sd[items]
        return own


class _Likelihood:
    """Minus twice the log-likelihood of standardised items, from scatter matrices, one for each group size.

    Means are profiled out.
    """

    def __init__(self, moments: Moments):
        self.n, self.groups, self.k = moments.n, len(moments.sizes), len(moments.cross)
        means = moments.sums / moments.sd / moments.sizes[:, None]
        between = (means * moments.sizes[:, None]).T @ means
        self.within = moments.cross / np.outer(moments.sd, moments.sd) - between
        self.sizes, which, counts = np.unique(moments.sizes, return_inverse=True, return_counts=True)
        self.counts = counts.astype(float)
        of_size = np.split(means[np.argsort(which, kind="stable")], np.cumsum(counts)[:-1])
        self.means = np.array([own.mean(axis=0) for own in of_size])
        self.scatter = np.array([np.cov(own.T, bias=True) for own in of_size])
        self.total = np.cov(means.T) if self.groups > 1 else np.eye(self.k)

    def split(self, p: np.ndarray) -> list[np.ndarray]:
        return [p[i * self.k : (i + 1) * self.k] for i in range(4)]

    def __call__(self, p: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient, in the coordinates in which both covariances are diagonal, that within groups of ones."""
        l_w, r_w, l_b, r_b = self.split(p)
        scaled = l_w / np.sqrt(r_w)
        root = np.sqrt(1 + scaled @ scaled)
        inverse = (np.eye(self.k) - np.outer(scaled, scaled) / (root * (root + 1))) / np.sqrt(r_w)
        roots, vectors = np.linalg.eigh(inverse @ (np.outer(l_b, l_b) + np.diag(r_b)) @ inverse.T)
        turn = inverse.T @ vectors
        shrunken = 1 / (1 + self.sizes[:, None] * roots)
        weights = (self.counts * self.sizes)[:, None] * shrunken
        means = self.means @ turn
        away = means - (weights * means).sum(axis=0) / weights.sum(axis=0)
        about = turn.T @ (self.scatter @ turn) + away[:, :, None] * away[:, None, :]
        inside = turn.T @ self.within @ turn
        value = self.n * (np.log(r_w).sum() + 2 * np.log(root)) + np.trace(inside)
        value += np.sum(weights * np.einsum("sii->si", about)) - self.counts @ np.log(shrunken).sum(axis=1)
        by_v = -weights[:, :, None] * shrunken[:, None, :] * about
        np.einsum("sii->si", by_v)[:] += self.counts[:, None] * shrunken
        by_within = (self.n - self.groups) * np.eye(self.k) - inside + by_v.sum(axis=0)
        by_between = np.tensordot(self.sizes, by_v, axes=1)
        by_within, by_between = (turn @ own @ turn.T for own in (by_within, by_between))
        gradient = [2 * by_within @ l_w, np.diag(by_within), 2 * by_between @ l_b, np.diag(by_between)]
        return value + self.n * self.k * np.log(2 * np.pi), np.concatenate(gradient)


def fit_two_level(moments: Moments) -> TwoLevelFactorModel | None:
    """Fit one factor within and one between groups.

    Parameters
    ----------
    moments : Moments
        Of complete rows in their groups.

    Returns
    -------
    TwoLevelFactorModel or None
        None with fewer than three items or ten groups, without variance, or if the optimisation does not converge.

    References
    ----------
    Muthen (1994), Sociol Methods Res 22:376-398; Geldhof, Preacher & Zyphur (2014), Psychol Methods 19:72-91.
    """
    n, n_groups, k, scale = moments.n, len(moments.sizes), len(moments.cross), moments.sd
    if k < 3 or n_groups < FEWEST_GROUPS or n - n_groups < 2 * k or not (scale > 1e-9).all():
        return None
    likelihood = _Likelihood(moments)
    pooled = likelihood.within / (n - n_groups)
    if not np.linalg.eigvalsh(pooled)[0] > 1e-8:
        return None
    spare = np.maximum(np.diag(likelihood.total) - np.diag(pooled) / (n / n_groups), 0.02)
    start = np.concatenate(
        [
            np.sqrt(0.4 * np.diag(pooled)) * _signs(pooled),
            0.6 * np.diag(pooled),
            np.sqrt(0.6 * spare) * _signs(likelihood.total),
            0.4 * spare,
        ]
    )
    unbounded, positive = [(None, None)] * k, [(1e-6, None)] * k
    # Divided by n the criterion has the size of one, whatever the study, and so have its tolerances.
    from scipy.optimize import minimize

    optimum = minimize(
        lambda p: tuple(x / n for x in likelihood(p)),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[*unbounded, *positive, *unbounded, *positive],
        options={"maxiter": 5000, "maxfun": 10000, "ftol": 1e-14, "gtol": 1e-8},
    )
    if not np.isfinite(optimum.fun):
        return None
    l_w, r_w, l_b, r_b = likelihood.split(optimum.x)
    l_w, l_b = (x if x.sum() >= 0 else -x for x in (l_w, l_b))
    at = np.concatenate([l_w, r_w, l_b, r_b])
    free = _free(likelihood, at)
    parts = [l_w * scale, r_w * scale**2, l_b * scale, r_b * scale**2]
    units = np.concatenate([scale, scale**2, scale, scale**2])
    covariance = _covariance(likelihood, at, free)
    covariance = None if covariance is None else covariance * np.outer(units, units)
    llf = -0.5 * likelihood(at)[0] - n * np.log(scale).sum()
    within = _level(parts[0], parts[1], covariance, free, 0)
    # Without common variance between groups there is no reliability to estimate.
    between = _level(parts[2], parts[3], covariance, free, 2 * k) if abs(l_b.sum()) > 1e-3 * k else (np.nan,) * 3
    return TwoLevelFactorModel(parts[0], parts[1], parts[2], parts[3], float(llf), within, between, n_groups)


def _signs(matrix: np.ndarray) -> np.ndarray:
    vector = np.linalg.eigh(matrix)[1][:, -1]
    return np.where(vector * np.sign(vector.sum() or 1) >= 0, 1.0, -1.0)


def _free(likelihood: _Likelihood, at: np.ndarray) -> np.ndarray:
    """Which parameters are not residual variances on their boundary of 0."""
    free = np.ones(len(at), dtype=bool)
    for part in (slice(likelihood.k, 2 * likelihood.k), slice(3 * likelihood.k, None)):
        free[part] = at[part] > 1e-4
    return free


def _covariance(likelihood: _Likelihood, at: np.ndarray, free: np.ndarray) -> np.ndarray | None:
    """Inverse observed information of the free parameters, from differences of the gradient; None on a saddle."""
    k, rows = likelihood.k, []
    for i in np.flatnonzero(free):
        step = np.zeros(len(at))
        step[i] = 1e-5 * max(1.0, abs(at[i])) if i // k % 2 == 0 else 1e-2 * at[i]
        rows.append((likelihood(at + step)[1] - likelihood(at - step)[1])[free] / (2 * step[i]))
    information = np.array(rows)
    information = (information + information.T) / 4
    values = np.linalg.eigvalsh(information)
    if not values[0] > 1e-8 * values[-1]:
        return None
    covariance = np.zeros((len(at), len(at)))
    covariance[np.ix_(free, free)] = np.linalg.inv(information)
    return covariance


def _level(loadings, residuals, covariance, free, first: int) -> tuple[float, float, float]:
    """Omega with its interval, which a level with a residual variance of 0 does not have."""
    value = omega(loadings, residuals)
    rows = slice(first, first + 2 * len(loadings))
    if covariance is None or not free[rows].all():
        return value, np.nan, np.nan
    gradient = omega_gradient(loadings, residuals)
    return (value, *logit_interval(value, float(gradient @ covariance[rows, rows] @ gradient)))
