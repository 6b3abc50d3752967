"""Information about the variances and what Kenward-Roger and Satterthwaite make of it.

Notation of Kenward & Roger (1997), Biometrics 53:983-997, with V = sum of eta_k G_k linear in the variances, so
that their second-derivative term is 0. The residual's G = I needs no row-level work: V = sum eta_k G_k gives each
of its moments from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.errors import UserError, refusal
from bowlby.mixed import tolerances as tol
from bowlby.mixed.covariance_parameters import Parameters
from bowlby.mixed.criterion import State, residual_variance
from bowlby.mixed.crossproducts import Reduced
from bowlby.mixed.derivatives import Moments, moments
from bowlby.mixed.small_matrices import eigen


@dataclass
class Information:
    """Moments in eta = (covariance parameters ..., residual variance), internal units.

    All arrays may have leading axes (replicates).

    Attributes
    ----------
    phi : ndarray (..., p, p)
        (X'V^-1 X)^-1.
    b : ndarray (..., c+1, p, p)
        X'V^-1 G_i V^-1 X.
    q : ndarray (..., c+1, c+1, p, p)
        X'V^-1 G_i V^-1 G_j V^-1 X.
    expected, observed : ndarray (..., c+1, c+1)
        Of -2 log-likelihood; the covariance of eta is 2 times an inverse.
    """

    phi: np.ndarray
    b: np.ndarray
    q: np.ndarray
    expected: np.ndarray
    observed: np.ndarray
    names: list[str]
    expected_groups: np.ndarray | None = None

    def df_error(self, c: np.ndarray) -> float:
        """Standard error of the Kenward-Roger df of a contrast where traces are estimates (0 where they are exact)."""
        if self.expected_groups is None:
            return 0.0
        w, _ = scaled_inverse(self.expected_groups, self.expected_groups)
        values = np.array([float(one_df(self, c, one)) for one in w])
        return float(values.std(ddof=1) / np.sqrt(len(values)))

    def inverse(self, which: str) -> np.ndarray:
        """2 E^-1 or 2 O^-1, generalised where terms are redundant; see :meth:`_basis`."""
        basis = self._basis()
        return 2 * basis @ np.linalg.solve(basis.T @ getattr(self, which) @ basis, basis.T)

    def definite(self, which: str) -> bool:
        """Whether E or O is positive definite, redundant directions aside."""
        basis = self._basis()
        return bool(np.linalg.eigvalsh(basis.T @ getattr(self, which) @ basis)[0] > tol.REGULAR)

    def _basis(self) -> np.ndarray:
        """Directions (c+1, r) of eta, in units of their information, that the data determine.

        In a direction n in which sum n_i G_i = 0 eta is arbitrary, but V and all that is derived of it are not: any
        generalised inverse gives the same standard errors and df, those of the model without the redundant term.

        Raises
        ------
        UserError
            Where a variance has no information, or several have it together only.
        """
        size = np.sqrt(np.abs(np.diagonal(self.expected)))
        if not (size > 0).all() or not np.isfinite(size).all():
            raise refusal(
                f"the variance '{self.names[int(np.argmin(size))]}' has no information in these data",
                "drop that random term",
            )
        values, vectors = eigen(self.expected / (size[:, None] * size))
        null = values <= tol.REGULAR * values[-1]
        if not null.any():
            return np.diag(1 / size)
        for n in vectors[:, null].T:
            if not self._redundant(n / size):
                names = [
                    name for name, weight in zip(self.names, np.abs(n), strict=True) if weight > 0.1 * np.abs(n).max()
                ]
                raise refusal(
                    f"the data do not tell apart the variances {' and '.join(names)}, so that no df can be computed",
                    "drop one of these random terms",
                )
        return vectors[:, ~null] / size[:, None]

    def _redundant(self, n: np.ndarray) -> bool:
        """Whether sum n_i G_i = 0 where its REML information is 0: then it leaves nothing of V^-1 X either."""
        shares = np.outer(n, n) * np.einsum("ab,ijba->ij", self.phi, self.q)
        return bool(np.abs(shares.sum()) <= tol.REDUNDANT * np.abs(shares).sum())


def inverses(info: Information) -> tuple[np.ndarray, np.ndarray]:
    """2 E^-1 of each replicate as :meth:`Information.inverse`, and which replicates have one."""
    w, good = scaled_inverse(info.expected, info.expected)
    for k in np.flatnonzero(~good):
        one = Information(info.phi[k], info.b[k], info.q[k], info.expected[k], info.observed[k], info.names)
        try:
            w[k], good[k] = one.inverse("expected"), True
        except (UserError, np.linalg.LinAlgError):
            continue
    return w, good


def scaled_inverse(expected: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """2 matrix^-1, and whether `expected`, scaled to unit diagonal, is numerically regular; leading axes allowed."""
    size = np.sqrt(np.abs(np.diagonal(expected, axis1=-2, axis2=-1)))
    size = np.where(size > 0, size, 1.0)
    outer = size[..., :, None] * size[..., None, :]
    values = np.linalg.eigvalsh(expected / outer)
    good = (values[..., 0] > tol.REGULAR * values[..., -1]) & np.isfinite(values).all(axis=-1)
    safe = np.where(good[..., None, None], matrix / outer, np.eye(matrix.shape[-1]))
    return 2 * np.linalg.inv(safe) / outer, good


def information(data: Reduced, parameters: Parameters, state: State, reml: bool, names: list[str]) -> Information:
    """Expected and observed information at a state, the residual variance included."""
    sigma2 = np.asarray(residual_variance(data, state, reml))
    mom = moments(data, parameters, state)
    info = assemble(data.n, state.delta, sigma2, state.phi, mom, reml, names)
    known = parameters.known_zero & (state.delta == 0)
    if mom.tvv_groups is not None:
        # Only the traces differ between groups of probes, so the informations differ by the traces' differences.
        change = _with_residual(0, state.delta, mom.tv_groups - mom.tv, mom.tvv_groups - mom.tvv)[1]
        info.expected_groups = info.expected + change / float(sigma2) ** 2
    return without(info, known)


def without(info: Information, known: np.ndarray) -> Information:
    """The information that is left where some variances (..., c) are known; the residual variance never is."""
    if not known.any():
        return info
    left = ~np.concatenate([known, np.zeros((*known.shape[:-1], 1), bool)], axis=-1)
    both = left[..., :, None] & left[..., None, :]
    one = np.eye(left.shape[-1])
    b, q = np.where(left[..., None, None], info.b, 0.0), np.where(both[..., None, None], info.q, 0.0)
    groups = None if info.expected_groups is None else np.where(both, info.expected_groups, one)
    return Information(
        info.phi, b, q, np.where(both, info.expected, one), np.where(both, info.observed, one), info.names, groups
    )


def _with_residual(n: int | np.ndarray, delta, tv, tvv):
    """Traces of V0^-1 G_i and V0^-1 G_i V0^-1 G_j with the residual's, G_0 = I = V0 - sum delta_k G_k, appended."""
    c = delta.shape[-1]
    one, two = np.zeros((*tv.shape[:-1], c + 1)), np.zeros((*tv.shape[:-1], c + 1, c + 1))
    one[..., :c], two[..., :c, :c] = tv, tvv
    one[..., c] = n - (delta * tv).sum(axis=-1)
    two[..., :c, c] = two[..., c, :c] = tv - (tvv @ delta[..., None])[..., 0]
    two[..., c, c] = one[..., c] - (delta * two[..., :c, c]).sum(axis=-1)
    return one, two


def _weighted(weights, arrays):
    """Sum over i of weights_i arrays_i, (..., c) and (..., c, a, b)."""
    flat = arrays.reshape(*arrays.shape[:-2], -1)
    return (weights[..., None, :] @ flat).reshape(*arrays.shape[:-3], *arrays.shape[-2:])


def _traces(left, right):
    """tr(left_i right_j) of (..., c, p, p) and (..., d, p, p), as (..., c, d)."""
    turned = np.swapaxes(right, -1, -2)
    return left.reshape(*left.shape[:-2], -1) @ np.swapaxes(turned.reshape(*turned.shape[:-2], -1), -1, -2)


def assemble(n: int | np.ndarray, delta, sigma2, phi, mom: Moments, reml: bool, names) -> Information:
    """:class:`Information` from the moments in the relative covariances.

    Sums are matrix products of each replicate, whose order does not depend on how many replicates there are.

    Parameters
    ----------
    n : int or ndarray (...)
        Rows; arrays may have leading axes (replicates).
    delta : ndarray (..., c)
        Covariance parameters relative to the residual variance.
    sigma2 : ndarray (...)
        Residual variance, internal units.
    phi : ndarray (..., p, p)
        (X'V0^-1 X)^-1.
    mom : Moments
        At these values.
    reml : bool
    names : list of str
        Of the c parameters and the residual variance.
    """
    c, p = delta.shape[-1], phi.shape[-1]
    lead, m = delta.shape[:-1], p + 1
    b, q = np.zeros((*lead, c + 1, m, m)), np.zeros((*lead, c + 1, c + 1, m, m))
    b[..., :c, :, :], q[..., :c, :c, :, :] = mom.p, mom.q
    _, tvv = _with_residual(n, delta, mom.tv, mom.tvv)
    b[..., c, :, :] = mom.uvu - _weighted(delta, mom.p)
    q[..., :c, c, :, :] = mom.p - _weighted(delta[..., None, :], mom.q)
    q[..., c, :c, :, :] = np.swapaxes(q[..., :c, c, :, :], -1, -2)
    q[..., c, c, :, :] = b[..., c, :, :] - _weighted(delta, q[..., :c, c, :, :])

    bx, qx = b[..., :p, :p], q[..., :p, :p]
    fb = phi[..., None, :, :] @ bx
    each = qx.reshape(*lead, (c + 1) ** 2, p, p)
    expected = tvv - 2 * _traces(each, phi[..., None, :, :]).reshape(*lead, c + 1, c + 1) + _traces(fb, fb)
    bxy = b[..., :p, p]
    s2 = sigma2[..., None, None]
    quad = 2 * (q[..., p, p] - bxy @ phi @ np.swapaxes(bxy, -1, -2)) / s2
    observed = quad - (expected if reml else tvv)
    return Information(
        phi * s2, bx / s2[..., None] ** 2, qx / s2[..., None, None] ** 3, expected / s2**2, observed / s2**2, names
    )


def adjusted_covariance(info: Information, w: np.ndarray) -> np.ndarray:
    """Kenward-Roger's Phi_A (..., p, p), w the inverse expected information."""
    phi = info.phi
    fb = phi[..., None, :, :] @ info.b
    *lead, c, p, _ = fb.shape
    inner = phi @ _weighted(w.reshape(*lead, c * c), info.q.reshape(*lead, c * c, p, p)) @ phi
    beside = np.swapaxes(fb, -3, -2).reshape(*lead, p, c * p)
    below = (w @ fb.reshape(*lead, c, p * p)).reshape(*lead, c * p, p)
    inner = inner - beside @ below @ phi
    out = phi + 2 * inner
    return 0.5 * (out + np.swapaxes(out, -1, -2))


def one_df(info: Information, c: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Degrees of freedom of one contrast, nu = 2 (c'Phi c)^2 / (g'W g) with g_i = c'Phi X'V^-1 G_i V^-1 X Phi c.

    Parameters
    ----------
    info : Information
    c : ndarray (..., p)
        The contrast, internal scale.
    w : ndarray (..., c+1, c+1)
        Inverse of the expected information (Kenward-Roger) or of the observed one (Satterthwaite).

    Returns
    -------
    ndarray (...)
        NaN where no variance component enters the contrast.
    """
    v = (info.phi @ c[..., None])[..., 0]
    g = ((info.b @ v[..., None, :, None])[..., 0] * v[..., None, :]).sum(axis=-1)
    spread = ((w @ g[..., None])[..., 0] * g).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, 2 * (v * c).sum(axis=-1) ** 2 / spread, np.nan)


def kenward_roger_f(info: Information, l_matrix: np.ndarray, lb: np.ndarray, phi_a: np.ndarray):
    """Scaled F test of a joint hypothesis L beta = r.

    Parameters
    ----------
    info : Information
    l_matrix : ndarray (l, p)
        L, internal scale.
    lb : ndarray (l,)
        L times the estimates, less r.
    phi_a : ndarray (p, p)
        Adjusted covariance of the estimates.

    Returns
    -------
    F, df_den, scale : float
        NaN where the approximation is undefined (too few groups).

    References
    ----------
    Kenward & Roger (1997), Biometrics 53:983-997.
    """
    ell = len(l_matrix)
    w = info.inverse("expected")
    wald = float(lb @ np.linalg.solve(l_matrix @ phi_a @ l_matrix.T, lb)) / ell
    if ell == 1:
        return wald, float(one_df(info, l_matrix[0], w)), 1.0
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
    """F and denominator df by Fai & Cornelius (1996): independent one-df contrasts, mean of F matched."""
    v = l_matrix @ info.phi @ l_matrix.T
    values, vectors = np.linalg.eigh(v)
    rows = vectors.T @ l_matrix
    t2 = (vectors.T @ lb) ** 2 / values
    ell = len(rows)
    nu = np.array([float(one_df(info, row, w)) for row in rows])
    if ell == 1:
        return float(t2.sum()), float(nu[0])
    if np.ptp(nu) < tol.SAME_DF * nu.mean():
        return float(t2.mean()), float(nu.mean())
    if (nu <= 2).any():
        return float(t2.mean()), 2.0
    total = float((nu / (nu - 2)).sum())
    return float(t2.mean()), 2 * total / (total - ell)
