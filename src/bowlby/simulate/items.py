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
    location : tuple of float
        Of each item's continuous answer before it is cut into categories: its mean.
    sd : float
        The same for all items: its SD.
    loading : tuple of float
        Correlation of each item's continuous answer with the latent scale.
    """

    items: tuple[int, ...]
    reverse: tuple[int, ...]
    low: int
    high: int
    location: tuple[float, ...]
    sd: float
    loading: tuple[float, ...]


def _every(start: int, stop: int, step: int) -> tuple[int, ...]:
    return tuple(range(start, stop, step))


def _around(middle: float, width: float, n: int, ratio: float) -> tuple[float, ...]:
    """Values up to ``width`` from ``middle``, evenly spread in no order: parts of multiples of an irrational number."""
    return tuple(round(middle + width * (2 * (k * ratio % 1) - 1), 3) for k in range(1, n + 1))


def _scale(items, reverse, low, high, location: float, spread: float, sd: float, loading: float) -> Scale:
    """A scale of which only the whole is published: its items differ, but which is which is arbitrary."""
    n = len(items)
    return Scale(
        items, reverse, low, high, _around(location, spread, n, 0.618034), sd, _around(loading, 0.08, n, 0.414214)
    )


CATS = {
    "secure": _scale((1, *_every(2, 33, 3), 34, 36), (1, 11, 17, 23), 1, 6, 5.27, 0.5, 1.45, 0.60),
    "avoidant_fearful": _scale((*_every(3, 34, 3), 35), (9, 27), 1, 6, 1.30, 0.5, 1.50, 0.62),
    "preoccupied_merger": _scale(_every(4, 32, 3), (), 1, 6, 2.33, 0.7, 1.65, 0.62),
}
WAI_SR = {
    "task": _scale((1, 2, 10, 12), (), 1, 5, 3.60, 0.3, 1.05, 0.81),
    "bond": _scale((3, 5, 7, 9), (), 1, 5, 4.10, 0.3, 1.05, 0.81),
    "goal": _scale((4, 6, 8, 11), (), 1, 5, 3.98, 0.3, 1.05, 0.81),
}
PHQ9 = {
    "total": Scale(
        _every(1, 10, 1),
        (),
        0,
        3,
        (1.86, 2.11, 2.24, 2.45, 1.74, 2.17, 1.92, 1.20, -0.23),
        1.1,
        (0.78, 0.84, 0.64, 0.72, 0.62, 0.77, 0.70, 0.65, 0.64),
    )
}
ECR_S_PATIENT = {
    "anxiety": _scale(_every(2, 13, 2), (8,), 1, 7, 4.15, 0.6, 1.75, 0.66),
    "avoidance": _scale(_every(1, 12, 2), (1, 5, 9), 1, 7, 3.45, 0.6, 1.70, 0.66),
}
ECR_S_THERAPIST = {
    "anxiety": _scale(_every(2, 13, 2), (8,), 1, 7, 2.75, 0.5, 1.45, 0.67),
    "avoidance": _scale(_every(1, 12, 2), (1, 5, 9), 1, 7, 2.40, 0.5, 1.35, 0.67),
}


def answer(scales: dict[str, Scale], latent: dict[str, np.ndarray], rng: np.random.Generator) -> dict[int, np.ndarray]:
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
        Item number: answers as given on the form, reversed items reversed.
    """
    answers = {}
    for name, scale in scales.items():
        theta = np.asarray(latent[name])
        for item, location, loading in zip(scale.items, scale.location, scale.loading, strict=True):
            noise = rng.standard_normal(theta.shape)
            value = location + scale.sd * (loading * theta + np.sqrt(1 - loading**2) * noise)
            keyed = np.clip(np.rint(value), scale.low, scale.high).astype(np.int8)
            answers[item] = scale.low + scale.high - keyed if item in scale.reverse else keyed
    return dict(sorted(answers.items()))


def total(scale: Scale, answers: dict[int, np.ndarray]) -> np.ndarray:
    """Sum of a scale's items after turning the reversed ones."""
    ends = scale.low + scale.high
    turned = [ends - answers[i] if i in scale.reverse else answers[i] for i in scale.items]
    return np.sum(turned, axis=0, dtype=float)
