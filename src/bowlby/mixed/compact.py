"""The criterion of a small model with one grouping factor, where the number of calls is what costs.

All of U'V^-1U, its derivatives and second derivatives for U = [X, y] are sums over levels of products z_a z_b' with
coefficients from Omega, G'E_iG and G'E_iH E_jG (see ``criterion`` and ``derivatives``); the products are formed once
and one matrix product an evaluation gives everything. Derivatives are taken in the basis U L^-T, L the Cholesky factor
of U'V^-1U: there X'V^-1X is the identity and the residual has length 1, so that each is a weighted sum of entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.mixed.criterion import inner_inverse, mix, unit_product
from bowlby.mixed.crossproducts import Reduced
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
    root: np.ndarray   # L^-1, (m, m)
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
        from bowlby.mixed.optimise import Point

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
        from bowlby.mixed.optimise import Point

        m, h, theta = len(state.root), state.h[0, 0], float(x[0])
        p, q = (state.root @ state.rows[1:] @ state.root.T).reshape(2, -1)
        gradient, trace = (float(h.sum()) - p[:: m + 1] @ self.weight).tolist()
        second, second_x = (2 * q[:: m + 1] @ self.weight).tolist()
        square, square_x = (self.square @ (p * p)).tolist()
        traces = float(h @ h)
        hessian, expected = second - square - traces, traces - second_x + square_x - trace * trace / self.dof
        return Point(x, state, height, np.array([2 * theta * gradient]),
                     np.array([[4 * theta * theta * hessian + 2 * gradient]]), np.array([gradient]),
                     np.array([[expected]]))
