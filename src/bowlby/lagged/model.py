"""Maximum likelihood of the cross-lagged model, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bowlby.errors import UserError, problem
from bowlby.lagged.likelihood import STEP, Likelihood, Series

PATHS = ("first_to_first", "second_to_first", "first_to_second", "second_to_second")
"""Paths from one time to the next, in the order of the parameters."""
FLAT, NEARLY = 1e-8, 1e-3
"""Smallest eigenvalue of the information per value, and the SD (of 1) below which an effect counts as absent."""


@dataclass(frozen=True)
class Lagged:
    """A fitted model; in the units of the series.

    Attributes
    ----------
    paths : ndarray (4,)
        In the order of :data:`PATHS`.
    paths_cov : ndarray (4, 4)
        From the observed information.
    standardised, standardised_cov : ndarray (4,), (4, 4)
        Times SD of the cause and by SD of the effect, both of the within-process.
    innovations, persons, groups : ndarray
        Covariances of innovations, of persons' effects (intercepts; slopes of time) and of groups' intercepts.
    within : ndarray (2, 2)
        Covariance of the within-process, on average over the rows.
    group_effects : ndarray (groups, 2)
    means, means_cov : ndarray
    llf : float
    n_parameters : int
        Means included.
    singular, converged : bool
    parameters : ndarray
        As :class:`bowlby.lagged.likelihood.Likelihood` has them, of the series less `centre` and divided by `scale`.
    centre, scale : ndarray (2,)
        Mean and SD of each series.
    """

    paths: np.ndarray
    paths_cov: np.ndarray
    standardised: np.ndarray
    standardised_cov: np.ndarray
    innovations: np.ndarray
    persons: np.ndarray
    groups: np.ndarray | None
    within: np.ndarray
    group_effects: np.ndarray
    means: np.ndarray
    means_cov: np.ndarray
    llf: float
    n_parameters: int
    singular: bool
    converged: bool
    parameters: np.ndarray
    centre: np.ndarray
    scale: np.ndarray


def fit_lagged(series: Series, trend: str = "mean", stationary: bool = False) -> Lagged:
    """Fit by maximum likelihood from several starts.

    Parameters
    ----------
    series : Series
    trend, stationary
        As of :class:`bowlby.lagged.likelihood.Likelihood`.

    Raises
    ------
    UserError
        If the data do not determine the model.
    """
    scale = np.nanstd(series.values, axis=0)
    if not (scale > 0).all():
        raise UserError(problem("one of the two series is the same at all times", "check its scale"))
    centre = np.nanmean(series.values, axis=0)
    likelihood = Likelihood(replace(series, values=(series.values - centre) / scale), trend, stationary)
    found = [_climb(likelihood, start) for start in _starts(likelihood)]
    theta, converged = max(found, key=lambda f: likelihood.value(f[0])[0])
    theta, information = _polish(likelihood, theta)
    roots = np.linalg.eigvalsh(information)
    if roots[0] <= FLAT * likelihood.n_values:
        what = "the paths between sessions cannot be told from differences between persons with these data"
        raise UserError(problem(what, "more persons with three or more sessions in a row are needed"))
    cov, llf = np.linalg.inv(information), likelihood.value(theta)[0]
    raw, scaled = (_delta(theta, cov, f) for f in (_raw(scale), _standardised(likelihood)))
    factors, square = likelihood.factors(theta), np.outer(scale, scale)
    person = factors[1 if stationary else 2]
    grouped = series.group is not None
    group = factors[-1] @ factors[-1].T if grouped else None
    ends = [np.abs(np.diag(f)).min() for f in (person, *([factors[-1]] if grouped else []))]
    effects = likelihood.group_effects.reshape(-1, 2) * scale
    k = len(likelihood.beta) // 2
    unit = np.repeat(scale, k)
    first = np.repeat(centre, k) if trend == "none" else np.repeat(centre, k) * _level(k)
    return Lagged(
        *raw, *scaled,
        innovations=factors[0] @ factors[0].T * square,
        persons=person @ person.T * np.tile(square, (len(person) // 2,) * 2),
        groups=None if group is None else group * square,
        within=likelihood.within(theta) * square,
        group_effects=effects,
        means=likelihood.beta * unit + first, means_cov=likelihood.beta_cov * np.outer(unit, unit),
        llf=llf - float(np.isfinite(series.values).sum(0) @ np.log(scale)),
        n_parameters=likelihood.n_parameters + len(likelihood.beta),
        singular=bool(min(ends) < NEARLY), converged=converged,
        parameters=theta, centre=centre, scale=scale,
    )  # fmt: skip


def jackknife_paths(fit: Lagged, series: Series, trend: str, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of the paths, raw and standardised, by a jackknife over units of rows.

    Parameters
    ----------
    fit : Lagged
        Of the series, not stationary.
    series, trend
        As of :func:`fit_lagged`.
    unit : ndarray of int (n,)
        Each unit is left out in turn.

    Returns
    -------
    ndarray (4, 4), ndarray (4, 4)
        As `paths_cov` and `standardised_cov`. NaN if the likelihood has no maximum without one of the units.

    Notes
    -----
    (G - 1)/G sum (b_g - b)(b_g - b)' over G units, b the mean of the b_g.
    """
    units = np.unique(unit)
    without = np.array([_without(fit, series, trend, unit != left_out) for left_out in units])
    centred = without - without.mean(axis=0)
    covariance = (len(units) - 1) / len(units) * centred.T @ centred
    return covariance[:4, :4], covariance[4:, 4:]


