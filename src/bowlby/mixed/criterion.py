"""The profiled criterion, -2 log-likelihood (ML or REML), evaluated unit by unit.

With V0 = I + sum of Z D Z' (relative to the residual variance), inner blocks are eliminated one by one:
G = (I + S D)^-1, so that Z' V_a^-1 [Z, X, y, Z_outer] = G [S, Z'X, Z'y, A]; what remains is the outer Schur
complement C = Z_o' V_a^-1 Z_o, with K = (D_o^-1 + C)^-1 = D_o (I + C D_o)^-1, finite also for singular D_o.
The form follows Bates, Maechler, Bolker & Walker (2015), J Stat Softw 67(1), section 3, and Bates, Alday &
Kokandakar (2025), arXiv 2505.11674, with V in place of the penalised system.

A small model with one grouping factor, where the number of calls is what costs, has a criterion of its own
(:class:`Compact`). All of U'V^-1U, its derivatives and second derivatives for U = [X, y] are sums over levels of
products z_a z_b' with coefficients from Omega, G'E_iG and G'E_iH E_jG (see ``derivatives``); the products are formed
once and one matrix product an evaluation gives everything. Derivatives are taken in the basis U L^-T, L the Cholesky
factor of U'V^-1U: there X'V^-1X is the identity and the residual has length 1, so that each is a weighted sum of
entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.mixed.covariance_parameters import Parameters
from bowlby.mixed.crossproducts import ABSENT, Reduced

_LARGEST = 500_000


@dataclass
class State:
    """What one evaluation leaves behind for derivatives and inference (internal units)."""

    theta: np.ndarray
    delta: np.ndarray
    deviance: float
    beta: np.ndarray
    phi: np.ndarray  # (X'V0^-1 X)^-1
    xvx: np.ndarray  # [X y]'V0^-1[X y]
    r2: float  # y'P0 y
    d: list
    # Empty where the model has no inner units (g, r, f) or no outer columns (f, c, b, k).
    g: np.ndarray  # (q, q, N)
    r: np.ndarray  # G Z'[X y]
    f: np.ndarray  # G A
    c: np.ndarray
    b: np.ndarray  # Z_o'V_a^-1[X y]
    k: np.ndarray


def unit_product(g: np.ndarray, z: np.ndarray) -> np.ndarray:
    """g (q, q, N) times z (q, m, N), unit by unit."""
    out = g[:, 0, None] * z[0]
    for b in range(1, len(z)):
        out += g[:, b, None] * z[b]
    return out


def mix(d: np.ndarray, z: np.ndarray) -> np.ndarray:
    """d (q, q) times z (q, ...), the same for all units."""
    return z * d[0, 0] if len(d) == 1 else (d @ z.reshape(len(d), -1)).reshape(z.shape)


def inner_inverse(s: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, float]:
    """(I + S D)^-1 for S (q, q, N), and the summed log-determinants."""
    q = len(d)
    if q == 1:
        m = 1.0 + s[0, 0] * d[0, 0]
        return (1.0 / m)[None, None], float(np.log(m).sum())
    if q == 2:
        (d11, d12), (_, d22) = d.tolist()
        if d12 == 0.0:
            a, b = s[0, 0] * d11, s[1, 1] * d22
            det = np.maximum(s[0, 0] * s[1, 1] - s[0, 1] * s[1, 0], 0.0) * (d11 * d22) + a + b + 1.0
            g = np.empty_like(s)
            g[0, 0], g[0, 1], g[1, 0], g[1, 1] = (
                (1.0 + b) / det,
                s[0, 1] * -d22 / det,
                s[1, 0] * -d11 / det,
                (1.0 + a) / det,
            )
            return g, float(np.log(det).sum())
        m11 = 1.0 + s[0, 0] * d11 + s[0, 1] * d12
        m12 = s[0, 0] * d12 + s[0, 1] * d22
        m21 = s[1, 0] * d11 + s[1, 1] * d12
        m22 = 1.0 + s[1, 0] * d12 + s[1, 1] * d22
        # det(I + S D) = 1 + tr(S D) + det S det D, without the cancellation of m11 m22 - m12 m21.
        det = 1.0 + s[0, 0] * d11 + 2 * s[0, 1] * d12 + s[1, 1] * d22
        det += np.maximum(s[0, 0] * s[1, 1] - s[0, 1] * s[1, 0], 0.0) * max(d11 * d22 - d12 * d12, 0.0)
        g = np.empty_like(s)
        g[0, 0], g[0, 1], g[1, 0], g[1, 1] = m22 / det, -m12 / det, -m21 / det, m11 / det
        return g, float(np.log(det).sum())
    m = np.moveaxis(s, -1, 0) @ d + np.eye(q)
    return np.moveaxis(np.linalg.inv(m), 0, -1), float(np.linalg.slogdet(m)[1].sum())


def outer_inverse(c: np.ndarray, lambdas: list[np.ndarray], select: list) -> tuple[np.ndarray, float]:
    """K = Lambda (I + Lambda'C Lambda)^-1 Lambda' and log det(I + Lambda'C Lambda), C (J, k, k)."""
    if not isinstance(c, np.ndarray):
        from bowlby.mixed.sparse_outer import WideInverse

        inverse = WideInverse(c, lambdas, select)
        return inverse, inverse.logdet()
    stack, k = c.shape[:2]
    if k == 1:
        d = lambdas[0][0, 0] ** 2
        m = 1.0 + d * c
        return d / m, float(np.log(m).sum())
    if stack > 1:
        lam = np.zeros((k, k))
        for columns, part in zip(select, lambdas, strict=True):
            for a, b in zip(*np.nonzero(part), strict=True):
                np.fill_diagonal(lam[columns[a], columns[b]], part[a, b])
        m = lam.T @ c @ lam + np.eye(k)
        chol = np.linalg.cholesky(m)
        logdet = 2 * float(np.log(np.diagonal(chol, axis1=1, axis2=2)).sum())
        half = np.linalg.solve(chol, np.broadcast_to(lam.T, c.shape))
        return half.transpose(0, 2, 1) @ half, logdet
    from scipy.linalg import lapack  # here, because importing it costs a quarter of a second

    m = _scale_both(c[0], lambdas, select, transpose=False)
    m.flat[:: k + 1] += 1.0
    factor, info = lapack.dpotrf(m.T, lower=1, overwrite_a=1, clean=0)
    if info:
        raise np.linalg.LinAlgError("outer block is not positive definite")
    logdet = 2 * float(np.log(np.diagonal(factor)).sum())
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    return _scale_both(inverse, lambdas, select, transpose=True)[None], logdet


def _scale_both(m, lambdas, select, transpose):
    """Lambda' m Lambda, or Lambda m Lambda' with `transpose`, Lambda block diagonal over levels."""
    if all(len(columns) == 1 for columns in select):
        scale = np.empty(len(m))
        for columns, lam in zip(select, lambdas, strict=True):
            scale[columns[0]] = lam[0, 0]
        return m * scale * scale[:, None]
    for _ in range(2):
        out = np.zeros_like(m)
        for columns, lam in zip(select, lambdas, strict=True):
            lam = lam.T if transpose else lam
            for a in range(len(lam)):
                for b in range(len(lam)):
                    if lam[a, b]:
                        out[:, columns[b]] += m[:, columns[a]] * lam[a, b]
        m = out.T
    return np.ascontiguousarray(m)


def evaluate(data: Reduced, parameters: Parameters, theta: np.ndarray, reml: bool) -> State:
    """Profiled -2 log-likelihood at theta, in internal units without the constants of :func:`loglik`.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where theta is so extreme that the algebra breaks down.
    """
    delta = parameters.delta(theta)
    d = parameters.covariances(delta)
    lambdas = parameters.lambdas(theta)
    xvx, logdet = data.xx.copy(), 0.0
    g = r = f = c = b = k = ABSENT
    if data.has_inner:
        g, logdet = inner_inverse(data.s, d[0])
        q = len(d[0])
        r = unit_product(g, data.zx)
        dr = mix(d[0], r)
        for i in range(q):
            xvx -= data.zx[i] @ dr[i].T
    if data.links is not None:
        if data.has_inner:
            f = data.links.apply(g)
            c = data.cc - data.links.gram(data.links.a, mix(d[0], f))
            b = data.bx - data.links.project(data.links.a, dr)
        else:
            c, b = data.cc, data.bx
        k, more = outer_inverse(c, lambdas[int(data.has_inner) :], data.select)
        logdet += more
        xvx -= (b.transpose(0, 2, 1) @ (k @ b)).sum(axis=0)
    xvx = 0.5 * (xvx + xvx.T)
    p = data.p
    chol = np.linalg.cholesky(xvx[:p, :p]) if p else np.zeros((0, 0))
    half = np.linalg.solve(chol, xvx[:p, p]) if p else np.zeros(0)
    r2 = float(xvx[p, p] - half @ half)
    if not r2 > 0 or not np.isfinite(r2):
        raise np.linalg.LinAlgError("no residual variation is left")
    inverse = np.linalg.solve(chol, np.eye(p)) if p else chol
    dof = data.n - p if reml else data.n
    deviance = logdet + dof * np.log(r2)
    if reml:
        deviance += 2 * float(np.log(np.diagonal(chol)).sum())
    return State(theta, delta, deviance, inverse.T @ half, inverse.T @ inverse, xvx, r2, d, g, r, f, c, b, k)


def loglik(data: Reduced, state: State, reml: bool) -> float:
    """Log-likelihood in the user's units: internal scaling undone, weights' Jacobian included."""
    dof = data.n - data.p if reml else data.n
    scale = data.scaling
    value = state.deviance + dof * (1 + np.log(2 * np.pi / dof)) + 2 * dof * np.log(scale.y_scale)
    if reml:
        value += 2 * scale.log_det()
    return -0.5 * (value - data.logdet_weights)


def residual_variance(data: Reduced, state: State, reml: bool) -> float:
    """sigma^2 in internal units."""
    return state.r2 / (data.n - data.p if reml else data.n)


@dataclass
class Point:
    """Current point of a descent: free coordinates x, the state there, first and second derivatives in x.

    `slope` and `expected`, the gradient and the expected Hessian in delta, serve the first steps.
    """

    x: np.ndarray
    state: State
    height: float
    gradient: np.ndarray
    hessian: np.ndarray
    slope: np.ndarray | None = None
    expected: np.ndarray | None = None


def suits(data: Reduced) -> bool:
    """Whether the products of a model fit comfortably."""
    return data.links is None and data.s.shape[0] * data.zx.size * (data.p + 1) <= _LARGEST


@dataclass
class CompactState:
    theta: np.ndarray
    delta: np.ndarray
    rows: np.ndarray  # (1 + c + pairs, m, m)
    h: np.ndarray
    root: np.ndarray  # L^-1, (m, m)
    r2: float


class Compact:
    """Same interface as ``optimise.Profiled``."""

    wide = False
    noise = 0.0

    def __init__(self, data: Reduced, parameters: Parameters, reml: bool):
        self.data, self.parameters, self.reml = data, parameters, reml
        q, m, n = data.zx.shape
        self.products = np.einsum("amn,bkn->abnmk", data.zx, data.zx).reshape(q * q * n, m * m)
        self.entries = [parameters.entries(i) for i in range(parameters.count)]
        self.pairs = [(i, j) for i in range(parameters.count) for j in range(i + 1)]
        self.dof = data.n - data.p if reml else data.n
        # Weights of the entries of P_i = L^-1 U'V^-1G_iV^-1U L^-T and of the diagonals of Q_ij: those of X and of y.
        self.weight, self.square = np.zeros((m, 2)), np.zeros((2, m * m))
        x, both = np.arange(m) < m - 1, np.zeros((m, m))
        self.weight[:-1] = float(reml)
        self.weight[-1, 0] = self.dof
        both[np.ix_(x, x)] = float(reml)
        self.square[1] = both.ravel()
        both[-1], both[:, -1] = self.dof, self.dof
        self.square[0] = both.ravel()
        self._index_traces(q)

    def _index_traces(self, q: int) -> None:
        """tr(E_iH) and tr(E_iH E_jH) as sums of entries of H and of the Gram matrix of its entries."""
        count = len(self.entries)
        self.one, self.two = np.zeros((count, q * q)), np.zeros((len(self.pairs), q**4))
        for i, entries in enumerate(self.entries):
            for a, b in entries:
                self.one[i, a * q + b] += 1
        self.pair_of = np.zeros((count, count), dtype=np.intp)
        for number, (i, j) in enumerate(self.pairs):
            self.pair_of[i, j] = self.pair_of[j, i] = number
            for a, b in self.entries[i]:
                for c, e in self.entries[j]:
                    self.two[number, (b * q + c) * q * q + e * q + a] += 1

    def evaluate(self, x: np.ndarray):
        data, par = self.data, self.parameters
        delta = par.delta(x)
        d = par.covariances(delta)[0]
        g, logdet = inner_inverse(data.s, d)
        h = unit_product(g, data.s)
        q = len(d)
        rows = np.empty((1 + len(self.entries) + len(self.pairs), q, q, g.shape[2]))
        rows[0] = mix(d, g)
        for i, entries in enumerate(self.entries):
            for number, (a, b) in enumerate(entries):
                left = g[a][:, None] * g[b]
                rows[1 + i] = rows[1 + i] + left if number else left
        for number, (i, j) in enumerate(self.pairs):
            at, first = 1 + len(self.entries) + number, True
            for a, b in self.entries[i]:
                for c, e in self.entries[j]:
                    term = g[a][:, None] * (h[b, c] * g[e])
                    rows[at] = term if first else rows[at] + term
                    first = False
        return self._solve(x, delta, rows.reshape(len(rows), -1), logdet, h)

    def _solve(self, x, delta, rows, logdet: float, h):
        """State and height from the coefficients of the products."""
        from scipy.linalg import lapack

        data, p = self.data, self.data.p
        sums = (rows @ self.products).reshape(-1, p + 1, p + 1)
        chol, info = lapack.dpotrf(data.xx - sums[0], lower=1)
        if info:
            return None
        diagonal = np.log(chol.diagonal())
        height = logdet + 2 * self.dof * float(diagonal[p]) + (2 * float(diagonal[:p].sum()) if self.reml else 0.0)
        if not np.isfinite(height):
            return None
        root, _ = lapack.dtrtri(chol, lower=1)
        return CompactState(x, delta, sums, h, root, float(chol[p, p] ** 2)), height

    def derive(self, x, state: CompactState, height: float, exact: bool):
        c, m = len(self.entries), len(state.root)
        turned = (state.root @ state.rows[1:] @ state.root.T).reshape(-1, m * m)
        flat = state.h.reshape(-1, state.h.shape[-1])
        diagonal = turned[:, :: m + 1] @ self.weight
        p, q = turned[:c], 2 * diagonal[c:][self.pair_of]
        traces = (self.two @ (flat @ flat.T).ravel())[self.pair_of]
        both = self.one @ flat.sum(axis=1)[:, None] - diagonal[:c]
        gradient, trace = both[:, 0], both[:, 1]
        hessian = q[..., 0] - (p * self.square[0]) @ p.T - traces
        expected = traces - q[..., 1] + (p * self.square[1]) @ p.T - trace[:, None] * trace / self.dof
        jac = self.parameters.jacobian(x)
        bent = self.parameters.bend(gradient)
        return Point(x, state, height, jac.T @ gradient, jac.T @ hessian @ jac + bent, gradient, expected)


class Single(Compact):
    """One random effect in one factor, (1 | therapist): the same in scalars."""

    def evaluate(self, x: np.ndarray):
        delta = x[0] * x[0]
        s = self.data.s[0, 0]
        m = 1.0 + delta * s
        g = 1.0 / m
        h = g * s
        rows = np.empty((3, len(g)))
        np.multiply(g, delta, out=rows[0])
        np.multiply(g, g, out=rows[1])
        np.multiply(rows[1], h, out=rows[2])
        return self._solve(x, np.array([delta]), rows, float(np.log(m).sum()), h[None, None])

    def derive(self, x, state: CompactState, height: float, exact: bool):
        m, h, theta = len(state.root), state.h[0, 0], float(x[0])
        p, q = (state.root @ state.rows[1:] @ state.root.T).reshape(2, -1)
        gradient, trace = (float(h.sum()) - p[:: m + 1] @ self.weight).tolist()
        second, second_x = (2 * q[:: m + 1] @ self.weight).tolist()
        square, square_x = (self.square @ (p * p)).tolist()
        traces = float(h @ h)
        hessian, expected = second - square - traces, traces - second_x + square_x - trace * trace / self.dof
        return Point(
            x,
            state,
            height,
            np.array([2 * theta * gradient]),
            np.array([[4 * theta * theta * hessian + 2 * gradient]]),
            np.array([gradient]),
            np.array([[expected]]),
        )
