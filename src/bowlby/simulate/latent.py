"""The latent study: therapists, patients, perceived attachment and outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.errors import existing
from bowlby.simulate.scenarios import Scenario

STYLE = np.array([[1.0, 0.2], [0.2, 1.0]])
"""Correlation of attachment anxiety and avoidance, of therapists and of patients."""
LOADINGS = np.array([[-0.15, -0.20], [0.20, 0.25], [0.35, 0.00]])
"""Perceived security, avoidance, preoccupation on the patient's own anxiety, avoidance."""
ICC_A = 0.05
PRE_ANXIETY = -0.30
PRE_SLOPE = 0.50
W_PERCEIVED = np.array([1.0, -1.0, -1.0])
W_STYLE = np.array([-1.0, -1.0])
STAGES = {
    "size": 1,
    "style": 2,
    "patient": 3,
    "perceived": 4,
    "outcome": 5,
    "alliance": 6,
    "items": 7,
    "therapist_items": 8,
    "people": 9,
    "faults": 10,
    "patient_items": 11,
    "slopes": 12,
    "spread": 13,
    "dropout": 14,
    "switching": 15,
    "alliance_items": 16,
    "shared": 17,
    "confounder": 18,
    "units": 19,
    "error": 20,
    "diagnosis": 21,
    "experience": 22,
}
IMPROVEMENT = 0.25
"""Share of the outcome's variance that is improvement before perceived attachment is asked for."""
GROUP = 6
"""Patients of one group, where they are treated in groups."""


def generator(seed: int, stage: str) -> np.random.Generator:
    """Random numbers of one stage, addressed by (seed, stage): one stage's draws never shift another's."""
    return np.random.default_rng(np.random.SeedSequence((seed, STAGES[stage])))


def normal_draws(rng: np.random.Generator, covariance: np.ndarray, n: int) -> np.ndarray:
    return rng.standard_normal((n, len(covariance))) @ np.linalg.cholesky(covariance).T


