"""Two-level imputation by Gibbs sampling: patients in therapists, several therapists a patient where they switch.

The model has the form of the analysis. With e_i the patient's deviation from what their therapists' patients have,

    x_i = sum_j w_ij theta_xj + e_i,                                  e_i ~ N(0, Sigma)
    y_i = sum_j w_ij theta_yj + (beta + c sum_j w_ij b_j)' e_i + r_i,  r_i ~ N(0, sigma^2)
    (theta_xj, theta_yj, s_j) ~ N(mu, Psi),                           b_j ~ N(0, tau^2)

so effects within and between therapists are free of each other, therapist variance and the therapists' own slopes of
the composite c'x are kept in what is imputed, and a therapist's style is imputed once for all of their patients.
Without b it is the joint two-level normal model (Schafer & Yucel 2002, J Comput Graph Stat 11:437-457).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg.lapack import dtrtrs

# Priors, for variables of unit variance: every SD between therapists, and that of their slopes, half-t with 2 df and
# this scale, correlations uniform (Huang & Wand 2013, Bayesian Anal 8:439-452). An inverse Wishart of fixed scale would
# pull small variances between therapists down by a quarter and more.
DF = 2
BETWEEN = 1.0
SLOPE = 0.5
WITHIN = 0.01
TOGETHER = 20_000
"""Most patients of all chains that are run side by side; more do not fit the processor's cache."""


@dataclass(frozen=True)
class IncompleteTwoLevelData:
    """Incomplete data of patients and therapists.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Predictors of patients, NaN where missing.
    y : ndarray, shape (n,)
        Outcome.
    s : ndarray, shape (J, q)
        Variables of therapists.
    weights : csr_array, shape (n, J)
        Membership; rows sum to 1.
    slope : ndarray, shape (p,) or None
        Weights of the composite whose slope differs between therapists.
    """

    x: np.ndarray
    y: np.ndarray
    s: np.ndarray
    weights: sparse.csr_array
    slope: np.ndarray | None = None


def impute(
    data: IncompleteTwoLevelData, iterations: int, rngs: list[np.random.Generator]
) -> list[tuple[IncompleteTwoLevelData, dict[str, np.ndarray]]]:
    """Completed data sets, each from a chain of its own.

    Parameters
    ----------
    data : IncompleteTwoLevelData
    iterations : int
        Length of each chain; its last state is the imputation.
    rngs : list of Generator
        One for each chain; a chain does not depend on the others that are run with it.

    Returns
    -------
    list of tuple
        For each chain ``completed``, an :class:`IncompleteTwoLevelData` without missing values; what was observed is
        untouched; and ``traces``, a dict of ndarray, shape (iterations,): ``between``, variance of the outcome between
        therapists; ``within``, slope of the outcome on the composite (the first predictor where there is none) within
        them; ``mean`` of the outcome; in SD of the observed values.
    """
    side = max(TOGETHER // len(data.y), 1)
    found = []
    for at in range(0, len(rngs), side):
        chains = Chains(data, rngs[at : at + side])
        traces = np.array([chains.step() for _ in range(iterations)])
        names = ("between", "within", "mean")
        for k, made in enumerate(chains.completed()):
            found.append((made, dict(zip(names, traces[:, :, k].T.copy(), strict=True))))
    return found


@dataclass(frozen=True)
class Pattern:
    """Patients who lack the same predictors, with what each lacks.

    Attributes
    ----------
    rows, seen, lost : ndarray of int
        Patients, the predictors that they have, and those that they lack.
    without_y : ndarray of bool
        Whether a patient lacks the outcome too.
    """

    rows: np.ndarray
    seen: np.ndarray
    lost: np.ndarray
    without_y: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, mask: np.ndarray, lost_y: np.ndarray) -> Pattern:
        """The pattern of some rows."""
        return cls(rows, np.flatnonzero(~mask), np.flatnonzero(mask), lost_y[rows])


