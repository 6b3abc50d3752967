"""What the models of a scenario aim at, in closed form: slopes of the observed scores, variances around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.errors import existing
from bowlby.simulate.latent import (
    ICC_A,
    LOADINGS,
    PRE_SLOPE,
    STYLE,
    W_PERCEIVED,
    W_STYLE,
    before_outcome,
    composite_scales,
    perceived_correlation,
    references,
    residual_variance,
    shared_loads,
    with_error,
)
from bowlby.simulate.scenarios import Scenario


@dataclass(frozen=True)
class Variances:
    """True variances around a model's fixed effects.

    Attributes
    ----------
    residual : float
        Of patients.
    therapist : float
        Between therapists.
    mean : float
        What a therapist's mean varies by beyond therapist and residual, times the number of patients: the part of the
        predictors within therapists that the model takes out of patients' outcomes and not out of means.
    slope : float
        Of the slope of perceived attachment between therapists.
    unit : float
        Between groups of patients.
    """

    residual: float
    therapist: float
    mean: float = 0.0
    slope: float = 0.0
    unit: float = 0.0


def slopes(scenario: Scenario) -> dict[str, float]:
    """P, T, P-T, P+T and T_A of the observed composites, in population SDs.

    P solves the normal equations of outcome on the observed composite and the outcome before treatment within
    therapists: where improvement or mood is shared it is what the data show, not an effect. With a floor P is a
    simulated number (see ``floor_slope``).
    """
    p = float(_within(scenario)[0]) if scenario.floor_slope is None else scenario.floor_slope
    t = scenario.total_t * _style_validity(scenario)
    return {"P": p, "T": t, "P-T": p - t, "P+T": p + t, "T_A": scenario.gamma * _style_validity(scenario)}


def outcome_variances(scenario: Scenario) -> Variances:
    """Variances around M1. Interactions and wider residuals count with their average.

    A floor shrinks every slope and difference to the same share (of jointly normal variables: to the share of patients
    above it), the residual variance to a simulated number.
    """
    given, left = _within(scenario)[1:]
    missed = scenario.t**2 * (1 - _style_validity(scenario) ** 2)
    therapist = scenario.tau2 + missed + scenario.between**2 * ICC_A
    if scenario.floor_residual is not None:
        share = (existing(scenario.floor_slope) / scenario.p) ** 2
        return Variances(scenario.floor_residual, therapist * share, (given - left) * share)
    return Variances(left - scenario.unit, therapist, given - left, scenario.slope_sd**2, scenario.unit)


def perceived_variances(scenario: Scenario) -> Variances:
    """Variances around the models of perceived attachment (C4, C5), where it is the outcome."""
    weights, reliability = _weights(scenario), scenario.reliability
    shape = float(weights @ perceived_correlation(scenario) @ weights) * reliability
    loadings = scenario.own * LOADINGS
    shared = float(weights @ (loadings @ STYLE @ loadings.T) @ weights) * reliability
    error = (1 - reliability) * float(weights @ weights)
    residual = shape * (1 - ICC_A - scenario.unit) - shared + error
    return Variances(residual, shape * ICC_A, unit=shape * scenario.unit)


def _weights(scenario: Scenario) -> np.ndarray:
    """Weights of the observed scales in their composite."""
    return W_PERCEIVED / np.sqrt(W_PERCEIVED @ references(scenario)["perceived"] @ W_PERCEIVED)


def _style_validity(scenario: Scenario) -> float:
    """Correlation of the observed style composite with the true one."""
    seen = W_STYLE @ with_error(STYLE, scenario.style_reliability) @ W_STYLE
    return float(np.sqrt(scenario.style_reliability * (W_STYLE @ STYLE @ W_STYLE) / seen))


def _within(scenario: Scenario) -> tuple[float, float, float]:
    """Slope on the observed composite; variance of outcome given the one before treatment; and given both."""
    weights, root = _weights(scenario), np.sqrt(scenario.reliability)
    load_a, load_y = shared_loads(scenario)
    with_pre = before_outcome(scenario)
    scale = float(weights @ composite_scales(scenario))
    variance = root**2 * (1 - ICC_A) * float(weights @ perceived_correlation(scenario) @ weights)
    variance += (1 - scenario.reliability) * float(weights @ weights)
    x = np.array([[variance, root * scale * with_pre], [root * scale * with_pre, 1.0]])
    common = root * scale * load_a * load_y
    xy = np.array([
        root * scale * (PRE_SLOPE * with_pre + scenario.p * (1 - ICC_A)) + common,
        PRE_SLOPE + scenario.p * with_pre,
    ])  # fmt: skip
    total = PRE_SLOPE**2 + scenario.p**2 * (1 - ICC_A) + 2 * PRE_SLOPE * scenario.p * with_pre
    total += 2 * scenario.p * load_a * load_y + load_y**2 + scenario.kappa**2 + scenario.unit
    total += residual_variance(scenario)
    b = np.linalg.solve(x, xy)
    return float(b[0]), float(total - xy[1] ** 2), float(total - b @ xy)
