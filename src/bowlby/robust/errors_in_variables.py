"""P and T where baseline, perceived attachment and style are measured with error of known size.

A variable that is measured with error leaves part of what it accounts for to the others: an unreliable baseline makes
perceived attachment, which goes with it, a false positive. The estimator takes the errors' part out of the weighted
cross-products of the predictors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measured:
    """A variable with error of measurement, and the columns of the model that are made from it.

    Attributes
    ----------
    error_variance : float
        Variance of the error of one person's value, in the squared units of the model's column.
    columns : dict of str
        ``within`` or ``between`` (of what patients answer) or ``shared`` (of what therapists answer, shared by
        membership), by the name of the column.
    """

    error_variance: float
    columns: dict[str, str]


@dataclass(frozen=True)
class Corrected:
    """Corrected coefficients with their jackknife covariance.

    Attributes
    ----------
    names : list of str
    beta : ndarray, shape (p,)
    cov : ndarray, shape (p, p)
        From leaving out one cluster at a time.
    df : float
        Clusters less one.
    """

    names: list[str]
    beta: np.ndarray
    cov: np.ndarray
    df: float

    def contrast(self, weights: dict[str, float]) -> dict:
        """Estimate, standard error and df of a contrast."""
        c = np.array([weights.get(n, 0.0) for n in self.names])
        return {"estimate": float(c @ self.beta), "se": float(np.sqrt(c @ self.cov @ c)), "df": self.df}


def corrected(
    clusters, y: list[np.ndarray], weights: list[np.ndarray], measured: list[Measured]
) -> Corrected | None:
    """Corrected generalised least squares.

    Parameters
    ----------
    clusters : Clusters
        The fitted model cut into parts that share no random effect.
    y : list of ndarray
        Outcome of each part.
    weights : list of ndarray, shape (n, n_therapists of the part)
        Membership of its patients.
    measured : list of Measured
        Errors of different variables are independent.

    Returns
    -------
    Corrected or None
        None where the corrected cross-products are not positive definite, with all therapists or without one of them:
        the errors are as large as what the variables vary by.

    Notes
    -----
    With ``x_a = C_a r`` the column that the linear map C_a (centring, sharing by membership) makes of the values r of
    persons, whose errors have variance s, ``E(x_a' V^-1 x_b)`` is that of the true values plus ``s tr(C_a' V^-1 C_b)``.
    So ``beta = (X' V^-1 X - M)^-1 X' V^-1 y``; V is the naive fit's. The jackknife leaves out the patients of one
    therapist (of several: their main one) at a time; V and the maps stay as they are.
    """
    names = clusters.names
    whole, lost = [], []
    for x, v, one, w in zip(clusters.x, clusters.v, y, weights, strict=True):
        total, without = _cross(x, v, one, w, names, measured)
        whole.append(total)
        lost += without
    whole = np.sum(whole, axis=0)
    p = len(names)
    remaining = whole - np.array(lost)
    scale = np.sqrt(np.abs(np.diagonal(whole[:, :p])))
    if min(np.linalg.eigvalsh(m[:, :p] / np.outer(scale, scale))[0] for m in (whole, *remaining)) <= 1e-8:
        return None
    beta = np.linalg.solve(whole[:, :p], whole[:, p])
    without = np.linalg.solve(remaining[..., :p], remaining[..., p:])[..., 0]
    n = len(lost)
    spread = without - beta
    return Corrected(names, beta, (n - 1) / n * spread.T @ spread, float(n - 1))


def _cross(x, v, y, w, names, measured) -> tuple[np.ndarray, list[np.ndarray]]:
    """Corrected cross-products (p, p + 1) of a part, and what each of its therapists' patients contribute to them.

    With ``Q = V^-1``, patients g contribute ``(Q X)_g' Q_gg^-1 (Q X)_g``, and the maps in place of X alike.
    """
    q = np.linalg.inv(v)
    hat = w @ np.linalg.pinv(w)
    maps = {"within": np.eye(len(y)) - hat, "between": hat, "shared": w}
    wide, weighted = np.column_stack([x, y]), {level: q @ c for level, c in maps.items()}
    whole = _less_errors(x.T @ q @ wide, maps, weighted, names, measured)
    qw, group, without = q @ wide, w.argmax(axis=1), []
    for j in np.unique(group):
        g = np.flatnonzero(group == j)
        inner = np.linalg.inv(q[np.ix_(g, g)])
        left = {level: c[g] for level, c in weighted.items()}
        right = {level: inner @ c for level, c in left.items()}
        without.append(_less_errors(qw[g, :-1].T @ inner @ qw[g], left, right, names, measured))
    return whole, without


def _less_errors(cross: np.ndarray, left: dict, right: dict, names, measured: list[Measured]) -> np.ndarray:
    """Cross-products less what the errors add: ``s tr(left_a' right_b)`` for columns a, b of one variable."""
    for variable in measured:
        for first, a in variable.columns.items():
            for second, b in variable.columns.items():
                shared = float((left[a] * right[b]).sum())
                cross[names.index(first), names.index(second)] -= variable.error_variance * shared
    return cross