class Chains:
    """States of some Gibbs samplers of the same data, side by side, in variables of mean 0 and SD 1.

    The first axis of every array is the chain's. Each chain draws from a generator of its own.
    """

    def __init__(self, data: IncompleteTwoLevelData, rngs: list[np.random.Generator]):
        self.data, self.rngs, self.m = data, rngs, len(rngs)
        self.w, self.squares = data.weights, data.weights.multiply(data.weights).tocsr()
        self.wt, self.squares_t = self.w.T.tocsr(), self.squares.T.tocsr()
        self.colours = colours(data.weights)
        self.n, self.p = data.x.shape
        self.groups, self.q = data.s.shape
        self.units = [_unit(v) for v in (data.x, data.y[:, None], data.s)]
        x, y, s = ((v - m) / sd for v, (m, sd) in zip((data.x, data.y[:, None], data.s), self.units, strict=True))
        self.lost_x, self.lost_s, self.lost_y = np.isnan(x), np.isnan(s), np.isnan(y[:, 0])
        self.patterns_x = [Pattern.of(rows, lost, self.lost_y) for rows, lost in _masks(self.lost_x)]
        self.masks_s = _masks(self.lost_s)
        self.without_y = np.flatnonzero(self.lost_y)
        self.x, self.y, self.s = self._filled(x), self._filled(y)[:, :, 0], self._filled(s)
        self.c = np.zeros((self.m, self.p))
        if data.slope is not None:
            c = data.slope * self.units[0][1]
            self.c = np.array([c / (x @ c).std() for x in self.x])
        self._start()

    def _filled(self, values: np.ndarray) -> np.ndarray:
        """Missing values drawn from the observed ones, so that chains start apart."""
        out = np.repeat(values[None], self.m, axis=0)
        for own, rng in zip(out, self.rngs, strict=True):
            for column in own.T:
                lost = np.isnan(column)
                column[lost] = rng.choice(column[~lost], lost.sum())
        return out

    def _start(self) -> None:
        k = self.p + 1
        load = np.maximum(self.w.sum(axis=0), 1e-9)[:, None]
        self.theta = 0.3 * _times(self.wt, np.concatenate([self.x, self.y[:, :, None]], axis=2)) / load
        self.mean = np.zeros((self.m, k + self.q))
        psi = 0.05 * np.eye(k + self.q)
        psi[k:, k:] = np.eye(self.q)
        self.psi = self._each(psi)
        self.b: np.ndarray = np.zeros((self.m, self.groups))
        self.tau2 = self._each(0.01)
        self.mix, self.slope_mix = self._each(np.full(k + self.q, 20.0)), self._each(200.0)
        self.beta, self.sigma2, self.sigma = np.zeros((self.m, self.p)), self._each(1.0), self._each(np.eye(self.p))
        self._follow()

    def _each(self, value) -> np.ndarray:
        """The same start of every chain."""
        return np.repeat(np.asarray(value)[None], self.m, axis=0)

    def _normal(self, *shape: int) -> np.ndarray:
        """Standard normal draws of every chain."""
        return np.array([rng.standard_normal(shape) for rng in self.rngs])

    def _gamma(self, shape: float, *size: int) -> np.ndarray:
        """Gamma draws of every chain, of scale 1."""
        return np.array([rng.gamma(shape, size=size) for rng in self.rngs])

    def step(self) -> np.ndarray:
        """Draw everything once; the traces of :func:`impute`, shape (3, m)."""
        self._levels()
        self._shift()
        self._between()
        fitted = _times(self.w, self.theta)
        e, rest = self.x - fitted[:, :, :-1], self.y - fitted[:, :, -1]
        if self.data.slope is not None:
            self._slopes(e, rest)
        self._within(e, rest)
        self._draw_missing_patient_values(fitted)
        self._draw_missing_therapist_values()
        direction = self.c if self.data.slope is not None else self._each(np.eye(self.p)[0])
        along = _dot(self.sigma, direction)
        within = _inner(along, self.beta) / _inner(along, direction)
        return np.array([self.psi[:, self.p, self.p], within, self.mean[:, self.p]])

    def _follow(self) -> None:
        """What follows from slopes and covariance within therapists: patients' own slopes, and the precision."""
        self.moved = _times(self.w, self.b)
        self.own = self.beta[:, None, :] + self.moved[:, :, None] * self.c[:, None, :]
        self.precision = np.linalg.inv(self.sigma)

    def _weighted_residuals(self, fitted: np.ndarray) -> np.ndarray:
        """Precision-weighted residuals of every patient (m, n, p + 1)."""
        own = self.own
        gap = self.x - fitted[:, :, :-1]
        rest = (self.y - fitted[:, :, -1] - _along(own, gap)) / self.sigma2[:, None]
        return np.concatenate([gap @ self.precision - own * rest[:, :, None], rest[:, :, None]], axis=2)

    def _weight(self, sums: np.ndarray) -> np.ndarray:
        """Precision of levels (m, k, p + 1, p + 1) from sums (m, k, 3) of squared weights, times B, times B^2."""
        own = np.concatenate([-self.beta, np.ones((self.m, 1))], axis=1)
        along = np.concatenate([self.c, np.zeros((self.m, 1))], axis=1)
        cross, sigma2 = own[:, :, None] * along[:, None, :], self.sigma2[:, None, None]
        within = np.zeros((self.m, self.p + 1, self.p + 1))
        within[:, :-1, :-1] = self.precision
        parts = [within + own[:, :, None] * own[:, None, :] / sigma2, -(cross + cross.transpose(0, 2, 1)) / sigma2,
                 along[:, :, None] * along[:, None, :] / sigma2]  # fmt: skip
        return (sums @ np.stack(parts, axis=1).reshape(self.m, 3, -1)).reshape(*sums.shape[:2], *within.shape[1:])

    def _levels(self) -> None:
        """Therapists' levels given their patients and their style."""
        k = self.p + 1
        gain = np.linalg.solve(self.psi[:, k:, k:], self.psi[:, k:, :k])
        prior = np.linalg.inv(self.psi[:, :k, :k] - self.psi[:, :k, k:] @ gain)
        expected = self.mean[:, None, :k] + (self.s - self.mean[:, None, k:]) @ gain
        own = self.moved
        likely = self._weight(_times(self.squares_t, np.stack([np.ones_like(own), own, own**2], axis=2)))
        noise = self._normal(self.groups, k)
        for some in self.colours:
            here = likely[:, some]
            pull = _times(self.wt, self._weighted_residuals(_times(self.w, self.theta)))[:, some]
            pull += _dot(here, self.theta[:, some]) + expected[:, some] @ prior
            self.theta[:, some] = _normal(here + prior[:, None], pull, noise[:, some])

    def _shift(self) -> None:
        """Move all levels and their mean together: keeps the chain quick where therapists hardly differ."""
        k, own = self.p + 1, self.moved
        sums = np.stack([np.full(self.m, float(self.n)), own.sum(axis=1), (own**2).sum(axis=1)], axis=1)
        pull = self._weighted_residuals(_times(self.w, self.theta)).sum(axis=1)
        move = _normal(self._weight(sums[:, None, :])[:, 0], pull, self._normal(1, k)[:, 0])
        self.theta += move[:, None, :]
        self.mean[:, :k] += move

    def _between(self) -> None:
        """Covariance of the levels and of style, with the mixing variables of its prior, and their mean."""
        values = np.concatenate([self.theta, self.s], axis=2)
        d = values.shape[2]
        off = values - self.mean[:, None, :]
        scale = (2 * DF / self.mix)[:, :, None] * np.eye(d) + off.transpose(0, 2, 1) @ off
        self.psi = inverse_wishart(DF + d - 1 + self.groups, scale, self.rngs)
        rate = DF * np.diagonal(np.linalg.inv(self.psi), axis1=1, axis2=2) + 1 / BETWEEN**2
        self.mix = rate / self._gamma((DF + d) / 2, d)
        root = np.linalg.cholesky(self.psi / self.groups)
        self.mean = values.mean(axis=1) + _dot(root, self._normal(d))

    def _slopes(self, e: np.ndarray, rest: np.ndarray) -> None:
        """Therapists' own slopes and their variance."""
        f, sigma2 = _dot(e, self.c), self.sigma2[:, None]
        likely = _times(self.squares_t, f**2) / sigma2
        rest = rest - _dot(e, self.beta)
        noise = self._normal(self.groups)
        for some in self.colours:
            pull = (_times(self.wt, f * (rest - f * _times(self.w, self.b))) / sigma2 + likely * self.b)[:, some]
            precision = likely[:, some] + 1 / self.tau2[:, None]
            self.b[:, some] = pull / precision + noise[:, some] / np.sqrt(precision)
        self.tau2 = (DF / self.slope_mix + (self.b**2).sum(axis=1) / 2) / self._gamma((DF + self.groups) / 2)
        self.slope_mix = (DF / self.tau2 + 1 / SLOPE**2) / self._gamma((DF + 1) / 2)

    def _within(self, e: np.ndarray, rest: np.ndarray) -> None:
        """Slopes, residual variance and covariance within therapists."""
        rest = rest - _times(self.w, self.b) * _dot(e, self.c)
        cross, sigma2 = e.transpose(0, 2, 1) @ e, self.sigma2[:, None]
        pull = (rest[:, None, :] @ e)[:, 0]
        self.beta = _normal(cross / sigma2[:, :, None], pull / sigma2, self._normal(1, self.p)[:, 0])
        left = rest - _dot(e, self.beta)
        self.sigma2 = (WITHIN + _inner(left, left) / 2) / self._gamma(1 + self.n / 2)
        self.sigma = inverse_wishart(self.p + 1 + self.n, WITHIN * np.eye(self.p) + cross, self.rngs)
        self._follow()

    def _draw_missing_patient_values(self, fitted: np.ndarray) -> None:
        """Missing predictors given the others and the outcome, then missing outcomes given all predictors.

        A draw without the outcome is moved by as much as it misses the outcome, less a residual drawn with it: the
        conditional distribution, for slopes that differ from patient to patient.
        """
        sd = np.sqrt(self.sigma2)[:, None]
        for one in self.patterns_x:
            rows, seen, lost = one.rows, one.seen, one.lost
            gain, cov = _conditional(self.sigma, seen, lost)
            own, here = self.own.take(rows, axis=1), fitted.take(rows, axis=1)
            e = self.x.take(rows, axis=1) - here[:, :, :-1]
            drawn = self._normal(len(rows), len(lost)) @ np.linalg.cholesky(cov).transpose(0, 2, 1)
            e[:, :, lost] = _columns(e, seen) @ gain + drawn
            slopes = own.take(lost, axis=2)
            reach = slopes @ cov
            spread = self.sigma2[:, None] + _along(reach, slopes)
            residual = sd * self._normal(len(rows))
            miss = self.y.take(rows, axis=1) - here[:, :, -1] - _along(own, e) - residual
            miss[:, one.without_y] = 0.0
            e[:, :, lost] += reach * (miss / spread)[:, :, None]
            self.x[:, rows[:, None], lost] = (here[:, :, :-1] + e)[:, :, lost]
        lost = self.without_y
        here = fitted.take(lost, axis=1)
        e = self.x.take(lost, axis=1) - here[:, :, :-1]
        noise = sd * self._normal(len(lost))
        self.y[:, lost] = here[:, :, -1] + _along(self.own.take(lost, axis=1), e) + noise

    def _draw_missing_therapist_values(self) -> None:
        """Missing style given the therapist's levels and what is known of their style."""
        for rows, mask in self.masks_s:
            missing = np.append(np.zeros(self.p + 1, bool), mask)
            known, lost = np.flatnonzero(~missing), np.flatnonzero(missing)
            gain, cov = _conditional(self.psi, known, lost)
            values = np.concatenate([self.theta, self.s], axis=2)
            off = values.take(rows, axis=1) - self.mean[:, None, :]
            noise = self._normal(len(rows), len(lost)) @ np.linalg.cholesky(cov).transpose(0, 2, 1)
            drawn = self.mean[:, None, lost] + _columns(off, known) @ gain + noise
            self.s[:, rows[:, None], np.flatnonzero(mask)] = drawn

    def completed(self) -> list[IncompleteTwoLevelData]:
        """The data with each chain's present draws in the place of what is missing, in their own units."""
        made = []
        for drawn in zip(self.x, self.y[:, :, None], self.s, strict=True):
            x, y, s = (np.where(np.isnan(own), m + sd * new, own)
                       for own, new, (m, sd) in zip((self.data.x, self.data.y[:, None], self.data.s), drawn, self.units,
                                                    strict=True))  # fmt: skip
            made.append(IncompleteTwoLevelData(x, y[:, 0], s, self.data.weights, self.data.slope))
        return made


