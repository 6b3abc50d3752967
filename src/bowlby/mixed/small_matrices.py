"""Algebra of matrices of a few rows by LAPACK itself, where a call costs a fifth of NumPy's."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def _lapack():
    from scipy.linalg import lapack  # here, because importing it costs a tenth of a second

    return lapack


def cholesky(matrix: np.ndarray) -> np.ndarray | None:
    """L with matrix = L L', from its lower triangle; None where it is not positive definite."""
    chol, failed = _lapack().dpotrf(matrix, lower=1)
    return None if failed else chol


def lower_inverse(chol: np.ndarray) -> np.ndarray:
    """L^-1 of a regular lower triangle."""
    return _lapack().dtrtri(chol, lower=1)[0]


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """matrix^-1 right; None where it is singular."""
    *_, out, failed = _lapack().dgesv(matrix, right)
    return None if failed else out


def eigen(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues in rising order and eigenvectors of a symmetric matrix, as :func:`numpy.linalg.eigh`."""
    values, vectors, failed = _lapack().dsyevd(matrix, lower=1)
    if failed:
        raise np.linalg.LinAlgError("the eigenvalues do not converge")
    return values, vectors
