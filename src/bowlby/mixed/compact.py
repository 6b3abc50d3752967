"""The criterion of a small model with one grouping factor, where the number of calls is what costs.

All of X'V^-1X, its derivatives and second derivatives are sums over levels of products z_a z_b' with coefficients from
Omega, G'E_iG and G'E_iH E_jG (see ``criterion`` and ``derivatives``); the products are formed once and one matrix
product an evaluation gives everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.mixed.criterion import inner_inverse, mix, unit_product
from bowlby.mixed.crossproducts import Reduced
from bowlby.mixed.derivatives import Moments, profiled
from bowlby.mixed.parameters import Parameters

_LARGEST = 500_000


def suits(data: Reduced) -> bool:
    """Whether the products of a model fit comfortably."""
    return data.links is None and data.s.shape[0] * data.zx.size * (data.p + 1) <= _LARGEST


@dataclass
class CompactState:
    theta: np.ndarray
    delta: np.ndarray
    rows: np.ndarray   # (1 + c + pairs, m, m)
    h: np.ndarray
    beta: np.ndarray
    phi: np.ndarray
    r2: float
    xvx: np.ndarray


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
        xvx = data.xx - sums[0]
        chol, info = lapack.dpotrf(xvx, lower=1)
        if info:
            return None
        r2 = float(chol[p, p] ** 2)
        diagonal = np.log(np.diagonal(chol)[:p]).sum() if p else 0.0
        dof = data.n - p if self.reml else data.n
        height = logdet + dof * np.log(r2) + (2 * float(diagonal) if self.reml else 0.0)
        if not np.isfinite(height):
            return None
        if p:
            inverse, _ = lapack.dtrtri(chol[:p, :p], lower=1)
            phi, beta = inverse.T @ inverse, inverse.T @ chol[p, :p]
        else:
            phi, beta = np.zeros((0, 0)), np.zeros(0)
        return CompactState(x, delta, sums, h, beta, phi, r2, xvx), float(height)

    def derive(self, x, state: CompactState, height: float, exact: bool):
        from bowlby.mixed.optimise import Point

        c, m = len(self.entries), self.data.p + 1
        change = np.eye(m)
        change[:-1, -1] = -state.beta
        turned = change.T @ state.rows[1:] @ change
        tv, tvv, q = np.empty(c), np.empty((c, c)), np.empty((c, c, m, m))
        h = state.h
        for i in range(c):
            tv[i] = sum(float(h[a, b].sum()) for a, b in self.entries[i])
        for number, (i, j) in enumerate(self.pairs):
            q[i, j] = turned[c + number]
            q[j, i] = q[i, j].T
            tvv[i, j] = tvv[j, i] = sum(float(h[b, k] @ h[e, a]) for a, b in self.entries[i]
                                        for k, e in self.entries[j])
        gradient, hessian, expected = profiled(self.data, state, Moments(tv, tvv, turned[:c], q, state.xvx), self.reml)
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
        from bowlby.mixed.optimise import Point

        p, phi, r2 = self.data.p, state.phi, state.r2
        dof = self.data.n - p if self.reml else self.data.n
        change = np.eye(p + 1)
        change[:-1, -1] = -state.beta
        b, q = change.T @ state.rows[1:] @ change
        bxy, byy, h = b[:p, p], float(b[p, p]), state.h[0, 0]
        trace, traces = float(h.sum()), float(h @ h)
        if self.reml:
            fp = phi @ b[:p, :p]
            trace -= float(np.trace(fp))
            traces += float(np.vdot(fp, fp.T)) - 2 * float(np.vdot(phi, q[:p, :p]))
        gradient = trace - dof * byy / r2
        quad = 2 * (float(q[p, p]) - float(bxy @ phi @ bxy))
        hessian = dof * (quad / r2 - byy * byy / r2**2) - traces
        theta = float(x[0])
        return Point(x, state, height, np.array([2 * theta * gradient]),
                     np.array([[4 * theta * theta * hessian + 2 * gradient]]), np.array([gradient]),
                     np.array([[traces - trace * trace / dof]]))
