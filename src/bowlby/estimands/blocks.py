"""Blocks of scales: their index, its bias correction, and the approximate interval for a difference of two."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtr, ncfdtr


def index(gamma: np.ndarray, cov: np.ndarray, correlation: np.ndarray, df: float | None, unit: float) -> dict:
    """SD of outcome that a block predicts.

    Parameters
    ----------
    gamma : ndarray, shape (k,)
        Coefficients of the scales in reference SD.
    cov : ndarray, shape (k, k)
        Their covariance.
    correlation : ndarray, shape (k, k)
        Reference correlations R.
    df : float or None
        Denominator df of the block's joint test; None where too few therapists leave it undefined.
    unit : float
        1 / reference SD of the outcome.

    Returns
    -------
    dict
        index = ``sqrt(g' R g) unit``, corrected = ``sqrt(max(0, g' R g - tr(R V))) unit``, and ci: limits of the
        noncentrality of the joint F test, carried to the index along the estimate (approximate); None without df.
    """
    k = len(gamma)
    square = float(gamma @ correlation @ gamma)
    f = float(gamma @ np.linalg.solve(cov, gamma)) / k
    raw = np.sqrt(square) * unit
    ci: list[float | None] = [None, None]
    if df is not None:
        ci = [raw * np.sqrt(_noncentrality(f, k, df, q) / (k * f)) for q in (0.975, 0.025)]
    return {
        "index": raw,
        "corrected": float(np.sqrt(max(0.0, square - np.trace(correlation @ cov)))) * unit,
        "ci": ci,
    }


def _noncentrality(f: float, k: int, df: float, q: float) -> float:
    """The noncentrality at which the observed F is the quantile q; 0 where none is."""

    from scipy.optimize import brentq

    def excess(x: float) -> float:
        return ncfdtr(k, df, x, f) - q if x > 0 else fdtr(k, df, f) - q

    if excess(0.0) <= 0:
        return 0.0
    # grown from the estimate: far beyond it the distribution function is lost in rounding (NaN)
    middle = k * f + 1.0
    step = 4.0 * np.sqrt(middle) + 10.0
    while excess(middle + step) > 0:
        step *= 2
    top = middle + step
    return float(brentq(excess, 0.0, top, xtol=1e-10))


def mover(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float]:
    """Interval for a difference of two independent estimates from their own intervals (estimate, low, high).

    References
    ----------
    Zou & Donner (2008), Stat Med 27:1693-1702.
    """
    (p, lp, up), (t, lt, ut) = one, other
    return p - t - float(np.hypot(p - lp, ut - t)), p - t + float(np.hypot(up - p, t - lt))
