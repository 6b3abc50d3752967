"""Traces at one state of a model whose outer block is sparse, with the errors of their estimates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from bowlby.mixed.wide import GROUPS, TOL, SparseStack, WideInverse, level_blocks, probes

_PROBE_TOL = 1e-7   # of solves on probes, far below their sampling error


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
        return self.k.apply(self.z, _PROBE_TOL)

    @cached_property
    def mz(self) -> np.ndarray:
        return self.m(self.z, _PROBE_TOL)

    def _estimate(self, exact: float, rough: np.ndarray, fine: np.ndarray) -> Traced:
        """`exact` trace of the near part, and per-probe values of the near and the full quadratic form."""
        change = (fine - rough).reshape(GROUPS, -1).mean(axis=1)
        return Traced(exact + float(change.mean()), exact + change)

    def inner_one(self, matrix) -> Traced:
        """tr(K N)."""
        nz = matrix @ self.z
        return self._estimate(float(self.kd.multiply(matrix).sum()), (nz * (self.kd @ self.z)).sum(axis=0),
                              (nz * self.kz).sum(axis=0))

    def _k_of(self, i):
        if i not in self.knz:
            self.knz[i] = self.k.apply(self.n[i] @ self.z, _PROBE_TOL)
        return self.knz[i]

    def inner_two(self, i, j) -> Traced:
        """tr(K N_i K N_j)."""
        ni, nj, kd = self.n[i], self.n[j], self.kd
        exact = float((kd @ ni).multiply((kd @ nj).T).sum())
        rough = ((ni @ (kd @ self.z)) * (kd @ (nj @ self.z))).sum(axis=0)
        return self._estimate(exact, rough, ((ni @ self.kz) * self._k_of(j)).sum(axis=0))

    def m(self, x: np.ndarray, tol: float = TOL) -> np.ndarray:
        """Z_o'V0^-1 Z_o x."""
        cx = self.c @ x
        return cx - self.c @ self.k.apply(cx, tol)

    def outer_one(self, j) -> Traced:
        """tr(S_j M)."""
        s = self.patterns[j]
        sz = s @ self.z
        return self._estimate(float(s.multiply(self.md.T).sum()), (sz * (self.md @ self.z)).sum(axis=0),
                              (sz * self.mz).sum(axis=0))

    def outer_two(self, j, k) -> Traced:
        """tr(S_j M S_k M)."""
        sj, sk = self.patterns[j], self.patterns[k]
        exact = float((sj @ self.md).multiply((sk @ self.md).T).sum())
        rough = ((self.md.T @ (sj @ self.z)) * (sk @ (self.md @ self.z))).sum(axis=0)
        return self._estimate(exact, rough, (self.m(sj @ self.z, _PROBE_TOL) * (sk @ self.mz)).sum(axis=0))

    def across(self, i, j) -> Traced:
        """tr(S_j M1 N_i M1')."""
        n, s = self.n[i], self.patterns[j]
        exact = float((s @ self.m1d @ n).multiply(self.m1d).sum())
        nz = n @ self.z
        rough = ((s @ (self.m1d @ self.z)) * (self.m1d @ nz)).sum(axis=0)
        left = self.z - self.c @ self.kz
        right = nz - self.c @ self._k_of(i)
        return self._estimate(exact, rough, ((s @ left) * right).sum(axis=0))
