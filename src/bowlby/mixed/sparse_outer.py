"""Outer factors too wide for a dense block: sparse matrices, conjugate gradients and seeded traces.

The outer matrix A = I + Lambda'C Lambda is sparse and, with its level blocks scaled to identities, close to the
identity: therapists share few patients. Solves are conjugate gradients to rounding. log det A and the traces that the
derivatives and Kenward-Roger need are exact for the block-diagonal part of A (and log det to fourth order in the
rest), and estimated for what is left with up to 64 seeded sign vectors (Hutchinson), by Lanczos quadrature for the
logarithm (Ubaru, Chen & Saad 2017, SIAM J Matrix Anal Appl 38:1075-1099). The estimates carry standard errors; probes
are fixed, so the criterion is a smooth function of theta.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import sparse

from bowlby.mixed import tolerances as tol
from bowlby.mixed.components import CrossedLinks

PROBES = 64
MAX_SIGNS = 160_000  # signs in all beyond which no more probes are drawn
GROUPS = 8
_SEED = 20210711
_STEPS = 8  # of Lanczos quadrature, half as many where R is small
_PAIRS = 1024  # pairs of columns at once
_NEAR = 0.5  # bound of R up to which a series is summed


class SparseStack:
    """A sparse (Q, Q) matrix that takes part in the algebra of (1, Q, m) stacks."""

    def __init__(self, matrix):
        self.matrix = sparse.csr_matrix(matrix)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return (self.matrix @ other[0])[None]

    def __sub__(self, other: SparseStack) -> SparseStack:
        return SparseStack(self.matrix - other.matrix)

    def diagonal(self, axis1: int, axis2: int) -> np.ndarray:
        """(1, Q), as NumPy's of a stack."""
        return self.matrix.diagonal()[None]


class WideLinks(CrossedLinks):
    """Crossed links whose outer matrices stay sparse, on one pattern."""

    def __init__(self, a, unit, column, n_units, n_columns):
        super().__init__(a, unit, column, n_units, n_columns)
        keys, self.slot = np.unique(self.flat, return_inverse=True)
        self.row, self.col = keys // n_columns, keys % n_columns
        self.off = self.row != self.col

    def gram(self, u, v) -> SparseStack:
        values = u[0, self.s] * v[0, self.t]
        for a in range(1, len(u)):
            values += u[a, self.s] * v[a, self.t]
        lower = np.bincount(self.slot, weights=values, minlength=len(self.row))
        # A pair in the same column occurs once, and stands for itself.
        rows = np.concatenate([self.row, self.col[self.off]])
        cols = np.concatenate([self.col, self.row[self.off]])
        data = np.concatenate([lower, lower[self.off]])
        return SparseStack(sparse.csr_matrix((data, (rows, cols)), shape=(self.k, self.k)))

    def sandwich(self, f, kmat):
        """f K f' of each unit, from exact columns of K: for covariances of random effects only."""
        met = kmat.forms(kmat.white @ kmat.lam.T, self.row, self.col)[self.slot]
        return self.sandwich_of(f, met * self.twice)


