"""Variances of which fixed effects leave nothing, as that of therapists where each therapist is a predictor too."""

from __future__ import annotations

import numpy as np

from bowlby.errors import UserError, problem
from bowlby.mixed.crossproducts import Reduced

_NOTHING = 1e-10


def check_reduced(data: Reduced) -> None:
    """Stop where the columns of a random effect are all combinations of predictors.

    Of each column z of Z the part that predictors leave is z'z - z'X (X'X)^-1 X'z.

    Raises
    ------
    UserError
        One line for each such variance.
    """
    lines = []
    for f, factor in enumerate(data.factors):
        if data.p < int(factor.named.sum()):
            continue
        for a, label in enumerate(factor.labels):
            zx, zz = _products(data, f, a)
            left = zz - np.einsum("lj,lj->l", zx, np.linalg.solve(data.xx[:-1, :-1], zx.T).T)
            if left.sum() <= _NOTHING * zz.sum():
                lines.append(problem(f"the variance of '{label}' between levels of '{factor.name}' cannot be "
                                     "estimated: its levels are predictors too", "drop the random or the fixed effect"))
    if lines:
        raise UserError(lines)


def _products(data: Reduced, f: int, a: int) -> tuple[np.ndarray, np.ndarray]:
    """z'X (levels, p) and z'z (levels,) of effect a of factor number f."""
    if data.has_inner and f == 0:
        return data.zx[a, :-1].T, data.s[a, a]
    outer = f - data.has_inner
    columns, place = data.select[outer][a], data.place[outer]
    zx = data.bx[:, columns, :-1].reshape(-1, data.p)[place]
    return zx, data.cc.diagonal(axis1=1, axis2=2)[:, columns].ravel()[place]
