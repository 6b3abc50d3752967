"""Splitting a variable into its part within therapists and its part between them."""

from __future__ import annotations

import numpy as np
import pandas as pd

DENSE_LIMIT = 5_000


def membership(episodes: pd.DataFrame, patients: pd.Index) -> pd.DataFrame:
    """Membership weights of patients in therapists.

    Parameters
    ----------
    episodes : DataFrame
        Columns patient, therapist, weight; the weights of a patient sum to 1.
    patients : Index
        Patients in the order of the rows wanted.

    Returns
    -------
    DataFrame, shape (n_patients, n_therapists)
        Weights; therapists in sorted order.
    """
    row = patients.get_indexer(episodes["patient"])
    known = (row >= 0) & episodes["therapist"].notna().to_numpy()
    code, therapists = pd.factorize(episodes["therapist"][known], sort=True)
    weights = np.zeros((len(patients), len(therapists)))
    np.add.at(weights, (row[known], code), episodes["weight"].to_numpy(float)[known])
    weights[~np.isin(np.arange(len(patients)), row)] = np.nan  # a patient with no therapist has no weights
    some = (np.nan_to_num(weights) != 0).any(axis=0)
    return pd.DataFrame(weights[:, some], patients, pd.Index(therapists[some], name="therapist"))


def within_between(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project a variable on therapist membership.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The variable, no missing values.
    weights : ndarray, shape (n, n_therapists)
        Membership weights W; a row of zeros and one 1 for patients of one therapist.

    Returns
    -------
    within, between : ndarray, shape (n,)
        ``(I - W W+) x`` and ``W W+ x`` less its mean. For patients of one therapist these are the deviation from
        the therapist's mean and that mean, so their sum is ``x - mean(between)``.

    Notes
    -----
    With W the dummies of therapists this is centring at the therapist mean. With switching patients the projection
    keeps the within part orthogonal to every therapist-level variable, which weighted means do not.
    """
    single = np.isclose(weights.max(axis=1), 1.0)
    if single.all():
        group = weights.argmax(axis=1)
        count = np.bincount(group, minlength=weights.shape[1])
        total = np.bincount(group, weights=values, minlength=weights.shape[1])
        fitted = (total / np.maximum(count, 1))[group]
    else:
        fitted = weights @ np.linalg.lstsq(weights, values, rcond=None)[0]
    return values - fitted, fitted - fitted.mean()
