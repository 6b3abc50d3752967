"""What the models of session data aim at, in closed form: moments of patients' means around the landmark.

Within therapists a patient is described by three numbers: the mean of perceived attachment and of the outcome up to the
landmark, and the mean of the outcome after it. Their covariances follow from those of the true levels, from the
sessions' own variation and from who has how many sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import stats

from bowlby.simulate.latent import ICC_A, PRE_SLOPE, before_outcome
from bowlby.simulate.scenarios import Scenario
from validation.scenario_truth import Variances, perceived_variances

LANDMARK = 5
FEWEST, MOST = 4, 20
"""Sessions of a patient; every number is equally frequent."""
MISSING = 0.10
"""Share of sessions without an answer, at random."""
STATE = 1.0
"""Variance of perceived attachment from session to session, over that of patients' own levels."""
NOISE = 0.40
"""Variance of the outcome around its course, where patients' levels have 1."""
CARRY = 0.40
"""Correlation of that variation from one session to the next."""
TREND = 0.03
"""Gain of a session."""
STAY = -0.30
"""Correlation of the number of sessions with the level before treatment: who is worse off stays longer."""
SEVERAL = np.arange(LANDMARK + 1, MOST + 1)
"""Numbers of sessions with which a patient has an outcome after the landmark."""


@dataclass(frozen=True)
class Moments:
    """Within therapists, of patients who have all three means.

    Attributes
    ----------
    covariance : ndarray, shape (3, 3)
        Of the means of perceived attachment, outcome up to the landmark, outcome after it.
    level : float
        Covariance of the first with the true level of perceived attachment.
    """

    covariance: np.ndarray
    level: float


@cache
def one_over(sessions: int) -> float:
    """Mean of 1/m, m being the answered ones of so many sessions, at least one."""
    m = np.arange(1, sessions + 1)
    chance = stats.binom.pmf(m, sessions, 1 - MISSING)
    return float((chance / m).sum() / chance.sum())


def shares(sessions: int) -> np.ndarray:
    """Mean of ww', w being the weights of sessions in the mean of the answered ones (1/m or 0)."""
    own = one_over(sessions) / sessions
    other = (1 - one_over(sessions)) / (sessions * (sessions - 1)) if sessions > 1 else 0.0
    return np.full((sessions, sessions), other) + (own - other) * np.eye(sessions)


def measured() -> float:
    """Reliability of the mean of perceived attachment up to the landmark, whose variance is 1."""
    return 1 / (1 + STATE * one_over(LANDMARK))


@cache
def stays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By number of sessions after which there is an outcome: chance, mean and variance of the standard normal that
    decides on the number of sessions."""
    edges = stats.norm.ppf(np.arange(MOST - FEWEST + 2) / (MOST - FEWEST + 1))
    low, high = edges[SEVERAL - FEWEST], edges[SEVERAL - FEWEST + 1]
    reach = np.array([1 - MISSING ** (n - LANDMARK) for n in SEVERAL])
    law = stats.truncnorm(low, high)
    return reach / reach.sum(), law.mean(), law.var()


def moments(scenario: Scenario) -> Moments:
    """Moments of patients' means.

    A mean weighs the answered sessions equally. Sessions are answered at random, so that the expected products of two
    sessions' weights depend on their number alone. Given the number of sessions all is linear in normal variables; over
    the numbers of sessions, which depend on severity, covariances of the parts and of their means add up.

    Parameters
    ----------
    scenario : Scenario
        ``p`` is the slope of the true level.

    Returns
    -------
    Moments
    """
    h, v, p = before_outcome(scenario), 1 - ICC_A, scenario.p
    level = np.array([  # perceived attachment, outcome before, outcome after
        [v, h, PRE_SLOPE * h + p * v],
        [h, 1.0, PRE_SLOPE + p * h],
        [PRE_SLOPE * h + p * v, PRE_SLOPE + p * h, 1 - scenario.icc],
    ])  # fmt: skip
    root, early = np.sqrt(measured()), np.arange(1, LANDMARK + 1)
    keep = np.diag([root, 1.0, 1.0])
    chance, mean, variance = stays()
    inside, centre = np.zeros((3, 3)), np.zeros((len(SEVERAL), 3))
    for k, n in enumerate(SEVERAL):
        late = np.arange(LANDMARK + 1, n + 1)
        lost = STAY**2 * (1 - variance[k])  # how much less varied those with just this number of sessions are
        own = level - lost * np.outer(level[1], level[1])
        centre[k] = keep @ level[1] * STAY * mean[k] + [0, TREND * early.mean(), TREND * late.mean()]
        inside += chance[k] * (keep @ own @ keep.T + _sessions(early, late))
    apart = (centre - chance @ centre) * np.sqrt(chance)[:, None]
    found = inside + apart.T @ apart
    state = measured() * STATE * one_over(LANDMARK)
    return Moments(found, float((found[0, 0] - state) / root))


def _sessions(early: np.ndarray, late: np.ndarray) -> np.ndarray:
    """What sessions of their own add to the covariance of the three means."""

    def together(one, other):
        return NOISE * CARRY ** np.abs(one[:, None] - other[None, :])

    out = np.zeros((3, 3))
    out[0, 0] = measured() * STATE * one_over(len(early))
    for place, when in ((1, early), (2, late)):
        weights = shares(len(when))
        gain = TREND * (when - when.mean())
        out[place, place] = (weights * together(when, when)).sum() + gain @ weights @ gain
    out[1, 2] = out[2, 1] = together(early, late).mean()
    return out


def observed_slope(scenario: Scenario) -> float:
    """Slope of the outcome after the landmark on the mean of perceived attachment up to it, given the outcome up to it.

    In SDs of patients' level of outcome per SD of that mean.
    """
    found = moments(scenario).covariance
    return float(np.linalg.solve(found[:2, :2], found[:2, 2])[0])


@cache
def effective(scenario: Scenario) -> Scenario:
    """The scenario whose observed slope is the one that `scenario` states.

    Perceived attachment is measured with error, so that its true level must count for more. So is the outcome up to the
    landmark, for whose error perceived attachment, which goes with the level before treatment, would stand in.
    """
    none, one = (observed_slope(replace(scenario, p=p)) for p in (0.0, 1.0))
    return replace(scenario, p=(scenario.p - none) / (one - none))


def session_variances(scenario: Scenario) -> tuple[Variances, Variances]:
    """Variances at the level of patients' means, around M1 and around the models of perceived attachment.

    Averages over patients, who have unequal numbers of sessions. `scenario` is an effective one.
    """
    found = moments(scenario)
    x, xy, total = found.covariance[:2, :2], found.covariance[:2, 2], found.covariance[2, 2]
    left, given = total - xy @ np.linalg.solve(x, xy), total - xy[1] ** 2 / x[1, 1]
    slope = float(scenario.slope_sd * found.level / x[0, 0]) ** 2  # of the mean, which stands in for the level
    outcome = Variances(float(left - slope * x[0, 0]), scenario.tau2, float(given - left), slope)
    known = perceived_variances(scenario)
    state = measured() * STATE * one_over(LANDMARK)
    return outcome, Variances(measured() * known.residual + state, measured() * known.therapist)
