"""Pooling what several completed data sets say, and whether their chains have settled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.compare.verdict import Effect


@dataclass(frozen=True)
class Pooled:
    """An effect over imputations.

    Attributes
    ----------
    effect : Effect
        Estimate, SE and df.
    fmi : float
        Fraction of information that is missing.
    """

    effect: Effect
    fmi: float


def rubin(estimates: np.ndarray, se: np.ndarray, df: np.ndarray) -> Pooled:
    """Pool one effect by Rubin's rules, with the small-sample df of Barnard and Rubin.

    Parameters
    ----------
    estimates, se, df : ndarray, shape (m,)
        Of every completed data set; df Kenward-Roger's, whose harmonic mean is the df of complete data (a variance of
        0 in one of them may make its df large, which would carry an arithmetic mean).

    Returns
    -------
    Pooled
        With U the mean of ``se^2``, B the variance of the estimates and ``T = U + (1 + 1/m) B``: SE ``sqrt(T)``;
        ``lambda = (1 + 1/m) B / T``; df ``1 / (lambda^2 / (m - 1) + 1 / v)`` where
        ``v = (n + 1) / (n + 3) n (1 - lambda)`` for n df of complete data; ``fmi = (r + 2 / (df + 3)) / (1 + r)``,
        ``r = (1 + 1/m) B / U``.

    References
    ----------
    Barnard & Rubin (1999), Biometrika 86:948-955.
    """
    m = len(estimates)
    within, between = float((se**2).mean()), float(estimates.var(ddof=1))
    added = (1 + 1 / m) * between
    total = within + added
    share, complete = added / total, float(1 / (1 / df).mean())
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    pooled = 1 / (share**2 / (m - 1) + 1 / observed)
    r = added / within
    return Pooled(Effect(float(estimates.mean()), total**0.5, pooled), (r + 2 / (pooled + 3)) / (1 + r))


def drift(before: np.ndarray, after: np.ndarray) -> float:
    """Whether independent chains still move: t of the change from one stretch of every chain to the next.

    Parameters
    ----------
    before, after : ndarray, shape (chains,)
        Means of the chains' third and last quarters.

    Returns
    -------
    float
        Mean change over its standard error; 0 where nothing changes.
    """
    change = after - before
    spread = change.std(ddof=1)
    return float(change.mean() / spread * len(change) ** 0.5) if spread > 0 else 0.0
