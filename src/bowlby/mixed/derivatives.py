"""First and second moments of the criterion: traces and quadratic forms in V0^-1 dV0/d delta, from blocks.

For G_i = Z E_i Z' (V0 is linear in delta) and M = Z'V0^-1 Z,

- tv_i = tr(V0^-1 G_i), tvv_ij = tr(V0^-1 G_i V0^-1 G_j),
- p_i = U'V0^-1 G_i V0^-1 U and q_ij = U'V0^-1 G_i V0^-1 G_j V0^-1 U with U = [X, y - X beta],

of which the gradient, the Hessian, the expected and observed information and Kenward-Roger are all made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.mixed.criterion import State
from bowlby.mixed.crossproducts import Reduced
from bowlby.mixed.parameters import Parameters


@dataclass
class Moments:
    """See the module; m = p + 1, the last column being y - X beta. `tvv` is None when not asked for."""

    tv: np.ndarray      # (c,)
    tvv: np.ndarray | None  # (c, c)
    p: np.ndarray       # (c, m, m)
    q: np.ndarray       # (c, c, m, m)
    uvu: np.ndarray     # U'V0^-1 U


def project_out(state: State) -> np.ndarray:
    """Matrix that turns columns [X, y] into [X, y - X beta]."""
    m = len(state.beta) + 1
    out = np.eye(m)
    out[:-1, -1] = -state.beta
    return out


def unit_scores(data: Reduced, state: State):
    """Z'V0^-1 U: inner (q, m, N) and outer (J, k, m), and M1 = I - C K (J, k, k); None where absent."""
    change = project_out(state)
    t = tb = m1 = None
    if data.links is not None:
        m1 = np.eye(data.links.k) - state.c @ state.k
        tb = m1 @ (state.b @ change)
    if data.has_inner:
        t = state.r
        if data.links is not None:
            t = t - data.links.spread(state.f, state.k @ state.b)
        t = t.copy() if t is state.r else t
        t[:, -1] -= np.tensordot(state.beta, t[:, :-1], axes=(0, 1))
    return t, tb, m1


def moments(data: Reduced, parameters: Parameters, state: State, second: bool = True) -> Moments:
    """All moments at a state; ``second=False`` leaves out `tvv`, the costly part when the outer block is dense."""
    count, m = parameters.count, data.p + 1
    first_outer = int(data.has_inner)
    inner = [i for i, t in enumerate(parameters.items) if t.factor < first_outer]
    outer = [i for i, t in enumerate(parameters.items) if t.factor >= first_outer]
    entries = [parameters.entries(i) for i in range(count)]
    tv, p, q = np.zeros(count), np.zeros((count, m, m)), np.zeros((count, count, m, m))
    tvv = np.zeros((count, count)) if second else None
    t, tb, m1 = unit_scores(data, state)
    change = project_out(state)
    uvu = change.T @ state.xvx @ change

    if inner:
        _inner_moments(data, state, inner, entries, t, tv, tvv, p, q)
    if outer:
        mbb = m1 @ state.c
        mbb = 0.5 * (mbb + mbb.transpose(0, 2, 1))
        columns = {i: [(data.select[parameters.items[i].factor - first_outer][a],
                        data.select[parameters.items[i].factor - first_outer][b]) for a, b in entries[i]]
                   for i in outer}
        _outer_moments(outer, columns, tb, mbb, tv, tvv, p, q)
        if inner:
            _cross_moments(data, state, inner, outer, entries, columns, t, tb, m1, tvv, q)
    return Moments(tv, tvv, p, q, uvu)


