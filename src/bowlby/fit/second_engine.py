"""The second engine: statsmodels MixedLM by Powell, with closed-form GLS standard errors.

statsmodels estimates the variances only. Near a variance of 0 its own coefficients can be exactly 0 with
``converged=True`` (statsmodels issue 10239), so coefficients and their covariance are computed here from the
variances by generalised least squares, and a coefficient of exactly 0 is refused. It
checks our own engine, with random intercepts only and one therapist a patient, and gives no degrees of freedom.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem

SINGULAR = 1e-6


@dataclass
class SecondFit:
    """A fitted model.

    Attributes
    ----------
    terms : list of str
    params : ndarray, shape (p,)
        In outcome units per unit of the term.
    cov : ndarray, shape (p, p)
        ``(X' V^-1 X)^-1``.
    variances : dict of float
        Variance by grouping factor, squared outcome units.
    scale : float
        Residual variance.
    llf : float
        Restricted (REML) or full log-likelihood.
    """

    terms: list[str]
    params: np.ndarray
    cov: np.ndarray
    variances: dict[str, float]
    scale: float
    llf: float
    n_obs: int
    groups: dict[str, int]
    reml: bool
    converged: bool
    warnings: list[str] = field(default_factory=list)

    @property
    def singular(self) -> bool:
        """True where a variance is 0 for practical purposes."""
        return any(v <= SINGULAR * self.scale for v in self.variances.values())


def fit_second(
    y: np.ndarray,
    x: pd.DataFrame,
    outer: np.ndarray,
    inner: np.ndarray | None = None,
    *,
    names: tuple[str, ...] = ("therapist", "patient"),
    reml: bool = True,
) -> SecondFit:
    """Fit random intercepts of an outer factor and, nested in it, an inner one.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Outcome, no missing values.
    x : DataFrame, shape (n, p)
        Fixed-effects columns, ``Intercept`` included.
    outer, inner : ndarray of str, shape (n,)
        Levels of the grouping factors.
    names : tuple of str
        Names of the factors.
    reml : bool
        Restricted or full maximum likelihood.

    Returns
    -------
    SecondFit

    Raises
    ------
    UserError
        If a column cannot be estimated or the result is the one known to be false.
    """
    columns = x.to_numpy(float)
    _check_columns(columns, list(x.columns), y)
    order = np.argsort(outer, kind="stable")
    y, columns, outer = np.asarray(y, float)[order], columns[order], np.asarray(outer)[order]
    inner = None if inner is None else np.asarray(inner)[order]
    shift, unit = y.mean(), y.std()
    result, caught = _estimate((y - shift) / unit, columns, outer, inner, reml)
    scale = float(result.scale) * unit**2
    variances = {names[0]: float(np.asarray(result.cov_re)[0, 0]) * unit**2}
    if inner is not None:
        variances[names[1]] = float(result.vcomp[0]) * unit**2
    blocks = _blocks(outer)
    covs = [_block_cov(inner, rows, variances, scale, names) for rows in blocks]
    params, cov, llf = _gls(y, columns, blocks, covs, reml)
    if np.any(params == 0.0):
        raise UserError(problem("the second engine returned a coefficient of exactly 0", "do not use this fit"))
    groups = {names[0]: len(blocks)}
    if inner is not None:
        groups[names[1]] = len(np.unique(inner))
    return SecondFit(
        list(x.columns),
        params,
        cov,
        variances,
        scale,
        llf,
        len(y),
        groups,
        reml,
        bool(result.converged),
        caught,
    )


def _check_columns(columns: np.ndarray, terms: list[str], y: np.ndarray) -> None:
    problems = [
        problem(f"term '{t}' does not vary", "leave it out")
        for t, c in zip(terms, columns.T, strict=True)
        if t != "Intercept" and np.ptp(c) == 0
    ]
    if np.ptp(y) == 0:
        problems.append(problem("the outcome has one value only", "check its column; nothing can be estimated"))
    if not problems and np.linalg.matrix_rank(columns / np.linalg.norm(columns, axis=0)) < columns.shape[1]:
        problems.append(problem(f"the terms {', '.join(terms)} determine each other", "leave one of them out"))
    if problems:
        raise UserError(problems)


def _estimate(y, columns, outer, inner, reml):
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    scaled = columns / np.linalg.norm(columns, axis=0) * np.sqrt(len(y))
    extra = {}
    if inner is not None:
        mats, labels = [], []
        for rows in _blocks(outer):
            levels, code = np.unique(inner[rows], return_inverse=True)
            mats.append(np.eye(len(levels))[code])
            labels.append([str(level) for level in levels])
        extra = {"exog_vc": VCSpec(["inner"], [labels], [mats])}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = MixedLM(y, scaled, outer, exog_re=np.ones((len(y), 1)), **extra)
        result = model.fit(reml=reml, method="powell", ftol=1e-12, maxiter=2000)
    return result, sorted({str(w.message).splitlines()[0] for w in caught})


def _blocks(outer: np.ndarray) -> list[np.ndarray]:
    starts = np.flatnonzero(np.r_[True, outer[1:] != outer[:-1]])
    return np.split(np.arange(len(outer)), starts[1:])


def _block_cov(inner, rows, variances, scale, names) -> np.ndarray:
    cov = scale * np.eye(len(rows)) + variances[names[0]]
    if inner is not None:
        cov += variances[names[1]] * (inner[rows][:, None] == inner[rows][None, :])
    return cov


def _gls(y, columns, blocks, covs, reml):
    """Coefficients ``(X' V^-1 X)^-1 X' V^-1 y``, their covariance and the log-likelihood."""
    p = columns.shape[1]
    xx, xy, yy, logdet = np.zeros((p, p)), np.zeros(p), 0.0, 0.0
    for rows, cov in zip(blocks, covs, strict=True):
        factor = np.linalg.cholesky(cov)
        white = np.linalg.solve(factor, np.column_stack([columns[rows], y[rows]]))
        wx, wy = white[:, :-1], white[:, -1]
        xx += wx.T @ wx
        xy += wx.T @ wy
        yy += wy @ wy
        logdet += 2 * np.log(np.diag(factor)).sum()
    params = np.linalg.solve(xx, xy)
    rss = yy - xy @ params
    n = len(y)
    if reml:
        llf = -0.5 * ((n - p) * np.log(2 * np.pi) + logdet + rss + np.linalg.slogdet(xx)[1])
    else:
        llf = -0.5 * (n * np.log(2 * np.pi) + logdet + rss)
    return params, np.linalg.inv(xx), float(llf)
