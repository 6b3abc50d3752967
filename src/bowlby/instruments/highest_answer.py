"""Missing answers stored as the highest answer: a share of one item that the other items do not explain."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, ndtr
from scipy.stats import norm

from bowlby.instruments.agreement import rest_means
from bowlby.instruments.item_checks import SUSPICIOUS, compound
from bowlby.instruments.model import Instrument
from bowlby.instruments.parts import Finding

FEWEST, SHARE = 10, 0.05
LINKED, OFF_LINE, BUMP, BEYOND = 0.2, 2.33, 1.5, 1.67
BINS = 12
STORED = "find out whether missing answers are stored as {end:.4g}; if so, set them to missing"


def highest_answer(
    answers: np.ndarray, keyed: np.ndarray, instrument: Instrument, name: str, level: float = SUSPICIOUS
) -> list[Finding]:
    """Items of a scale with more of the highest answer than the other items explain.

    Parameters
    ----------
    answers, keyed : ndarray, shape (n_rows, n_items)
        Answers of one occasion as stored, and as keyed; missing is NaN.
    instrument : Instrument
        The key.
    name : str
        The scale.
    level : float
        z below which a correlation would be suspicious; the evidence must go beyond it, as there are many items.

    Returns
    -------
    list of Finding
        One for each such item; one for the scale where there is none.
    """
    scale, (low, high) = instrument.scales[name], instrument.response
    if len(scale.items) < 3 or scale.recode or compound(instrument, name):
        return []
    rest, found = rest_means(keyed), []
    for k, number in enumerate(scale.items):
        there = np.isfinite(answers[:, k]) & np.isfinite(rest[:, k])
        share = unexplained(answers[there, k] - low, rest[there, k], round(high - low), level)
        if share >= SHARE:
            observed = f"{high:g} in {share:.0%} of the forms more than the other items explain"
            advice = STORED.format(end=high)
            found.append(Finding(name, number, "highest_answer", observed, "0%", "suspicious", advice))
    return found or [Finding(name, None, "highest_answer", "explained by the other items", "", "ok")]


def unexplained(answer: np.ndarray, rest: np.ndarray, end: int, level: float = SUSPICIOUS) -> float:
    """Share of an item's highest answers that do not depend on the other items; 0 where it is not clear of 0.

    An answer is a normal variable around a straight line in the mean of the other items, cut into categories; with
    some probability it is the highest whatever the others are. That probability must improve the likelihood clearly.
    Because real answers need not follow the model, persons with the highest answer must also lie off the line on which
    normal scores and rest means of the other answers lie, or persons farthest from it must give it more often than the
    next answer.

    Parameters
    ----------
    answer : ndarray, shape (n,)
        From 0 for the lowest to ``end``.
    rest : ndarray, shape (n,)
        Mean of the other items.
    end : int
        The highest answer.
    level : float
        As for :func:`highest_answer`.
    """
    at = answer == end
    if end < 2 or at.sum() < FEWEST or at.mean() < SHARE or (~at).sum() < 2 * FEWEST or not rest.std() > 1e-9:
        return 0.0
    z = (rest - rest.mean()) / rest.std()
    off = _off_line(answer, z, at)
    direction = np.sign(np.cov(answer[~at], z[~at])[0, 1])
    far = direction * z < 0
    highest, next_ = (far & at).sum(), (far & (answer == end - 1)).sum()
    bump = (highest - next_) / np.sqrt(max(highest + next_, 1))
    if off < OFF_LINE and bump < BUMP:
        return 0.0
    share, strength = _contaminated(answer, z, end)
    return share if strength > BEYOND - level else 0.0


def _off_line(answer: np.ndarray, z: np.ndarray, at: np.ndarray) -> float:
    """How far persons with the highest answer fall short of the line of the others, in standard errors."""
    _, category, counts = np.unique(answer, return_inverse=True, return_counts=True)
    shares = counts / len(answer)
    density = norm.pdf(norm.ppf(np.clip(np.concatenate([[0.0], np.cumsum(shares)]), 0, 1)))
    scores = ((density[:-1] - density[1:]) / shares)[category]
    x, y = scores[~at] - scores[~at].mean(), z[~at] - z[~at].mean()
    squares = max(x @ x, 1e-12)
    slope = x @ y / squares
    gap = scores[at].mean() - scores[~at].mean()
    expected, seen = slope * gap, z[at].mean() - z[~at].mean()
    se = max((y - slope * x).std(), 1e-12) * np.sqrt(1 / at.sum() + 1 / len(x) + gap**2 / squares)
    linked = abs(slope) * x.std() >= LINKED * max(y.std(), 1e-12)
    return float((expected - seen) * np.sign(expected) / se) if linked else 0.0


def _contaminated(answer: np.ndarray, z: np.ndarray, end: int) -> tuple[float, float]:
    """Share of answers that are the highest whatever the others are, and the root of the likelihood ratio."""
    place = np.clip(np.searchsorted(np.quantile(z, np.linspace(0, 1, BINS + 1)[1:-1]), z), 0, BINS - 1)
    counts = np.bincount(place * (end + 1) + answer.astype(int), minlength=BINS * (end + 1)).reshape(BINS, end + 1)
    sizes = np.maximum(counts.sum(axis=1), 1)
    middles, cuts = np.bincount(place, z, minlength=BINS) / sizes, np.arange(end) + 0.5

    def loss(values: np.ndarray) -> float:
        share = expit(values[3]) if len(values) > 3 else 0.0
        below = ndtr((cuts - values[0] - values[1] * middles[:, None]) / np.exp(values[2]))
        chance = (1 - share) * np.diff(below, axis=1, prepend=0.0, append=1.0)
        chance[:, -1] += share
        return float(-(counts * np.log(np.maximum(chance, 1e-9))).sum())

    slope = float(np.cov(answer, z)[0, 1])
    start = minimize(loss, [answer.mean(), slope, np.log(answer.std() + 0.1)], method="L-BFGS-B")
    full = minimize(loss, [*start.x, -2.5], method="L-BFGS-B")
    return float(expit(full.x[3])), float(np.sqrt(max(2 * (start.fun - full.fun), 0.0)))
