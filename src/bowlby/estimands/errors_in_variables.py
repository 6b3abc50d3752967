"""P and T where baseline, perceived attachment and style are measured with error of known size.

A variable that is measured with error leaves part of what it accounts for to the others: an unreliable baseline makes
perceived attachment, which goes with it, a false positive. The estimator takes the errors' part out of the weighted
cross-products of the predictors (``docs/statistics.md``, "11 Measurement").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SINGULAR = 1e-8
"""Least eigenvalue of the scaled cross-products that still counts as positive."""


@dataclass(frozen=True)
class Measured:
    """A variable with error of measurement, and the columns of the model that are made from it.

    Attributes
    ----------
    columns : dict of str
        ``within`` or ``between`` (of what patients answer) or ``shared`` (of what therapists answer, shared by
        membership), by the name of the column.
    sums, counts : ndarray, shape (n_therapists,)
        Of each therapist: sum of the squared errors of the patients (or of the therapist's own), in the squared units
        of the column, and their number. The variance of the errors is the ratio of the totals.
    """

    columns: dict[str, str]
    sums: np.ndarray
    counts: np.ndarray

    @property
    def error_variance(self) -> float:
        """Variance of the error of one person's value."""
        return float(self.sums.sum() / self.counts.sum())

    def without(self, therapists: np.ndarray) -> np.ndarray:
        """The same without each of some therapists."""
        return (self.sums.sum() - self.sums[therapists]) / (self.counts.sum() - self.counts[therapists])


@dataclass(frozen=True)
class Part:
    """Rows that share no random effect with others.

    Attributes
    ----------
    x, y, v : ndarray, shape (n, p), (n,), (n, n)
        Predictors, outcome and model-implied covariance.
    weights : ndarray, shape (n, k)
        Membership of the rows in the part's therapists.
    therapists : ndarray of int, shape (k,)
        Which of all therapists these are.
    """

    x: np.ndarray
    y: np.ndarray
    v: np.ndarray
    weights: np.ndarray
    therapists: np.ndarray


@dataclass(frozen=True)
class Alone:
    """Rows of therapists none of whose patients had another therapist; each therapist's rows are a :class:`Part`.

    Attributes
    ----------
    x, y : ndarray, shape (n, p), (n,)
        Predictors and outcome.
    basis : ndarray, shape (n, r)
        Columns of the therapists' random effects.
    covariance : ndarray, shape (r, r)
        Of these effects.
    scale : float
        Residual variance; the model-implied covariance of a therapist's rows is ``scale I + B G B'``.
    therapist : ndarray of int, shape (n,)
        Which of all therapists.
    """

    x: np.ndarray
    y: np.ndarray
    basis: np.ndarray
    covariance: np.ndarray
    scale: float
    therapist: np.ndarray


@dataclass(frozen=True)
class Corrected:
    """Corrected coefficients with their jackknife covariance.

    Attributes
    ----------
    names : list of str
    beta : ndarray, shape (p,)
    cov : ndarray, shape (p, p)
        From leaving out one therapist at a time.
    df : float
        Therapists less one.
    """

    names: list[str]
    beta: np.ndarray
    cov: np.ndarray
    df: float

    def contrast(self, weights: dict[str, float]) -> tuple[float, float, float]:
        """Estimate, standard error and df of a contrast."""
        c = np.array([weights.get(n, 0.0) for n in self.names])
        return float(c @ self.beta), float(np.sqrt(c @ self.cov @ c)), self.df


@dataclass(frozen=True)
class Moments:
    """Weighted cross-products of a fitted model's columns, and what errors of variance 1 in each variable add to them.

    Attributes
    ----------
    names : list of str
        Of the predictors.
    variables : list of str
    therapists : ndarray of int, shape (j,)
        Main therapists, who are left out one at a time.
    cross, cross_of : ndarray, shape (p, p + 1), (j, p, p + 1)
        Of predictors with predictors and outcome, and what the patients of each therapist contribute.
    traces, traces_of : ndarray, shape (m, p, p), (j, m, p, p)
        Of the errors, alike.
    shared, shared_of : ndarray, shape (m, p, p), (j, m, p, p)
        What the intercept takes of the errors' traces, times its own cross-product; alike.
    """

    names: list[str]
    variables: list[str]
    therapists: np.ndarray
    cross: np.ndarray
    traces: np.ndarray
    cross_of: np.ndarray
    traces_of: np.ndarray
    shared: np.ndarray
    shared_of: np.ndarray


def moments(
    names: list[str], parts: list[Part], columns: dict[str, dict[str, str]], alone: Alone | None = None
) -> Moments:
    """The moments of all rows, by which errors of any size are taken out.

    Parameters
    ----------
    names : list of str
        Of the predictors.
    parts : list of Part
        The rows of a fitted model.
    columns : dict of dict
        By variable: its columns, as of :class:`Measured`.
    alone : Alone, optional
        Its other rows.
    """
    products = [_products(part, names, list(columns.values())) for part in parts]
    if alone is not None:
        products.append(_products_alone(alone, names, list(columns.values())))
    whole, of_each = ([[p[k] for p in products] for k in kinds] for kinds in ((0, 1, 2), (3, 4, 5, 6)))
    cross, traces, shared = (sum(rest, first) for first, *rest in whole)
    therapists, cross_of, traces_of, shared_of = (np.concatenate(each) for each in of_each)
    return Moments(names, list(columns), therapists, cross, traces, cross_of, traces_of, shared, shared_of)


def corrected(of: Moments, measured: dict[str, Measured]) -> Corrected | None:
    """Corrected generalised least squares.

    Parameters
    ----------
    of : Moments
    measured : dict of Measured
        By variable; of variables that are not named the errors stay, and of a variable those of columns that are not.
        Errors of different variables are independent.

    Returns
    -------
    Corrected or None
        None where the corrected cross-products are not positive definite, with all therapists or without one of them:
        the errors are as large as what the variables vary by.

    Notes
    -----
    With ``x_a = C_a r`` the column that the linear map C_a (centring, sharing by membership) makes of the values r of
    persons, whose errors have variance s, ``E(x_a' R x_b)`` is that of the true values plus ``s tr(C_a' R C_b)``, with
    ``R = V^-1 - V^-1 11' V^-1 / (1' V^-1 1)`` net of the intercept. So ``beta = (X' V^-1 X - M)^-1 X' V^-1 y`` with M
    of these traces (docs/statistics.md, section 11); V is the naive fit's. The jackknife leaves out the patients of one
    therapist (of several: their main one) at a time, also from the variances of the errors, so that it holds their
    uncertainty too; V and the maps stay as they are. V may not depend on the errors that are taken out, so that it has
    no random slope of their variable.
    """
    size, one = len(of.names), of.names.index("Intercept")
    whole, remaining = of.cross.copy(), of.cross - of.cross_of
    ones, ones_left = whole[one, one].copy(), remaining[:, one, one].copy()
    for name, variable in measured.items():
        k, own = of.variables.index(name), np.isin(of.names, list(variable.columns))
        traces = of.traces[k] - of.shared[k] / ones
        left = of.traces[k] - of.traces_of[:, k] - (of.shared[k] - of.shared_of[:, k]) / ones_left[:, None, None]
        whole[:, :size] -= variable.error_variance * traces * np.outer(own, own)
        remaining[..., :size] -= variable.without(of.therapists)[:, None, None] * left * np.outer(own, own)
    scale = np.sqrt(np.abs(np.diagonal(of.cross[:, :size])))
    every = np.concatenate([whole[None], remaining])[..., :size] / np.outer(scale, scale)
    if not (np.isfinite(every).all() and np.linalg.eigvalsh(every)[:, 0].min() > SINGULAR):
        return None
    beta = np.linalg.solve(whole[:, :size], whole[:, size])
    spread = np.linalg.solve(remaining[..., :size], remaining[..., size:])[..., 0] - beta
    n = len(of.therapists)
    return Corrected(of.names, beta, (n - 1) / n * spread.T @ spread, float(n - 1))


def _products(part: Part, names: list[str], columns: list[dict[str, str]]) -> tuple[np.ndarray, ...]:
    """Cross-products (p, p + 1) of a part, traces (m, p, p) of its errors of measurement, and the share of these traces
    that the intercept removes; the therapists, and the contribution of each one's patients to the three.

    With ``Q = V^-1``, patients g contribute ``(Q X)_g' Q_gg^-1 (Q X)_g``, and the maps in place of X alike.
    """
    x, w = part.x, part.weights
    q = np.linalg.inv(part.v)
    hat = w @ np.linalg.pinv(w)
    maps = {"within": np.eye(len(x)) - hat, "between": hat, "shared": w}
    used = {level for own in columns for level in own.values()}
    wide = np.column_stack([x, part.y])
    weighted, weighted_x = {level: q @ maps[level] for level in used}, q @ wide
    main, cross_of, traces_of, shared_of = w.argmax(axis=1), [], [], []
    ones = {level: c.sum(axis=0)[:, None] for level, c in weighted.items()}
    shared = _traces(ones, ones, names, columns)
    for therapist in (left_out := np.unique(main)):
        g = np.flatnonzero(main == therapist)
        inner = np.linalg.inv(q[np.ix_(g, g)])
        left = {level: c[g] for level, c in weighted.items()}
        cross_of.append(weighted_x[g, :-1].T @ inner @ weighted_x[g])
        moved = {level: inner @ c for level, c in left.items()}
        traces_of.append(_traces(left, moved, names, columns))
        rest = {level: c - moved[level].T @ q[g].sum(axis=1)[:, None] for level, c in ones.items()}
        shared_of.append(shared - _traces(rest, rest, names, columns))
    return (x.T @ weighted_x, _traces(maps, weighted, names, columns), shared, part.therapists[left_out],
            np.array(cross_of), np.array(traces_of), np.array(shared_of))  # fmt: skip


def _products_alone(rows: Alone, names: list[str], columns: list[dict[str, str]]) -> tuple[np.ndarray, ...]:
    """As :func:`_products`, for all therapists at once, each of whom is a part.

    With ``Q = (I - B K B') / s``, ``K = (s I + G B'B)^-1 G``, and maps that are the therapist's mean and what is left.
    """
    order = np.argsort(rows.therapist, kind="stable")
    therapists, starts = np.unique(rows.therapist[order], return_index=True)
    x, b, s = rows.x[order], rows.basis[order], rows.scale
    wide, one = np.column_stack([x, rows.y[order]]), np.ones((len(x), 1))

    def sums(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.stack([np.add.reduceat(column[:, None] * right, starts) for column in left.T], axis=1)

    bb, bw, b1, n = sums(b, b), sums(b, wide), sums(b, one), np.diff(starts, append=len(x))
    g = np.broadcast_to(rows.covariance, bb.shape)
    k = np.linalg.solve(s * np.eye(b.shape[1]) + g @ bb, g)
    cross_of = (sums(x, wide) - bw[..., :-1].transpose(0, 2, 1) @ k @ bw) / s
    kb = k @ b1
    taken = (b1 * kb).sum(axis=(1, 2))
    along = (n - taken) / s  # 1'Q 1
    square = (n - 2 * taken + (kb * (bb @ kb)).sum(axis=(1, 2))) / s**2  # 1'Q Q 1
    trace = (n - (k * bb.transpose(0, 2, 1)).sum(axis=(1, 2))) / s
    errors = {"within": trace - along / n, "between": along / n, "shared": along}
    ones = {"within": square - along**2 / n, "between": along**2 / n, "shared": along**2}
    traces_of, shared_of = (_of_levels(levels, names, columns) for levels in (errors, ones))
    of_each = cross_of, traces_of, shared_of
    return (*(each.sum(axis=0) for each in of_each), therapists, *of_each)


def _of_levels(values: dict[str, np.ndarray], names: list[str], columns: list[dict[str, str]]) -> np.ndarray:
    """Traces (j, m, p, p) from each therapist's by level; a mean and what is left of it share no errors."""
    out = np.zeros((len(values["within"]), len(columns), len(names), len(names)))
    for k, own in enumerate(columns):
        for first, a in own.items():
            for second, b in own.items():
                if a == b:
                    out[:, k, names.index(first), names.index(second)] = values[a]
    return out


def _traces(left: dict, right: dict, names: list[str], columns: list[dict[str, str]]) -> np.ndarray:
    """``tr(left_a' right_b)`` for columns a, b of one variable, (m, p, p): what its errors of variance 1 add."""
    out = np.zeros((len(columns), len(names), len(names)))
    for k, own in enumerate(columns):
        for first, a in own.items():
            for second, b in own.items():
                out[k, names.index(first), names.index(second)] = (left[a] * right[b]).sum()
    return out
