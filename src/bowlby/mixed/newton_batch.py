"""The profiled criterion of many replicates of one model, and its minimum by Newton's method, for all at a time.

The criterion is a sum over the stacks of units of ``random_effect_layout``. Fisher's and Newton's steps, line searches,
the faces of the boundary and the rule for variances of 0 are those of ``optimiser``, on arrays with a leading axis of
replicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.errors import existing
from bowlby.mixed import tolerances as tol
from bowlby.mixed.derivatives import Moments
from bowlby.mixed.optimiser import SCORING, STARTS

_STEPS = 60


@dataclass
class Point:
    """What an evaluation leaves of each replicate; see :class:`bowlby.mixed.optimiser.Point`."""

    deviance: np.ndarray
    beta: np.ndarray
    phi: np.ndarray
    r2: np.ndarray
    mom: Moments
    gradient: np.ndarray
    hessian: np.ndarray
    slope: np.ndarray
    expected: np.ndarray

    def put(self, at, other: Point, take) -> None:
        """Copy replicates `take` of another point to positions `at`."""
        for name in ("deviance", "beta", "phi", "r2", "gradient", "hessian", "slope", "expected"):
            getattr(self, name)[at] = getattr(other, name)[take]
        for name in ("tv", "tvv", "p", "q", "uvu"):
            getattr(self.mom, name)[at] = getattr(other.mom, name)[take]


def _of(array, at):
    return array if array is None or len(array) == 1 else array[at]


class Replicates:
    """The criterion of `count` replicates.

    Attributes
    ----------
    stacks : list
        See :func:`bowlby.mixed.random_effect_layout.independent_units`.
    xx : ndarray (R or 1, m, m)
        Cross-products of predictors and outcome.
    z : list of ndarray
        For each stack its Z'[X y], leading axis R or 1.
    counts : list of ndarray or None
        For each stack how often each unit counts (R, units).
    dof : ndarray (R,) or (1,)
    """

    def __init__(self, parameters, stacks, xx, z, counts, dof, reml: bool, count: int):
        self.parameters, self.stacks, self.xx, self.z, self.counts = parameters, stacks, xx, z, counts
        self.dof, self.reml, self.count = dof, reml, count
        self.p = xx.shape[-1] - 1

    def evaluate(self, theta: np.ndarray, at: np.ndarray) -> Point:
        """Deviance, gradient and Hessian in theta of replicates `at`, theta (len(at), c)."""
        p, c, count = self.p, self.parameters.count, len(at)
        jac = jacobian(self.parameters, theta)
        delta = 0.5 * (jac @ theta[:, :, None])[:, :, 0]
        units = [
            stack.evaluate(theta, delta, _of(z, at), _of(k, at))
            for stack, z, k in zip(self.stacks, self.z, self.counts, strict=True)
        ]
        xvx, logdet = _of(self.xx, at), 0.0
        for unit in units:
            xvx, logdet = xvx - unit.explained, logdet + unit.logdet
        xvx = 0.5 * (xvx + xvx.transpose(0, 2, 1))
        inverse, log_diagonal = _inverse_root(xvx[:, :p, :p])
        turned = inverse.transpose(0, 2, 1)
        phi = turned @ inverse
        half = inverse @ xvx[:, :p, p:]
        beta = (turned @ half)[:, :, 0]
        r2 = xvx[:, p, p] - (half[:, :, 0] ** 2).sum(axis=-1)
        dof = _of(self.dof, at)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviance = logdet + dof * np.log(r2) + (2 * log_diagonal if self.reml else 0.0)
        deviance = np.where(np.isfinite(deviance), deviance, np.inf)
        mom = Moments.zeros(c, p + 1, (count,))
        for unit in units:
            unit.add_moments(beta, mom)
        mom.uvu[:, :p, :p], mom.uvu[:, p, p] = xvx[:, :p, :p], r2
        with np.errstate(invalid="ignore", divide="ignore"):
            slope, hessian, expected = self._profiled(mom, phi, r2, dof)
        turned = jac.transpose(0, 2, 1)
        bent = (slope[:, None] @ self.parameters.tensor.reshape(c, -1)).reshape(count, c, c)
        gradient, hessian = (turned @ slope[:, :, None])[:, :, 0], turned @ hessian @ jac + bent
        return Point(deviance, beta, phi, r2, mom, gradient, hessian, slope, expected)

    def _profiled(self, mom: Moments, phi, r2, dof):
        """As :func:`bowlby.mixed.derivatives.profiled`."""
        p = self.p
        pxx, pyy, pxy = mom.p[:, :, :p, :p], mom.p[:, :, p, p], mom.p[:, :, :p, p]
        r, dof = r2[:, None], dof[:, None]
        quad = 2 * (mom.q[:, :, :, p, p] - pxy @ phi @ pxy.transpose(0, 2, 1))
        trace, traces = mom.tv, mom.tvv
        if self.reml:
            fp = phi[:, None] @ pxx
            trace = trace - np.trace(fp, axis1=2, axis2=3)
            weighted = phi[:, None, None] * mom.q[:, :, :, :p, :p].transpose(0, 1, 2, 4, 3)
            traces = traces - 2 * _sum_all(weighted)
            traces = traces + _sum_all(fp[:, :, None] * fp.transpose(0, 1, 3, 2)[:, None])
        gradient = trace - dof * pyy / r
        r, dof = r[..., None], dof[..., None]
        hessian = dof * (quad / r - pyy[:, :, None] * pyy[:, None] / r**2) - traces
        return gradient, hessian, traces - trace[:, :, None] * trace[:, None] / dof


def jacobian(parameters, theta: np.ndarray) -> np.ndarray:
    """d delta / d theta of each replicate, (R, c, c)."""
    return (parameters.tensor[None] @ theta[:, None, :, None])[..., 0]


def relative_covariances(parameters, theta: np.ndarray) -> np.ndarray:
    """delta (R, c) of theta (R, c)."""
    return 0.5 * (jacobian(parameters, theta) @ theta[:, :, None])[:, :, 0]


def _sum_all(values: np.ndarray) -> np.ndarray:
    """Sum over the last two axes, in an order that does not depend on the number of replicates."""
    return np.ascontiguousarray(values).reshape(*values.shape[:-2], -1).sum(axis=-1)


def _inverse_root(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L^-1 and log det L of matrices L L'; NaN for those that are not positive definite beyond rounding."""
    try:
        chol = np.linalg.cholesky(m)
    except np.linalg.LinAlgError:
        chol = np.full_like(m, np.nan)
        for k, one in enumerate(m):
            try:
                chol[k] = np.linalg.cholesky(one)
            except np.linalg.LinAlgError:
                continue
    pivots = np.diagonal(chol, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        poor = (pivots**2 <= tol.PIVOT * np.diagonal(m, axis1=1, axis2=2)).any(axis=1)
    chol[poor] = np.nan
    inverse = np.linalg.solve(chol, np.broadcast_to(np.eye(m.shape[-1]), chol.shape))
    return inverse, np.log(pivots).sum(axis=-1)


@dataclass
class Descent:
    """Where the descents of some replicates ended; `early` ones were left because they could not win."""

    theta: np.ndarray
    point: Point
    good: np.ndarray
    early: np.ndarray


class Search:
    """Descents of the replicates of a criterion."""

    def __init__(self, criterion: Replicates):
        self.criterion, self.parameters, self.count = criterion, criterion.parameters, criterion.count

    def descend(self, theta: np.ndarray, at: np.ndarray, free=None, beat=None, known=(), scoring: int = 0) -> Descent:
        """Newton from theta (len(at), c) for replicates `at`; the rules of :func:`bowlby.mixed.optimiser.newton`.

        `free` (len(at), c) says which entries may move, `beat` (len(at),) the height to pass, `known` are earlier
        ends (delta, height), `scoring` is how many steps are Fisher's at first.
        """
        theta = theta.copy()
        free = np.ones(theta.shape, bool) if free is None else free
        now = self.criterion.evaluate(theta, at)
        finite = np.isfinite(now.deviance)
        none_free = ~free.any(axis=1)
        done, good, early = ~finite | none_free, finite & none_free, np.zeros(len(at), bool)
        scored = ~done
        for _ in range(scoring):
            on = np.flatnonzero(scored & ~done)
            if not on.size:
                break
            trial, able = self._fisher_step(theta[on], now, on)
            lost = able & self._by_known(trial, now.deviance[on], on, known)
            early[on[lost]] = good[on[lost]] = done[on[lost]] = True
            on, trial = on[able & ~lost], trial[able & ~lost]
            if not on.size:
                break
            points = self.criterion.evaluate(trial, at[on])
            lower = points.deviance < now.deviance[on]
            scored[:] = False
            scored[on[lower]] = True
            theta[on[lower]] = trial[lower]
            now.put(on[lower], points, lower)
        for _ in range(_STEPS):
            on = np.flatnonzero(~done)
            if not on.size:
                break
            gradient, hessian = _held(now.gradient[on], now.hessian[on], free[on])
            move, slope, decrement, saddle, lowest = _newton_moves(gradient, hessian, theta[on])
            settled = (decrement < tol.DONE) & ~saddle
            good[on[settled]] = True
            height = now.deviance[on]
            lost = np.zeros(on.size, bool)
            if beat is not None:
                lost = height - 2 * decrement > beat[on]
            lost |= self._by_known(theta[on] + move, height, on, known)
            lost &= (lowest > 0) & ~settled
            early[on[lost]] = good[on[lost]] = True
            done[on[settled | lost]] = True
            left = ~(settled | lost)
            on, move, slope, decrement = on[left], move[left], slope[left], decrement[left]
            before, sure = np.abs(gradient[left]).max(axis=1, initial=0.0), ~saddle[left]
            failed = self._line_search(theta, now, on, at, move, slope)
            done[on[failed]] = True
            good[on[failed]] = decrement[failed] < tol.CLOSE
            after = np.abs(now.gradient[on] * free[on]).max(axis=1, initial=0.0)
            # The next step would be the square of this one, or the gradient is down to rounding.
            still = sure & (decrement < tol.LAST) & ~failed
            still |= sure & (decrement < tol.LAST) & (after >= before)
            done[on[still]] = good[on[still]] = True
        return Descent(theta, now, good, early)

    def _line_search(self, theta, now: Point, on, at, move, slope) -> np.ndarray:
        """Shorten steps until the criterion falls, taking them in place; True where none does."""
        scale, open_ = np.ones(on.size), np.arange(on.size)
        for _ in range(30):
            if not open_.size:
                break
            trial = theta[on[open_]] + scale[open_, None] * move[open_]
            points = self.criterion.evaluate(trial, at[on[open_]])
            height = now.deviance[on[open_]]
            ok = points.deviance <= height + tol.DESCENT * scale[open_] * slope[open_] + tol.HEIGHT * (
                1 + np.abs(height)
            )
            take = np.flatnonzero(ok)
            theta[on[open_[take]]] = trial[take]
            now.put(on[open_[take]], points, take)
            open_ = open_[~ok]
            scale[open_] *= 0.4
        failed = np.zeros(on.size, bool)
        failed[open_] = True
        return failed

    def _by_known(self, landing: np.ndarray, height: np.ndarray, on: np.ndarray, known) -> np.ndarray:
        """Whether steps land by an end already known that is no higher than here."""
        out = np.zeros(len(landing), bool)
        for delta, other in known:
            size = np.maximum(np.abs(delta[on]).max(axis=1), tol.SMALL)
            near = np.abs(relative_covariances(self.parameters, landing) - delta[on]).max(axis=1) <= tol.VALLEY * size
            out |= near & (height >= other[on] - tol.TIE)
        return out

    def _fisher_step(self, theta, now: Point, on) -> tuple[np.ndarray, np.ndarray]:
        """theta after a Fisher step and whether there is one; see :func:`bowlby.mixed.optimiser._fisher_step`."""
        par = self.parameters
        step, able = _solved(now.expected[on], now.slope[on])
        delta = relative_covariances(self.parameters, theta) - step
        out, idle = np.zeros_like(theta), ~theta.any(axis=1)
        for g, size in enumerate(par.sizes):
            d = np.zeros((len(theta), size, size))
            for i, t in enumerate(par.items):
                if t.factor == g:
                    d[:, t.a, t.b] = d[:, t.b, t.a] = delta[:, i]
            values, vectors = np.linalg.eigh(d)
            idle &= (values <= tol.SMALL).all(axis=1)
            # A variance of which the data say hardly anything can take a step of any size.
            least = np.maximum(tol.SMALL, tol.SAME * values[:, -1:])
            d = (vectors * np.maximum(values, least)[:, None]) @ vectors.transpose(0, 2, 1)
            chol = np.linalg.cholesky(d)
            for k, t in enumerate(par.roots):
                if t.factor == g:
                    out[:, k] = chol[:, t.a, t.b]
        return out, able & ~idle

    def fit(self) -> tuple[Descent, np.ndarray]:
        """The best end of each replicate, and which lie on the boundary."""
        par, everyone = self.parameters, np.arange(self.count)
        blocks = par.blocks()
        starts = STARTS if len(blocks) == 1 else STARTS[:1]
        best: Descent | None = None
        known: list[tuple[np.ndarray, np.ndarray]] = []
        for start in starts:
            end = self.descend(np.tile(par.start(start), (self.count, 1)), everyone, known=known, scoring=SCORING)
            known = [*known, (relative_covariances(par, end.theta), np.where(end.early, np.inf, end.point.deviance))]
            if best is None:
                best = end
            else:
                self._keep(best, everyone, end, ~end.early & (end.point.deviance < best.point.deviance - tol.GAIN))
        if len(blocks) > 1:
            for block in blocks:
                self._try_face(existing(best), block)
            self._try_inside(existing(best), blocks)
        return existing(best), self._snap(existing(best))

    @staticmethod
    def _keep(best: Descent, at, other: Descent, better) -> None:
        """Take over the replicates (positions `at` of `best`) in which another end is better."""
        take = np.flatnonzero(better)
        best.theta[at[take]], best.good[at[take]] = other.theta[take], other.good[take]
        best.point.put(at[take], other.point, take)

    def _try_face(self, best: Descent, block) -> None:
        """Look for a better end where the effects of one block have no variance, and inside from there."""
        at = np.flatnonzero(best.theta[:, block].any(axis=1) & np.isfinite(best.point.deviance))
        if not at.size:
            return
        theta, free = best.theta[at].copy(), np.ones((at.size, self.parameters.count), bool)
        theta[:, block], free[:, block] = 0.0, False
        face = self.descend(theta, at, free, beat=best.point.deviance[at])
        better = np.flatnonzero(face.point.deviance < best.point.deviance[at] - tol.GAIN)
        if not better.size:
            return
        inside = self.descend(face.theta[better], at[better])
        self._keep(best, at, face, np.isin(np.arange(at.size), better))
        self._keep(best, at[better], inside, inside.point.deviance <= face.point.deviance[better])

    def _try_inside(self, best: Descent, blocks) -> None:
        """Look for a better end inside where the best lies on a face."""
        size = np.stack([np.abs(best.theta[:, block]).max(axis=1) for block in blocks], axis=1)
        at = np.flatnonzero((size <= tol.SMALL).any(axis=1) & np.isfinite(best.point.deviance))
        if not at.size:
            return
        start = np.tile(self.parameters.start(STARTS[1]), (at.size, 1))
        known = [(relative_covariances(self.parameters, best.theta[at]), best.point.deviance[at])]
        inside = self.descend(start, at, beat=best.point.deviance[at], known=known, scoring=SCORING)
        self._keep(best, at, inside, inside.point.deviance < best.point.deviance[at] - tol.GAIN)

    def _snap(self, best: Descent) -> np.ndarray:
        """Set variances near 0 to exactly 0 where that does not cost, and polish the rest."""
        par = self.parameters
        singular, held = np.zeros(self.count, bool), np.zeros(best.theta.shape, bool)
        for k in np.flatnonzero(par.diagonal):
            limit = np.where(best.good, tol.SMALL, tol.SMALL_OPEN)
            nil = par.nil(best.theta)[:, k]
            at = np.flatnonzero(((np.abs(best.theta[:, k]) < limit) | nil) & np.isfinite(best.point.deviance))
            if not at.size:
                continue
            root = par.roots[k]
            column = [j for j, t in enumerate(par.roots) if t.factor == root.factor and t.b == root.b]
            theta = best.theta[at].copy()
            theta[:, k] = 0.0
            # With a zero pivot the rest of its column can be turned into the later ones.
            for row in np.flatnonzero(theta[:, column].any(axis=1)):
                theta[row] = par.cholesky(par.covariances(par.delta(theta[row])))
            free = ~held[at]
            free[:, column] = False
            trial = self.descend(theta, at, free)
            height = best.point.deviance[at]
            ok = (trial.point.deviance <= height + tol.GAIN * (1 + np.abs(height))) | nil[at]
            ok &= np.isfinite(trial.point.deviance)
            self._keep(best, at, trial, ok)
            singular[at[ok]] = True
            held[np.ix_(at[ok], column)] = True
        return singular


def _solved(matrix: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """matrix^-1 right of each replicate, 0 where there is none, and whether there is one."""
    try:
        solution, able = np.linalg.solve(matrix, right[:, :, None])[:, :, 0], np.ones(len(matrix), bool)
    except np.linalg.LinAlgError:
        able = np.linalg.matrix_rank(matrix, hermitian=True) == matrix.shape[-1]
        safe = np.where(able[:, None, None], matrix, np.eye(matrix.shape[-1]))
        solution = np.linalg.solve(safe, right[:, :, None])[:, :, 0]
    able &= np.isfinite(solution).all(axis=1)
    return np.where(able[:, None], solution, 0.0), able


def _held(gradient, hessian, free):
    """Derivatives in which the entries that are not free neither move nor matter."""
    if free.all():
        return gradient, hessian
    both = free[:, :, None] & free[:, None]
    return np.where(free, gradient, 0.0), np.where(both, hessian, np.eye(free.shape[1]))


def _newton_moves(gradient, hessian, theta):
    """Steps, slopes, decrements, saddle flags and lowest curvatures, as :func:`bowlby.mixed.optimiser.newton` has."""
    values, vectors = np.linalg.eigh(hessian)
    largest = np.maximum(np.abs(values).max(axis=1), tol.TINY)
    along = (vectors.transpose(0, 2, 1) @ gradient[:, :, None])[:, :, 0]
    curvature = np.maximum(np.abs(values), tol.FLATTEST * largest[:, None])
    decrement = (along**2 / curvature).sum(axis=1)
    saddle = (values[:, 0] < -tol.SADDLE * largest) & (values[:, 0] < -tol.DOWN)
    move = -(vectors @ (along / curvature)[:, :, None])[:, :, 0]
    down = (values < -tol.SADDLE * largest[:, None]) & (saddle & (decrement < tol.PUSH))[:, None]
    push = np.where(down, np.where(along <= 0, 1.0, -1.0), 0.0)
    move = move + 0.3 * (vectors @ push[:, :, None])[:, :, 0]
    length = np.sqrt((move**2).sum(axis=1))
    size = np.maximum(1.0, np.sqrt((theta**2).sum(axis=1)))
    move = move * np.minimum(1.0, size / np.maximum(length, tol.TINY))[:, None]
    return move, (gradient * move).sum(axis=1), decrement, saddle, values[:, 0]
