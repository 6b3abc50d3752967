"""Minimise the profiled criterion: Newton steps in theta from several starts, the boundary taken seriously.

theta is unconstrained and the criterion even in each column of Lambda, so a variance of 0 is a stationary point
whose Hessian says whether it is a minimum: positive, and the boundary is the answer; negative, and the step leaves
along that direction. Newton steps use |eigenvalues| of the exact Hessian, which descends at saddles as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bowlby.mixed import tolerances as tol
from bowlby.mixed.covariance_parameters import Parameters
from bowlby.mixed.criterion import OneFactor, Point, State, evaluate
from bowlby.mixed.crossproducts import Reduced
from bowlby.mixed.derivatives import moments, profiled
from bowlby.mixed.small_matrices import eigen, solve

# Relative SDs to start from: on the boundary, inside, near the boundary. The first steps are Fisher's, so a start on
# the boundary goes to the moment estimate of the variances where that is inside. Models with several blocks of effects
# also start from each face of the boundary in turn (`_faces`); they need the first of these, and the second where the
# end lies on a face.
STARTS = (0.0, 0.5, 0.05)
_WIDE_STARTS = (0.5, 0.05, 0.0)  # where expected second derivatives are too dear for Fisher's steps
SCORING = 2
_MAX_STEPS = 100
_WIDE = 400  # outer columns beyond which the exact Hessian is left for the last steps


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


class Profiled:
    """The criterion with the fixed effects and the residual variance profiled out, as a function of theta."""

    def __init__(self, data: Reduced, parameters: Parameters, reml: bool):
        self.data, self.parameters, self.reml = data, parameters, reml
        self.wide = data.links is not None and data.links.stack == 1 and data.links.k > _WIDE
        # Estimated traces make criterion and gradient agree to a few digits only.
        self.noise = tol.NOISE if data.wide else 0.0
        self.one_factor = OneFactor(data, parameters, reml) if data.links is None else None

    def evaluate(self, x: np.ndarray) -> tuple[State, float] | None:
        try:
            state = evaluate(self.data, self.parameters, x, self.reml)
        except np.linalg.LinAlgError:
            return None
        return state, state.deviance

    def derive(self, x: np.ndarray, state: State, height: float, exact: bool) -> Point:
        if self.one_factor is not None:
            gradient, hessian, expected = self.one_factor.derivatives(state)
        else:
            mom = moments(self.data, self.parameters, state, exact)
            gradient, hessian, expected = profiled(self.data, state, mom, self.reml)
        jac = self.parameters.jacobian(x)
        bent = self.parameters.bend(gradient)
        return Point(x, state, height, jac.T @ gradient, jac.T @ hessian @ jac + bent, gradient, expected)


def newton(objective, x: np.ndarray, free=None, known=(), max_steps: int = _MAX_STEPS, beat=None, scoring: int = 0):
    """Descend from x by Newton's method.

    Parameters
    ----------
    objective : Profiled or Absolute
    x : ndarray (c,)
    free : sequence of int, optional
        The coordinates that may move; by default all.
    known : sequence of Point
        Minima already found: a descent that comes close to one, with a positive definite Hessian, stops there.
    max_steps : int
    beat : float, optional
        A height: a descent that can by far not come below it stops.
    scoring : int
        How many of the first steps are Fisher's in delta, which come from far to near in one or two.

    Returns
    -------
    point : Point or None
        None if x cannot be evaluated.
    steps : int
    converged, stopped_early : bool
    """
    free = np.arange(len(x)) if free is None else np.asarray(free, dtype=np.intp)
    exact = not objective.wide
    evaluated = objective.evaluate(x)
    if evaluated is None:
        return None, 0, False, False
    if not free.size:
        state, height = evaluated
        return Point(x, state, height, np.zeros(len(x)), np.zeros((len(x), len(x)))), 0, True, False
    point = objective.derive(x, *evaluated, exact)
    for count in range(max_steps):
        if count < scoring:
            after, arrives = _scored(objective, point, known, exact)
            if arrives:
                return point, count, True, True
            if after is not None:
                point = after
                continue
            scoring = 0
        step = _newton_step(point, free)
        if step.decrement < (tol.NOISY if objective.noise else tol.DONE) and not step.saddle:
            if exact:
                return point, count, True, False
            exact = True
            point = objective.derive(point.x, point.state, point.height, exact)
            continue
        if step.convex and _idle(objective, point, free, step, known, beat):
            return point, count, True, True
        evaluated, x = _line_search(objective, point, free, step.move, step.slope)
        if evaluated is None:
            return point, count, step.decrement < tol.CLOSE, False
        if exact and step.decrement < tol.LAST and not step.saddle:
            # The next step would be the square of this one: there is nothing left to derive.
            state, height = evaluated
            return Point(x, state, height, np.zeros_like(point.gradient), point.hessian), count + 1, True, False
        if step.saddle and step.whole:
            evaluated, x = _stretch(objective, point, free, step.move, evaluated, x)
        after = objective.derive(x, *evaluated, exact)
        if step.decrement < tol.LAST and not step.saddle and _no_flatter(after, point, free):
            # The gradient is down to rounding.
            return point, count, True, False
        point = after
    return point, max_steps, False, False


def _scored(objective, point: Point, known, exact: bool) -> tuple[Point | None, bool]:
    """The point after a step of Fisher scoring, None if it is no lower; and whether it lands by a known minimum."""
    theta = _fisher_step(objective.parameters, point)
    if theta is None:
        return None, False
    if _by_known(objective.parameters, point, theta, known):
        return None, True
    evaluated = objective.evaluate(theta)
    if evaluated is None or not evaluated[1] < point.height:
        return None, False
    return objective.derive(theta, *evaluated, exact), False


@dataclass(frozen=True)
class _Step:
    """Newton's step from a point, in the free coordinates.

    Attributes
    ----------
    full, move : ndarray
        The whole step; the step that is tried, pushed off a saddle and no longer than the point's own length.
    slope : float
        Gradient along the move.
    decrement : float
        Twice what the quadratic model still has to gain.
    saddle, convex : bool
        Whether the Hessian has a direction that leads down, and whether all its directions lead up.
    whole : bool
        Whether the move was not shortened.
    """

    full: np.ndarray
    move: np.ndarray
    slope: float
    decrement: float
    saddle: bool
    convex: bool
    whole: bool


def _newton_step(point: Point, free: np.ndarray) -> _Step:
    """-|H|^-1 g: along a direction that leads down the curvature counts with the other sign."""
    gradient = point.gradient[free]
    values, vectors = eigen(point.hessian if len(free) == len(point.x) else point.hessian[free[:, None], free])
    least, largest = float(values[0]), max(float(-values[0]), float(values[-1]), tol.TINY)
    along = gradient @ vectors
    curvature = values if least > tol.FLATTEST * largest else np.maximum(np.abs(values), tol.FLATTEST * largest)
    steps = along / curvature
    decrement = float(along @ steps)
    saddle = least < -tol.SADDLE * largest and least < -tol.DOWN
    full = move = -(vectors @ steps)
    if saddle and decrement < tol.PUSH:
        # No gradient to follow: a push along every direction that leads down.
        down = values < -tol.SADDLE * largest
        move = move + 0.3 * vectors[:, down] @ np.where(along[down] <= 0, 1.0, -1.0)
    length, size = float(move @ move) ** 0.5, max(1.0, float(point.x @ point.x) ** 0.5)
    if length > size:
        move = move * (size / length)
    return _Step(full, move, float(gradient @ move), decrement, saddle, least > 0, length <= size)


def _idle(objective, point: Point, free, step: _Step, known, beat) -> bool:
    """Whether a convex point's valley is one already known, or ends by far above the height to beat."""
    if beat is not None and point.height - 2 * step.decrement > beat:
        return True
    return bool(known) and _near(objective, point, free, step.full, known)


