"""Answers to items from latent scales, by a graded model with evenly spaced thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """How one scale's items answer to its latent variable.

    The keys stand here, apart from the instrument library: a user who corrects a key there must not thereby
    change data that were simulated before.

    Attributes
    ----------
    items, reverse : tuple of int
        Item numbers, and those among them that are written reversed.
    low, high : int
        Response range.
    mean, sd : float
        Of an item's continuous answer before it is cut into categories.
    loading : float
        Correlation of that answer with the latent scale.
    spread : float
        Items' means differ by up to this much from the scale's.
    """

    items: tuple[int, ...]
    reverse: tuple[int, ...]
    low: int
    high: int
    mean: float
    sd: float
    loading: float
    spread: float = 0.4


def _every(start: int, stop: int, step: int) -> tuple[int, ...]:
    return tuple(range(start, stop, step))


CATS = {
    "secure": Scale((1, *_every(2, 33, 3), 34, 36), (1, 11, 17, 23), 1, 6, 5.15, 1.35, 0.50),
    "avoidant_fearful": Scale((*_every(3, 34, 3), 35), (9, 27), 1, 6, 1.55, 1.35, 0.60),
    "preoccupied_merger": Scale(_every(4, 32, 3), (), 1, 6, 2.40, 1.50, 0.57),
}
WAI_SR = {
    "task": Scale((1, 2, 10, 12), (), 1, 5, 3.60, 1.05, 0.80),
    "bond": Scale((3, 5, 7, 9), (), 1, 5, 4.05, 1.05, 0.80),
    "goal": Scale((4, 6, 8, 11), (), 1, 5, 3.95, 1.05, 0.80),
}
PHQ9 = {"total": Scale(_every(1, 10, 1), (), 0, 3, 1.70, 1.05, 0.68, 0.6)}
ECR_S_PATIENT = {
    "anxiety": Scale(_every(2, 13, 2), (8,), 1, 7, 4.1, 1.7, 0.65),
    "avoidance": Scale(_every(1, 12, 2), (1, 5, 9), 1, 7, 3.3, 1.6, 0.65),
}
ECR_S_THERAPIST = {
    "anxiety": Scale(_every(2, 13, 2), (8,), 1, 7, 2.8, 1.5, 0.67),
    "avoidance": Scale(_every(1, 12, 2), (1, 5, 9), 1, 7, 2.4, 1.4, 0.67),
}


def answer(
    scales: dict[str, Scale], latent: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[int, np.ndarray]:
    """Draw answers.

    Parameters
    ----------
    scales : dict of Scale
    latent : dict of ndarray, each shape (n,)
        Latent scales, mean 0 and SD 1 in the population.
    rng : Generator

    Returns
    -------
    dict of ndarray
        Item number: answers as they stand on the form, reversed items reversed.
    """
    answers = {}
    for name, scale in scales.items():
        theta = np.asarray(latent[name])
        k = len(scale.items)
        offsets = scale.spread * np.linspace(-1, 1, k)[(np.arange(k) * 5 + 2) % k if k % 5 else np.arange(k)]
        loadings = scale.loading + 0.08 * np.linspace(1, -1, k)
        for item, offset, loading in zip(scale.items, offsets, loadings, strict=True):
            noise = rng.standard_normal(theta.shape)
            value = scale.mean + offset + scale.sd * (loading * theta + np.sqrt(1 - loading**2) * noise)
            keyed = np.clip(np.rint(value), scale.low, scale.high).astype(np.int8)
            answers[item] = scale.low + scale.high - keyed if item in scale.reverse else keyed
    return dict(sorted(answers.items()))


def total(scale: Scale, answers: dict[int, np.ndarray]) -> np.ndarray:
    """Sum of a scale's items after turning the reversed ones."""
    ends = scale.low + scale.high
    turned = [ends - answers[i] if i in scale.reverse else answers[i] for i in scale.items]
    return np.sum(turned, axis=0, dtype=float)