class WideInverse:
    """K = Lambda A^-1 Lambda' for sparse C, by conjugate gradients on A with its level blocks made identities."""

    def __init__(self, c: SparseStack, lambdas, select):
        size = c.matrix.shape[0]
        self.lam = block_diagonal(lambdas, select, size)
        a = (self.lam.T @ c.matrix @ self.lam + sparse.identity(size, format="csr")).tocsr()
        self.white = _whitening(a, select)
        r = (self.white @ a @ self.white.T - sparse.identity(size, format="csr")).tocsr()
        r.data[np.abs(r.data) < tol.EMPTY] = 0.0
        r.eliminate_zeros()
        self.r = r
        self.near = (self.lam @ self.white.T @ self.white @ self.lam.T).tocsr()

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return self.apply(other[0])[None]

    def apply(self, x: np.ndarray, within: float = tol.SOLVE) -> np.ndarray:
        """K x for x (Q, m)."""
        return self.lam @ (self.white.T @ self._solve(self.white @ (self.lam.T @ x), within))

    def _solve(self, b: np.ndarray, within: float) -> np.ndarray:
        """(I + R)^-1 b, all columns at once."""
        x = np.zeros_like(b)
        residual, direction = b.copy(), b.copy()
        height = (residual * residual).sum(axis=0)
        goal = within**2 * np.maximum(height, tol.TINY)
        for _ in range(500):
            if (height <= goal).all():
                break
            image = self.r @ direction
            image += direction
            step = height / np.maximum(np.einsum("ij,ij->j", direction, image), tol.TINY)
            image *= step
            residual -= image
            np.multiply(direction, step, out=image)
            x += image
            after = np.einsum("ij,ij->j", residual, residual)
            direction *= after / np.maximum(height, tol.TINY)
            direction += residual
            height = after
        return x

    @cached_property
    def _nearness(self) -> float:
        """Largest sum of absolute values in a row of R, which bounds its eigenvalues."""
        return float(abs(self.r).sum(axis=1).max()) if self.r.nnz else 0.0

    def forms(self, t, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """``t_l'(I + R)^-1 t_r`` of pairs of columns of a sparse matrix.

        Where R is far below I the series of its powers is summed, ``t_l'R^(i+j) t_r = (R^i t_l)'(R^j t_r)``, so that
        few levels are reached; else conjugate gradients follow each column.
        """
        t, out = t.tocsc(), np.empty(len(left))
        one = self._by_series if self._nearness <= _NEAR else self._by_solving
        order = np.argsort(right, kind="stable")
        for start in range(0, len(order), _PAIRS):
            at = order[start : start + _PAIRS]
            out[at] = one(t, left[at], right[at])
        return out

    def _by_series(self, t, left, right) -> np.ndarray:
        columns, place = np.unique(np.concatenate([left, right]), return_inverse=True)
        one, other = np.split(place, 2)
        total = np.zeros(())
        v, size = t[:, columns], None
        while True:
            total = total + _dots(v[:, one], v[:, other])
            norms = np.asarray(v.multiply(v).sum(axis=0)).ravel()
            size = norms.max() if size is None else size
            if norms.max() <= tol.SERIES * size:
                return total
            after = (self.r @ v).tocsc()
            total = total - _dots(v[:, one], after[:, other])
            v = after

    def _by_solving(self, t, left, right) -> np.ndarray:
        columns, place = np.unique(right, return_inverse=True)
        x = self._solve(t[:, columns].toarray(), tol.SOLVE)
        return np.array([t[:, [i]].T @ x[:, j] for i, j in zip(left, place, strict=True)]).ravel()

    def logdet(self) -> float:
        """log det A: diagonal and R to fourth order exactly, the remainder by Lanczos quadrature.

        With b >= norm of R the remainder is at most ``tr R^4 b / (5 (1 - b))``; where negligible it is left out.
        """
        total = -2 * float(np.log(self.white.diagonal()).sum())
        self.logdet_error = 0.0
        if not self.r.nnz:
            return total
        second = self.r @ self.r
        t2, t3 = float(self.r.multiply(self.r).sum()), float(second.multiply(self.r).sum())
        t4 = float(second.multiply(second).sum())
        total += -t2 / 2 + t3 / 3 - t4 / 4
        bound = t4 * self._nearness / (5 * (1 - self._nearness)) if self._nearness < 1 else np.inf
        if bound < tol.DETERMINANT:
            self.logdet_error = bound
            return total
        steps = _STEPS if self._nearness > _NEAR else _STEPS // 2
        nodes, weights = _lanczos(self.r, probes(self.r.shape[0]), steps)
        x = nodes
        rest = np.log1p(x) - x + x**2 / 2 - x**3 / 3 + x**4 / 4
        values = self.r.shape[0] * (weights * rest).sum(axis=1)
        self.logdet_error = float(values.std(ddof=1) / np.sqrt(len(values)))
        return total + float(values.mean())


@lru_cache(maxsize=1)
def probes(size: int) -> np.ndarray:
    """Sign vectors (size, probes), the same in every call: the larger the matrix, the fewer give the same accuracy."""
    count = min(PROBES, GROUPS * -(-MAX_SIGNS // (size * GROUPS)))
    return np.random.default_rng([_SEED, size]).choice([-1.0, 1.0], size=(size, count))


def _lanczos(r, z: np.ndarray, steps: int):
    """Quadrature nodes and weights (PROBES, steps) for z'f(R)z / z'z."""
    count = z.shape[1]
    q, before = z / np.sqrt((z * z).sum(axis=0)), np.zeros_like(z)
    alpha, beta = np.zeros((count, steps)), np.zeros((count, steps))
    for k in range(steps):
        w = r @ q - (beta[:, k - 1] if k else 0.0) * before
        alpha[:, k] = (w * q).sum(axis=0)
        w -= alpha[:, k] * q
        beta[:, k] = np.sqrt((w * w).sum(axis=0))
        before, q = q, w / np.maximum(beta[:, k], tol.TINY)
    tri = np.zeros((count, steps, steps))
    at = np.arange(steps)
    tri[:, at, at] = alpha
    tri[:, at[:-1], at[1:]] = tri[:, at[1:], at[:-1]] = beta[:, :-1]
    values, vectors = np.linalg.eigh(tri)
    return np.maximum(values, -1 + tol.SAME), vectors[:, 0] ** 2


def _level_entries(matrix, select):
    """For each factor the blocks (levels, q, q) on the diagonal and the columns (q, levels) they belong to."""
    at = np.arange(matrix.shape[0])
    for columns in select:
        where = np.stack([at[c] for c in columns])
        blocks = np.empty((where.shape[1], len(columns), len(columns)))
        for a, rows in enumerate(where):
            for b, cols in enumerate(where):
                blocks[:, a, b] = np.asarray(matrix[rows, cols]).ravel()
        yield blocks, where


def _from_blocks(pieces, size: int):
    rows, cols, data = [], [], []
    for blocks, where in pieces:
        for a, left in enumerate(where):
            for b, right in enumerate(where):
                rows.append(left)
                cols.append(right)
                data.append(blocks[:, a, b])
    return sparse.csr_matrix((np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=(size, size))


def level_middles(c: SparseStack, k: WideInverse, select) -> list[np.ndarray]:
    """Blocks (levels, q, q) on the diagonal of ``M = C - C K C``, of each factor: exact, level by level.

    With ``K = B'(I + R)^-1 B`` and ``T = B C`` a block is ``C_l - T_l'(I + R)^-1 T_l``.
    """
    t, out = k.white @ k.lam.T @ c.matrix, []
    for blocks, where in _level_entries(c.matrix, select):
        for a in range(len(where)):
            for b in range(a + 1):
                blocks[:, a, b] -= k.forms(t, where[a], where[b])
                blocks[:, b, a] = blocks[:, a, b]
        out.append(blocks)
    return out


def _dots(left, right) -> np.ndarray:
    """Inner products of the columns of two sparse matrices."""
    return np.asarray(left.multiply(right).sum(axis=0)).ravel()


def level_blocks(matrix, select):
    return _from_blocks(_level_entries(matrix, select), matrix.shape[0])


def _whitening(a, select):
    """Block-diagonal W, lower triangular in each level, with W A_level W' = I."""
    pieces = [(np.linalg.inv(np.linalg.cholesky(blocks)), where) for blocks, where in _level_entries(a, select)]
    return _from_blocks(pieces, a.shape[0])


def block_diagonal(lambdas, select, size: int):
    rows, cols, data = [], [], []
    at = np.arange(size)
    for columns, lam in zip(select, lambdas, strict=True):
        for a in range(len(lam)):
            for b in range(len(lam)):
                if lam[a, b] or a == b:
                    rows.append(at[columns[a]])
                    cols.append(at[columns[b]])
                    data.append(np.full(len(rows[-1]), lam[a, b]))
    return sparse.csr_matrix((np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=(size, size))


@dataclass
class Traced:
    """An estimate and its values in groups of probes."""

    value: float
    groups: np.ndarray


class WideTraces:
    """Traces at one state. ``n`` are the sparse F'E_iF, ``patterns`` the selectors S_j of the outer parameters."""

    def __init__(self, c: SparseStack, k: WideInverse, n: dict, patterns: dict, select):
        self.c, self.k, self.n, self.patterns = c.matrix, k, n, patterns
        size = self.c.shape[0]
        self.z = probes(size)
        self.knz: dict = {}
        cd = level_blocks(self.c, select)
        self.kd, self.m1d = k.near, (sparse.identity(size, format="csr") - cd @ k.near).tocsr()
        self.md = (self.m1d @ cd).tocsr()

    @cached_property
    def kz(self) -> np.ndarray:
        return self.k.apply(self.z, tol.PROBE)

    @cached_property
    def mz(self) -> np.ndarray:
        return self.m(self.z, tol.PROBE)

    def _estimate(self, exact: float, rough: np.ndarray, fine: np.ndarray) -> Traced:
        """`exact` trace of the near part, and per-probe values of the near and the full quadratic form."""
        change = (fine - rough).reshape(GROUPS, -1).mean(axis=1)
        return Traced(exact + float(change.mean()), exact + change)

    def inner_one(self, matrix) -> Traced:
        """tr(K N)."""
        nz = matrix @ self.z
        return self._estimate(
            float(self.kd.multiply(matrix).sum()), (nz * (self.kd @ self.z)).sum(axis=0), (nz * self.kz).sum(axis=0)
        )

    def _k_of(self, i):
        if i not in self.knz:
            self.knz[i] = self.k.apply(self.n[i] @ self.z, tol.PROBE)
        return self.knz[i]

    def inner_two(self, i, j) -> Traced:
        """tr(K N_i K N_j)."""
        ni, nj, kd = self.n[i], self.n[j], self.kd
        exact = float((kd @ ni).multiply((kd @ nj).T).sum())
        rough = ((ni @ (kd @ self.z)) * (kd @ (nj @ self.z))).sum(axis=0)
        return self._estimate(exact, rough, ((ni @ self.kz) * self._k_of(j)).sum(axis=0))

    def m(self, x: np.ndarray, within: float = tol.SOLVE) -> np.ndarray:
        """Z_o'V0^-1 Z_o x."""
        cx = self.c @ x
        return cx - self.c @ self.k.apply(cx, within)

    def outer_one(self, j) -> Traced:
        """tr(S_j M)."""
        s = self.patterns[j]
        sz = s @ self.z
        return self._estimate(
            float(s.multiply(self.md.T).sum()), (sz * (self.md @ self.z)).sum(axis=0), (sz * self.mz).sum(axis=0)
        )

    def outer_two(self, j, k) -> Traced:
        """tr(S_j M S_k M)."""
        sj, sk = self.patterns[j], self.patterns[k]
        exact = float((sj @ self.md).multiply((sk @ self.md).T).sum())
        rough = ((self.md.T @ (sj @ self.z)) * (sk @ (self.md @ self.z))).sum(axis=0)
        return self._estimate(exact, rough, (self.m(sj @ self.z, tol.PROBE) * (sk @ self.mz)).sum(axis=0))

    def across(self, i, j) -> Traced:
        """tr(S_j M1 N_i M1')."""
        n, s = self.n[i], self.patterns[j]
        exact = float((s @ self.m1d @ n).multiply(self.m1d).sum())
        nz = n @ self.z
        rough = ((s @ (self.m1d @ self.z)) * (self.m1d @ nz)).sum(axis=0)
        left = self.z - self.c @ self.kz
        right = nz - self.c @ self._k_of(i)
        return self._estimate(exact, rough, ((s @ left) * right).sum(axis=0))
