"""Multiple membership: which levels a row belongs to, and with what weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from bowlby.errors import refusal
from bowlby.mixed import checks

DENSE = 20_000_000
"""Cells up to which weights are a full matrix; a platform's (a million patients by 25,000 therapists) never is."""


@dataclass(frozen=True)
class Membership:
    """Membership weights of patients in therapists.

    Attributes
    ----------
    weights : csr_array, shape (n_patients, n_therapists)
        A row a patient, or a row an observation of one; a row's weights sum to 1.
    columns : Index
        Therapists in sorted order.
    """

    weights: sparse.csr_array
    columns: pd.Index

    @classmethod
    def of(cls, therapists) -> Membership:
        """Of rows that belong to one therapist each, given by name."""
        codes, names = pd.factorize(np.asarray(therapists, dtype=object), sort=True)
        cells = (np.ones(len(codes)), (np.arange(len(codes)), codes))
        return cls(sparse.csr_array(cells, shape=(len(codes), len(names))), pd.Index(names, name="therapist"))

    @property
    def shape(self) -> tuple[int, int]:
        """Patients and therapists."""
        return self.weights.shape

    def to_numpy(self, dtype=float) -> np.ndarray:
        """The full matrix."""
        return self.weights.toarray().astype(dtype)

    def matrix(self) -> np.ndarray | sparse.csr_array:
        """The full matrix, or where it would be large the sparse one; :func:`within_between` takes either."""
        return self.to_numpy() if np.prod(self.shape, dtype=float) <= DENSE else self.weights

    def rows(self, chosen: np.ndarray) -> Membership:
        """The rows chosen by position (also several times) or by a mask."""
        return Membership(self.weights[chosen], self.columns)

    def main(self) -> np.ndarray:
        """Each patient's therapist with the largest weight (the first of equals), as the number of a column."""
        indptr, indices, data = self.weights.indptr, self.weights.indices, self.weights.data
        largest = np.maximum.reduceat(data, indptr[:-1])
        place = np.where(data == np.repeat(largest, np.diff(indptr)), indices, self.shape[1])
        return np.minimum.reduceat(place, indptr[:-1])

    def switching(self) -> int:
        """Number of patients with more than one therapist."""
        return int((np.diff(self.weights.indptr) > 1).sum())


def membership_matrix(value, group: str, n: int) -> tuple[sparse.csr_matrix, pd.Index]:
    """Weights (n, levels) as a sparse matrix, and the levels."""
    what = f"membership of '{group}'"
    levels = pd.Index(value.columns) if isinstance(value, (pd.DataFrame, Membership)) else None
    value = value.weights if isinstance(value, Membership) else value
    matrix = sparse.csr_matrix(value if sparse.issparse(value) else checks.floats(value, what), dtype=np.float64)
    if matrix.shape[0] != n:
        raise refusal(f"{what} has {matrix.shape[0]} rows, the data {n}", "give one row of weights per row of data")
    return matrix, pd.RangeIndex(matrix.shape[1]) if levels is None else levels


def used_weights(value, group: str, rows: np.ndarray, n: int) -> tuple[sparse.csr_matrix, pd.Index]:
    """The weights of the rows used, which must suffice to estimate a variance, and the levels."""
    matrix, levels = membership_matrix(value, group, n)
    with np.errstate(invalid="ignore"):
        matrix = matrix[rows]
    if not np.isfinite(matrix.data).all():
        raise refusal(f"membership of '{group}' has weights that are not finite", "give every used row its weights")
    matrix.eliminate_zeros()
    if not matrix.nnz:
        raise refusal(f"membership of '{group}' is 0 in every row", "give the weights of the levels")
    if len(rows) > 1 and np.bincount(matrix.indices).max() == 1:
        raise refusal(
            f"each level of '{group}' has weight in one row only",
            "its variance cannot be told from the residual's; drop the term or add rows",
        )
    return matrix, levels
