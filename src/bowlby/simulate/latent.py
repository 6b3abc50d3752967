"""The latent study: therapists, patients, perceived attachment and outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.simulate.scenarios import Scenario

STYLE = np.array([[1.0, 0.2], [0.2, 1.0]])
"""Correlation of attachment anxiety and avoidance, of therapists and of patients."""
LOADINGS = np.array([[-0.15, -0.20], [0.20, 0.25], [0.35, 0.00]])
"""Perceived security, avoidance, preoccupation on the patient's own anxiety, avoidance."""
PERCEIVED = np.array([[1.0, -0.55, 0.20], [-0.55, 1.0, 0.15], [0.20, 0.15, 1.0]])
"""Correlations of the three perceived scales."""
ICC_A = 0.05
PRE_ANXIETY = -0.30
PRE_SLOPE = 0.50
W_PERCEIVED = np.array([1.0, -1.0, -1.0])
W_STYLE = np.array([-1.0, -1.0])
UNIT = PERCEIVED @ W_PERCEIVED / np.sqrt(W_PERCEIVED @ PERCEIVED @ W_PERCEIVED)
"""Perceived scales of one unit of the composite."""
STAGES = {"size": 1, "style": 2, "patient": 3, "perceived": 4, "outcome": 5, "alliance": 6, "items": 7,
          "therapist_items": 8, "people": 9, "faults": 10, "patient_items": 11,
          "slopes": 12, "spread": 13, "dropout": 14, "switching": 15, "alliance_items": 16}


def generator(seed: int, stage: str) -> np.random.Generator:
    """Random numbers of one stage, addressed by (seed, stage): one stage's draws never shift another's."""
    return np.random.default_rng(np.random.SeedSequence((seed, STAGES[stage])))


def _draw(rng: np.random.Generator, covariance: np.ndarray, n: int) -> np.ndarray:
    return rng.standard_normal((n, len(covariance))) @ np.linalg.cholesky(covariance).T


def composite(values: np.ndarray, weights: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Registered composite with SD 1 in the population."""
    return values @ weights / np.sqrt(weights @ correlation @ weights)


def residual_variance(scenario: Scenario) -> float:
    """Variance within therapists that makes the outcome's total variance 1 (nearly, where style acts on A)."""
    own = scenario.own * np.array([PRE_ANXIETY, PRE_ANXIETY * STYLE[0, 1]])  # cov(pre, own style)
    covariance = composite(LOADINGS @ own, W_PERCEIVED, PERCEIVED)
    explained = PRE_SLOPE**2 + scenario.p**2 * (1 - ICC_A) + 2 * PRE_SLOPE * scenario.p * covariance
    explained += scenario.slope_sd**2 * (1 - ICC_A) + scenario.kappa**2 + scenario.between**2 * ICC_A
    return float(1 - explained - scenario.icc)


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
    """

    first: np.ndarray
    style: np.ndarray
    patient_style: np.ndarray
    perceived: np.ndarray
    pre: np.ndarray
    outcome: np.ndarray


def latent_study(
    scenario: Scenario, seed: int, first: np.ndarray, second: np.ndarray, share: np.ndarray
) -> Latent:
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
    style = _draw(generator(seed, "style"), STYLE, j)
    rng = generator(seed, "patient")
    own = _draw(rng, STYLE, n)
    pre = PRE_ANXIETY * own[:, 0] + np.sqrt(1 - PRE_ANXIETY**2) * rng.standard_normal(n)
    rng = generator(seed, "perceived")
    between = _draw(rng, ICC_A * PERCEIVED, j)
    loadings = scenario.own * LOADINGS
    unique = (1 - ICC_A) * PERCEIVED - loadings @ STYLE @ loadings.T
    within = own @ loadings.T + _draw(rng, unique, n)
    secure = composite(style, W_STYLE, STYLE)
    between = between + scenario.gamma * secure[:, None] * UNIT
    rng = generator(seed, "outcome")
    therapist = scenario.t * secure
    therapist += np.sqrt(scenario.tau2) * rng.standard_normal(j)
    therapist += scenario.between * composite(between, W_PERCEIVED, PERCEIVED)
    felt = composite(within, W_PERCEIVED, PERCEIVED)
    outcome = (PRE_SLOPE * pre + scenario.p * felt
               + share * therapist[first] + (1 - share) * therapist[second]
               + np.sqrt(residual_variance(scenario)) * rng.standard_normal(n) * _spread(scenario, seed, first))
    if scenario.slope_sd:
        outcome += scenario.slope_sd * generator(seed, "slopes").standard_normal(j)[first] * felt
    if scenario.kappa:
        outcome -= scenario.kappa * secure[first] * pre
    return Latent(first, style, own, between[first] + within, pre, outcome)


def _spread(scenario: Scenario, seed: int, first: np.ndarray) -> np.ndarray | float:
    """Residual SD of each patient's therapist, mean square 1."""
    if not scenario.uneven:
        return 1.0
    log = scenario.uneven * generator(seed, "spread").standard_normal(int(first.max()) + 1)
    return np.exp(log - scenario.uneven**2)[first]