def _without(fit: Lagged, series: Series, trend: str, kept: np.ndarray) -> np.ndarray:
    """Paths, raw and standardised (8,), of some of the rows, from the parameters of all."""
    group = None if series.group is None else np.unique(series.group[kept], return_inverse=True)[1]
    values = (series.values[kept] - fit.centre) / fit.scale
    part = Series(values, series.person[kept], series.process[kept], series.time[kept], group)
    likelihood = Likelihood(part, trend)
    theta, converged = _climb(likelihood, fit.parameters)
    paths = np.concatenate([f(theta) for f in (_raw(fit.scale), _standardised(likelihood))])
    return paths if converged else np.full(8, np.nan)


def _level(k: int) -> np.ndarray:
    """Which of a series' means are levels and not the slope of the later line."""
    from bowlby.lagged.likelihood import SESSIONS

    return np.tile((np.arange(k) < SESSIONS).astype(float), 2)


def _starts(likelihood: Likelihood) -> list[np.ndarray]:
    """Weak and strong dependence on the time before, with the differences between persons that go with each."""
    series = likelihood.series
    starts = []
    for own, between in ((0.2, 0.6), (0.7, 0.2)):
        rest = np.sqrt(max(1 - between, 0.1))
        theta = [own, 0.0, 0.0, own]
        sds = [rest * np.sqrt(1 - own**2), *([] if likelihood.stationary else [rest]), np.sqrt(between)]
        for k, sd in zip(likelihood.sizes, [*sds, 0.2] if series.group is not None else sds, strict=True):
            factor = np.diag(np.r_[np.full(2, sd), np.full(k - 2, 0.5 * sd)])
            theta += list(factor[np.tril_indices(k)])
        starts.append(np.array(theta))
    return starts


def _climb(likelihood: Likelihood, start: np.ndarray) -> tuple[np.ndarray, bool]:
    """To the maximum: parameters, and whether it was reached."""
    from scipy.optimize import minimize

    def down(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = likelihood.value(theta)
        return (-value, -gradient) if np.isfinite(value) else (1e15, -gradient)

    result = minimize(down, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "maxcor": 25, "ftol": 1e-13})
    return result.x, bool(result.success)


def _polish(likelihood: Likelihood, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newton steps as long as they lead up; parameters and observed information."""
    value, gradient = likelihood.value(theta)
    for _ in range(6):
        information = _information(likelihood, theta)
        roots, vectors = np.linalg.eigh(information)
        bounded = np.maximum(roots, 1e-4 * roots[-1])
        step = vectors @ ((vectors.T @ gradient) / bounded)
        if gradient @ step < 1e-9:
            break
        better = next((t for t in (1.0, 0.5, 0.1) if likelihood.value(theta + t * step)[0] > value), None)
        if better is None:
            break
        theta = theta + better * step
        value, gradient = likelihood.value(theta)
    likelihood.value(theta)
    return theta, information


def _information(likelihood: Likelihood, theta: np.ndarray) -> np.ndarray:
    """Observed information by central differences of the exact gradient."""
    step = 1e-5
    rows = [(likelihood.value(theta + step * e)[1] - likelihood.value(theta - step * e)[1]) / (2 * step)
            for e in np.eye(len(theta))]  # fmt: skip
    return -(np.array(rows) + np.array(rows).T) / 2


def _raw(scale: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    unit = (scale[:, None] / scale[None, :]).ravel()
    return lambda theta: theta[..., :4] * unit


def _standardised(likelihood: Likelihood) -> Callable[[np.ndarray], np.ndarray]:
    def paths(theta: np.ndarray) -> np.ndarray:
        within = likelihood.within(theta)
        sd = np.sqrt(np.stack([within[..., 0, 0], within[..., 1, 1]], -1))
        return theta[..., :4] * (sd[..., None, :] / sd[..., :, None]).reshape(*theta.shape[:-1], 4)

    return paths


def _delta(theta: np.ndarray, cov: np.ndarray, f: Callable) -> tuple[np.ndarray, np.ndarray]:
    """A function of the parameters and its covariance by the delta method."""
    jacobian = f(theta + 1j * STEP * np.eye(len(theta))).imag / STEP
    return f(theta), jacobian.T @ cov @ jacobian
