"""One model fitted to many studies side by side, each with rows and therapists of its own.

For simulated studies by the thousand: patients have one therapist, random effects are uncorrelated and of therapists
alone. The criterion, the descent and Kenward-Roger are those of every other fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from bowlby.mixed.covariance_parameters import Parameters
from bowlby.mixed.kenward_roger import (
    Information,
    adjusted_covariance,
    assemble,
    inverses,
    kenward_roger_f,
    one_df,
    without,
)
from bowlby.mixed.newton_batch import Replicates, Search, relative_covariances
from bowlby.mixed.random_effect_units import OwnUnits
from bowlby.terms import BETWEEN, WITHIN, column


class Studies:
    """Rows of many studies, one study after the other, and their columns by name.

    Parameters
    ----------
    study : ndarray of int, shape (n,)
        Number of each row's study, ascending.
    therapist : ndarray of int, shape (n,)
        Number of the row's therapist within the study.
    therapists : int
        Most therapists that a study has.
    """

    def __init__(self, study: np.ndarray, therapist: np.ndarray, therapists: int):
        self.study, self.therapists, self.count = study, therapists, int(study[-1]) + 1
        self.group = study * therapists + therapist
        self.bounds = np.searchsorted(study, np.arange(self.count + 1))
        self.n = np.diff(self.bounds)
        self.load = np.bincount(self.group, minlength=self.count * therapists)
        self.columns: dict[str, np.ndarray] = {}

    @property
    def present(self) -> np.ndarray:
        """Therapists with rows, by study."""
        return (self.load.reshape(self.count, -1) > 0).sum(axis=1)

    def of_studies(self, values: np.ndarray) -> np.ndarray:
        """Mean of each study, on its rows."""
        return (np.bincount(self.study, weights=values) / self.n)[self.study]

    def split(self, name: str, values: np.ndarray) -> None:
        """Add a column's parts within and between therapists, as :func:`bowlby.design.centring.within_between`."""
        means = np.bincount(self.group, weights=values, minlength=len(self.load)) / np.maximum(self.load, 1)
        between = means[self.group]
        self.columns[column(name, level=WITHIN)] = values - between
        self.columns[column(name, level=BETWEEN)] = between - self.of_studies(between)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum over each therapist's rows, (studies, therapists)."""
        return np.bincount(self.group, weights=values, minlength=len(self.load)).reshape(self.count, -1)


class Model:
    """Cross-products of one model in every study.

    Parameters
    ----------
    rows : Studies
    outcome : str
    fixed : list of str
        Columns besides the intercept.
    slopes : list of str
        Columns whose slopes vary between therapists besides the intercept, uncorrelated.
    known_zero : tuple of str
        Those of them whose variance counts as known where it is estimated as 0.

    Attributes
    ----------
    xx : ndarray (R, m, m)
        Of intercept, fixed effects and outcome, m = p + 1; centred and scaled in each study.
    z : ndarray (R, m + q, q, J)
        Z'[X y Z] of each therapist.
    size, y_size : ndarray (R, p), (R,)
        Scales of the columns.
    """

    def __init__(
        self, rows: Studies, outcome: str, fixed: list[str], slopes: list[str], known_zero: tuple[str, ...] = ()
    ):
        self.rows, self.names, self.random = rows, ["Intercept", *fixed], ["Intercept", *slopes]
        self.q = len(self.random)
        blocks = [([k], False) for k in range(self.q)]
        factor = SimpleNamespace(labels=self.random, blocks=blocks, known_zero=known_zero)
        self.parameters = Parameters([factor])
        columns, size = [np.ones(len(rows.study))], [np.ones(rows.count)]
        for name in [*fixed, outcome]:
            centred = rows.columns[name] - rows.of_studies(rows.columns[name])
            columns.append(self._unit(centred, size))
        random = [columns[0], *(self._unit(rows.columns[name], []) for name in slopes)]
        self.size, self.y_size = np.column_stack(size[:-1]), size[-1]
        table = np.column_stack(columns)
        self.xx = np.stack([table[a:b].T @ table[a:b] for a, b in pairwise(rows.bounds)])
        self.z = np.stack([np.stack([rows.sums(r * c) for r in random], axis=1) for c in [*columns, *random]], axis=1)

    def _unit(self, values: np.ndarray, size: list) -> np.ndarray:
        """Values over their root mean square in each study, which is appended to `size`."""
        size.append(np.sqrt(np.bincount(self.rows.study, weights=values**2) / self.rows.n))
        return values / size[-1][self.rows.study]

    def vector(self, weights: dict[str, float]) -> np.ndarray:
        """A contrast on the internal scale, (R, p)."""
        return np.array([weights.get(name, 0.0) for name in self.names]) / self.size

    def fit(self) -> Fits:
        """REML in every study."""
        parameters, (count, m, _) = self.parameters, self.xx.shape
        dof = (self.rows.n - (m - 1)).astype(float)
        units = OwnUnits(self.q, parameters)
        best, singular = Search(Replicates(parameters, [units], self.xx, [self.z], [None], dof, True, count)).fit()
        sigma2 = best.point.r2 / dof
        delta = relative_covariances(parameters, best.theta)
        names = [*self.random, "residual"]
        info = assemble(self.rows.n, delta, sigma2, best.point.phi, best.point.mom, True, names)
        info = without(info, parameters.known_zero & (delta == 0))
        good = best.good & np.isfinite(best.point.deviance)
        info.expected[~good] = np.eye(parameters.count + 1)
        w, regular = inverses(info)
        return Fits(self, best.point.beta, delta, info, w, adjusted_covariance(info, w), singular, good & regular)


@dataclass
class Fits:
    """Fits of a model to every study; `good` says which could be fitted and tested.

    `delta` (R, q) are the variances between therapists over the residual variance, of the columns as they are scaled.
    """

    model: Model
    beta: np.ndarray
    delta: np.ndarray
    info: Information
    w: np.ndarray
    phi: np.ndarray
    singular: np.ndarray
    good: np.ndarray

    def effect(self, c: np.ndarray) -> np.ndarray:
        """Estimate, Kenward-Roger's standard error and df (R, 3) of contrasts c (R, p) on the internal scale."""
        size = self.model.y_size
        se = np.sqrt(((self.phi @ c[..., None])[..., 0] * c).sum(axis=-1))
        return np.column_stack([(c * self.beta).sum(axis=-1) * size, se * size, one_df(self.info, c, self.w)])

    def joint(self, names: list[str]) -> list[tuple[float, float, float]]:
        """Kenward-Roger F, denominator df and scale of a block's joint test, by study."""
        at = [self.model.names.index(name) for name in names]
        rows, out, variances = np.eye(self.beta.shape[1])[at], [], [*self.model.random, "residual"]
        for k in range(len(self.beta)):
            i = self.info
            own = Information(i.phi[k], i.b[k], i.q[k], i.expected[k], i.observed[k], variances)
            out.append(kenward_roger_f(own, rows, self.beta[k, at], self.phi[k]))
        return out
