"""Marginal logistic models of clustered patients (GEE), with standard errors for few therapists."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.special import expit, logit

from bowlby.effect import Effect
from bowlby.fit.clusters import Clusters
from bowlby.fit.sandwich import Sandwich, cr2

SEPARATED = 1e-7
"""Margin of the linear programme beyond which the classes are divided by the predictors."""
DIVERGED = 25.0
"""Log odds beyond which the search went astray."""
MANY = 20_000
"""Rows beyond which separation is not looked for: the linear programme would take minutes."""


@dataclass(frozen=True)
class Mean:
    """A mean probability, or a sum or difference of several, with its derivative by the coefficients."""

    value: float
    derivative: np.ndarray

    def __sub__(self, other: Mean) -> Mean:
        return Mean(self.value - other.value, self.derivative - other.derivative)


@dataclass(frozen=True)
class Marginal:
    """A fitted logistic model of population averages.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Predictors, the intercept among them.
    parts : Clusters
        The fit by cluster: derivatives of the means, working covariance, residuals.
    robust : Sandwich
        Coefficients (log odds) with their CR2 covariance and Satterthwaite df.
    correlation : float
        Working correlation of two rows of one cluster.
    converged : bool
    """

    x: np.ndarray
    parts: Clusters
    robust: Sandwich
    correlation: float
    converged: bool

    def effect(self, term: str) -> Effect:
        """A coefficient."""
        c = np.array([float(name == term) for name in self.robust.names])
        return self._effect(float(c @ self.robust.beta), c)

    def mean(self, fixed: dict[str, float], rows: slice | np.ndarray = slice(None)) -> Mean:
        """Mean probability over some rows, with some predictors at given values for all of them."""
        x = self.x[rows].copy()
        for name, value in fixed.items():
            x[:, self.robust.names.index(name)] = value
        p = expit(x @ self.robust.beta)
        return Mean(float(p.mean()), (x * (p * (1 - p))[:, None]).mean(axis=0))

    def probability(self, mean: Mean) -> dict:
        """A mean probability with its 95% interval, which is symmetric in log odds."""
        spread = mean.value * (1 - mean.value)
        limits = self._effect(float(logit(mean.value)), mean.derivative / spread).limits(0.975)
        return {"estimate": mean.value, "ci": [float(expit(limit)) for limit in limits]}

    def difference(self, mean: Mean) -> Effect:
        """A difference of two mean probabilities."""
        return self._effect(mean.value, mean.derivative)

    def _effect(self, estimate: float, c: np.ndarray) -> Effect:
        return Effect(estimate, float(np.sqrt(c @ self.robust.cov @ c)), self.robust.df(c))


def fit_marginal(y: np.ndarray, x: pd.DataFrame, cluster: np.ndarray, exchangeable: bool = True) -> Marginal:
    """Fit a logistic model by generalised estimating equations.

    Parameters
    ----------
    y : ndarray of bool or 0 and 1, shape (n,)
    x : DataFrame, shape (n, p)
        Predictors, with a column of ones for the intercept.
    cluster : ndarray of int, shape (n,)
        Therapist of each row, or therapists joined by patients who switch.
    exchangeable : bool
        Whether two rows of a cluster have one working correlation; otherwise it is 0. It is also 0 if its estimate
        is negative, or if the equations with it are not solved.

    Returns
    -------
    Marginal

    Notes
    -----
    Liang & Zeger (1986), Biometrika 73:13-22. With the derivatives ``A_j X_j`` of the means in the place of the
    predictors and the working covariance ``A_j^{1/2} R A_j^{1/2}``, the estimating equations are those of weighted
    least squares; CR2 and Satterthwaite df are those of Pustejovsky & Tipton (2018).
    """
    order = np.argsort(cluster, kind="stable")
    y, values, cluster = np.asarray(y, float)[order], x.to_numpy(float)[order], np.asarray(cluster)[order]
    beta, r, converged = _solve(y, values, cluster)
    if exchangeable and converged and _correlation(y, expit(values @ beta), cluster) > 0:
        better, estimated, solved = _solve(y, values, cluster, beta)
        if solved and 0 <= estimated < 1 and np.abs(values @ better).max() < DIVERGED:
            beta, r = better, estimated
    parts = _linearised(list(x.columns), y, values, beta, cluster, r)
    return Marginal(x.to_numpy(float), parts, cr2(parts), r, converged)


def _solve(y, x, cluster, start: np.ndarray | None = None) -> tuple[np.ndarray, float, bool]:
    """Coefficients, working correlation, and whether the equations were solved; independence without a start."""
    from statsmodels.genmod.cov_struct import Exchangeable, Independence
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_estimating_equations import GEE

    structure = Independence() if start is None else Exchangeable()
    model = GEE(y, x, groups=cluster, family=Binomial(), cov_struct=structure)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the result says whether it converged
        result = model.fit(maxiter=200, ctol=1e-9, ddof_scale=0, start_params=start)
    if result is None:  # singular on the way
        return np.zeros(x.shape[1]), 0.0, False
    beta, r = np.asarray(result.params), 0.0 if start is None else float(structure.dep_params)
    return beta, r, bool(result.converged and np.isfinite([*beta, r]).all())


def _correlation(y, p, cluster) -> float:
    """Sum of the products of two standardised residuals of a cluster; the sign is that of their correlation."""
    z = (y - p) / np.sqrt(p * (1 - p))
    sums = np.bincount(pd.factorize(cluster)[0], z)
    return float((sums**2).sum() - (z**2).sum())


def _linearised(names: list[str], y, x, beta, cluster, r: float) -> Clusters:
    """The fit as weighted least squares of the residuals on the derivatives of the means."""
    p = expit(x @ beta)
    root = np.sqrt(p * (1 - p))
    rows = np.split(np.arange(len(y)), np.flatnonzero(np.diff(cluster)) + 1)
    v = [np.outer(root[at], root[at]) * (r + (1 - r) * np.eye(len(at))) for at in rows]
    d = [x[at] * root[at, None] ** 2 for at in rows]
    information = sum(one.T @ np.linalg.solve(cov, one) for one, cov in zip(d, v, strict=True))
    return Clusters(names, rows, d, v, [(y - p)[at] for at in rows], beta, np.linalg.inv(information))


def separated(y: np.ndarray, x: np.ndarray) -> bool:
    """Whether some combination of the predictors divides the two classes, so that the model has no finite estimate.

    Parameters
    ----------
    y : ndarray of bool, shape (n,)
    x : ndarray, shape (n, p)

    Notes
    -----
    Linear programme of Konis (2007): a direction b with ``s_i x_i'b >= 0`` for all rows (s = 1 or -1 by class), and
    more than 0 for one of them. Not looked for in more than :data:`MANY` rows.
    """
    if len(x) > MANY:
        return False
    signed = np.where(np.asarray(y, bool), 1.0, -1.0)[:, None] * x / np.abs(x).max(axis=0)
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(x)), bounds=[(-1, 1)] * x.shape[1])
    return bool(found.status == 0 and -found.fun > SEPARATED * len(x))