def _no_flatter(after: Point, before: Point, free: np.ndarray) -> bool:
    return bool(np.abs(after.gradient[free]).max() >= np.abs(before.gradient[free]).max())


def _line_search(objective, point: Point, free, move, slope: float):
    """Shorten a step until the criterion falls; below rounding of the criterion any step will do."""
    data = objective.data
    lost = tol.PRECISION * data.n * float(data.xx[-1, -1]) / point.state.r2  # of an outcome that is all but explained
    noise = tol.HEIGHT * (1.0 + abs(point.height)) + lost + objective.noise
    scale = 1.0
    for _ in range(40):
        x = point.x.copy()
        x[free] += scale * move
        evaluated = objective.evaluate(x)
        if evaluated is not None and evaluated[1] <= point.height + tol.DESCENT * scale * slope + noise:
            return evaluated, x
        scale *= 0.4
    return None, point.x


def _stretch(objective, point: Point, free, move, best, x):
    """Where the criterion is not convex a Newton step is short: lengthen it while the criterion falls."""
    for scale in (2.0, 4.0, 8.0):
        further = point.x.copy()
        further[free] += scale * move
        trial = objective.evaluate(further)
        if trial is None or trial[1] >= best[1]:
            break
        best, x = trial, further
    return best, x


def _near(objective, point: Point, free, move, known) -> bool:
    """Whether the full Newton step from a convex point lands by a minimum already known: this is its valley."""
    target = point.x.copy()
    target[free] += move
    return _by_known(objective.parameters, point, target, known)


def _by_known(parameters: Parameters, point: Point, target: np.ndarray, known) -> bool:
    landing = parameters.delta(target).tolist()
    for other in known:
        there = other.state.delta.tolist()
        size = max(map(abs, there))
        gap = max(abs(a - b) for a, b in zip(landing, there, strict=True))
        if gap <= tol.VALLEY * max(size, tol.SMALL) and point.height >= other.height - tol.TIE:
            return True
    return False


