"""Profile-likelihood intervals.

A limit of a profile interval is where 2 (l_max - l) = chi2, with one quantity fixed and all others re-optimised by ML.
An SD is fixed as an entry of the absolute Cholesky factor with its effect moved to the top, a correlation by tying
the second row to the first, a coefficient by a linear map of the columns [X, y]; so every inner problem is the same
Newton search on the same cross-products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import chdtri

from bowlby.errors import existing, refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.covariance_parameters import Parameters
from bowlby.mixed.criterion import Point, evaluate, residual_variance
from bowlby.mixed.derivatives import moments
from bowlby.mixed.optimiser import Profiled, minimise, newton


@dataclass(frozen=True)
class Target:
    """One quantity: kind is coefficient, sd, correlation or sigma."""

    kind: str
    group: str
    term: str | None
    term2: str | None = None
    factor: int = -1
    effects: tuple[int, ...] = ()


class Absolute:
    """ML criterion in x: Cholesky entries l = fixed + basis x in outcome units over sigma, then log sigma.

    With `log_sigma` given, sigma is fixed too.
    """

    wide = False
    noise = 0.0

    def __init__(self, data, parameters: Parameters, fixed: np.ndarray, basis: np.ndarray, log_sigma=None):
        self.data, self.parameters = data, parameters
        self.fixed, self.basis, self.log_sigma = fixed, basis, log_sigma

    def _split(self, x):
        if self.log_sigma is not None:
            return self.fixed + self.basis @ x, self.log_sigma
        return self.fixed + self.basis @ x[:-1], float(x[-1])

    def evaluate(self, x):
        entries, omega = self._split(x)
        try:
            state = evaluate(self.data, self.parameters, entries * np.exp(-omega), False)
        except (np.linalg.LinAlgError, FloatingPointError):
            return None
        n = self.data.n
        height = state.deviance - n * np.log(state.r2) + 2 * n * omega + state.r2 * np.exp(-2 * omega) - n
        return (state, float(height)) if np.isfinite(height) else None

    def derive(self, x, state, height, exact) -> Point:
        _, omega = self._split(x)
        data, par, p, n = self.data, self.parameters, self.data.p, self.data.n
        mom = moments(data, par, state)
        tau = np.exp(2 * omega)
        pyy, pxy = mom.p[:, p, p], mom.p[:, :p, p]
        quad = 2 * (mom.q[:, :, p, p] - np.einsum("ia,ab,jb->ij", pxy, state.phi, pxy))
        gd = mom.tv - pyy / tau
        hdd = -existing(mom.tvv) + quad / tau
        jac = par.jacobian(state.theta) @ self.basis * np.exp(-omega)
        bent = np.tensordot(gd, par.tensor, axes=1)
        hll = jac.T @ hdd @ jac + np.exp(-2 * omega) * self.basis.T @ bent @ self.basis
        gl = jac.T @ gd
        if self.log_sigma is not None:
            return Point(x, state, height, gl, hll)
        # omega moves delta (by -2 delta) and the residual variance tau (by 2 tau).
        delta = state.delta
        gt, htt = n / tau - state.r2 / tau**2, -n / tau**2 + 2 * state.r2 / tau**3
        hdt = pyy / tau**2
        gw = -2 * delta @ gd + 2 * tau * gt
        hww = 4 * delta @ hdd @ delta - 8 * tau * delta @ hdt + 4 * tau**2 * htt + 4 * delta @ gd + 4 * tau * gt
        hlw = jac.T @ (-2 * hdd @ delta + 2 * tau * hdt) - 2 * gl
        return Point(x, state, height, np.append(gl, gw), np.block([[hll, hlw[:, None]], [hlw[None], hww]]))


def profile(model, parameters=None, level: float = 0.95) -> pd.DataFrame:
    """Profile-likelihood intervals by ML.

    Parameters
    ----------
    model : MixedModel
    parameters : str or list of str, optional
        Coefficients by name, groups by name (all their SDs and correlations), "sigma"; default everything.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        kind (coefficient, sd, correlation, sigma), group, term, term2, estimate (ML), ci_low, ci_high. SDs in outcome
        units per predictor unit; limits of exactly 0 for SDs and -1 or 1 for correlations are the parameter's end.

    Notes
    -----
    For groups with one term, squares of the limits are the limits of the variance. Where the values of a slope's
    predictor lie far from 0, the intercept's SD and its correlations describe a point far outside the data and have no
    limits (NaN): centre the predictor.
    """
    if model.kernel is not None:
        raise refusal("profiles are not available with a residual structure", "use the Wald intervals")
    level, targets = checks.confidence(level), _targets(model)
    if parameters is not None:
        parameters = [parameters] if isinstance(parameters, str) else list(parameters)
        checks.known(parameters, dict.fromkeys(n for t in targets for n in (t.term, t.group, t.kind) if n), "parameter")
        targets = [t for t in targets if {t.group, t.term, t.kind} & set(parameters)]
    if not targets:
        raise refusal("nothing to profile", "name a coefficient, a group or sigma")
    optimum = minimise(model.reduced, model.parameters, False)
    z = float(np.sqrt(chdtri(1, 1 - level)))
    rows = []
    for target in targets:
        known = _is_parameter(model, target)
        estimate, low, high = _limits(model, optimum, target, z) if known else (np.nan,) * 3
        rows.append((target.kind, target.group, target.term, target.term2, estimate, low, high))
    names = ["kind", "group", "term", "term2", "estimate", "ci_low", "ci_high"]
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=object if i < 4 else np.float64)
            for i, (name, values) in enumerate(zip(names, zip(*rows, strict=True), strict=True))
        }
    )


def _targets(model) -> list[Target]:
    out = []
    for g, factor in enumerate(model.reduced.factors):
        for positions, _ in factor.blocks:
            out += [Target("sd", factor.name, factor.labels[a], None, g, (a,)) for a in positions]
            out += [
                Target("correlation", factor.name, factor.labels[a], factor.labels[b], g, (a, b))
                for i, a in enumerate(positions)
                for b in positions[i + 1 :]
            ]
    out.append(Target("sigma", "Residual", None))
    return out + [Target("coefficient", "fixed", name) for name in model.names]


def _is_parameter(model, target: Target) -> bool:
    """Whether the target is an SD or correlation of the internal effects too, which are centred where need be."""
    if target.factor < 0:
        return True
    to_user = model.reduced.scaling.slopes[target.factor].to_user
    return all(np.count_nonzero(to_user[k]) == 1 for k in target.effects)


def _limits(model, optimum, target: Target, z: float) -> tuple[float, float, float]:
    make = {"coefficient": _coefficient, "sigma": _sigma}.get(target.kind, _covariance)
    estimate, step, lowest, highest, height = make(model, optimum, target)
    best = optimum.state.deviance

    def root(value):
        return np.sqrt(max(height(value) - best, 0.0)) - z

    return estimate, _side(root, estimate, -step, lowest, z), _side(root, estimate, step, highest, z)


def _side(root, estimate: float, step: float, end: float, z: float) -> float:
    """Walk from the estimate until the criterion has risen enough, then close in; `end` bounds the parameter."""
    from scipy.optimize import brentq

    inside, outside = estimate, estimate
    for _ in range(60):
        outside = inside + step
        if (step < 0 and outside <= end) or (step > 0 and outside >= end):
            if root(end) <= 0:
                return end
            outside = end
            break
        if root(outside) > 0:
            break
        inside, step = outside, 1.6 * step
    else:
        return end
    return float(brentq(root, inside, outside, xtol=tol.ROOT * abs(outside - estimate), rtol=tol.ROOT_ROUNDING))


def _coefficient(model, optimum, target: Target):
    data = model.reduced
    transform = data.scaling.matrix() * data.scaling.y_scale
    j = model.names.index(target.term)
    v, p = transform[j], data.p
    shift = data.scaling.y_shift * data.scaling.level[j]
    estimate = float(v @ optimum.state.beta) + shift
    sigma2 = residual_variance(data, optimum.state, False)
    step = 2 * float(np.sqrt(v @ optimum.state.phi @ v * sigma2))
    null = np.linalg.svd(v[None])[2][1:].T
    warm = [optimum.state.theta]

    def height(value):
        # beta = v r / v'v + null gamma: the outcome loses the fixed part, X keeps p - 1 columns.
        change = np.zeros((p + 1, p))
        change[:p, :-1] = null
        change[:p, -1] = -v * (value - shift) / (v @ v)
        change[p, -1] = 1.0
        moved = replace(
            data,
            xx=change.T @ data.xx @ change,
            names=data.names[:-1],
            zx=np.einsum("amn,mk->akn", data.zx, change) if data.has_inner else data.zx,
            bx=data.bx if data.links is None else data.bx @ change,
        )
        point, *_ = newton(Profiled(moved, model.parameters, False), warm[0])
        if point is None:
            return np.inf
        warm[0] = point.x
        return point.height

    return estimate, step, -np.inf, np.inf, height


def _sigma(model, optimum, target: Target):
    data = model.reduced
    sigma = float(np.sqrt(residual_variance(data, optimum.state, False)))
    scale = data.scaling.y_scale
    par = model.parameters
    warm = [optimum.state.theta * sigma]

    def height(value):
        return _descend(Absolute(data, par, np.zeros(par.count), np.eye(par.count), float(np.log(value / scale))), warm)

    return sigma * scale, 2 * sigma * scale / np.sqrt(2 * data.n), tol.FLOOR * scale, np.inf, height


def _constant(data) -> float:
    """What the profiled deviance leaves out against the full one: n - n log n."""
    return data.n * np.log(data.n)


def _covariance(model, optimum, target: Target):
    """An SD or a correlation of the random effects of one factor."""
    data, factor = model.reduced, model.reduced.factors[target.factor]
    par = Parameters(data.factors, (target.factor, target.effects))
    sigma = float(np.sqrt(residual_variance(data, optimum.state, False)))
    entries = par.cholesky(optimum.state.d) * sigma
    unit = data.scaling.y_scale / data.scaling.slopes[target.factor].scale[target.effects[0]]
    at = {(t.a, t.b): k for k, t in enumerate(par.roots) if t.factor == target.factor}
    columns = next(p for p, _ in factor.blocks if target.effects[0] in p)
    top = at[target.effects[0], columns[0]]
    count = par.count
    if target.kind == "sd":
        estimate, basis = abs(entries[top]), np.delete(np.eye(count), top, axis=1)
        warm = [np.append(np.delete(entries, top), np.log(sigma))]

        def height(value):
            fixed = np.zeros(count)
            fixed[top] = value / unit
            return _descend(Absolute(data, par, fixed, basis), warm)

        step = max(estimate * 0.3, 0.05 * sigma)
        return estimate * unit, step * unit, 0.0, np.inf, height

    left, right = at[target.effects[1], columns[0]], at[target.effects[1], columns[1]]
    size = float(np.hypot(entries[left], entries[right]))
    if size == 0 or entries[top] == 0:
        return np.nan, 0.2, -1.0, 1.0, lambda value: -np.inf
    estimate = float(entries[left] * np.sign(entries[top]) / size)
    others = [k for k in range(count) if k not in (left, right)]
    start = np.append(entries[others], [size, np.log(sigma)])
    start[others.index(top)] = abs(entries[top])
    warm = [start]

    def tied(value):
        basis = np.zeros((count, count - 1))
        basis[others, np.arange(count - 2)] = 1.0
        basis[left, -1], basis[right, -1] = value, np.sqrt(max(1 - value * value, 0.0))
        return _descend(Absolute(data, par, np.zeros(count), basis), warm)

    return estimate, 0.2, -1.0, 1.0, tied


def _descend(objective: Absolute, warm: list) -> float:
    point, *_ = newton(objective, warm[0])
    if point is None:
        return np.inf
    warm[0] = point.x
    return point.height + _constant(objective.data)
