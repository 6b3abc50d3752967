"""One factor within and one between groups, by maximum likelihood; sizes of the groups may differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from bowlby.instruments.omega import logit_interval, omega, omega_gradient

FEWEST_GROUPS = 10


@dataclass(frozen=True)
class TwoLevel:
    """A fitted model; loadings and residual variances in the items' own units.

    Attributes
    ----------
    loadings_within, residuals_within, loadings_between, residuals_between : ndarray, shape (n_items,)
        Factor variances are 1; each level's loadings have a positive sum.
    llf : float
        Log-likelihood, constants included.
    within, between : tuple of float
        Omega of the level with its 95 % interval; NaN where the level has none.
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


class _Likelihood:
    """Minus twice the log-likelihood from scatter matrices, one for each group size; means are profiled out."""

    def __init__(self, values: np.ndarray, groups: np.ndarray):
        self.n, self.k = values.shape
        codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
        sums = np.zeros((len(sizes), self.k))
        np.add.at(sums, codes, values)
        means = sums / sizes[:, None]
        self.groups = len(sizes)
        inside = values - means[codes]
        self.within = inside.T @ inside
        self.sizes, which = np.unique(sizes, return_inverse=True)
        self.counts = np.bincount(which).astype(float)
        self.means = np.array([means[which == s].mean(axis=0) for s in range(len(self.sizes))])
        self.scatter = np.array([np.cov(means[which == s].T, bias=True) for s in range(len(self.sizes))])
        self.total = np.cov(means.T) if self.groups > 1 else np.eye(self.k)

    def split(self, p: np.ndarray) -> list[np.ndarray]:
        return [p[i * self.k : (i + 1) * self.k] for i in range(4)]

    def __call__(self, p: np.ndarray) -> tuple[float, np.ndarray]:
        l_w, r_w, l_b, r_b = self.split(p)
        within = np.outer(l_w, l_w) + np.diag(r_w)
        between = np.outer(l_b, l_b) + np.diag(r_b)
        inner, spread = np.linalg.inv(within), self.n - self.groups
        value = spread * np.linalg.slogdet(within)[1] + np.sum(inner * self.within)
        by_within = spread * inner - inner @ self.within @ inner
        v = within + self.sizes[:, None, None] * between
        inverse = np.linalg.inv(v)
        weights = (self.counts * self.sizes)[:, None, None] * inverse
        mean = np.linalg.solve(weights.sum(axis=0), np.einsum("sij,sj->i", weights, self.means))
        away = self.means - mean
        about = self.scatter + away[:, :, None] * away[:, None, :]
        value += np.sum(self.counts * np.linalg.slogdet(v)[1]) + np.sum(weights * about)
        by_v = self.counts[:, None, None] * inverse - weights @ about @ inverse
        by_within = by_within + by_v.sum(axis=0)
        by_between = np.einsum("s,sij->ij", self.sizes, by_v)
        gradient = [2 * by_within @ l_w, np.diag(by_within), 2 * by_between @ l_b, np.diag(by_between)]
        return value + self.n * self.k * np.log(2 * np.pi), np.concatenate(gradient)


def fit_two_level(values: np.ndarray, groups: np.ndarray) -> TwoLevel | None:
    """Fit one factor within and one between groups.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Complete rows.
    groups : ndarray, shape (n_rows,)
        Group of each row.

    Returns
    -------
    TwoLevel or None
        None with under three items, under ten groups, no variance, or where the search does not end.

    References
    ----------
    Muthen (1994), Sociol Methods Res 22:376-398; Geldhof, Preacher & Zyphur (2014), Psychol Methods 19:72-91.
    """
    values = np.asarray(values, dtype=float)
    n, k = values.shape
    scale = values.std(axis=0) if n else np.zeros(k)
    n_groups = len(np.unique(groups))
    if k < 3 or n_groups < FEWEST_GROUPS or n - n_groups < 2 * k or not (scale > 1e-9).all():
        return None
    likelihood = _Likelihood((values - values.mean(axis=0)) / scale, groups)
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
    free, positive = [(None, None)] * k, [(1e-6, None)] * k
    # Divided by n the criterion has the size of one, whatever the study, and so have its tolerances.
    found = minimize(
        lambda p: tuple(x / n for x in likelihood(p)),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[*free, *positive, *free, *positive],
        options={"maxiter": 5000, "maxfun": 10000, "ftol": 1e-14, "gtol": 1e-8},
    )
    if not np.isfinite(found.fun):
        return None
    l_w, r_w, l_b, r_b = likelihood.split(found.x)
    l_w, l_b = (x if x.sum() >= 0 else -x for x in (l_w, l_b))
    at = np.concatenate([l_w, r_w, l_b, r_b])
    free = _free(likelihood, at)
    parts = [l_w * scale, r_w * scale**2, l_b * scale, r_b * scale**2]
    units = np.concatenate([scale, scale**2, scale, scale**2])
    covariance = _covariance(likelihood, at, free)
    covariance = None if covariance is None else covariance * np.outer(units, units)
    llf = -0.5 * likelihood(at)[0] - n * np.log(scale).sum()
    within = _level(parts[0], parts[1], covariance, free, 0)
    # Without any common variance between groups there is nothing whose reliability could be told.
    between = _level(parts[2], parts[3], covariance, free, 2 * k) if abs(l_b.sum()) > 1e-3 * k else (np.nan,) * 3
    return TwoLevel(*parts, float(llf), within, between, n_groups)


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
