"""First and second moments of the criterion: traces and quadratic forms in V0^-1 dV0/d delta.

For G_i = Z E_i Z' (V0 is linear in delta) and M = Z'V0^-1 Z,

- tv_i = tr(V0^-1 G_i), tvv_ij = tr(V0^-1 G_i V0^-1 G_j),
- p_i = U'V0^-1 G_i V0^-1 U and q_ij = U'V0^-1 G_i V0^-1 G_j V0^-1 U with U = [X, y - X beta],

of which the gradient, the Hessian, the expected and observed information and Kenward-Roger are made,
and the conditional means and covariances of the random effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.errors import existing
from bowlby.mixed.covariance_parameters import Parameters
from bowlby.mixed.criterion import State
from bowlby.mixed.crossproducts import Reduced


@dataclass
class Moments:
    """See the module; m = p + 1, the last column being y - X beta. `tvv` is None where not requested."""

    tv: np.ndarray  # (c,)
    tvv: np.ndarray | None  # (c, c)
    p: np.ndarray  # (c, m, m)
    q: np.ndarray  # (c, c, m, m)
    uvu: np.ndarray  # U'V0^-1 U
    # Where traces are estimates: those of each group of probes, (g, c) and (g, c, c).
    tv_groups: np.ndarray | None = None
    tvv_groups: np.ndarray | None = None

    @classmethod
    def zeros(cls, c: int, m: int, lead: tuple[int, ...] = ()) -> Moments:
        """Moments of 0 of c covariance parameters and m columns, with leading axes for replicates."""
        shapes = (c,), (c, c), (c, m, m), (c, c, m, m), (m, m)
        return cls(*(np.zeros((*lead, *shape)) for shape in shapes))


def project_out(state: State) -> np.ndarray:
    """Matrix that turns columns [X, y] into [X, y - X beta]."""
    m = len(state.beta) + 1
    out = np.eye(m)
    out[:-1, -1] = -state.beta
    return out


def outer_complement(data: Reduced, state: State) -> tuple[np.ndarray, np.ndarray]:
    """M1 = I - C K = (I + C D)^-1 and M = M1 C = Z_o'V0^-1 Z_o, both (J, k, k).

    With D regular, M1 = D^-1 K and M = D^-1 (I - M1'), which spares the products of wide matrices; near the boundary,
    where that would cancel, they are formed.
    """
    c, k = state.c, state.k
    size = existing(data.links).k
    d = state.d[int(data.has_inner) :]
    if size > 200 and all(len(x) == 1 and x[0, 0] > 0 for x in d):
        inverse = np.empty(size)
        for columns, x in zip(data.select, d, strict=True):
            inverse[columns[0]] = 1 / x[0, 0]
        if inverse.max() < 1e4 * np.diagonal(c[0]).mean():
            m1 = k * inverse[:, None]
            m = m1.transpose(0, 2, 1) * -inverse[:, None]
            m[0].flat[:: size + 1] += inverse
            return m1, m
    m1 = np.eye(size) - c @ k
    m = m1 @ c
    return m1, 0.5 * (m + m.transpose(0, 2, 1))


def unit_scores(data: Reduced, state: State):
    """Z'V0^-1 U: inner (q, m, N) and outer (J, k, m); None where absent."""
    change = project_out(state)
    t = tb = None
    if data.links is not None:
        bu = state.b @ change
        kbu = state.k @ bu
        tb = bu - state.c @ kbu
    if data.has_inner:
        t = state.r.copy()
        t[:, -1] -= state.beta @ t[:, :-1]
        if data.links is not None:
            t -= data.links.spread(state.f, kbu)
    return t, tb


def moments(data: Reduced, parameters: Parameters, state: State, second: bool = True) -> Moments:
    """All moments at a state; ``second=False`` leaves out `tvv`, the costly part when the outer block is dense."""
    count, m = parameters.count, data.p + 1
    first_outer = int(data.has_inner)
    inner = [i for i, t in enumerate(parameters.items) if t.factor < first_outer]
    outer = [i for i, t in enumerate(parameters.items) if t.factor >= first_outer]
    entries = [parameters.entries(i) for i in range(count)]
    mom = Moments.zeros(count, m)
    tv, p, q, tvv = mom.tv, mom.p, mom.q, mom.tvv if second else None
    t, tb = unit_scores(data, state)
    change = project_out(state)
    uvu = change.T @ (0.5 * (state.xvx + state.xvx.T)) @ change
    shared: dict = {}

    if outer and not isinstance(state.k, np.ndarray):
        return _wide_moments(data, parameters, state, inner, outer, entries, t, tb, Moments(tv, tvv, p, q, uvu))
    if inner:
        _inner_moments(data, state, inner, entries, t, tv, tvv, p, q, shared)
    if outer:
        m1, mbb = outer_complement(data, state)
        columns = {
            i: [
                (
                    data.select[parameters.items[i].factor - first_outer][a],
                    data.select[parameters.items[i].factor - first_outer][b],
                )
                for a, b in entries[i]
            ]
            for i in outer
        }
        _outer_moments(outer, columns, tb, mbb, tv, tvv, p, q)
        if inner:
            _cross_moments(inner, outer, columns, tb, m1, tvv, q, shared)
    return Moments(tv, tvv, p, q, uvu)


def _total(pieces):
    """Sum of one or more arrays."""
    first, *rest = pieces
    for piece in rest:
        first = first + piece
    return first


def _inner_moments(data, state, inner, entries, t, tv, tvv, p, q, shared):
    size, m, units = t.shape
    h = shared["h"] = state.h
    dense = data.links is not None and isinstance(state.k, np.ndarray)
    w = data.links.sandwich(state.f, state.k) if dense else None
    trace = (h if w is None else h - w).sum(axis=2)
    flat = t.reshape(size * m, units)
    tt = (flat @ flat.T).reshape(size, m, size, m)
    th = np.empty((size, size, size, m, size, m))
    for b in range(size):
        for c in range(b + 1):
            gram = ((t * h[b, c]).reshape(size * m, units) @ flat.T).reshape(size, m, size, m)
            th[b, c] = th[c, b] = gram
    ft = kft = None
    if data.links is not None:
        single = {(a, b): data.links.project(state.f[a][None], t[b][None]) for i in inner for a, b in entries[i]}
        ft = shared["ft"] = {i: _total([single[e] for e in entries[i]]) for i in inner}
        kft = {i: state.k @ ft[i] for i in inner}
    for i in inner:
        tv[i] = sum(trace[a, b] for a, b in entries[i])
        p[i] = _total([tt[a, :, b] for a, b in entries[i]])
        for j in inner:
            if j > i:
                continue
            value = _total([th[b, c][a, :, d] for a, b in entries[i] for c, d in entries[j]])
            if ft is not None:
                value = value - _gram(ft[i], kft[j])
            q[i, j], q[j, i] = value, value.T
    if tvv is None:
        return
    hf = h.reshape(size * size, units)
    hh = (hf @ hf.T).reshape(size, size, size, size)
    if w is not None:
        hw = (hf @ w.reshape(size * size, units).T).reshape(size, size, size, size)
        grams = shared["grams"] = {i: _pattern_gram(data.links, state.f, entries[i]) for i in inner}
        kn = {i: state.k @ grams[i] for i in inner}
        turned = {i: kn[i].transpose(0, 2, 1) for i in inner}
    for i in inner:
        for j in inner:
            if j > i:
                continue
            value = sum(hh[b, c, d, a] for a, b in entries[i] for c, d in entries[j])
            if w is not None:
                value -= sum(hw[b, c, d, a] + hw[d, a, b, c] for a, b in entries[i] for c, d in entries[j])
                value += float((kn[i] * turned[j]).sum())
            tvv[i, j] = tvv[j, i] = value


def _wide_moments(data, parameters, state, inner, outer, entries, t, tb, mom: Moments) -> Moments:
    """The same moments where the outer block is sparse; its traces are estimates with their groups of probes."""
    from bowlby.mixed.sparse_outer import GROUPS, WideTraces, block_diagonal

    links, first_outer, count = data.links, int(data.has_inner), parameters.count
    shared: dict = {}
    if inner:
        _inner_moments(data, state, inner, entries, t, mom.tv, mom.tvv, mom.p, mom.q, shared)
    n = {i: _pattern_gram(links, state.f, entries[i]).matrix for i in inner}
    patterns = {}
    for j in outer:
        factor = parameters.items[j].factor - first_outer
        units = [np.zeros((len(x), len(x))) for x in state.d[first_outer:]]
        for a, b in entries[j]:
            units[factor][a, b] = 1.0
        patterns[j] = block_diagonal(units, data.select, links.k)
    traces = WideTraces(state.c, state.k, n, patterns, data.select)
    first = {i: traces.inner_one(n[i]) for i in inner} | {j: traces.outer_one(j) for j in outer}
    mom.tv_groups = np.tile(mom.tv, (GROUPS, 1))
    for i, got in first.items():
        sign = -1.0 if i in inner else 1.0
        mom.tv[i] += sign * got.value
        mom.tv_groups[:, i] += sign * got.groups

    # Outer scores: M S_j T and M1 F'S_iT are thin, so they are exact.
    turned = {j: patterns[j] @ tb[0] for j in outer}
    mixed = {j: traces.m(turned[j]) for j in outer}
    for j in outer:
        mom.p[j] = tb[0].T @ turned[j]
        for k in outer:
            if k <= j:
                mom.q[j, k] = turned[j].T @ mixed[k]
                mom.q[k, j] = mom.q[j, k].T
    for i in inner:
        left = shared["ft"][i] - state.c @ (state.k @ shared["ft"][i])
        for j in outer:
            mom.q[i, j] = left[0].T @ turned[j]
            mom.q[j, i] = mom.q[i, j].T
    if mom.tvv is None:
        return mom
    mom.tvv_groups = np.tile(mom.tvv, (GROUPS, 1, 1))

    def add(i, j, sign, got):
        mom.tvv[i, j] += sign * got.value
        mom.tvv_groups[:, i, j] += sign * got.groups
        mom.tvv[j, i], mom.tvv_groups[:, j, i] = mom.tvv[i, j], mom.tvv_groups[:, i, j]

    for i in range(count):
        for j in range(i + 1):
            if i in inner and j in inner:
                add(i, j, -1.0, traces.inner_one(_sandwiched(links, state.f, shared["h"], entries[i], entries[j])))
                add(i, j, 1.0, traces.inner_two(i, j))
            elif i in outer and j in outer:
                add(i, j, 1.0, traces.outer_two(i, j))
            else:
                add(i, j, 1.0, traces.across(*sorted((i, j), key=lambda x: x in outer)))
    return mom


def _sandwiched(links, f, h, entries_i, entries_j):
    """F'(E_j H E_i + E_i H E_j)F, sparse."""
    size = len(f)
    middle = np.zeros_like(h)
    for a, b in entries_j:
        for c, d in entries_i:
            middle[a, d] += h[b, c]
            middle[d, a] += h[b, c]
    right = np.zeros_like(f)
    for a in range(size):
        for b in range(size):
            right[a] += middle[a, b][links.unit] * f[b]
    return links.gram(f, right).matrix


def _gram(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Sum over stacks of left' right for (J, k, m)."""
    m = left.shape[-1]
    return left.reshape(-1, m).T @ right.reshape(-1, right.shape[-1])


def _pattern_gram(links, f, entries):
    """F' E F for a pattern matrix E."""
    if len(entries) == 1:
        a = entries[0][0]
        return links.gram(f[a : a + 1], f[a : a + 1])
    rows, columns = [a for a, _ in entries], [b for _, b in entries]
    return links.gram(f[rows], f[columns])


def _outer_moments(outer, columns, tb, mbb, tv, tvv, p, q):
    for i in outer:
        tv[i] = sum(float(np.trace(mbb[:, a, b], axis1=1, axis2=2).sum()) for a, b in columns[i])
        p[i] = _total([_gram(tb[:, a], tb[:, b]) for a, b in columns[i]])
        for j in outer:
            if j > i:
                continue
            value, trace = [], 0.0
            for a, b in columns[i]:
                for c, d in columns[j]:
                    middle = mbb[:, b, c]
                    value.append(_gram(tb[:, a], middle @ tb[:, d]))
                    if tvv is not None:
                        trace += float((mbb[:, a, d] * middle).sum())
            q[i, j] = _total(value)
            q[j, i] = q[i, j].T
            if tvv is not None:
                tvv[i, j] = tvv[j, i] = trace


def _cross_moments(inner, outer, columns, tb, m1, tvv, q, shared):
    for i in inner:
        left = m1 @ shared["ft"][i]
        if tvv is not None:
            seen = m1 @ shared["grams"][i] @ m1.transpose(0, 2, 1)
        for j in outer:
            value = _total([_gram(left[:, a], tb[:, b]) for a, b in columns[j]])
            q[i, j], q[j, i] = value, value.T
            if tvv is not None:
                tvv[i, j] = tvv[j, i] = sum(
                    float(np.trace(seen[:, b, a], axis1=1, axis2=2).sum()) for a, b in columns[j]
                )


def profiled(data: Reduced, state: State, mom: Moments, reml: bool):
    """Gradient (c,), Hessian (c, c) and expected Hessian (c, c) of the profiled deviance in delta.

    Without `tvv` the Hessian is the average of the observed and the expected one (average information), and the
    expected one is None.
    """
    p, c = data.p, len(mom.tv)
    dof = data.n - p if reml else data.n
    phi, pxx, pyy, pxy = state.phi, mom.p[:, :p, :p], mom.p[:, p, p], mom.p[:, :p, p]
    quad = 2 * (mom.q[:, :, p, p] - pxy @ phi @ pxy.T)
    trace, traces = mom.tv, mom.tvv
    if reml:
        fp = phi @ pxx
        trace = trace - fp.trace(axis1=1, axis2=2)
    gradient = trace - dof * pyy / state.r2
    outer = pyy[:, None] * pyy
    if traces is None:
        return gradient, dof * (0.5 * quad / state.r2 - outer / state.r2**2), None
    if reml:
        traces = traces - 2 * (mom.q[:, :, :p, :p].reshape(c, c, -1) @ phi.ravel())
        traces = traces + fp.reshape(c, -1) @ fp.transpose(0, 2, 1).reshape(c, -1).T
    return (gradient, dof * (quad / state.r2 - outer / state.r2**2) - traces, traces - trace[:, None] * trace / dof)


def blups(data: Reduced, state: State) -> list[np.ndarray]:
    """D Z'P y of each factor, (levels, q), user units (outcome per predictor unit)."""
    t, tb = unit_scores(data, state)
    scores = [] if t is None else [t[:, -1].T]
    scores += [
        np.stack([tb[:, columns, -1].ravel()[place] for columns in factor], axis=1)
        for factor, place in zip(data.select, data.place, strict=True)
    ]
    return [
        data.scaling.y_scale * (score @ d) @ s.to_user.T
        for score, d, s in zip(scores, state.d, data.scaling.slopes, strict=True)
    ]


def conditional_covariances(data: Reduced, state: State, fixed_uncertainty: bool) -> list[np.ndarray]:
    """Var(u | y) / sigma^2 of each level, (levels, q, q), user units; with the fixed effects' part if asked.

    D - D M D with M = Z'V0^-1 Z, or Z'P0 Z for the prediction error.
    """
    t, tb = unit_scores(data, state)
    middles = []
    if t is not None:
        m = state.h
        if data.links is not None:
            m = m - data.links.sandwich(state.f, state.k)
        m = np.moveaxis(m, -1, 0)
        middles.append(m - _explained(np.moveaxis(t, -1, 0), state.phi) if fixed_uncertainty else m)
    if data.links is not None:
        for factor, place, m in zip(data.select, data.place, _outer_middles(data, state), strict=True):
            if fixed_uncertainty:
                scores = np.stack([tb[:, c].reshape(-1, tb.shape[2])[place] for c in factor], axis=1)
                m = m - _explained(scores, state.phi)
            middles.append(m)
    return [s.covariance(d - d @ m @ d) for m, d, s in zip(middles, state.d, data.scaling.slopes, strict=True)]


def _outer_middles(data: Reduced, state: State) -> list[np.ndarray]:
    """Blocks (levels, q, q) of Z_o'V0^-1 Z_o, of each outer factor."""
    if not isinstance(state.k, np.ndarray):
        from bowlby.mixed.sparse_outer import level_middles

        return level_middles(state.c, state.k, data.select)
    _, mbb = outer_complement(data, state)
    out = []
    for factor, place in zip(data.select, data.place, strict=True):
        q = len(factor)
        m = np.empty((len(place), q, q))
        for a in range(q):
            for b in range(q):
                m[:, a, b] = np.diagonal(mbb[:, factor[a], factor[b]], axis1=1, axis2=2).ravel()[place]
        out.append(m)
    return out


def _explained(scores: np.ndarray, phi: np.ndarray) -> np.ndarray:
    x = scores[:, :, :-1]
    return x @ phi @ x.transpose(0, 2, 1)


def add_random(out: np.ndarray, factor, u: np.ndarray) -> None:
    """Add Z u of one factor to the rows of `out` in place."""
    for column, effect in zip(factor.basis, u.T, strict=True):
        part = effect[factor.codes] if factor.codes is not None else factor.weights @ effect
        out += part if column is None else part * column
