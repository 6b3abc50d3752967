"""A fitted model cut into parts that share no random effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Clusters:
    """A fitted model cut into clusters that its random effects do not join.

    Attributes
    ----------
    names : list of str
        Fixed effects.
    rows : list of ndarray of int
        Of each cluster: which rows these are.
    x, v, e : list of ndarray
        Of each cluster: predictors (n, p), model-implied covariance (n, n), residuals (n,).
    beta, bread : ndarray
        Fixed effects and their model-based covariance.
    """

    names: list[str]
    rows: list[np.ndarray]
    x: list[np.ndarray]
    v: list[np.ndarray]
    e: list[np.ndarray]
    beta: np.ndarray
    bread: np.ndarray


def clusters_of(result, group: np.ndarray, slopes: bool = True) -> Clusters:
    """Cut a fit into clusters.

    Parameters
    ----------
    result : MixedResult
    group : ndarray of int, shape (n,)
        Cluster of each row; rows of different clusters must share no random effect. Negative: left out.
    slopes : bool
        Whether random slopes are in the model-implied covariance.
    """
    data, beta = result.model.frame, result.params.to_numpy()
    x = data.columns(result.model.reduced.kept)
    e = data.y - result.model.linear_predictor(beta)
    parts: dict[str, list] = {"rows": [], "x": [], "v": [], "e": []}
    order = np.argsort(group, kind="stable")[(group < 0).sum() :]
    for at in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else ():
        parts["rows"].append(at)
        parts["x"].append(x[at])
        parts["v"].append(_covariance(result, at, slopes))
        parts["e"].append(e[at])
    return Clusters(list(result.params.index), **parts, beta=beta, bread=result.cov_params().to_numpy())


def _covariance(result, at: np.ndarray, slopes: bool) -> np.ndarray:
    """Model-implied covariance of some rows."""
    v = result.scale * np.eye(len(at))
    for factor, cov in zip(result.model.reduced.factors, result.covariances, strict=True):
        if factor.codes is None:
            met = factor.weights[at]
            shared = (met @ met.T).toarray()
        else:
            shared = (factor.codes[at][:, None] == factor.codes[at]).astype(float)
        kept, basis = random_effects(factor, at, slopes)
        v += shared * (basis @ cov[np.ix_(kept, kept)] @ basis.T)
    return v


def random_effects(factor, at: np.ndarray, slopes: bool) -> tuple[list[int], np.ndarray]:
    """Which effects of a factor count, with slopes or without, and what they multiply in some rows, (n, r)."""
    kept = [k for k, b in enumerate(factor.basis) if slopes or b is None]
    return kept, np.column_stack([np.ones(len(at)) if (b := factor.basis[k]) is None else b[at] for k in kept])
