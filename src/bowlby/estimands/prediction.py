"""E5: which predictor improves prediction for the patients of a therapist not seen before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

LEAVE_ONE_OUT = 60
FOLDS = 10
REPEATS = 10
LARGE = 20_000
"""Patients beyond whom one division is enough, and ten would take minutes."""


@dataclass(frozen=True)
class Fold:
    """Therapists left out together.

    Attributes
    ----------
    unseen : ndarray of bool, shape (n,)
        Patients whom the models must not see: all who were with one of these therapists, also for some sessions.
    judged : ndarray of bool, shape (n,)
        Patients predicted: those who had most of their sessions with one of them.
    """

    unseen: np.ndarray
    judged: np.ndarray


def folds(data: pd.DataFrame, membership: pd.DataFrame, rng: np.random.Generator) -> list[list[Fold]]:
    """Each therapist out in turn; of more than 60 therapists ten parts, in ten divisions (one of very large studies).

    Parameters
    ----------
    data : DataFrame
        Columns patient, therapist (the one with most sessions).
    membership : DataFrame
        Columns patient, therapist, weight.
    """
    seen, names = pd.factorize(membership["therapist"], sort=True)
    if len(names) <= LEAVE_ONE_OUT:
        divisions = [np.arange(len(names))]
    else:
        repeats = REPEATS if len(data) <= LARGE else 1
        divisions = [rng.permutation(len(names)) % FOLDS for _ in range(repeats)]
    patient = pd.Index(data["patient"]).get_indexer(membership["patient"])
    main = pd.Index(names).get_indexer(data["therapist"])

    def fold(part: np.ndarray, k: int) -> Fold:
        unseen = np.zeros(len(data), bool)
        unseen[patient[part[seen] == k]] = True
        return Fold(unseen, part[main] == k)

    return [[fold(part, k) for k in range(part.max() + 1)] for part in divisions]


def out_of_sample(errors: list[list[pd.DataFrame]], therapist: pd.Series | np.ndarray) -> dict:
    """Compare squared prediction errors of models on patients that were left out.

    Parameters
    ----------
    errors : list of list of DataFrame
        By division and fold: squared errors of ``m0``, ``m_p`` and ``m_t``, index the rows predicted.
    therapist : Series or ndarray, shape (n,)
        Therapist of each row.

    Returns
    -------
    dict
        q2 of each predictor (``1 - SSE / SSE of M0``, divisions pooled), and the mean over therapists of the gain in
        squared error of perceived attachment less that of style, with its 95% t interval: in squared outcome units,
        therapists equal.

    Notes
    -----
    With several divisions of K folds the variance of the mean is that of the fold means times ``1/m + 1/(K - 1)``, m
    the number of folds in all (Nadeau & Bengio 2003, Mach Learn 52:239-281), as the models share most of their rows.
    """
    therapist = pd.factorize(therapist, sort=True)[0]  # groups of texts take longer
    every = pd.concat([fold for division in errors for fold in division])
    sums = every.sum()
    gain = (every["m_t"] - every["m_p"]).groupby(therapist[every.index.to_numpy()]).mean()
    mean, j = float(gain.mean()), len(gain)
    if len(errors) == 1:
        half = stdtrit(j - 1, 0.975) * float(gain.std(ddof=1)) / np.sqrt(j)
    else:
        parts = [_mean_gain(fold, therapist) for division in errors for fold in division]
        m = len(parts)
        half = stdtrit(m - 1, 0.975) * np.std(parts, ddof=1) * np.sqrt(1 / m + 1 / (len(errors[0]) - 1))
    return {
        "q2": {"perceived": 1 - float(sums["m_p"] / sums["m0"]), "style": 1 - float(sums["m_t"] / sums["m0"])},
        "difference": mean,
        "difference_ci": [mean - float(half), mean + float(half)],
        "therapists": j,
        "divisions": len(errors),
    }


def _mean_gain(fold: pd.DataFrame, therapist: np.ndarray) -> float:
    return float((fold["m_t"] - fold["m_p"]).groupby(therapist[fold.index.to_numpy()]).mean().mean())
