"""Predictors, random-effect columns and outcome in internal units, so that no unit of measurement can harm the algebra.

Predictors are centred (when there is an intercept, or columns that sum to one) and scaled to unit root mean square,
random-effect columns are scaled, and the outcome is centred and scaled; :class:`Scaling` undoes all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowlby.mixed.frame import Factor

_FAR = 0.1  # SD of a slope's column over its mean, below which the column is centred


@dataclass(frozen=True)
class Slopes:
    """z_internal = (z - shift) / scale, (q,) each, of the random-effect columns of one factor.

    A column whose values lie far from 0, such as a calendar day, is centred where its slope may covary with an
    intercept: both forms are the same model, but off centre the two effects are all but the same one.
    """

    shift: np.ndarray
    scale: np.ndarray
    to_user: np.ndarray
    """T (q, q) with u = T u_internal, so that Cov(u) = T Cov(u_internal) T'."""

    @classmethod
    def of(cls, factor: Factor, n: int) -> Slopes:
        q = len(factor.basis)
        shift, scale = np.zeros(q), np.ones(q)
        for positions, correlated in factor.blocks:
            may_shift = correlated and any(factor.basis[k] is None for k in positions)
            for k in positions:
                column = factor.basis[k]
                if column is None:
                    continue
                mean, size = float(column.mean()), float(np.sqrt(column @ column / n))
                if may_shift and size**2 - mean**2 < (_FAR * mean) ** 2:
                    shift[k] = mean
                    size = float(np.sqrt(np.mean((column - mean) ** 2)))
                scale[k] = size
        to_user = np.diag(1 / scale)
        if shift.any():
            one = next(k for k, column in enumerate(factor.basis) if column is None)
            to_user[one] -= shift / scale
        return cls(shift, scale, to_user)

    def columns(self, factor: Factor, root_w) -> list[np.ndarray | None]:
        """Internal columns (n,) of a factor, weights applied; None stands for ones."""
        out = []
        for column, shift, scale in zip(factor.basis, self.shift, self.scale):
            z = root_w if column is None else (column - shift if shift else column) / scale
            out.append(z if root_w is None or column is None else z * root_w)
        return out

    def covariance(self, internal: np.ndarray) -> np.ndarray:
        """(..., q, q) in the units of the given columns."""
        return self.to_user @ internal @ self.to_user.T


@dataclass(frozen=True)
class Scaling:
    """x_internal = ((x - shift X level) / scale) mix and y_internal = (y - offset - y_shift X level) / y_scale.

    `level` (p,) are the predictors that sum to the constant: the intercept, or the columns of a category without one;
    zeros where none do. `mix` (p, p) is the identity unless predictors are nearly collinear, when it makes them
    orthogonal. `slopes` has for each factor how its random-effect columns are centred and scaled.
    """

    x_shift: np.ndarray
    x_scale: np.ndarray
    x_mix: np.ndarray
    slopes: list[Slopes]
    y_shift: float
    y_scale: float
    level: np.ndarray

    def matrix(self) -> np.ndarray:
        """T (p, p) with beta = y_scale T beta_internal + y_shift level."""
        return (np.diag(1 / self.x_scale) - np.outer(self.level, self.x_shift / self.x_scale)) @ self.x_mix

    def log_det(self) -> float:
        """log |det| of the map from internal to given predictors; enters the REML likelihood."""
        return float(np.log(self.x_scale).sum()) - float(np.log(np.abs(np.diagonal(self.x_mix))).sum())


def level_column(x, level: np.ndarray) -> np.ndarray | float:
    """X level of predictors x, a list of columns (n,) or None for ones; 1.0 for an intercept, 0.0 where level is 0."""
    at = np.flatnonzero(level)
    if not at.size:
        return 0.0
    return 1.0 if x[at[0]] is None else sum(level[k] * x[k] for k in at)


def centre(v: np.ndarray, column: np.ndarray | float) -> float:
    """How often `column` lies in v by least squares; of an intercept's column the mean of v."""
    if isinstance(column, float):
        return float(v.mean()) if column else 0.0
    return float(column @ v) / float(column @ column)


def scale_outcome(y, offset, column, root_w):
    """Internal outcome (n,) with its shift and scale, `column` from :func:`level_column`; weights come last."""
    v = y if offset is None else y - offset
    shift = centre(v, column)
    v = v - shift * column
    scale = float(np.sqrt(v @ v / len(v))) or 1.0
    v /= scale
    return (v if root_w is None else v * root_w), shift, scale
