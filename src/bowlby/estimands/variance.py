"""Do therapists differ at all: the exact test of one variance of 0."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.special import chdtrc, fdtri

DRAWS = 20_000
GRID = np.r_[0.0, np.exp(np.linspace(np.log(1e-4), np.log(1e4), 120))]


def restricted_likelihood_ratio(llf: float, y: np.ndarray, x: np.ndarray) -> float:
    """Statistic of a REML fit against the same model without random effects.

    Parameters
    ----------
    llf : float
        Restricted log-likelihood of the fit with the random intercept.
    y : ndarray, shape (n,)
    x : ndarray, shape (n, p)
        Fixed-effects columns, intercept included.

    Returns
    -------
    float
        Twice the difference, at least 0.
    """
    n, p = x.shape
    q, r = np.linalg.qr(x)
    rss = float(y @ y - (q.T @ y) @ (q.T @ y))
    variance = rss / (n - p)
    without = -0.5 * ((n - p) * (np.log(2 * np.pi * variance) + 1) + 2 * np.log(np.abs(np.diag(r))).sum())
    return max(0.0, 2 * (llf - without))


def exact_test(statistic: float, z: sparse.csr_array, x: np.ndarray, rng: np.random.Generator) -> dict:
    """Null distribution of the restricted likelihood ratio for one variance, by simulation from its spectrum.

    Parameters
    ----------
    statistic : float
    z : csr_array, shape (n, J)
        Design (or membership) of the random intercepts.
    x : ndarray, shape (n, p)
        Fixed-effects columns, intercept included.
    rng : Generator

    Returns
    -------
    dict
        statistic, p (share of draws at least as large), p_mc_se, p_mixture (half chi-square of 1 df).

    References
    ----------
    Crainiceanu & Ruppert (2004), J R Stat Soc B 66:165-185: with mu the eigenvalues of ``Z' (I - P_X) Z`` and w
    standard normal, RLRT is the largest over lambda of ``(n - p) log(1 + N / D) - sum log(1 + lambda mu)``, where
    N = ``sum lambda mu / (1 + lambda mu) w^2`` and D = ``sum w^2 / (1 + lambda mu)`` + the other squares.
    """
    n, p = x.shape
    mu = np.linalg.eigvalsh(_left(z, x))
    mu = mu[mu > 1e-10 * mu.max()]
    squares = rng.chisquare(1, (DRAWS, len(mu)))
    others = rng.chisquare(n - p - len(mu), DRAWS)
    best = np.zeros(DRAWS)
    for value in GRID[1:]:
        shrunk = 1 / (1 + value * mu)
        top = squares @ (1 - shrunk)
        bottom = squares @ shrunk + others
        np.maximum(best, (n - p) * np.log1p(top / bottom) + np.log(shrunk).sum(), out=best)
    share = float((best >= statistic - 1e-9).mean()) if statistic > 0 else 1.0
    return {
        "statistic": statistic,
        "p": share,
        "p_mc_se": float(np.sqrt(share * (1 - share) / DRAWS)),
        "p_mixture": mixture(statistic),
    }


def icc_interval(z: sparse.csr_array, x: np.ndarray, y: np.ndarray, level: float = 0.95) -> list[float]:
    """Exact interval of the intraclass correlation in a model with one random intercept.

    Parameters
    ----------
    z : csr_array, shape (n, J)
        Design (or membership) of the random intercepts.
    x : ndarray, shape (n, p)
        Fixed-effects columns, intercept included.
    y : ndarray, shape (n,)
    level : float

    Returns
    -------
    list of float
        Lower and upper limit of ``lambda / (1 + lambda)``, lambda the ratio of the therapists' variance to the
        residual one; 0 where no lambda above 0 is too small.

    Notes
    -----
    With mu and U the r eigenvalues and vectors of ``Z' (I - P_X) Z`` above 0, ``t = mu^(-1/2) U' Z' (I - P_X) y`` and S
    the squares that neither X nor Z explains (f df),

        H(lambda) = (sum_i t_i^2 / (1 + lambda mu_i) / r) / (S / f)

    is F(r, f) at the true lambda and falls with it; the limits are where it meets the quantiles.

    References
    ----------
    Harville & Fenech (1985), Biometrics 41:137-152.
    """
    from scipy.optimize import brentq

    q, _ = np.linalg.qr(x)
    rest = y - q @ (q.T @ y)
    mu, u = np.linalg.eigh(_left(z, x))
    kept = mu > 1e-10 * mu.max()
    mu, squares = mu[kept], (u[:, kept].T @ (z.T @ rest)) ** 2 / mu[kept]
    f = len(y) - x.shape[1] - len(mu)
    residual = (rest @ rest - squares.sum()) / f

    def limit(quantile: float) -> float:
        wanted = fdtri(len(mu), f, quantile)

        def excess(icc: float) -> float:
            return float(np.mean(squares / (1 + icc / (1 - icc) * mu)) / residual - wanted)

        return brentq(excess, 0.0, 1 - 1e-9) if excess(0.0) > 0 else 0.0

    return [limit((1 + level) / 2), limit((1 - level) / 2)]


def _left(z: sparse.csr_array, x: np.ndarray) -> np.ndarray:
    """``Z' (I - P_X) Z``: what the fixed effects leave of the random intercepts' design."""
    q, _ = np.linalg.qr(x)
    known = z.T @ q
    return (z.T @ z).toarray() - known @ known.T


def mixture(statistic: float) -> float:
    """p by the half-and-half mixture of a chi-square of 1 df and 0, which many groups approach."""
    return 0.5 * float(chdtrc(1, statistic)) if statistic > 0 else 1.0
