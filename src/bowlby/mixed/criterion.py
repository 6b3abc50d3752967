"""The profiled criterion, -2 log-likelihood (ML or REML), evaluated unit by unit.

With V0 = I + sum of Z D Z' (relative to the residual variance), inner blocks are eliminated one by one:
G = (I + S D)^-1, so that Z' V_a^-1 [Z, X, y, Z_outer] = G [S, Z'X, Z'y, A]; what remains is the outer Schur
complement C = Z_o' V_a^-1 Z_o, with K = (D_o^-1 + C)^-1 = D_o (I + C D_o)^-1, finite also for singular D_o.
The form follows Bates, Maechler, Bolker & Walker (2015), J Stat Softw 67(1), section 3, and Bates, Alday &
Kokandakar (2025), arXiv 2505.11674, with V in place of the penalised system.

With one grouping factor there is no outer block, and all derivatives are Gram matrices over its levels
(:class:`OneFactor`). They are taken in the basis U L^-T, U = [X, y] and L the Cholesky factor of U'V0^-1U: there
X'V0^-1X is the identity and the residual has length 1, so that each is a weighted sum of entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import isfinite

import numpy as np

from bowlby.mixed.covariance_parameters import Parameters
from bowlby.mixed.crossproducts import ABSENT, Reduced
from bowlby.mixed.small_matrices import cholesky, lower_inverse

_LEVELS = 1 << 13  # at a time, so that products stay in the processor's cache


@dataclass
class State:
    """What one evaluation leaves behind for derivatives and inference (internal units)."""

    theta: np.ndarray
    delta: np.ndarray
    deviance: float
    xvx: np.ndarray  # [X y]'V0^-1[X y]
    chol: np.ndarray  # its Cholesky factor L
    r2: float  # y'P0 y
    d: list
    # Empty where the model has no inner units (g, h, r, f) or no outer columns (f, c, b, k).
    g: np.ndarray  # (q, q, N)
    h: np.ndarray  # G S = Z'V_a^-1 Z
    r: np.ndarray  # G Z'[X y]
    f: np.ndarray  # G A
    c: np.ndarray
    b: np.ndarray  # Z_o'V_a^-1[X y]
    k: np.ndarray

    @cached_property
    def root(self) -> np.ndarray:
        """L^-1, (m, m)."""
        return lower_inverse(self.chol)

    @cached_property
    def beta(self) -> np.ndarray:
        return self.root[-1, :-1] * -self.chol[-1, -1]

    @cached_property
    def phi(self) -> np.ndarray:
        """(X'V0^-1 X)^-1, (p, p)."""
        root = self.root[:-1, :-1]
        return root.T @ root


def unit_product(g: np.ndarray, z: np.ndarray) -> np.ndarray:
    """g (q, q, N) times z (q, m, N), unit by unit."""
    out = g[:, 0, None] * z[0]
    for b in range(1, len(z)):
        out += g[:, b, None] * z[b]
    return out


def mix(d: np.ndarray, z: np.ndarray) -> np.ndarray:
    """d (q, q) times z (q, ...), the same for all units."""
    return z * d[0, 0] if len(d) == 1 else (d @ z.reshape(len(d), -1)).reshape(z.shape)


def inner_inverse(data: Reduced, d: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """G = (I + S D)^-1 and G S for S (q, q, N), and the summed log-determinants."""
    q, n = len(d), data.s.shape[2]
    if q == 1:
        m = 1.0 + data.s * d[0, 0]
        g = 1.0 / m
        return g, data.s * g, float(np.log(m).sum())
    if q > 2:
        m = np.moveaxis(data.s, -1, 0) @ d + np.eye(q)
        g = np.moveaxis(np.linalg.inv(m), 0, -1)
        return g, unit_product(g, data.s), float(np.linalg.slogdet(m)[1].sum())
    (d11, d12), (_, d22) = d.tolist()
    # The adjugates of I + S D, these times S, and det = 1 + tr(S D) + det S det D, without the cancellation of a
    # product of its entries, are linear in what `pair_terms` has of each unit.
    weights = np.array(
        [
            [0.0, d12, d22, 0.0, 1.0],
            [-d12, -d22, 0.0, 0.0, 0.0],
            [0.0, -d11, -d12, 0.0, 0.0],
            [d11, d12, 0.0, 0.0, 1.0],
            [1.0, 0.0, 0.0, d22, 0.0],
            [0.0, 1.0, 0.0, -d12, 0.0],
            [0.0, 1.0, 0.0, -d12, 0.0],
            [0.0, 0.0, 1.0, d11, 0.0],
            [d11, 2 * d12, d22, max(d11 * d22 - d12 * d12, 0.0), 1.0],
        ]
    )
    terms = weights @ data.pair_terms
    terms[:8] /= terms[8]
    both = terms[:8].reshape(2, 2, 2, n)
    return both[0], both[1], float(np.add.reduce(np.log(terms[8])))


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
    xvx, logdet = data.xx, 0.0
    g = h = r = f = c = b = k = ABSENT
    if data.has_inner:
        g, h, logdet = inner_inverse(data, d[0])
        r = unit_product(g, data.zx)
        dr = mix(d[0], r)
        xvx = xvx - np.add.reduce(data.zx @ dr.swapaxes(1, 2))
    if data.links is not None:
        if data.has_inner:
            f = data.links.apply(g)
            c = data.cc - data.links.gram(data.links.a, mix(d[0], f))
            b = data.bx - data.links.project(data.links.a, dr)
        else:
            c, b = data.cc, data.bx
        k, more = outer_inverse(c, parameters.lambdas(theta)[int(data.has_inner) :], data.select)
        logdet += more
        xvx = xvx - (b.transpose(0, 2, 1) @ (k @ b)).sum(axis=0)
    chol = cholesky(xvx)
    if chol is None:
        raise np.linalg.LinAlgError("no residual variation is left")
    *logs, last = np.log(chol.diagonal()).tolist()
    deviance = logdet + 2 * (data.n - data.p if reml else data.n) * last + (2 * sum(logs) if reml else 0.0)
    if not isfinite(deviance):
        raise np.linalg.LinAlgError("the criterion is not finite")
    return State(theta, delta, deviance, xvx, chol, float(chol[-1, -1]) ** 2, d, g, h, r, f, c, b, k)


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


class OneFactor:
    """First and second derivatives in delta of the criterion of a model with one grouping factor.

    With W_a = L^-1 U'V0^-1 Z_a, a column for each level, and H = Z'V0^-1 Z, the derivatives are sums over levels of
    products of two entries of H, or of one and of W_a'W_b weighted: dof for the outcome and, by REML, 1 for X.
    """

    def __init__(self, data: Reduced, parameters: Parameters, reml: bool):
        self.data, self.dof = data, data.n - data.p if reml else data.n
        self.one, self.two, self.pair_of = _patterns(tuple(parameters.items), len(data.s))
        predictors = np.full(data.p + 1, float(reml))
        predictors[-1] = 0.0
        both = predictors.copy()
        both[-1] = self.dof
        self.first = np.array([np.diag(both).ravel(), np.diag(predictors).ravel()])
        self.second = np.array([2 * both, -2 * predictors])
        self.squares = np.array([[-np.maximum.outer(both, both).ravel()], [np.outer(predictors, predictors).ravel()]])

    def derivatives(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradient (c,), Hessian and expected Hessian (c, c)."""
        q, m, n = state.r.shape
        parts = [self._sums(state, slice(start, start + _LEVELS)) for start in range(0, n, _LEVELS)]
        gram, pairs, h = (sum(each[1:], each[0]) for each in zip(*parts, strict=True))
        if q == 1:  # one variance: the same without the sums over entries, which cost more than the products
            p = gram.ravel()
            slopes = h - self.first @ p
            curves = pairs.ravel() + (self.squares[:, 0] * p) @ p
            return slopes[:1], curves[:1, None], curves[1:, None] - slopes[1:] * slopes[1:] / self.dof
        p = self.one @ gram.reshape(q, m, q, m).swapaxes(1, 2).reshape(q * q, m * m)
        gradient, trace = self.one @ h - self.first @ p.T
        pairs = pairs.reshape(q * q, 2, q * q).swapaxes(0, 1).reshape(2, -1)
        c = len(p)
        hessian, expected = (pairs @ self.two)[:, self.pair_of] + (
            (p * self.squares).reshape(2 * c, m * m) @ p.T
        ).reshape(2, c, c)
        return gradient, hessian, expected - trace[:, None] * (trace / self.dof)

    def _sums(self, state: State, at: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Over some levels: W_a'W_b; weighted W_a'W_b with and without H, times H; and H."""
        h, r = state.h[:, :, at], state.r[:, :, at]
        q, m, n = r.shape
        w = state.root @ r
        rows, flat = w.reshape(q * m, n), h.reshape(q * q, n)
        pairs = np.empty((q, q, 2, n))
        for a in range(q):
            np.matmul(self.second, w[a] * w, out=pairs[a])
        pairs[:, :, 0] -= h
        pairs[:, :, 1] += h
        return rows @ rows.T, pairs.reshape(-1, n) @ flat.T, np.add.reduce(flat, axis=1)


@lru_cache(maxsize=64)
def _patterns(items: tuple, q: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What sums over entries of q x q patterns E_i take from Gram matrices of such entries.

    Returns
    -------
    one : ndarray (c, q^2)
        tr(E_i H) from the entries of H.
    two : ndarray (q^4, pairs)
        tr(E_i H E_j V) from the sums of v_ea h_bc.
    pair_of : ndarray of int (c, c)
        The column of `two` of i and j.
    """
    entries = [[(t.a, t.b)] if t.a == t.b else [(t.a, t.b), (t.b, t.a)] for t in items]
    pairs = [(i, j) for i in range(len(items)) for j in range(i + 1)]
    one, two = np.zeros((len(items), q * q)), np.zeros((q**4, len(pairs)))
    pair_of = np.zeros((len(items), len(items)), dtype=np.intp)
    for i, own in enumerate(entries):
        for a, b in own:
            one[i, a * q + b] += 1
    for number, (i, j) in enumerate(pairs):
        pair_of[i, j] = pair_of[j, i] = number
        for a, b in entries[i]:
            for c, e in entries[j]:
                two[(e * q + a) * q * q + b * q + c, number] += 1
    return one, two, pair_of