def _times(weights: sparse.csr_array, values: np.ndarray) -> np.ndarray:
    """Weights (n, J) times the values of every chain (m, J) or (m, J, k)."""
    side_by_side = values.swapaxes(0, 1)
    product = weights @ side_by_side.reshape(len(side_by_side), -1)
    return np.ascontiguousarray(product.reshape(-1, *side_by_side.shape[1:]).swapaxes(0, 1))


def _dot(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Matrices (..., k, l) times vectors (..., l)."""
    return (matrices @ vectors[..., None])[..., 0]


def _inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products of the rows of two arrays (m, k)."""
    return (a[:, None, :] @ b[:, :, None])[:, 0, 0]


def _along(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products of the last axes of two arrays (m, n, k)."""
    return np.einsum("mnk,mnk->mn", a, b)


def _columns(values: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Some columns of every chain's table, each in one piece."""
    return values.swapaxes(1, 2).take(which, axis=1).swapaxes(1, 2)


def _conditional(covariance: np.ndarray, known: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Regression of the lost variables on the known ones, and the covariance that is left of them."""
    of_known, of_lost = covariance.take(known, axis=1), covariance.take(lost, axis=1)
    gain = np.linalg.solve(of_known.take(known, axis=2), of_known.take(lost, axis=2))
    return gain, of_lost.take(lost, axis=2) - of_lost.take(known, axis=2) @ gain


def colours(weights: sparse.csr_array) -> list[np.ndarray]:
    """Groups of therapists of whom no two share a patient: a group is drawn at once (greedy, in order)."""
    shared = weights[np.diff(weights.indptr) > 1]
    colour = np.zeros(weights.shape[1], int)
    meets: dict[int, set[int]] = {}
    for a, b in zip(shared.indptr[:-1], shared.indptr[1:], strict=True):
        for one in shared.indices[a:b]:
            meets.setdefault(int(one), set()).update(int(j) for j in shared.indices[a:b] if j != one)
    for one in sorted(meets):
        taken = {colour[other] for other in meets[one] if other < one}
        colour[one] = next(k for k in range(len(meets) + 1) if k not in taken)
    return [np.flatnonzero(colour == k) for k in range(colour.max() + 1)]


def inverse_wishart(df: float, scale: np.ndarray, rngs: list[np.random.Generator]) -> np.ndarray:
    """A draw of each generator with mean ``scale / (df - d - 1)`` (m, d, d), by Bartlett's decomposition."""
    d = scale.shape[1]
    free = df - np.arange(d)
    below, squares = zip(*((rng.standard_normal((d, d)), rng.chisquare(free)) for rng in rngs), strict=True)
    factors = np.tril(below, -1)
    factors[:, range(d), range(d)] = np.sqrt(squares)
    roots = np.linalg.cholesky(scale)
    half = np.array([dtrtrs(f.T, root.T, trans=1)[0] for f, root in zip(factors, roots, strict=True)])
    return half.transpose(0, 2, 1) @ half


def _normal(precision: np.ndarray, pull: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Normal draws with these precisions (..., k, k) and precision times mean (..., k)."""
    return np.linalg.solve(precision, (pull + _dot(np.linalg.cholesky(precision), noise))[..., None])[..., 0]


def _unit(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of the observed values of every column; 1 for a column that does not vary."""
    sd = np.nanstd(values, axis=0, ddof=1)
    return np.nanmean(values, axis=0), np.where(sd > 0, sd, 1.0)


def _masks(lost: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of every pattern of missing values, and the pattern; complete rows are in none."""
    masks, which = np.unique(lost, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == k), mask) for k, mask in enumerate(masks) if mask.any()]