def _inner_moments(data, state, inner, entries, t, tv, tvv, p, q):
    size, m, units = t.shape
    h = sum(state.g[:, i, None] * data.s[i] for i in range(size))
    w = None if data.links is None else data.links.sandwich(state.f, state.k)
    trace = (h if w is None else h - w).sum(axis=2)
    flat = t.reshape(size * m, units)
    tt = (flat @ flat.T).reshape(size, m, size, m)
    th = np.empty((size, size, size, m, size, m))
    for b in range(size):
        for c in range(b + 1):
            gram = ((t * h[b, c]).reshape(size * m, units) @ flat.T).reshape(size, m, size, m)
            th[b, c] = th[c, b] = gram
    ft = None
    if w is not None:
        ft = {(a, b): data.links.project(state.f[a][None], t[b][None]) for i in inner for a, b in entries[i]}
        ft = {i: sum(ft[e] for e in entries[i]) for i in inner}
        kft = {i: state.k @ ft[i] for i in inner}
    for i in inner:
        tv[i] = sum(trace[a, b] for a, b in entries[i])
        p[i] = sum(tt[a, :, b] for a, b in entries[i])
        for j in inner:
            if j > i:
                continue
            value = sum(th[b, c][a, :, d] for a, b in entries[i] for c, d in entries[j])
            if ft is not None:
                value = value - (ft[i].transpose(0, 2, 1) @ kft[j]).sum(axis=0)
            q[i, j], q[j, i] = value, value.T
    if tvv is None:
        return
    hf = h.reshape(size * size, units)
    hh = (hf @ hf.T).reshape(size, size, size, size)
    if w is not None:
        hw = (hf @ w.reshape(size * size, units).T).reshape(size, size, size, size)
        grams = {i: _pattern_gram(data.links, state.f, entries[i]) for i in inner}
        kn = {i: state.k @ grams[i] for i in inner}
    for i in inner:
        for j in inner:
            if j > i:
                continue
            value = sum(hh[b, c, d, a] for a, b in entries[i] for c, d in entries[j])
            if w is not None:
                value -= sum(hw[b, c, d, a] + hw[d, a, b, c] for a, b in entries[i] for c, d in entries[j])
                value += float((kn[i] * kn[j].transpose(0, 2, 1)).sum())
            tvv[i, j] = tvv[j, i] = value


def _pattern_gram(links, f, entries):
    """F' E F for a pattern matrix E."""
    rows = [a for a, _ in entries]
    columns = [b for _, b in entries]
    return links.gram(f[rows], f[columns])


def _outer_moments(outer, columns, tb, mbb, tv, tvv, p, q):
    for i in outer:
        tv[i] = sum(float(mbb[:, a, b].sum()) for a, b in columns[i])
        p[i] = sum(np.einsum("jkm,jkn->mn", tb[:, a], tb[:, b]) for a, b in columns[i])
        for j in outer:
            if j > i:
                continue
            value, trace = 0.0, 0.0
            for a, b in columns[i]:
                for c, d in columns[j]:
                    middle = mbb[:, b[:, None], c]
                    value = value + np.tensordot(tb[:, a], middle @ tb[:, d], axes=([0, 1], [0, 1]))
                    if tvv is not None:
                        trace += float((mbb[:, a[:, None], d] * middle).sum())
            q[i, j], q[j, i] = value, np.transpose(value)
            if tvv is not None:
                tvv[i, j] = tvv[j, i] = trace


def _cross_moments(data, state, inner, outer, entries, columns, t, tb, m1, tvv, q):
    links = data.links
    for i in inner:
        left = m1 @ sum(links.project(state.f[a][None], t[b][None]) for a, b in entries[i])
        if tvv is not None:
            seen = m1 @ _pattern_gram(links, state.f, entries[i]) @ m1.transpose(0, 2, 1)
        for j in outer:
            value = sum(np.tensordot(left[:, a], tb[:, b], axes=([0, 1], [0, 1])) for a, b in columns[j])
            q[i, j], q[j, i] = value, value.T
            if tvv is not None:
                tvv[i, j] = tvv[j, i] = sum(float(seen[:, b, a].sum()) for a, b in columns[j])


def profiled(data: Reduced, state: State, mom: Moments, reml: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (c,) and Hessian (c, c) of the profiled deviance in delta.

    Without `tvv` the Hessian is the average of the observed and the expected one (average information).
    """
    p = data.p
    dof = data.n - p if reml else data.n
    phi = state.phi
    pxx, pyy, pxy = mom.p[:, :p, :p], mom.p[:, p, p], mom.p[:, :p, p]
    quad = 2 * (mom.q[:, :, p, p] - np.einsum("ia,ab,jb->ij", pxy, phi, pxy))
    trace = mom.tv - (np.einsum("ab,iba->i", phi, pxx) if reml else 0.0)
    gradient = trace - dof * pyy / state.r2
    if mom.tvv is None:
        return gradient, dof * (0.5 * quad / state.r2 - np.outer(pyy, pyy) / state.r2**2)
    hessian = -mom.tvv
    if reml:
        hessian = hessian + 2 * np.einsum("ab,ijba->ij", phi, mom.q[:, :, :p, :p])
        fp = np.einsum("ab,ibc->iac", phi, pxx)
        hessian = hessian - np.einsum("iab,jba->ij", fp, fp)
    hessian = hessian + dof * (quad / state.r2 - np.outer(pyy, pyy) / state.r2**2)
    return gradient, hessian
