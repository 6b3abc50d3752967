"""Information about the variances and what Kenward-Roger and Satterthwaite make of it.

Notation of Kenward & Roger (1997), Biometrics 53:983-997, with V = sum of eta_k G_k linear in the variances, so
that their second-derivative term is 0. The residual's G = I needs no row-level work: V = sum eta_k G_k gives each
of its moments from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.errors import UserError, problem
from bowlby.mixed.criterion import State, residual_variance
from bowlby.mixed.crossproducts import Reduced
from bowlby.mixed.derivatives import moments
from bowlby.mixed.parameters import Parameters

_RCOND = 1e-10


@dataclass
class Information:
    """Moments in eta = (covariance parameters ..., residual variance), internal units.

    Attributes
    ----------
    phi : ndarray (p, p)
        (X'V^-1 X)^-1.
    b : ndarray (c+1, p, p)
        X'V^-1 G_i V^-1 X.
    q : ndarray (c+1, c+1, p, p)
        X'V^-1 G_i V^-1 G_j V^-1 X.
    expected, observed : ndarray (c+1, c+1)
        Of -2 log-likelihood; the covariance of eta is 2 times an inverse.
    """

    phi: np.ndarray
    b: np.ndarray
    q: np.ndarray
    expected: np.ndarray
    observed: np.ndarray
    names: list[str]
    trace_error: np.ndarray | None = None

    def inverse(self, which: str) -> np.ndarray:
        """2 E^-1 or 2 O^-1; an error naming two terms where E is singular (§4.2 of the statistical design)."""
        matrix = getattr(self, which)
        size = np.sqrt(np.abs(np.diagonal(self.expected)))
        if not (size > 0).all() or not np.isfinite(size).all():
            raise UserError(problem(f"the variance '{self.names[int(np.argmin(size))]}' has no information in these "
                                    "data", "drop that random term"))
        unit = self.expected / np.outer(size, size)
        values, vectors = np.linalg.eigh(unit)
        if values[0] < _RCOND * values[-1]:
            pair = np.argsort(-np.abs(vectors[:, 0]))[:2]
            raise UserError(problem(f"the variances '{self.names[pair[0]]}' and '{self.names[pair[1]]}' cannot be "
                                    "told apart in these data", "drop one of these terms"))
        return 2 * np.linalg.inv(matrix / np.outer(size, size)) / np.outer(size, size)


def information(data: Reduced, parameters: Parameters, state: State, reml: bool, names: list[str]) -> Information:
    """Expected and observed information at a state, the residual variance included."""
    p, c = data.p, parameters.count
    sigma2 = residual_variance(data, state, reml)
    mom = moments(data, parameters, state)
    delta = state.delta
    m = p + 1
    q = np.zeros((c + 1, c + 1, m, m))
    b = np.zeros((c + 1, m, m))
    tv = np.zeros(c + 1)
    tvv = np.zeros((c + 1, c + 1))
    q[:c, :c], b[:c], tv[:c], tvv[:c, :c] = mom.q, mom.p, mom.tv, mom.tvv
    b[c] = mom.uvu - np.tensordot(delta, mom.p, axes=1)
    tv[c] = data.n - delta @ mom.tv
    for i in range(c):
        q[i, c] = mom.p[i] - np.tensordot(delta, mom.q[i], axes=1)
        q[c, i] = q[i, c].T
        tvv[i, c] = tvv[c, i] = mom.tv[i] - delta @ mom.tvv[i]
    q[c, c] = b[c] - np.tensordot(delta, q[:c, c], axes=1)
    tvv[c, c] = tv[c] - delta @ tvv[:c, c]
    phi, bx, qx = state.phi, b[:, :p, :p], q[:, :, :p, :p]
    fb = np.einsum("ab,ibc->iac", phi, bx)
    expected = tvv - 2 * np.einsum("ab,ijba->ij", phi, qx) + np.einsum("iab,jba->ij", fb, fb)
    bxy = b[:, :p, p]
    quad = 2 * (q[:, :, p, p] - np.einsum("ia,ab,jb->ij", bxy, phi, bxy)) / sigma2
    observed = (quad - expected) if reml else (quad - tvv)
    return Information(phi * sigma2, bx / sigma2**2, qx / sigma2**3, expected / sigma2**2, observed / sigma2**2,
                       names)


def adjusted_covariance(info: Information) -> np.ndarray:
    """Kenward-Roger's Phi_A (p, p)."""
    w = info.inverse("expected")
    phi = info.phi
    inner = np.einsum("ij,ijab->ab", w, info.q) - np.einsum("ij,iab,bc,jcd->ad", w, info.b, phi, info.b)
    out = phi + 2 * phi @ inner @ phi
    return 0.5 * (out + out.T)


def one_df(info: Information, c: np.ndarray, w: np.ndarray) -> float:
    """nu = 2 (c'Phi c)^2 / (g'W g), g_i = c'Phi X'V^-1 G_i V^-1 X Phi c; W of either information."""
    v = info.phi @ c
    g = np.einsum("a,iab,b->i", v, info.b, v)
    spread = float(g @ w @ g)
    return 2 * float(c @ v) ** 2 / spread if spread > 0 else np.nan


def kenward_roger_f(info: Information, l_matrix: np.ndarray, lb: np.ndarray, phi_a: np.ndarray):
    """Scaled F, its denominator df and the scale lambda for a joint hypothesis, `lb` its estimated left side.

    Returns NaN for df and F when the approximation is undefined (too few groups).
    """
    ell = len(l_matrix)
    w = info.inverse("expected")
    wald = float(lb @ np.linalg.solve(l_matrix @ phi_a @ l_matrix.T, lb)) / ell
    if ell == 1:
        return wald, one_df(info, l_matrix[0], w), 1.0
    phi = info.phi
    theta = l_matrix.T @ np.linalg.solve(l_matrix @ phi @ l_matrix.T, l_matrix)
    td = np.einsum("ab,bc,icd,de->iae", theta, phi, info.b, phi)
    trace = np.einsum("iaa->i", td)
    a1 = float(trace @ w @ trace)
    a2 = float((w * np.einsum("iab,jba->ij", td, td)).sum())
    undefined = (np.nan, np.nan, np.nan)
    if not 0 < a2 < ell:
        return undefined
    b = (a1 + 6 * a2) / (2 * ell)
    g = ((ell + 1) * a1 - (ell + 4) * a2) / ((ell + 2) * a2)
    d = 3 * ell + 2 * (1 - g)
    c1, c2, c3 = g / d, (ell - g) / d, (ell + 2 - g) / d
    e_star = 1 / (1 - a2 / ell)
    factors = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
    if min(factors) <= 0:
        return undefined
    v_star = 2 / ell * factors[0] / (factors[1] ** 2 * factors[2])
    rho = v_star / (2 * e_star**2)
    if ell * rho <= 1:
        return undefined
    m = 4 + (ell + 2) / (ell * rho - 1)
    if m <= 2:
        return undefined
    scale = m / (e_star * (m - 2))
    return scale * wald, m, scale


def satterthwaite_f(info: Information, l_matrix: np.ndarray, lb: np.ndarray, w: np.ndarray):
    """F, denominator df and rank by Fai & Cornelius (1996): independent one-df contrasts, mean of F matched."""
    v = l_matrix @ info.phi @ l_matrix.T
    values, vectors = np.linalg.eigh(v)
    keep = values > 1e-10 * values[-1]
    rows = (vectors[:, keep].T @ l_matrix)
    t2 = (vectors[:, keep].T @ lb) ** 2 / values[keep]
    ell = int(keep.sum())
    nu = np.array([one_df(info, row, w) for row in rows])
    if ell == 1:
        return float(t2.sum()), float(nu[0]), 1
    if np.ptp(nu) < 1e-8 * nu.mean():
        return float(t2.mean()), float(nu.mean()), ell
    if (nu <= 2).any():
        return float(t2.mean()), 2.0, ell
    total = float((nu / (nu - 2)).sum())
    return float(t2.mean()), 2 * total / (total - ell), ell