def composite(values: np.ndarray, weights: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Registered composite with SD 1 in the population."""
    return values @ weights / np.sqrt(weights @ correlation @ weights)


def perceived_correlation(scenario: Scenario) -> np.ndarray:
    """Correlations of the three perceived scales: secure, avoidant-fearful, preoccupied-merger."""
    r = scenario.secure_avoidant
    return np.array([[1.0, r, 0.20], [r, 1.0, 0.15], [0.20, 0.15, 1.0]])


def composite_scales(scenario: Scenario) -> np.ndarray:
    """Perceived scales of one unit of the composite."""
    correlation = perceived_correlation(scenario)
    return correlation @ W_PERCEIVED / np.sqrt(W_PERCEIVED @ correlation @ W_PERCEIVED)


def before_outcome(scenario: Scenario) -> float:
    """Covariance of the perceived composite (true scores, within therapists) with the outcome before treatment."""
    own = scenario.own * np.array([PRE_ANXIETY, PRE_ANXIETY * STYLE[0, 1]])  # cov(pre, own style)
    return float(composite(LOADINGS @ own, W_PERCEIVED, perceived_correlation(scenario)))


def shared_loads(scenario: Scenario) -> tuple[float, float]:
    """Loads of perceived attachment (composite) and of outcome on what they share without an effect of either.

    They make the observed slope, given the outcome before treatment, that the scenario states: the covariance is
    that slope times the composite's variance given the outcome before treatment.
    """
    covariance = (scenario.improvement + scenario.mood) * (1 - ICC_A - before_outcome(scenario) ** 2)
    outcome = np.sqrt(IMPROVEMENT) if scenario.improvement else np.sqrt(covariance)
    return (float(covariance / outcome), float(outcome)) if covariance else (0.0, 0.0)


def residual_variance(scenario: Scenario) -> float:
    """Variance within therapists that makes the outcome's total variance 1 (nearly, where style acts on A)."""
    explained = PRE_SLOPE**2 + scenario.p**2 * (1 - ICC_A) + 2 * PRE_SLOPE * scenario.p * before_outcome(scenario)
    explained += scenario.slope_sd**2 * (1 - ICC_A) + scenario.kappa**2 + scenario.between**2 * ICC_A
    explained += shared_loads(scenario)[1] ** 2 + scenario.unit
    return float(1 - explained - scenario.icc)


def with_error(correlation: np.ndarray, reliability: float) -> np.ndarray:
    """Correlation of scales that measure with errors of their own."""
    return reliability * correlation + (1 - reliability) * np.eye(len(correlation))


def references(scenario: Scenario) -> dict[str, np.ndarray]:
    """Correlations of the observed scales in the population: perceived, therapist's and patient's style."""
    return {
        "perceived": with_error(perceived_correlation(scenario), scenario.reliability),
        "therapist_style": with_error(STYLE, scenario.style_reliability),
        "patient_style": STYLE,
    }


@dataclass(frozen=True)
class Latent:
    """Latent variables.

    Attributes
    ----------
    first : ndarray of int, shape (n,)
        Therapist at the start.
    style : ndarray, shape (J, 2)
        Therapists' anxiety, avoidance.
    patient_style : ndarray, shape (n, 2)
    perceived : ndarray, shape (n, 3)
        Secure, avoidant-fearful, preoccupied-merger.
    pre, outcome : ndarray, shape (n,)
        Higher = better; SD 1.
    residual : ndarray, shape (n,)
        The patient's own part of outcome that nothing in the model accounts for; SD 1.
    unit : ndarray of int, shape (n,), or None
        Group that the patient is treated in.
    """

    first: np.ndarray
    style: np.ndarray
    patient_style: np.ndarray
    perceived: np.ndarray
    pre: np.ndarray
    outcome: np.ndarray
    residual: np.ndarray
    unit: np.ndarray | None = None


def latent_study(scenario: Scenario, seed: int, first: np.ndarray, second: np.ndarray, share: np.ndarray) -> Latent:
    """Draw the latent variables.

    Parameters
    ----------
    scenario : Scenario
    seed : int
    first, second : ndarray of int, shape (n,)
        Therapist at the start and at the end (the same unless the patient switched).
    share : ndarray, shape (n,)
        Share of the sessions given by the first.

    Returns
    -------
    Latent
    """
    n, j = len(first), int(max(first.max(), second.max())) + 1
    style = normal_draws(generator(seed, "style"), STYLE, j)
    rng = generator(seed, "patient")
    own = normal_draws(rng, STYLE, n)
    pre = PRE_ANXIETY * own[:, 0] + np.sqrt(1 - PRE_ANXIETY**2) * rng.standard_normal(n)
    unit = groups(first) if scenario.unit else None
    load_a, load_y = shared_loads(scenario)
    correlation, scales = perceived_correlation(scenario), composite_scales(scenario)
    rng = generator(seed, "perceived")
    between = normal_draws(rng, ICC_A * correlation, j)
    loadings = scenario.own * LOADINGS
    unique = (1 - ICC_A - scenario.unit) * correlation - loadings @ STYLE @ loadings.T
    unique -= load_a**2 * np.outer(scales, scales)
    within = own @ loadings.T + normal_draws(rng, unique, n)
    secure = composite(style, W_STYLE, STYLE)
    between = between + scenario.gamma * secure[:, None] * scales
    rng = generator(seed, "outcome")
    differences, noise = rng.standard_normal(j), rng.standard_normal(n)
    if scenario.confounder:  # a common cause takes the place of a part of both
        cause, part = generator(seed, "confounder").standard_normal(j), np.sqrt(scenario.confounder)
        between = np.sqrt(1 - part**2) * between + part * np.sqrt(ICC_A) * cause[:, None] * scales
        differences = np.sqrt(1 - part**2) * differences + part * cause
    if scenario.skew:
        noise = _skewed(scenario.skew, generator(seed, "error"), n)
    therapist = scenario.t * secure
    therapist += np.sqrt(scenario.tau2) * differences
    therapist += scenario.between * composite(between, W_PERCEIVED, correlation)
    if load_y:
        common = generator(seed, "shared").standard_normal(n)
        within = within + load_a * common[:, None] * scales
    if scenario.unit:
        rng, units = generator(seed, "units"), existing(unit)
        within = within + normal_draws(rng, scenario.unit * correlation, units.max() + 1)[units]
        together = np.sqrt(scenario.unit) * rng.standard_normal(units.max() + 1)[units]
    felt = composite(within, W_PERCEIVED, correlation)
    outcome = (
        PRE_SLOPE * pre
        + scenario.p * felt
        + share * therapist[first]
        + (1 - share) * therapist[second]
        + np.sqrt(residual_variance(scenario)) * noise * _spread(scenario, seed, first)
    )
    if scenario.slope_sd:
        outcome += scenario.slope_sd * generator(seed, "slopes").standard_normal(j)[first] * felt
    if scenario.kappa:
        outcome -= scenario.kappa * secure[first] * pre
    if load_y:
        outcome += load_y * common
    if scenario.unit:
        outcome += together
    perceived = between[first] + within
    if scenario.reliability < 1 or scenario.style_reliability < 1:
        rng = generator(seed, "error")
        perceived = _with_error(perceived, scenario.reliability, rng)
        style = _with_error(style, scenario.style_reliability, rng)
    return Latent(first, style, own, perceived, pre, np.minimum(outcome, scenario.floor), noise, unit)


def groups(therapist: np.ndarray) -> np.ndarray:
    """Groups of six patients of one therapist, as they come; the last one may be smaller."""
    order = np.argsort(therapist, kind="stable")
    start = np.searchsorted(therapist[order], therapist[order])
    place = np.empty(len(therapist), int)
    place[order] = (np.arange(len(therapist)) - start) // GROUP
    return np.unique(np.column_stack([therapist, place]), axis=0, return_inverse=True)[1].ravel()


def _with_error(values: np.ndarray, reliability: float, rng: np.random.Generator) -> np.ndarray:
    return np.sqrt(reliability) * values + np.sqrt(1 - reliability) * rng.standard_normal(values.shape)


def _skewed(skew: float, rng: np.random.Generator, n: int) -> np.ndarray:
    """Gamma residuals turned towards the worse, with mean 0, variance 1 and the skewness asked for."""
    shape = 4 / skew**2
    return (shape - rng.gamma(shape, size=n)) / np.sqrt(shape)


def _spread(scenario: Scenario, seed: int, first: np.ndarray) -> np.ndarray | float:
    """Residual SD of each patient's therapist, mean square 1."""
    if not scenario.uneven:
        return 1.0
    log = scenario.uneven * generator(seed, "spread").standard_normal(int(first.max()) + 1)
    return np.exp(log - scenario.uneven**2)[first]
