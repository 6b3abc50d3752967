"""One-factor models by maximum likelihood: omega total, and one factor within and one between groups.

Omega total comes with its interval, the fit of one factor with the usual indices. Groups may differ in size.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc, expit, logit, ndtri

NOTHING = (np.nan, np.nan, np.nan)
NO_RESIDUAL = 1e-3
FEWEST_GROUPS = 10


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
    factor = one_factor(np.corrcoef(values.T))
    if factor is None:
        return NOTHING
    sd = values.std(axis=0)
    loadings, residuals = factor[0] * sd, factor[1] * sd**2
    value = omega(loadings, residuals)
    if (factor[1] < NO_RESIDUAL).any():
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


class _Likelihood:
    """Minus twice the log-likelihood from scatter matrices, one for each group size; means are profiled out."""

    def __init__(self, values: np.ndarray, groups: np.ndarray):
        self.n, self.k = values.shape
        codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
        sums = np.zeros((len(sizes), self.k))
        np.add.at(sums, codes, values)
        means = sums / sizes[:, None]
        self.groups = len(sizes)
        inside = means[codes]
        np.subtract(values, inside, out=inside)
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


def fit_two_level(values: np.ndarray, groups: np.ndarray) -> TwoLevelFactorModel | None:
    """Fit one factor within and one between groups.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Complete rows.
    groups : ndarray, shape (n_rows,)
        Group of each row.

    Returns
    -------
    TwoLevelFactorModel or None
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
    standard = values - values.mean(axis=0)
    standard /= scale
    likelihood = _Likelihood(standard, groups)
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
    # Without any common variance between groups there is nothing whose reliability could be told.
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


@dataclass(frozen=True)
class OneFactor:
    """One factor fitted to a composite's items by maximum likelihood.

    Attributes
    ----------
    n, n_items : int
        Complete rows; items that vary.
    chi2, df, p : float
        Likelihood-ratio test against the unrestricted covariances, N times the minimum of the criterion.
    cfi, rmsea, srmr : float
        Comparative fit index against independent items; root mean square error of approximation; standardised root
        mean square residual (of correlations, the diagonal counted).
    omega : float
        Share of the composite's variance that the factor explains.
    omega_within, omega_between : float or None
        The same within and between therapists, in a two-level model; None where it cannot be fitted.
    """

    n: int
    n_items: int
    chi2: float
    df: int
    p: float
    cfi: float
    rmsea: float
    srmr: float
    omega: float
    omega_within: float | None
    omega_between: float | None


def structure(items: pd.DataFrame, therapists: pd.Series | None = None) -> dict | None:
    """One factor of the items of a composite.

    Parameters
    ----------
    items : DataFrame, shape (n, k)
        Each item times its weight in the composite, so that all point in its direction.
    therapists : Series of shape (n,), optional
        Therapist of each row; without it the levels are not separated.

    Returns
    -------
    dict or None
        Of :class:`OneFactor`; None with under four items that vary, no more rows than twice the items, or where the
        search does not end.

    References
    ----------
    Bentler (1990), Psychol Bull 107:238-246 (CFI); Steiger (1990), Multivar Behav Res 25:173-180 (RMSEA); Hu & Bentler
    (1999), Struct Equ Modeling 6:1-55 (SRMR).
    """
    complete = items.dropna()
    values = complete.to_numpy(float)
    values = values[:, values.std(axis=0) > 1e-9] if len(values) else values
    n, k = values.shape
    if k < 4 or n <= 2 * k:
        return None
    r = np.corrcoef(values.T)
    fitted = one_factor(r)
    if fitted is None:
        return None
    loadings, residuals = fitted
    implied = np.outer(loadings, loadings)
    np.fill_diagonal(implied, 1.0)
    log_det = np.linalg.slogdet(r)[1]
    test = n * (np.linalg.slogdet(implied)[1] - log_det + np.sum(np.linalg.inv(implied) * r) - k)
    df, independent, df_independent = k * (k - 3) // 2, -n * log_det, k * (k - 1) // 2
    excess, excess_independent = max(test - df, 0.0), max(independent - df_independent, 0.0)
    sd = values.std(axis=0)
    levels = None
    if therapists is not None:
        two = fit_two_level(values, therapists.loc[complete.index].to_numpy())
        levels = two and (two.within[0], two.between[0])
    within, between = levels or (None, None)
    return asdict(
        OneFactor(
            n=n,
            n_items=k,
            chi2=float(test),
            df=df,
            p=float(chdtrc(df, max(test, 0.0))) if df else np.nan,
            cfi=1 - excess / max(excess, excess_independent, 1e-12),
            rmsea=float(np.sqrt(excess / (df * n))),
            srmr=float(np.sqrt(np.sum(np.tril(r - implied) ** 2) / (k * (k + 1) / 2))),
            omega=omega(loadings * sd, residuals * sd**2),
            omega_within=_finite(within),
            omega_between=_finite(between),
        )
    )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
