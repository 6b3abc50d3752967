"""The profiled criterion of many replicates of one model, a sum over the stacks of ``stacks``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.mixed.derivatives import Moments


@dataclass
class Point:
    """What an evaluation leaves of each replicate; see :class:`bowlby.mixed.optimise.Point`."""

    deviance: np.ndarray
    beta: np.ndarray
    phi: np.ndarray
    r2: np.ndarray
    mom: Moments
    gradient: np.ndarray
    hessian: np.ndarray
    slope: np.ndarray
    expected: np.ndarray

    def put(self, at, other: Point, take) -> None:
        """Copy replicates `take` of another point to positions `at`."""
        for name in ("deviance", "beta", "phi", "r2", "gradient", "hessian", "slope", "expected"):
            getattr(self, name)[at] = getattr(other, name)[take]
        for name in ("tv", "tvv", "p", "q", "uvu"):
            getattr(self.mom, name)[at] = getattr(other.mom, name)[take]


def _of(array, at):
    return array if array is None or len(array) == 1 else array[at]


class Replicates:
    """The criterion of `count` replicates.

    Attributes
    ----------
    stacks : list
        See :func:`bowlby.mixed.stacks.independent_units`.
    xx : ndarray (R or 1, m, m)
        Cross-products of predictors and outcome.
    z : list of ndarray
        For each stack its Z'[X y], leading axis R or 1.
    counts : list of ndarray or None
        For each stack how often each unit counts (R, units).
    dof : ndarray (R,) or (1,)
    """

    def __init__(self, parameters, stacks, xx, z, counts, dof, reml: bool, count: int):
        self.parameters, self.stacks, self.xx, self.z, self.counts = parameters, stacks, xx, z, counts
        self.dof, self.reml, self.count = dof, reml, count
        self.p = xx.shape[-1] - 1

    def evaluate(self, theta: np.ndarray, at: np.ndarray) -> Point:
        """Deviance, gradient and Hessian in theta of replicates `at`, theta (len(at), c)."""
        p, c, count = self.p, self.parameters.count, len(at)
        jac = jacobian(self.parameters, theta)
        delta = 0.5 * (jac @ theta[:, :, None])[:, :, 0]
        units = [stack.evaluate(theta, delta, _of(z, at), _of(k, at))
                 for stack, z, k in zip(self.stacks, self.z, self.counts)]
        xvx, logdet = _of(self.xx, at), 0.0
        for unit in units:
            xvx, logdet = xvx - unit.explained, logdet + unit.logdet
        xvx = 0.5 * (xvx + xvx.transpose(0, 2, 1))
        inverse, log_diagonal = _inverse_root(xvx[:, :p, :p])
        turned = inverse.transpose(0, 2, 1)
        phi = turned @ inverse
        half = inverse @ xvx[:, :p, p:]
        beta = (turned @ half)[:, :, 0]
        r2 = xvx[:, p, p] - (half[:, :, 0] ** 2).sum(axis=-1)
        dof = _of(self.dof, at)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviance = logdet + dof * np.log(r2) + (2 * log_diagonal if self.reml else 0.0)
        deviance = np.where(np.isfinite(deviance), deviance, np.inf)
        mom = Moments(np.zeros((count, c)), np.zeros((count, c, c)), np.zeros((count, c, p + 1, p + 1)),
                      np.zeros((count, c, c, p + 1, p + 1)), np.zeros((count, p + 1, p + 1)))
        for unit in units:
            unit.add_moments(beta, mom)
        mom.uvu[:, :p, :p], mom.uvu[:, p, p] = xvx[:, :p, :p], r2
        with np.errstate(invalid="ignore", divide="ignore"):
            slope, hessian, expected = self._profiled(mom, phi, r2, dof)
        turned = jac.transpose(0, 2, 1)
        bent = (slope[:, None] @ self.parameters.tensor.reshape(c, -1)).reshape(count, c, c)
        return Point(deviance, beta, phi, r2, mom, (turned @ slope[:, :, None])[:, :, 0],
                     turned @ hessian @ jac + bent, slope, expected)

    def _profiled(self, mom: Moments, phi, r2, dof):
        """As :func:`bowlby.mixed.derivatives.profiled`."""
        p = self.p
        pxx, pyy, pxy = mom.p[:, :, :p, :p], mom.p[:, :, p, p], mom.p[:, :, :p, p]
        r, dof = r2[:, None], dof[:, None]
        quad = 2 * (mom.q[:, :, :, p, p] - pxy @ phi @ pxy.transpose(0, 2, 1))
        trace, traces = mom.tv, mom.tvv
        if self.reml:
            fp = phi[:, None] @ pxx
            trace = trace - np.trace(fp, axis1=2, axis2=3)
            weighted = phi[:, None, None] * mom.q[:, :, :, :p, :p].transpose(0, 1, 2, 4, 3)
            traces = traces - 2 * _sum_all(weighted)
            traces = traces + _sum_all(fp[:, :, None] * fp.transpose(0, 1, 3, 2)[:, None])
        gradient = trace - dof * pyy / r
        r, dof = r[..., None], dof[..., None]
        hessian = dof * (quad / r - pyy[:, :, None] * pyy[:, None] / r**2) - traces
        return gradient, hessian, traces - trace[:, :, None] * trace[:, None] / dof


def jacobian(parameters, theta: np.ndarray) -> np.ndarray:
    """d delta / d theta of each replicate, (R, c, c)."""
    return (parameters.tensor[None] @ theta[:, None, :, None])[..., 0]


def relative_covariances(parameters, theta: np.ndarray) -> np.ndarray:
    """delta (R, c) of theta (R, c)."""
    return 0.5 * (jacobian(parameters, theta) @ theta[:, :, None])[:, :, 0]


def _sum_all(values: np.ndarray) -> np.ndarray:
    """Sum over the last two axes, in an order that does not depend on the number of replicates."""
    return np.ascontiguousarray(values).reshape(*values.shape[:-2], -1).sum(axis=-1)


def _inverse_root(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L^-1 and log det L of matrices L L'; NaN for those that are not positive definite beyond rounding."""
    try:
        chol = np.linalg.cholesky(m)
    except np.linalg.LinAlgError:
        chol = np.full_like(m, np.nan)
        for k, one in enumerate(m):
            try:
                chol[k] = np.linalg.cholesky(one)
            except np.linalg.LinAlgError:
                continue
    pivots = np.diagonal(chol, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        poor = (pivots**2 <= 1e-13 * np.diagonal(m, axis1=1, axis2=2)).any(axis=1)
    chol[poor] = np.nan
    inverse = np.linalg.solve(chol, np.broadcast_to(np.eye(m.shape[-1]), chol.shape))
    return inverse, np.log(pivots).sum(axis=-1)
