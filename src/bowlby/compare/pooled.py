"""Several outcomes together: mean slopes over them, and whether they differ, by a jackknife over therapists."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from bowlby.compare.claims import decide_claims
from bowlby.effect import Effect
from bowlby.mixed.cluster_refits import leave_out
from bowlby.terms import M1

LEAST = 3
"""Therapists beyond the number of outcomes that the test of a difference needs."""
CONTRASTS = {"P": (1.0, 0.0), "T": (0.0, 1.0), "P-T": (1.0, -1.0), "P+T": (1.0, 1.0)}


def without_each(result, unit: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """P and T of a fitted M1, and the same without each therapist.

    Parameters
    ----------
    result : MixedResult
        M1 of one outcome.
    unit : float
        SDs of the outcome in a point of it.

    Returns
    -------
    whole : ndarray (2,)
    without : dict of ndarray (2,)
        By therapist; those without whom the model cannot be fitted have NaN.
    """
    refits = leave_out(result, "therapist")
    at = [refits.names.index(term) for term in M1]
    whole = unit * result.params[list(M1)].to_numpy(float)
    return whole, dict(zip(map(str, refits.labels or []), unit * refits.params[:, at], strict=True))


def pooled(parts: list[tuple[np.ndarray, dict[str, np.ndarray]]], delta: float) -> dict:
    """P and T on average over outcomes, decided as C1 to C3, and a test that all outcomes have the same.

    Parameters
    ----------
    parts : list of tuple
        From :func:`without_each`, for each of K outcomes.
    delta : float
        Equivalence bound.

    Returns
    -------
    dict
        n_therapists, effects, claims, ``heterogeneity`` (of P and T: f, df_num, df_den, p; None where there are too few
        therapists), covariance (P of every outcome, then T of every outcome); or ``left_out``, why there is none.

    Notes
    -----
    With d_j the 2K slopes without therapist j of J, V = (J - 1)/J sum (d_j - d)(d_j - d)'. A therapist who treated
    nobody with an outcome does not move it. The mean of K slopes has variance 1'V1/K^2 and J - 1 df. That K slopes are
    equal is tested by Hotelling's T^2 = (Cb)'(CVC')^-1 (Cb), C the K - 1 differences from the first:
    T^2 (J - K + 1)/((J - 1)(K - 1)) ~ F(K - 1, J - K + 1). SDs of the outcomes count as known.
    """
    whole = np.column_stack([slopes for slopes, _ in parts])
    therapists = sorted(set().union(*(without for _, without in parts)))
    k, n = whole.shape[1], len(therapists)
    moved = np.stack([np.column_stack([without.get(one, slopes) for slopes, without in parts]) for one in therapists])
    if not np.isfinite(moved).all():
        return {"left_out": "a model cannot be fitted without one of the therapists"}
    flat = moved.reshape(n, 2 * k)
    centred = flat - flat.mean(axis=0)
    v = (n - 1) / n * centred.T @ centred
    mean = np.kron(np.eye(2), np.full(k, 1 / k))
    b, cov = mean @ whole.ravel(), mean @ v @ mean.T
    effects = {}
    for name, weights in CONTRASTS.items():
        c = np.array(weights)
        effects[name] = Effect(float(c @ b), float(np.sqrt(c @ cov @ c)), float(n - 1))
    return {
        "n_therapists": n,
        "effects": {name: effect.record() for name, effect in effects.items()},
        "claims": decide_claims(effects, delta),
        "heterogeneity": {name: _equal(whole[i], v[i * k : (i + 1) * k, i * k : (i + 1) * k], n)
                          for i, name in enumerate("PT")},
        "covariance": v,
    }  # fmt: skip


def _equal(b: np.ndarray, v: np.ndarray, therapists: int) -> dict | None:
    """F test that all slopes are the same; None where therapists are too few, or an outcome is there twice."""
    k = len(b)
    c = np.column_stack([-np.ones(k - 1), np.eye(k - 1)])
    spread = c @ v @ c.T
    if k < 2 or therapists < k + LEAST or np.linalg.matrix_rank(spread, hermitian=True) < k - 1:
        return None
    t2 = float((c @ b) @ np.linalg.solve(spread, c @ b))
    df_num, df_den = k - 1, therapists - k + 1
    f = t2 * df_den / ((therapists - 1) * df_num)
    return {"f": f, "df_num": float(df_num), "df_den": float(df_den), "p": float(fdtrc(df_num, df_den, f))}
