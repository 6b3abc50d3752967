"""Cluster-robust covariances of fixed effects, with degrees of freedom for few clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc, stdtr

from bowlby.fit.clusters import Clusters

FEW = 1e-10


@dataclass(frozen=True)
class Sandwich:
    """A CR2 covariance, and what its degrees of freedom need.

    Attributes
    ----------
    names : list of str
    beta, cov : ndarray
    inner, turned : ndarray, shape (clusters, p, p)
        ``G_j' V_j G_j`` and ``X_j' G_j`` with ``G_j = A_j' W_j X_j M``.
    bread : ndarray
        ``M = (X' W X)^-1``.
    """

    names: list[str]
    beta: np.ndarray
    cov: np.ndarray
    inner: np.ndarray
    turned: np.ndarray
    bread: np.ndarray

    def contrast(self, name: str, weights: dict[str, float]) -> dict:
        """Estimate, CR2 standard error, Satterthwaite df and two-sided p of one contrast."""
        c = np.array([weights.get(n, 0.0) for n in self.names])
        estimate, se, df = float(c @ self.beta), float(np.sqrt(c @ self.cov @ c)), self.df(c)
        p = float(2 * stdtr(df, -abs(estimate / se)))
        return {"name": name, "estimate": estimate, "se": se, "df": df, "p": p}

    def df(self, c: np.ndarray) -> float:
        """Satterthwaite df under the working model: ``(tr P)^2 / tr P^2``, P the covariance of the clusters' parts."""
        own = np.einsum("i,jik,k->j", c, self.inner, c)
        b = (self.turned @ c) @ np.linalg.cholesky(self.bread)
        shared = (b * b).sum(axis=1)
        square = (own**2).sum() - 2 * (own * shared).sum() + ((b.T @ b) ** 2).sum()
        return float((own - shared).sum() ** 2 / square)

    def joint(self, terms: list[str]) -> dict:
        """Approximate Hotelling test of several coefficients (Tipton & Pustejovsky's HTZ)."""
        at = [self.names.index(t) for t in terms]
        q = len(at)
        value, vectors = np.linalg.eigh(self.bread[np.ix_(at, at)])  # what CR2 expects under the working model
        root = vectors / np.sqrt(value)
        rows = np.zeros((q, len(self.names)))
        rows[:, at] = root @ vectors.T
        spread = 0.0
        for s in range(q):
            for t in range(q):
                spread += self._variance(rows[s], rows[t])
        eta = q * (q + 1) / spread
        estimate = self.beta[at]
        wald = float(estimate @ np.linalg.solve(self.cov[np.ix_(at, at)], estimate))
        df = eta - q + 1
        f = wald * df / (eta * q)
        return {"terms": terms, "f": f, "df_num": q, "df_den": df, "p": float(fdtrc(q, df, f)) if df > 0 else None}

    def _variance(self, c: np.ndarray, d: np.ndarray) -> float:
        """Variance of ``c' V d`` under the working model: ``tr(P_cc P_dd) + tr(P_cd P_cd)``."""
        half = np.linalg.cholesky(self.bread)
        own = {k: np.einsum("i,jik,k->j", a, self.inner, b) for k, (a, b) in
               {"cc": (c, c), "dd": (d, d), "cd": (c, d)}.items()}  # fmt: skip
        bc, bd = (self.turned @ c) @ half, (self.turned @ d) @ half
        first = (
            (own["cc"] * own["dd"]).sum()
            - (own["cc"] * (bd * bd).sum(axis=1)).sum()
            - (own["dd"] * (bc * bc).sum(axis=1)).sum()
            + ((bc.T @ bd) ** 2).sum()
        )
        cross = bc.T @ bd
        second = (own["cd"] ** 2).sum() - 2 * (own["cd"] * (bc * bd).sum(axis=1)).sum() + float((cross * cross.T).sum())
        return float(first + second)


def cr2(clusters: Clusters) -> Sandwich:
    """Bias-reduced cluster-robust covariance (Bell & McCaffrey; Pustejovsky & Tipton 2018, J Bus Econ Stat 36:672).

    Notes
    -----
    Weights ``W = V^-1`` and working covariance V are the fitted model's, so with ``M = (X'WX)^-1``
    ``A_j = D_j' B_j^{+1/2} D_j``, ``D_j'D_j = V_j`` and ``B_j = D_j (V_j - X_j M X_j') D_j'``.
    """
    m, inner, turned, scores = clusters.bread, [], [], []
    for x, v, e in zip(clusters.x, clusters.v, clusters.e, strict=True):
        d = np.linalg.cholesky(v).T
        value, vector = np.linalg.eigh(d @ (v - x @ m @ x.T) @ d.T)
        root = np.where(value > FEW * value.max(), 1.0 / np.sqrt(np.maximum(value, FEW * value.max())), 0.0)
        adjust = d.T @ (vector * root) @ vector.T @ d
        g = adjust.T @ np.linalg.solve(v, x) @ m
        scores.append(g.T @ e)
        inner.append(g.T @ v @ g)
        turned.append(x.T @ g)
    s = np.array(scores)
    return Sandwich(clusters.names, clusters.beta, s.T @ s, np.array(inner), np.array(turned), m)
