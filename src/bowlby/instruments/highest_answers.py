"""Missing answers stored as the highest answer: a share of an item's answers that the other items do not explain."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, ndtr, ndtri

from bowlby.instruments.item_agreement import Finding, rest_means
from bowlby.instruments.item_checks import SUSPICIOUS, compound
from bowlby.instruments.model import Instrument

FEWEST_HIGHEST, SHARE = 10, 0.05
LINKED, OFF_LINE, BUMP = 0.2, 2.33, 1.5
BEYOND, BEYOND_CURVE = 1.67, 2.33
STRAIGHT, CURVED = [0, 1, 2], [0, 1, 2, 3, 4]
BINS = 12
CHANCE, STEPS, ENOUGH, H = 1e-9, 200, 1e-7, 1e-5
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
    scale, (low, high) = instrument.scales[name], instrument.answers
    if len(scale.items) < 3 or scale.recode or compound(instrument, name):
        return []
    rest, findings = rest_means(keyed), []
    for k, number in enumerate(scale.items):
        there = np.isfinite(answers[:, k]) & np.isfinite(rest[:, k])
        share = unexplained(answers[there, k] - low, rest[there, k], round(high - low), level)
        if share >= SHARE:
            observed = f"{high:g} in {share:.0%} of the forms more than the other items explain"
            advice = STORED.format(end=high)
            findings.append(Finding(name, number, "highest_answer", observed, "0%", "suspicious", advice))
    return findings or [Finding(name, None, "highest_answer", "explained by the other items", "", "ok")]


def unexplained(answer: np.ndarray, rest: np.ndarray, end: int, level: float = SUSPICIOUS) -> float:
    """Share of an item's highest answers that do not depend on the other items; 0 unless it is clearly above 0.

    An ordinal probit model, linear in the mean of the other items, is compared with one that adds a constant
    probability of the highest answer. That probability must improve the likelihood clearly. It must also do so if the
    model is quadratic in the mean of the other items and its SD may change: where the highest answers are common, the
    mean of the other items cannot rise further, and a linear model does not fit.
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
    if end < 2 or at.sum() < FEWEST_HIGHEST or at.mean() < SHARE or (~at).sum() < 2 * FEWEST_HIGHEST:
        return 0.0
    if not rest.std() > 1e-9:
        return 0.0
    z = (rest - rest.mean()) / rest.std()
    off = _off_line(answer, z, at)
    direction = np.sign(np.cov(answer[~at], z[~at])[0, 1])
    far = direction * z < 0
    highest, next_ = (far & at).sum(), (far & (answer == end - 1)).sum()
    bump = (highest - next_) / np.sqrt(max(highest + next_, 1))
    if off < OFF_LINE and bump < BUMP:
        return 0.0
    place = np.clip(np.searchsorted(np.quantile(z, np.linspace(0, 1, BINS + 1)[1:-1]), z), 0, BINS - 1)
    counts = np.bincount(place * (end + 1) + answer.astype(int), minlength=BINS * (end + 1)).reshape(BINS, end + 1)
    middles = np.bincount(place, z, minlength=BINS) / np.maximum(counts.sum(axis=1), 1)
    start = np.array([answer.mean(), np.cov(answer, z)[0, 1], np.log(answer.std() + 0.1), 0.0, 0.0, -np.inf])
    if _contaminated(counts, middles, start, STRAIGHT)[1] <= BEYOND - level:
        return 0.0
    share, strength = _contaminated(counts, middles, start, CURVED)
    return share if strength > BEYOND_CURVE else 0.0


def _off_line(answer: np.ndarray, z: np.ndarray, at: np.ndarray) -> float:
    """How far persons with the highest answer fall short of the line of the others, in standard errors."""
    _, category, counts = np.unique(answer, return_inverse=True, return_counts=True)
    shares = counts / len(answer)
    cuts = ndtri(np.clip(np.concatenate([[0.0], np.cumsum(shares)]), 0, 1))
    density = np.exp(-(cuts**2) / 2) / np.sqrt(2 * np.pi)
    scores = ((density[:-1] - density[1:]) / shares)[category]
    x, y = scores[~at] - scores[~at].mean(), z[~at] - z[~at].mean()
    squares = max(x @ x, 1e-12)
    slope = x @ y / squares
    gap = scores[at].mean() - scores[~at].mean()
    expected, seen = slope * gap, z[at].mean() - z[~at].mean()
    se = max((y - slope * x).std(), 1e-12) * np.sqrt(1 / at.sum() + 1 / len(x) + gap**2 / squares)
    linked = abs(slope) * x.std() >= LINKED * max(y.std(), 1e-12)
    return float((expected - seen) * np.sign(expected) / se) if linked else 0.0


def _contaminated(counts: np.ndarray, middles: np.ndarray, start: np.ndarray, free: list[int]) -> tuple[float, float]:
    """Share of answers that are the highest whatever the others are, and the root of the likelihood ratio."""
    start, without = _most_likely(counts, middles, start, free)
    full, with_share = _most_likely(counts, middles, np.append(start[:-1], -2.5), [*free, len(start) - 1])
    return float(expit(full[-1])), float(np.sqrt(max(2 * (with_share - without), 0.0)))


def _most_likely(
    counts: np.ndarray, middles: np.ndarray, values: np.ndarray, free: list[int]
) -> tuple[np.ndarray, float]:
    """Parameters of :func:`_chances` by Fisher scoring of the free ones from some values, and their log-likelihood."""

    def chances(values):
        return _chances(middles, counts.shape[1], values)

    best, forms, units = -np.inf, counts.sum(axis=1, keepdims=True), np.eye(len(values))[free]
    step, size = np.zeros(len(free)), 1.0
    for _ in range(STEPS):
        for _ in range(20):
            chance = chances(values + size * step @ units)
            loglik = float((counts * np.log(chance)).sum())
            if loglik >= best:
                break
            size /= 2
        if not loglik - best >= ENOUGH:
            break
        values, best = values + size * step @ units, loglik
        slopes = np.array([chances(values + H * unit) - chances(values - H * unit) for unit in units]) / (2 * H)
        score = (slopes * (counts / chance)).sum(axis=(1, 2))
        information = np.einsum("abc,dbc,bc->ad", slopes, slopes, forms / chance)
        information += 1e-6 * np.diag(np.diag(information)) + 1e-9 * np.eye(len(free))
        step = np.linalg.solve(information, score)
        size = min(1.0, 2 / np.abs(step).max())
    return values, best


def _chances(middles: np.ndarray, answers: int, values: np.ndarray) -> np.ndarray:
    """Chance of each answer in each bin, shape (bins, answers).

    Parameters are level, slope and log SD of the normal variable, the curvature of its mean, the slope of its log SD,
    and the logit of the share.
    """
    mean = values[0] + values[1] * middles + values[3] * middles**2
    cuts = np.arange(answers - 1) + 0.5
    below = ndtr((cuts - mean[:, None]) * np.exp(-values[2] - values[4] * middles)[:, None])
    share = expit(values[5])
    chance = (1 - share) * np.diff(below, axis=1, prepend=0.0, append=1.0)
    chance[:, -1] += share
    return np.maximum(chance, CHANCE)
