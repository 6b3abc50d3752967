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
from scipy.linalg import solve_triangular

# Priors, for variables of unit variance: every SD between therapists, and that of their slopes, half-t with 2 df and
# this scale, correlations uniform (Huang & Wand 2013, Bayesian Anal 8:439-452). An inverse Wishart of fixed scale would
# pull small variances between therapists down by a quarter and more.
DF = 2
BETWEEN = 1.0
SLOPE = 0.5
WITHIN = 0.01


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
    data: IncompleteTwoLevelData, iterations: int, rng: np.random.Generator
) -> tuple[IncompleteTwoLevelData, dict[str, np.ndarray]]:
    """One completed data set, from a chain of its own.

    Parameters
    ----------
    data : IncompleteTwoLevelData
    iterations : int
        Length of the chain; its last state is the imputation.
    rng : Generator

    Returns
    -------
    completed : IncompleteTwoLevelData
        Without missing values; what was observed is untouched.
    traces : dict of ndarray, shape (iterations,)
        ``between``, variance of the outcome between therapists; ``within``, slope of the outcome on the composite (the
        first predictor where there is none) within them; ``mean`` of the outcome; in SD of the observed values.
    """
    chain = Chain(data, rng)
    traces = np.array([chain.step() for _ in range(iterations)])
    return chain.completed(), dict(zip(("between", "within", "mean"), traces.T, strict=True))


@dataclass(frozen=True)
class Pattern:
    """Patients who lack the same predictors, with the parts of their covariance as indices.

    Attributes
    ----------
    rows, seen, lost : ndarray of int
        Patients, the predictors that they have, and those that they lack.
    among_seen, between, back, among_lost : tuple of ndarray
        Seen by seen, seen by lost, lost by seen and lost by lost.
    cells : tuple of ndarray
        Rows by lost predictors.
    without_y : ndarray of bool
        Whether a patient lacks the outcome too.
    """

    rows: np.ndarray
    seen: np.ndarray
    lost: np.ndarray
    among_seen: tuple
    between: tuple
    back: tuple
    among_lost: tuple
    cells: tuple
    without_y: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, mask: np.ndarray, lost_y: np.ndarray) -> Pattern:
        """The pattern of some rows."""
        seen, lost = np.flatnonzero(~mask), np.flatnonzero(mask)
        parts = np.ix_(seen, seen), np.ix_(seen, lost), np.ix_(lost, seen), np.ix_(lost, lost)
        return cls(rows, seen, lost, *parts, np.ix_(rows, lost), lost_y[rows])


