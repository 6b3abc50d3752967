"""E5: which predictor improves prediction for the patients of a therapist not seen before."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats
from scipy.sparse.csgraph import connected_components

LEAVE_ONE_OUT = 60
FOLDS = 10


def components(membership: pd.DataFrame, patients: pd.Series) -> np.ndarray:
    """Group of each patient: therapists linked by a patient who switched are left out together.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    p, t = pd.factorize(membership["patient"])[0], pd.factorize(membership["therapist"], sort=True)[0]
    n, j = p.max() + 1, t.max() + 1
    graph = sparse.coo_matrix((np.ones(len(p)), (p, n + t)), shape=(n + j, n + j))
    label = connected_components(graph, directed=False)[1][:n]
    by_patient = pd.Series(label, index=pd.unique(membership["patient"]))
    return pd.factorize(by_patient.loc[patients].to_numpy(), sort=True)[0]


def folds(group: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Row masks to leave out: each group once, or ten parts of the groups where there are more than 60."""
    n = group.max() + 1
    part = np.arange(n) if n <= LEAVE_ONE_OUT else rng.permutation(n) % FOLDS
    return [np.isin(group, np.flatnonzero(part == k)) for k in range(part.max() + 1)]


def out_of_sample(errors: dict[str, np.ndarray], group: np.ndarray) -> dict:
    """Compare squared prediction errors of models on rows that were left out.

    Parameters
    ----------
    errors : dict of ndarray, shape (n,)
        Squared errors of ``m0``, ``m_p`` and ``m_t``.
    group : ndarray of int, shape (n,)
        Therapist, or therapists linked by switching.

    Returns
    -------
    dict
        q2 of each predictor (``1 - SSE / SSE of M0``), and the mean over therapists of the gain in squared error of
        perceived attachment less that of style, with its 95 % t interval: in squared outcome units, therapists equal.
    """
    gain = {m: errors["m0"] - errors[m] for m in ("m_p", "m_t")}
    n = np.bincount(group)
    by_therapist = np.bincount(group, weights=gain["m_p"] - gain["m_t"]) / n
    mean, j = float(by_therapist.mean()), len(n)
    half = stats.t.ppf(0.975, j - 1) * by_therapist.std(ddof=1) / np.sqrt(j)
    return {
        "q2": {
            "perceived": 1 - float(errors["m_p"].sum() / errors["m0"].sum()),
            "style": 1 - float(errors["m_t"].sum() / errors["m0"].sum()),
        },
        "difference": mean,
        "difference_ci": [mean - half, mean + half],
        "therapists": j,
    }