def _fisher_step(parameters: Parameters, point: Point) -> np.ndarray | None:
    """theta after a step of Fisher scoring in delta; variances it would leave negative become small ones."""
    if point.expected is None or point.slope is None:
        return None
    step = solve(point.expected, point.slope)
    if step is None:
        return None
    delta = point.state.delta - step
    if parameters.uncorrelated:
        return np.sqrt(np.maximum(delta, tol.SMALL)) if point.x.any() or delta.max() > tol.SMALL else None
    out = []
    for d in parameters.covariances(delta):
        values, vectors = eigen(d)
        if values[0] < tol.SMALL:
            d = (vectors * np.maximum(values, tol.SMALL)) @ vectors.T
        out.append(d)
    if not point.x.any() and max(np.abs(d - tol.SMALL * np.eye(len(d))).max() for d in out) < tol.SAME:
        return None  # every variance would be negative: stay at the corner
    return parameters.cholesky(out)


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
    objective = Profiled(data, parameters, reml)
    if starts is STARTS:
        starts = _WIDE_STARTS if objective.wide else STARTS
        starts = starts[:1] if len(parameters.blocks()) > 1 else starts
    best, log = None, []
    known: list[Point] = []
    for number, start in enumerate(starts):
        theta = parameters.start(start) if np.isscalar(start) else np.asarray(start, dtype=np.float64)
        # Where the criterion rests on estimates each step is dear: later starts only look for a way out.
        steps_allowed = 2 if number and objective.noise else _MAX_STEPS
        point, steps, good, early = newton(objective, theta, known=known, max_steps=steps_allowed, scoring=SCORING)
        label = float(start) if np.isscalar(start) else float("nan")
        if point is None:
            log.append(StartLog(label, float("inf"), 0, False, ()))
            continue
        log.append(StartLog(label, float(point.height), steps, good, tuple(point.x.tolist())))
        if not early:
            known.append(point)
            if best is None or point.height < best[0].height - tol.GAIN - objective.noise:
                best = (point, good)
    if best is None:
        raise np.linalg.LinAlgError("no start could be evaluated")
    best = _faces(objective, parameters, *best, log)
    point, zero, converged = _snap(objective, parameters, *best)
    theta = parameters.tidy_signs(point.x)
    state = point.state
    if not np.array_equal(theta, point.x):
        state = evaluate(data, parameters, theta, reml)
    return Optimum(state, converged, log, zero)


def _faces(objective, parameters, point: Point, converged: bool, log):
    """Look for a better end at the corner and on each face of the boundary, where a block of effects has no variance.

    Where the first descent began at the corner, that is no better than its end.
    With several factors the likelihood can have one summit inside and one on a face (patients against therapists when
    each therapist has few patients), which no start from a corner need find.
    """
    blocks = parameters.blocks()
    if len(blocks) < 2 or objective.noise:
        return point, converged
    corner = [] if log[0].start == 0.0 else [list(range(parameters.count))]
    for block in [*blocks, *corner]:
        if not point.x[block].any():
            continue
        x = point.x.copy()
        x[block] = 0.0
        others = [j for j in range(parameters.count) if j not in block]
        face, steps, good, _ = newton(objective, x, free=others, beat=point.height)
        if face is None:
            continue
        if face.height < point.height - tol.GAIN:
            inside, more, fine, _ = newton(objective, face.x)
            if inside is not None and inside.height <= face.height:
                face, steps, good = inside, steps + more, fine
            point, converged = face, good
        log.append(StartLog(0.0, float(face.height), steps, good, tuple(face.x.tolist())))
    if all(np.abs(point.x[block]).max() > tol.SMALL for block in blocks):
        return point, converged
    inside, steps, good, _ = newton(
        objective, parameters.start(STARTS[1]), known=[point], beat=point.height, scoring=SCORING
    )
    if inside is not None:
        log.append(StartLog(STARTS[1], float(inside.height), steps, good, tuple(inside.x.tolist())))
        if inside.height < point.height - tol.GAIN:
            point, converged = inside, good
    return point, converged


def _snap(objective, parameters, point: Point, converged: bool):
    """Set vanishing diagonals of Lambda to exactly 0 if the criterion allows, and polish the rest.

    A descent that has not converged is usually creeping into such a corner, so there larger ones are tried as well.
    """
    zero: list[int] = []
    held: list[int] = []
    for k in np.flatnonzero(parameters.diagonal):
        nil = parameters.nil(point.x)[k]
        if abs(point.x[k]) >= (tol.SMALL if converged else tol.SMALL_OPEN) and not nil:
            continue
        x = point.x.copy()
        x[k] = 0.0
        item = parameters.roots[k]
        column = [j for j, t in enumerate(parameters.roots) if t.factor == item.factor and t.b == item.b]
        # With a zero pivot the rest of its column can be turned into the later ones.
        if any(x[j] for j in column):
            x = parameters.cholesky(parameters.covariances(parameters.delta(x)))
        free = [j for j in range(parameters.count) if j not in (*held, *column)]
        trial, _, fine, _ = newton(objective, x, free=free)
        if trial is not None and (nil or trial.height <= point.height + tol.GAIN * (1.0 + abs(point.height))):
            point, converged = trial, fine
            zero.append(int(k))
            held += column
    return point, zero, converged
