"""Many refits of one model to new outcomes, all replicates at the same time.

For models with one grouping factor (any effects, correlated or not) the Newton descent of ``optimise`` runs on arrays
with a leading replicate axis. Every operation acts on each replicate alone (elementwise, or one small matrix product
per replicate), so a result has the same bits however replicates are grouped. Other models are refitted one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.errors import UserError, problem
from bowlby.mixed.crossproducts import scale_outcome
from bowlby.mixed.derivatives import Moments
from bowlby.mixed.information import adjusted_covariance, assemble, one_df, scaled_inverse

_CHUNK = 256
_STARTS = (0.3, 0.0)
_STEPS = 60


@dataclass
class Refits:
    """Refits of `n` outcomes; user units.

    Attributes
    ----------
    names : list of str
    params, se : ndarray (n, p)
        Fixed effects and model-based standard errors (Kenward-Roger's when asked for).
    df : ndarray (n, p) or None
        Kenward-Roger df.
    contrasts : ndarray (n, k, 3) or None
        Estimate, SE and df (NaN without Kenward-Roger) of each contrast.
    variances : ndarray (n, c + 1)
        Covariance parameters in the order of ``variance_names``, then the residual variance.
    llf : ndarray (n,)
    converged, singular : ndarray of bool (n,)
        A replicate that could not be fitted (no residual variation) has NaN and ``converged`` False.
    """

    names: list[str]
    variance_names: list[str]
    params: np.ndarray
    se: np.ndarray
    df: np.ndarray | None
    contrasts: np.ndarray | None
    variances: np.ndarray
    llf: np.ndarray
    converged: np.ndarray
    singular: np.ndarray


def refit_many(result, Y, contrasts=None, kenward_roger: bool = False) -> Refits:
    """Refit `result`'s model to each row of Y.

    Parameters
    ----------
    result : MixedResult
    Y : array_like, shape (n, nobs)
        Outcomes in the order of ``model.rows``, finite.
    contrasts : list, optional
        As for :meth:`MixedResult.contrast`.
    kenward_roger : bool
        Adjust SE and give df (REML only).

    Returns
    -------
    Refits

    Raises
    ------
    UserError
        When Y has the wrong shape or values that are not finite.
    """
    model = result.model
    Y = np.asarray(Y, dtype=np.float64)
    if Y.ndim != 2 or Y.shape[1] != model.nobs:
        raise UserError(problem(f"Y has shape {Y.shape}", f"give one row of {model.nobs} values per replicate"))
    if not np.isfinite(Y).all():
        raise UserError(problem("Y has values that are missing or infinite", "give finite values"))
    if kenward_roger and not result.reml:
        raise UserError(problem("Kenward-Roger is defined for REML fits", "fit with reml=True"))
    rows = np.array([result._vector(c) for c in contrasts]) if contrasts else np.zeros((0, len(model.names)))
    if model.reduced.links is not None or model.kernel is not None:
        return _one_by_one(result, Y, rows, kenward_roger)
    parts = [_Chunk(result, Y[k:k + _CHUNK]).refits(rows, kenward_roger) for k in range(0, len(Y), _CHUNK)]
    if not parts:
        parts = [_Chunk(result, Y).refits(rows, kenward_roger)]

    def join(name):
        first = getattr(parts[0], name)
        return None if first is None else np.concatenate([getattr(part, name) for part in parts])

    fields = ("params", "se", "df", "contrasts", "variances", "llf", "converged", "singular")
    return Refits(parts[0].names, parts[0].variance_names, *(join(name) for name in fields))


def variance_names(model) -> list[str]:
    """Names of the covariance parameters, ``Intercept | therapist`` and so on, then ``residual``."""
    names = []
    for t in model.parameters.items:
        factor = model.reduced.factors[t.factor]
        label = factor.labels[t.a] if t.a == t.b else f"{factor.labels[t.b]}, {factor.labels[t.a]}"
        names.append(f"{label} | {factor.name}")
    return [*names, "residual"]


def _one_by_one(result, Y, rows, kenward_roger) -> Refits:
    model = result.model
    n, p, c = len(Y), len(model.names), model.parameters.count
    out = Refits(model.names, variance_names(model), np.full((n, p), np.nan), np.full((n, p), np.nan),
                 np.full((n, p), np.nan) if kenward_roger else None,
                 np.full((n, len(rows), 3), np.nan) if len(rows) else None, np.full((n, c + 1), np.nan),
                 np.full(n, np.nan), np.zeros(n, bool), np.zeros(n, bool))
    method = "kenward-roger" if kenward_roger else "residual"
    for k, y in enumerate(Y):
        try:
            fit = result.refit(y)
        except UserError:
            continue
        out.params[k], out.llf[k] = fit.params, fit.llf
        out.converged[k], out.singular[k] = fit.converged, fit.singular
        table = [fit._row(row, method) for row in (*np.eye(p), *rows)]
        out.se[k] = [t[1] for t in table[:p]]
        if kenward_roger:
            out.df[k] = [t[2] for t in table[:p]]
        if len(rows):
            out.contrasts[k] = table[p:]
            if not kenward_roger:
                out.contrasts[k, :, 2] = np.nan
        out.variances[k, :-1] = [fit.covariances[t.factor][t.a, t.b] for t in model.parameters.items]
        out.variances[k, -1] = fit.scale
    return out


@dataclass
class _Evaluation:
    deviance: np.ndarray
    beta: np.ndarray
    phi: np.ndarray
    r2: np.ndarray
    mom: Moments
    gradient: np.ndarray
    hessian: np.ndarray

    def put(self, at, other: _Evaluation, take) -> None:
        """Copy replicates `take` of another evaluation to positions `at`."""
        for name in ("deviance", "beta", "phi", "r2", "gradient", "hessian"):
            getattr(self, name)[at] = getattr(other, name)[take]
        for name in ("tv", "tvv", "p", "q", "uvu"):
            getattr(self.mom, name)[at] = getattr(other.mom, name)[take]


class _Chunk:
    """The criterion of some replicates as arrays (R, ...)."""

    def __init__(self, result, Y: np.ndarray):
        self.result, self.reml = result, result.reml
        self.model, self.data, self.par = result.model, result.model.reduced, result.model.parameters
        frame = self.model.frame
        root_w = None if frame.weights is None else np.sqrt(frame.weights)
        x = self.model._internal_x
        count, p, q = len(Y), self.data.p, self.data.s.shape[0]
        self.shift, self.size = np.zeros(count), np.ones(count)
        self.xy, self.yy = np.empty((count, p)), np.empty(count)
        self.zy = np.empty((count, q, self.data.s.shape[2]))
        for k, y in enumerate(Y):
            column, self.shift[k], self.size[k] = scale_outcome(y, frame.offset, self.model._has_intercept, root_w)
            self.xy[k], self.yy[k] = x.T @ column, column @ column
            self.zy[k] = self.data.projector.to_inner(column)
        zx = self.data.zx[:, :-1]
        self.zx = np.ascontiguousarray(zx)
        self.products = np.ascontiguousarray(np.einsum("apn,brn->abnpr", zx, zx).reshape(q, q, -1, p * p))
        self.dof = self.data.n - p if self.reml else self.data.n

    def evaluate(self, theta: np.ndarray, at: np.ndarray) -> _Evaluation:
        """Deviance, gradient and Hessian in theta of replicates `at`, theta (len(at), c)."""
        data, par = self.data, self.par
        p, c, q = data.p, par.count, data.s.shape[0]
        zy, count = self.zy[at], len(at)
        d = self._covariances(theta)
        g, det = _inverse(data.s, d)
        h = [[sum(g[a][k] * data.s[k, b] for k in range(q)) for b in range(q)] for a in range(q)]
        omega = [[sum(d[a][k][:, None] * g[k][b] for k in range(q)) for b in range(q)] for a in range(q)]
        entries = [par.entries(i) for i in range(c)]
        # Coefficients of the products z_a z_b' in Omega, G'E_iG and G'E_iH E_jG.
        pairs = [(i, j) for i in range(c) for j in range(i + 1)]
        xx = np.zeros((count, 1 + c + len(pairs), p * p))
        for a in range(q):
            for b in range(q):
                rows = [omega[a][b]]
                rows += [sum(g[e][a] * g[f][b] for e, f in entries[i]) for i in range(c)]
                rows += [sum(g[e][a] * h[f][k] * g[m][b] for e, f in entries[i] for k, m in entries[j])
                         for i, j in pairs]
                xx += np.stack(rows, axis=1) @ self.products[a, b]
        xx = xx.reshape(count, -1, p, p)
        oy = [sum(omega[a][b] * zy[:, b] for b in range(q)) for a in range(q)]
        xvx = data.xx[:p, :p] - xx[:, 0]
        xvy = self.xy[at] - sum(_rows_times(oy[a], self.zx[a]) for a in range(q))
        yvy = self.yy[at] - sum((zy[:, a] * oy[a]).sum(axis=-1) for a in range(q))
        deviance = np.log(det).sum(axis=-1)
        chol = _cholesky(0.5 * (xvx + xvx.transpose(0, 2, 1)))
        inverse = np.linalg.solve(chol, np.broadcast_to(np.eye(p), chol.shape))
        phi = inverse.transpose(0, 2, 1) @ inverse
        half = (inverse @ xvy[:, :, None])[:, :, 0]
        beta = (inverse.transpose(0, 2, 1) @ half[:, :, None])[:, :, 0]
        r2 = yvy - (half * half).sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviance = deviance + self.dof * np.log(r2)
        if self.reml:
            deviance = deviance + 2 * np.log(np.diagonal(chol, axis1=1, axis2=2)).sum(axis=-1)
        deviance = np.where(np.isfinite(deviance), deviance, np.inf)

        e = [zy[:, a] - (beta[:, None, :] @ self.zx[a])[:, 0] for a in range(q)]
        t = [sum(g[a][b] * e[b] for b in range(q)) for a in range(q)]
        mom = self._moments(entries, pairs, xx, g, h, t, count)
        mom.uvu[:, :p, :p], mom.uvu[:, p, p] = xvx, r2
        gradient, hessian = self._profiled(mom, phi, r2)
        jac = _jacobian(par, theta)
        turned = jac.transpose(0, 2, 1)
        full = turned @ hessian @ jac + sum(gradient[:, i, None, None] * par.tensor[i] for i in range(c))
        return _Evaluation(deviance, beta, phi, r2, mom, (turned @ gradient[:, :, None])[:, :, 0], full)

    def _covariances(self, theta):
        delta = _delta(self.par, theta)
        q = self.data.s.shape[0]
        d = [[np.zeros(len(theta)) for _ in range(q)] for _ in range(q)]
        for i, item in enumerate(self.par.items):
            d[item.a][item.b] = d[item.b][item.a] = delta[:, i]
        return d

    def _moments(self, entries, pairs, xx, g, h, t, count) -> Moments:
        p, c, q = self.data.p, len(entries), len(t)
        tv, tvv = np.zeros((count, c)), np.zeros((count, c, c))
        pm, qm = np.zeros((count, c, p + 1, p + 1)), np.zeros((count, c, c, p + 1, p + 1))

        def back(u):
            """zx' G' u for u (q) of (R, N)."""
            gu = [sum(g[a][b] * u[a] for a in range(q) if u[a] is not None) for b in range(q)]
            return sum(_rows_times(gu[b], self.zx[b]) for b in range(q))

        def picked(i, v):
            """E_i v."""
            out: list = [None] * q
            for a, b in entries[i]:
                out[a] = v[b] if out[a] is None else out[a] + v[b]
            return out

        for i in range(c):
            tv[:, i] = sum(h[a][b].sum(axis=-1) for a, b in entries[i])
            pm[:, i, :p, :p] = xx[:, 1 + i]
            et = picked(i, t)
            pm[:, i, p, p] = sum((t[a] * et[a]).sum(axis=-1) for a in range(q) if et[a] is not None)
            pm[:, i, :p, p] = pm[:, i, p, :p] = back(et)
        for number, (i, j) in enumerate(pairs):
            value = xx[:, 1 + c + number]
            qm[:, i, j, :p, :p], qm[:, j, i, :p, :p] = value, value.transpose(0, 2, 1)
            left, right = picked(i, t), picked(j, t)
            total = sum((left[a] * h[a][b] * right[b]).sum(axis=-1) for a in range(q) for b in range(q)
                        if left[a] is not None and right[b] is not None)
            qm[:, i, j, p, p] = qm[:, j, i, p, p] = total
            tvv[:, i, j] = tvv[:, j, i] = sum((h[b][k] * h[m][a]).sum(axis=-1) for a, b in entries[i]
                                             for k, m in entries[j])
        return Moments(tv, tvv, pm, qm, np.zeros((count, p + 1, p + 1)))

    def _profiled(self, mom: Moments, phi, r2):
        p, dof = self.data.p, self.dof
        pxx, pyy, pxy = mom.p[:, :, :p, :p], mom.p[:, :, p, p], mom.p[:, :, :p, p]
        r = r2[:, None]
        quad = 2 * (mom.q[:, :, :, p, p] - pxy @ phi @ pxy.transpose(0, 2, 1))
        gradient = mom.tv - dof * pyy / r
        hessian = -mom.tvv
        if self.reml:
            fp = phi[:, None] @ pxx
            gradient = gradient - np.trace(fp, axis1=2, axis2=3)
            weighted = phi[:, None, None] * mom.q[:, :, :, :p, :p].transpose(0, 1, 2, 4, 3)
            hessian = hessian + 2 * _sum_all(weighted)
            hessian = hessian - _sum_all(fp[:, :, None] * fp.transpose(0, 1, 3, 2)[:, None])
        return gradient, hessian + dof * (quad / r[..., None] - pyy[:, :, None] * pyy[:, None] / r[..., None] ** 2)

    # -- descent ---------------------------------------------------------------------------------------------------

    def descend(self, theta: np.ndarray, steps: int = _STEPS):
        """Newton from theta (R, c) for every replicate; returns theta, the evaluation and which ones converged."""
        count = len(theta)
        now = self.evaluate(theta, np.arange(count))
        done = ~np.isfinite(now.deviance)
        good = np.zeros(count, bool)
        for _ in range(steps):
            at = np.flatnonzero(~done)
            if not at.size:
                break
            move, slope, decrement, saddle = _newton_moves(now.gradient[at], now.hessian[at], theta[at])
            settled = (decrement < 1e-13) & ~saddle
            done[at[settled]] = good[at[settled]] = True
            at, move, slope, decrement = at[~settled], move[~settled], slope[~settled], decrement[~settled]
            before = np.abs(now.gradient).max(axis=1)
            scale = np.ones(at.size)
            open_ = np.arange(at.size)
            for _ in range(30):
                if not open_.size:
                    break
                trial = theta[at[open_]] + scale[open_, None] * move[open_]
                found = self.evaluate(trial, at[open_])
                height = now.deviance[at[open_]]
                ok = found.deviance <= height + 1e-4 * scale[open_] * slope[open_] + 1e-11 * (1 + np.abs(height))
                take = np.flatnonzero(ok)
                theta[at[open_[take]]] = trial[take]
                now.put(at[open_[take]], found, take)
                open_ = open_[~ok]
                scale[open_] *= 0.4
            done[at[open_]] = True
            good[at[open_]] = decrement[open_] < 1e-6
            after = np.abs(now.gradient).max(axis=1)
            still = (decrement < 1e-9) & (after[at] >= before[at]) & ~saddle[~settled]
            done[at[still]] = good[at[still]] = True
        return theta, now, good

    def fit(self):
        """Best of the starts, variances near 0 set to exactly 0 where that does not cost."""
        count = len(self.yy)
        theta, now, good = self.descend(np.tile(self.par.start(_STARTS[0]), (count, 1)))
        for start in _STARTS[1:]:
            other, evaluation, fine = self.descend(np.tile(self.par.start(start), (count, 1)))
            better = np.flatnonzero(evaluation.deviance < now.deviance - 1e-10)
            theta[better], good[better] = other[better], fine[better]
            now.put(better, evaluation, better)
        singular = np.zeros(count, bool)
        for k in np.flatnonzero(self.par.diagonal):
            near = np.flatnonzero((np.abs(theta[:, k]) < 1e-3) & np.isfinite(now.deviance))
            if not near.size:
                continue
            trial = theta[near].copy()
            trial[:, k] = 0.0
            item = self.par.roots[k]
            column = [j for j, t in enumerate(self.par.roots) if t.factor == item.factor and t.b == item.b]
            small = (np.abs(trial[:, column]) < 1e-3).all(axis=1)
            trial[np.ix_(small, column)] = 0.0
            found = self.evaluate(trial, near)
            take = np.flatnonzero(found.deviance <= now.deviance[near] + 1e-10 * (1 + np.abs(now.deviance[near])))
            theta[near[take]] = trial[take]
            now.put(near[take], found, take)
            singular[near[take]] = True
        return theta, now, good, singular

    def refits(self, rows: np.ndarray, kenward_roger: bool) -> Refits:
        theta, now, good, singular = self.fit()
        data, scaling, par = self.data, self.data.scaling, self.par
        sigma2 = now.r2 / self.dof
        transform = scaling.matrix()
        params = self.size[:, None] * (now.beta @ transform.T)
        params[:, 0] += self.shift
        delta = _delta(par, theta)
        phi, df, info, w = now.phi * sigma2[:, None, None], None, None, None
        if kenward_roger:
            info = assemble(data.n, delta, sigma2, now.phi, now.mom, self.reml, [])
            w, regular = scaled_inverse(info.expected, info.expected)
            phi = adjusted_covariance(info, w)
            phi[~regular] = np.nan
            w[~regular] = np.nan
        all_rows = np.vstack([np.eye(data.p), rows]) @ transform
        se = np.stack([np.sqrt(((phi @ c) * c).sum(axis=-1)) for c in all_rows], axis=1) * self.size[:, None]
        if kenward_roger:
            df = np.stack([one_df(info, c, w) for c in all_rows], axis=1)
        z = np.array([scaling.z_scale[0][t.a] * scaling.z_scale[0][t.b] for t in par.items])
        unit = (sigma2 * self.size**2)[:, None]
        dof = self.dof
        llf = now.deviance + dof * (1 + np.log(2 * np.pi / dof)) + 2 * dof * np.log(self.size)
        if self.reml:
            llf = llf + 2 * scaling.log_det()
        contrasts = None
        if len(rows):
            blank = np.full((len(params), len(rows)), np.nan)
            contrasts = np.stack([params @ rows.T, se[:, data.p:], blank if df is None else df[:, data.p:]], axis=2)
        bad = ~np.isfinite(now.deviance)
        params[bad], se[bad] = np.nan, np.nan
        return Refits(self.model.names, variance_names(self.model), params, se[:, :data.p],
                      None if df is None else df[:, :data.p], contrasts, np.hstack([delta * unit / z, unit]),
                      -0.5 * (llf - data.logdet_weights), good, singular)


def _jacobian(par, theta: np.ndarray) -> np.ndarray:
    """d delta / d theta of each replicate, (R, c, c)."""
    return (par.tensor[None] @ theta[:, None, :, None])[..., 0]


def _delta(par, theta: np.ndarray) -> np.ndarray:
    return 0.5 * (_jacobian(par, theta) @ theta[:, :, None])[:, :, 0]


def _sum_all(values: np.ndarray) -> np.ndarray:
    """Sum over the last two axes, in an order that does not depend on the number of replicates."""
    return np.ascontiguousarray(values).reshape(*values.shape[:-2], -1).sum(axis=-1)


def _rows_times(u: np.ndarray, z: np.ndarray) -> np.ndarray:
    """u (R, N) times z' (N, p), one replicate at a time."""
    return (u[:, None, :] @ z.T)[:, 0]


def _cholesky(m: np.ndarray) -> np.ndarray:
    """Cholesky factors; NaN for replicates whose matrix is not positive definite."""
    try:
        return np.linalg.cholesky(m)
    except np.linalg.LinAlgError:
        out = np.full_like(m, np.nan)
        for k, one in enumerate(m):
            try:
                out[k] = np.linalg.cholesky(one)
            except np.linalg.LinAlgError:
                continue
        return out


def _inverse(s: np.ndarray, d):
    """(I + S D)^-1 as nested lists of (R, N), and the determinants (R, N)."""
    q = len(d)
    if q == 1:
        m = 1.0 + d[0][0][:, None] * s[0, 0]
        return [[1.0 / m]], m
    if q == 2:
        d11, d12, d22 = d[0][0][:, None], d[0][1][:, None], d[1][1][:, None]
        det = 1.0 + s[0, 0] * d11 + 2 * s[0, 1] * d12 + s[1, 1] * d22
        det = det + np.maximum(s[0, 0] * s[1, 1] - s[0, 1] ** 2, 0.0) * np.maximum(d11 * d22 - d12**2, 0.0)
        g11, g12 = (1.0 + s[1, 0] * d12 + s[1, 1] * d22) / det, -(s[0, 0] * d12 + s[0, 1] * d22) / det
        g21, g22 = -(s[1, 0] * d11 + s[1, 1] * d12) / det, (1.0 + s[0, 0] * d11 + s[0, 1] * d12) / det
        return [[g11, g12], [g21, g22]], det
    stacked = np.array([[d[a][b] for b in range(q)] for a in range(q)]).transpose(2, 0, 1)
    m = np.moveaxis(s, -1, 0)[None] @ stacked[:, None] + np.eye(q)
    inverse = np.linalg.inv(m)
    return [[np.ascontiguousarray(inverse[..., a, b]) for b in range(q)] for a in range(q)], np.linalg.det(m)


def _newton_moves(gradient, hessian, theta):
    """Steps, slopes, decrements and saddle flags; the same rules as :func:`bowlby.mixed.optimise.newton`."""
    values, vectors = np.linalg.eigh(hessian)
    largest = np.maximum(np.abs(values).max(axis=1), 1e-300)
    along = (vectors.transpose(0, 2, 1) @ gradient[:, :, None])[:, :, 0]
    curvature = np.maximum(np.abs(values), 1e-10 * largest[:, None])
    decrement = (along**2 / curvature).sum(axis=1)
    saddle = (values[:, 0] < -1e-7 * largest) & (values[:, 0] < -1e-6)
    move = -(vectors @ (along / curvature)[:, :, None])[:, :, 0]
    down = (values < -1e-7 * largest[:, None]) & (saddle & (decrement < 1e-4))[:, None]
    push = np.where(down, np.where(along <= 0, 1.0, -1.0), 0.0)
    move = move + 0.3 * (vectors @ push[:, :, None])[:, :, 0]
    length = np.sqrt((move**2).sum(axis=1))
    size = np.maximum(1.0, np.sqrt((theta**2).sum(axis=1)))
    move = move * np.minimum(1.0, size / np.maximum(length, 1e-300))[:, None]
    return move, (gradient * move).sum(axis=1), decrement, saddle
