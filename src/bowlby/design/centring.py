"""Splitting a variable into its part within therapists and its part between them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from bowlby.mixed.components import connected
from bowlby.mixed.membership import Membership


def membership(episodes: pd.DataFrame, patients: pd.Index) -> Membership:
    """Membership weights of patients in therapists.

    Parameters
    ----------
    episodes : DataFrame
        Columns patient, therapist, weight; the weights of a patient sum to 1.
    patients : Index
        Patients in the order of the rows wanted, each with an episode.

    Returns
    -------
    Membership
    """
    rows = pd.Index(patients).get_indexer(episodes["patient"])
    used = (rows >= 0) & episodes["therapist"].notna().to_numpy() & (episodes["weight"].to_numpy(float) != 0)
    codes, therapists = pd.factorize(episodes["therapist"][used].astype(object), sort=True)
    cells = (episodes["weight"].to_numpy(float)[used], (rows[used], codes))
    weights = sparse.csr_array(cells, shape=(len(patients), len(therapists)))
    weights.sum_duplicates()
    return Membership(weights, pd.Index(therapists, name="therapist"))


def among(ids: pd.Series | pd.Index, known: pd.Series | pd.Index) -> np.ndarray:
    """Whether each id is one of the known ones, by a hash table; pandas' ``isin`` goes through known texts singly."""
    return pd.Index(known).unique().get_indexer(pd.Index(ids)) >= 0


def within_between(values: np.ndarray, weights: np.ndarray | sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Project one or more variables on therapist membership.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, k)
        The variables, no missing values.
    weights : ndarray or csr_array, shape (n, n_therapists)
        Membership weights W; a row of zeros and one 1 for patients of one therapist.

    Returns
    -------
    within, between : ndarray, as `values`
        ``(I - W W+) x`` and ``W W+ x`` less its mean. For patients of one therapist these are the deviation from
        the therapist's mean and that mean, so their sum is ``x - mean(between)``.

    Notes
    -----
    With W the dummies of therapists this is centring at the therapist mean. With switching patients the projection
    keeps the within part orthogonal to every therapist-level variable, which weighted means do not.
    """
    fitted = weights @ means(values, weights)
    spread = np.abs(values - values.mean(axis=0)).max(axis=0, initial=0.0)
    least = 1e-10 * spread + 1e-14 * np.abs(values).max(axis=0, initial=0.0)

    def unrounded(part: np.ndarray) -> np.ndarray:
        # What is all rounding is 0 and left out of a model; noise would count as a predictor like any other.
        return np.where(np.abs(part).max(axis=0, initial=0.0) > least, part, 0.0)

    return unrounded(values - fitted), unrounded(fitted - fitted.mean(axis=0))


def means(values: np.ndarray, weights: np.ndarray | sparse.csr_array) -> np.ndarray:
    """Least-squares value of each therapist, ``W+ x``: the mean where nobody switches.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, k)
    weights : ndarray or csr_array, shape (n, n_therapists)

    Returns
    -------
    ndarray, shape (n_therapists,) or (n_therapists, k)
    """
    whole = isinstance(weights, np.ndarray)
    most = weights.max(axis=1)
    if np.isclose(most if whole else most.toarray().ravel(), 1.0).all():
        group = weights.argmax(axis=1) if whole else Membership(weights, pd.RangeIndex(weights.shape[1])).main()
        count = np.maximum(np.bincount(group, minlength=weights.shape[1]), 1)
        return _by_column(lambda x: np.bincount(group, weights=x, minlength=len(count)) / count, values)
    if whole:
        return np.linalg.lstsq(weights, values, rcond=None)[0]
    # least squares of smallest norm by conjugate gradients; exact to rounding, whatever the pattern of switching
    return _by_column(
        lambda x: sparse.linalg.lsmr(weights, x, atol=1e-15, btol=1e-15, conlim=0, maxiter=10_000)[0], values
    )


def _by_column(of, values: np.ndarray) -> np.ndarray:
    """A function of one variable, of each column."""
    return of(values) if values.ndim == 1 else np.column_stack([of(x) for x in values.T])


def components(membership: pd.DataFrame, patients: pd.Series) -> np.ndarray:
    """Group of each patient: therapists linked by a patient who switched are left out together.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    p, t = pd.factorize(membership["patient"])[0], pd.factorize(membership["therapist"], sort=True)[0]
    label, _ = connected(p, t, (p.max() + 1, t.max() + 1))
    by_patient = pd.Series(label, index=pd.unique(membership["patient"]))
    return pd.factorize(by_patient.loc[patients].to_numpy(), sort=True)[0]
