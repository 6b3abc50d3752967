"""Minimise the profiled criterion: Newton steps in theta from several starts, the boundary taken seriously.

theta is unconstrained and the criterion even in each column of Lambda, so a variance of 0 is a stationary point
whose Hessian says whether it is a minimum: positive, and the boundary is the answer; negative, and the step leaves
along that direction. Newton steps use |eigenvalues| of the exact Hessian, which descends at saddles as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bowlby.mixed.criterion import State, evaluate
from bowlby.mixed.crossproducts import Reduced
from bowlby.mixed.derivatives import moments, profiled
from bowlby.mixed.parameters import Parameters

STARTS = (0.5, 0.05, 0.0)
_MAX_STEPS = 100
_DONE = 1e-13      # Newton decrement, in units of -2 log-likelihood
_CLOSE = 1e-6
_WIDE = 400        # outer columns beyond which the exact Hessian is left for the last steps


@dataclass(frozen=True)
class StartLog:
    """One start: where it began and ended, and how."""

    start: float
    deviance: float
    steps: int
    converged: bool
    theta: tuple[float, ...]


@dataclass
class Optimum:
    state: State
    converged: bool
    log: list[StartLog] = field(default_factory=list)
    at_zero: list[int] = field(default_factory=list)
    gradient: np.ndarray | None = None


@dataclass
class _Point:
    state: State
    gradient: np.ndarray
    hessian: np.ndarray


def _point(data, parameters, theta, reml, exact=True) -> _Point | None:
    try:
        state = evaluate(data, parameters, theta, reml)
    except np.linalg.LinAlgError:
        return None
    return _derive(data, parameters, state, reml, exact)


def _derive(data, parameters, state, reml, exact=True) -> _Point:
    gradient, hessian = profiled(data, state, moments(data, parameters, state, exact), reml)
    jac = parameters.jacobian(state.theta)
    bent = np.tensordot(gradient, parameters.tensor, axes=1)
    return _Point(state, jac.T @ gradient, jac.T @ hessian @ jac + bent)


def _try(data, parameters, theta, reml) -> State | None:
    try:
        state = evaluate(data, parameters, theta, reml)
    except np.linalg.LinAlgError:
        return None
    return state if np.isfinite(state.deviance) else None


def newton(data: Reduced, parameters: Parameters, theta: np.ndarray, reml: bool, free=None, known=()):
    """Descend from theta; returns (point, steps, converged, stopped_early).

    `free` restricts the coordinates that may move. `known` are minima already found: a descent that comes close to
    one, with a positive definite Hessian, stops there.
    """
    free = np.arange(parameters.count) if free is None else np.asarray(free, dtype=np.intp)
    wide = data.links is not None and data.links.k > _WIDE
    exact = not wide
    point = _point(data, parameters, theta, reml, exact)
    if point is None:
        return None, 0, False, False
    radius = 1.0
    for step_number in range(_MAX_STEPS):
        if not free.size:
            return point, step_number, True, False
        gradient, hessian = point.gradient[free], point.hessian[np.ix_(free, free)]
        values, vectors = np.linalg.eigh(hessian)
        largest = max(np.abs(values).max(), 1e-300)
        along = vectors.T @ gradient
        curvature = np.maximum(np.abs(values), 1e-10 * largest)
        decrement = float((along**2 / curvature).sum())
        # At a saddle with no gradient, a push along every direction that leads down.
        saddle = values[0] < -1e-7 * largest and values[0] < -1e-6
        if decrement < _DONE:
            if not saddle:
                if wide and not exact:
                    exact = True
                    point = _derive(data, parameters, point.state, reml)
                    continue
                return point, step_number, True, False
        if known and not saddle and decrement < 1e-2 and _near(point.state, known, parameters):
            return point, step_number, True, True
        move = -vectors @ (along / curvature)
        if saddle and decrement < 1e-4:
            down = values < -1e-7 * largest
            move = move + 0.3 * vectors[:, down] @ np.where(along[down] <= 0, 1.0, -1.0)
        length = float(np.linalg.norm(move))
        size = radius * max(1.0, float(np.linalg.norm(point.state.theta)))
        if length > size:
            move *= size / length
        scale, slope, found = 1.0, float(gradient @ move), None
        for _ in range(40):
            trial = point.state.theta.copy()
            trial[free] += scale * move
            found = _try(data, parameters, trial, reml)
            # Below rounding of the criterion the gradient decides, not the value.
            noise = 1e-11 * (1.0 + abs(point.state.deviance))
            if found is not None and found.deviance <= point.state.deviance + 1e-4 * scale * slope + noise:
                break
            found = None
            scale *= 0.4
        if found is None:
            return point, step_number, decrement < _CLOSE, False
        before = float(np.abs(gradient).max())
        nxt = _derive(data, parameters, found, reml, exact)
        if decrement < 1e-9 and not saddle and float(np.abs(nxt.gradient[free]).max()) >= before:
            return point, step_number, True, False
        point = nxt
    return point, _MAX_STEPS, False, False


def _near(state: State, known, parameters) -> bool:
    """Whether a known minimum is so close, in covariances and in height, that this is its valley."""
    for other in known:
        gap = np.abs(state.delta - other.delta).max()
        if gap <= 0.05 * max(np.abs(other.delta).max(), 1e-3) and state.deviance >= other.deviance - 1e-9:
            return True
    return False


def minimise(data: Reduced, parameters: Parameters, reml: bool, starts=STARTS) -> Optimum:
    """Best of several descents, polished, with variances of 0 set to exactly 0 where that does not cost.

    Parameters
    ----------
    starts : sequence of float or ndarray
        A number is the common relative SD of all effects (0 is the boundary itself); arrays are whole thetas.

    Returns
    -------
    Optimum
        ``log`` has one entry per start; ``at_zero`` the numbers of the parameters on the boundary.
    """
    best, known, log = None, [], []
    for start in starts:
        theta = parameters.start(start) if np.isscalar(start) else np.asarray(start, dtype=np.float64)
        point, steps, good, early = newton(data, parameters, theta, reml, known=known)
        label = float(start) if np.isscalar(start) else float("nan")
        if point is None:
            log.append(StartLog(label, float("inf"), 0, False, ()))
            continue
        log.append(StartLog(label, point.state.deviance, steps, good, tuple(point.state.theta)))
        if not early:
            known.append(point.state)
            if best is None or point.state.deviance < best[0].state.deviance - 1e-10:
                best = (point, good)
    if best is None:
        raise np.linalg.LinAlgError("no start could be evaluated")
    point, converged = best
    point, zero, snapped = _snap(data, parameters, point, reml)
    theta = parameters.tidy_signs(point.state.theta)
    state = point.state if np.array_equal(theta, point.state.theta) else evaluate(data, parameters, theta, reml)
    return Optimum(state, converged and snapped, log, zero, point.gradient)


def _snap(data, parameters, point: _Point, reml):
    """Set columns of Lambda with a vanishing diagonal to a diagonal of exactly 0 if the criterion allows."""
    zero: list[int] = []
    good = True
    for k in np.flatnonzero(parameters.diagonal):
        if abs(point.state.theta[k]) >= 1e-3:
            continue
        theta = point.state.theta.copy()
        theta[k] = 0.0
        item = parameters.items[k]
        column = [j for j, t in enumerate(parameters.items) if t.factor == item.factor and t.b == item.b]
        if all(abs(theta[j]) < 1e-3 for j in column):
            theta[column] = 0.0
        free = [j for j in range(parameters.count) if j not in (*zero, k)]
        trial, _, fine, _ = newton(data, parameters, theta, reml, free=free)
        noise = 1e-10 * (1.0 + abs(point.state.deviance))
        if trial is not None and trial.state.deviance <= point.state.deviance + noise:
            point, good = trial, good and fine
            zero.append(int(k))
    return point, zero, good