class Chain:
    """State of one Gibbs sampler, in variables of mean 0 and SD 1."""

    def __init__(self, data: IncompleteTwoLevelData, rng: np.random.Generator):
        self.data, self.rng = data, rng
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
        self.x, self.y, self.s = self._filled(x), self._filled(y)[:, 0], self._filled(s)
        self.c = np.zeros(self.p) if data.slope is None else data.slope * self.units[0][1]
        if data.slope is not None:
            self.c = self.c / (self.x @ self.c).std()
        self._start()

    def _filled(self, values: np.ndarray) -> np.ndarray:
        """Missing values drawn from the observed ones, so that chains start apart."""
        out = values.copy()
        for column in out.T:
            lost = np.isnan(column)
            column[lost] = self.rng.choice(column[~lost], lost.sum())
        return out

    def _start(self) -> None:
        k = self.p + 1
        load = np.maximum(self.w.sum(axis=0), 1e-9)[:, None]
        self.theta = 0.3 * (self.wt @ np.column_stack([self.x, self.y])) / load
        self.mean = np.zeros(k + self.q)
        self.psi = 0.05 * np.eye(k + self.q)
        self.psi[k:, k:] = np.eye(self.q)
        self.b: np.ndarray = np.zeros(self.groups)
        self.tau2 = 0.01
        self.mix, self.slope_mix = np.full(k + self.q, 20.0), 200.0
        self.beta, self.sigma2, self.sigma = np.zeros(self.p), 1.0, np.eye(self.p)
        self._follow()

    def step(self) -> tuple[float, float, float]:
        """Draw everything once; the traces of :func:`impute`."""
        self._levels()
        self._shift()
        self._between()
        fitted = self.w @ self.theta
        e, rest = self.x - fitted[:, :-1], self.y - fitted[:, -1]
        if self.data.slope is not None:
            self._slopes(e, rest)
        self._within(e, rest)
        self._draw_missing_patient_values(fitted)
        self._draw_missing_therapist_values()
        direction = self.c if self.data.slope is not None else np.eye(self.p)[0]
        along = self.sigma @ direction
        return float(self.psi[self.p, self.p]), float(along @ self.beta / (along @ direction)), float(self.mean[self.p])

    def _follow(self) -> None:
        """What follows from slopes and covariance within therapists: patients' own slopes (n, p), and the precision."""
        self.moved = self.w @ self.b
        self.own = self.beta + np.outer(self.moved, self.c)
        self.precision = np.linalg.inv(self.sigma)

    def _weighted_residuals(self, fitted: np.ndarray) -> np.ndarray:
        """Precision-weighted residuals of every patient (n, p + 1)."""
        own = self.own
        gap = self.x - fitted[:, :-1]
        rest = (self.y - fitted[:, -1] - (own * gap).sum(axis=1)) / self.sigma2
        return np.column_stack([gap @ self.precision - own * rest[:, None], rest])

    def _weight(self, sums: np.ndarray) -> np.ndarray:
        """Precision of levels from patients: sums (..., 3) of squared weights, times B, times B^2; (..., p+1, p+1)."""
        own, along = np.append(-self.beta, 1.0), np.append(self.c, 0.0)
        cross = np.outer(own, along)
        within = np.zeros((self.p + 1, self.p + 1))
        within[:-1, :-1] = self.precision
        parts = [within + np.outer(own, own) / self.sigma2, -(cross + cross.T) / self.sigma2,
                 np.outer(along, along) / self.sigma2]  # fmt: skip
        return np.tensordot(sums, np.array(parts), axes=1)

    def _levels(self) -> None:
        """Therapists' levels given their patients and their style."""
        k = self.p + 1
        gain = np.linalg.solve(self.psi[k:, k:], self.psi[k:, :k])
        prior = np.linalg.inv(self.psi[:k, :k] - self.psi[:k, k:] @ gain)
        expected = self.mean[:k] + (self.s - self.mean[k:]) @ gain
        own = self.moved
        likely = self._weight(self.squares_t @ np.column_stack([np.ones(self.n), own, own**2]))
        noise = self.rng.standard_normal((self.groups, k))
        for some in self.colours:
            pull = (self.wt @ self._weighted_residuals(self.w @ self.theta))[some]
            pull += (likely[some] @ self.theta[some][:, :, None])[:, :, 0] + expected[some] @ prior
            self.theta[some] = _normal(likely[some] + prior, pull, noise[some])

    def _shift(self) -> None:
        """Move all levels and their mean together: keeps the chain quick where therapists hardly differ."""
        k, own = self.p + 1, self.moved
        precision = self._weight(np.array([self.n, own.sum(), (own**2).sum()]))
        pull = self._weighted_residuals(self.w @ self.theta).sum(axis=0)
        move = _normal(precision[None], pull[None], self.rng.standard_normal((1, k)))[0]
        self.theta += move
        self.mean[:k] += move

    def _between(self) -> None:
        """Covariance of the levels and of style, with the mixing variables of its prior, and their mean."""
        values = np.column_stack([self.theta, self.s])
        d = values.shape[1]
        off = values - self.mean
        scale = np.diag(2 * DF / self.mix) + off.T @ off
        self.psi = inverse_wishart(DF + d - 1 + self.groups, scale, self.rng)
        rate = DF * np.diag(np.linalg.inv(self.psi)) + 1 / BETWEEN**2
        self.mix = rate / self.rng.gamma((DF + d) / 2, size=d)
        root = np.linalg.cholesky(self.psi / self.groups)
        self.mean = values.mean(axis=0) + root @ self.rng.standard_normal(d)

    def _slopes(self, e: np.ndarray, rest: np.ndarray) -> None:
        """Therapists' own slopes and their variance."""
        f = e @ self.c
        likely = self.squares_t @ f**2 / self.sigma2
        rest = rest - e @ self.beta
        noise = self.rng.standard_normal(self.groups)
        for some in self.colours:
            pull = (self.wt @ (f * (rest - f * (self.w @ self.b))) / self.sigma2 + likely * self.b)[some]
            precision = likely[some] + 1 / self.tau2
            self.b[some] = pull / precision + noise[some] / np.sqrt(precision)
        self.tau2 = (DF / self.slope_mix + (self.b**2).sum() / 2) / self.rng.gamma((DF + self.groups) / 2)
        self.slope_mix = (DF / self.tau2 + 1 / SLOPE**2) / self.rng.gamma((DF + 1) / 2)

    def _within(self, e: np.ndarray, rest: np.ndarray) -> None:
        """Slopes, residual variance and covariance within therapists."""
        rest = rest - (self.w @ self.b) * (e @ self.c)
        cross = e.T @ e
        self.beta = _normal(cross[None] / self.sigma2, (rest @ e)[None] / self.sigma2,
                            self.rng.standard_normal((1, self.p)))[0]  # fmt: skip
        left = rest - e @ self.beta
        self.sigma2 = (WITHIN + left @ left / 2) / self.rng.gamma(1 + self.n / 2)
        self.sigma = inverse_wishart(self.p + 1 + self.n, WITHIN * np.eye(self.p) + cross, self.rng)
        self._follow()

    def _draw_missing_patient_values(self, fitted: np.ndarray) -> None:
        """Missing predictors given the others and the outcome, then missing outcomes given all predictors.

        A draw without the outcome is moved by as much as it misses the outcome, less a residual drawn with it: the
        conditional distribution, for slopes that differ from patient to patient.
        """
        own = self.own
        for one in self.patterns_x:
            rows, seen, lost = one.rows, one.seen, one.lost
            gain = np.linalg.solve(self.sigma[one.among_seen], self.sigma[one.between])
            cov = self.sigma[one.among_lost] - self.sigma[one.back] @ gain
            e = self.x[rows] - fitted[rows, :-1]
            drawn = self.rng.standard_normal((len(rows), len(lost))) @ np.linalg.cholesky(cov).T
            e[:, lost] = e[:, seen] @ gain + drawn
            slopes = own[one.cells]
            reach = slopes @ cov
            spread = self.sigma2 + (reach * slopes).sum(axis=1)
            residual = np.sqrt(self.sigma2) * self.rng.standard_normal(len(rows))
            miss = self.y[rows] - fitted[rows, -1] - (own[rows] * e).sum(axis=1) - residual
            miss[one.without_y] = 0.0
            e[:, lost] += reach * (miss / spread)[:, None]
            self.x[one.cells] = (fitted[rows, :-1] + e)[:, lost]
        lost = self.lost_y
        e = self.x[lost] - fitted[lost, :-1]
        noise = np.sqrt(self.sigma2) * self.rng.standard_normal(lost.sum())
        self.y[lost] = fitted[lost, -1] + (own[lost] * e).sum(axis=1) + noise

    def _draw_missing_therapist_values(self) -> None:
        """Missing style given the therapist's levels and what is known of their style."""
        k = self.p + 1
        for rows, lost in self.masks_s:
            known = np.append(np.ones(k, bool), ~lost)
            gain = np.linalg.solve(self.psi[np.ix_(known, known)], self.psi[np.ix_(known, ~known)])
            cov = self.psi[np.ix_(~known, ~known)] - self.psi[np.ix_(~known, known)] @ gain
            off = np.column_stack([self.theta, self.s])[rows] - self.mean
            noise = self.rng.standard_normal((len(rows), lost.sum())) @ np.linalg.cholesky(cov).T
            self.s[np.ix_(rows, lost)] = self.mean[~known] + off[:, known] @ gain + noise

    def completed(self) -> IncompleteTwoLevelData:
        """The data with the chain's present draws in the place of what is missing, in their own units."""
        values = []
        for own, drawn, (m, sd) in zip((self.data.x, self.data.y[:, None], self.data.s),
                                       (self.x, self.y[:, None], self.s), self.units, strict=True):  # fmt: skip
            values.append(np.where(np.isnan(own), m + sd * drawn, own))
        return IncompleteTwoLevelData(values[0], values[1][:, 0], values[2], self.data.weights, self.data.slope)


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


def inverse_wishart(df: float, scale: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A draw whose mean is ``scale / (df - d - 1)``, by Bartlett's decomposition."""
    d = len(scale)
    factor = np.tril(rng.standard_normal((d, d)), -1)
    factor[np.diag_indices(d)] = np.sqrt(rng.chisquare(df - np.arange(d)))
    half = solve_triangular(factor, np.linalg.cholesky(scale).T, lower=True)
    return half.T @ half


def _normal(precision: np.ndarray, pull: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Normal draws with these precisions (m, k, k) and precision times mean (m, k)."""
    root = np.linalg.cholesky(precision)
    return np.linalg.solve(precision, (pull[:, :, None] + root @ noise[:, :, None]))[:, :, 0]


def _unit(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of the observed values of every column; 1 for a column that does not vary."""
    sd = np.nanstd(values, axis=0, ddof=1)
    return np.nanmean(values, axis=0), np.where(sd > 0, sd, 1.0)


def _masks(lost: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of every pattern of missing values, and the pattern; complete rows are in none."""
    masks, which = np.unique(lost, axis=0, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == k), mask) for k, mask in enumerate(masks) if mask.any()]
