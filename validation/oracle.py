"""The feasible oracle: the same contrasts with the true variance ratios, the bar that power is measured by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.compare.claims import decide_claims
from bowlby.design.frame import AnalysisSet
from bowlby.effect import Effect
from bowlby.simulate.batched_analysis import C4, C5, CONTRASTS, M1, Analysis
from bowlby.simulate.batched_models import Model
from bowlby.simulate.study_analysis import DELTA
from bowlby.terms import P
from validation.scenario_truth import Variances

MODELS = {"m1": M1, "c4": C4, "c5": C5}
OF_THERAPISTS = {"m1": 2, "c4": 4, "c5": 3}
"""Columns of each model that vary between therapists alone."""


class OracleValidator:
    """Adds which claims the oracle supports (``oracle_C1`` to ``oracle_C5``) to the rows of simulated studies.

    Generalised least squares with the true ratio of every variance to the residual one; the residual variance is
    estimated, and all tests have J - 1 - k degrees of freedom, k being the columns that vary between therapists alone.

    Parameters
    ----------
    variances : tuple of Variances
        Around M1, and around the models of perceived attachment.
    delta : float
        Equivalence bound.
    """

    def __init__(self, variances: tuple[Variances, Variances], delta: float = DELTA):
        self.variances = {"m1": variances[0], "c4": variances[1], "c5": variances[1]}
        self.delta = delta

    def batch(self, analysis: Analysis, claims: list[dict | None]) -> list[dict]:
        models = {name: getattr(analysis, name) for name in MODELS}
        fits = {name: of_studies(model, self.variances[name]) for name, model in models.items()}
        df = {name: model.rows.present - 1 - OF_THERAPISTS[name] for name, model in models.items()}
        name_of = {model: name for name, model in models.items()}
        effects = {}
        for effect, (model, c) in analysis.contrasts().items():
            estimate, se = fits[name_of[model]].effect(c)
            numbers = zip(estimate * model.y_size, se * model.y_size, df[name_of[model]], strict=True)
            effects[effect] = [Effect(*map(float, values)) for values in numbers]
        return [self._supported({name: e[k] for name, e in effects.items()}) for k in range(len(claims))]

    def single(self, primary: AnalysisSet, perceived: AnalysisSet, claims: dict[str, dict]) -> dict:
        effects = {}
        for name, rows, contrasts in (("m1", primary, CONTRASTS), ("c4", perceived, {"T_A": (1,)}),
                                      ("c5", perceived, {"Z": (1,)})):  # fmt: skip
            fit = of_set(rows, MODELS[name], self.variances[name])
            df = rows.membership["therapist"].nunique() - 1 - OF_THERAPISTS[name]
            for effect, weights in contrasts.items():
                c = np.zeros((1, len(MODELS[name]) + 1))
                c[0, : len(weights)] = weights
                estimate, se = fit.effect(c)
                effects[effect] = Effect(float(estimate[0]), float(se[0]), df)
        return self._supported(effects)

    def _supported(self, effects: dict[str, Effect]) -> dict[str, bool]:
        claims = decide_claims(effects, self.delta)
        return {f"oracle_{name}": claim["verdict"] == "supported" for name, claim in claims.items()}


class LeastSquares:
    """Generalised least squares in R studies, each covariance known up to a factor.

    Random effects come in B blocks of q that share no row; ``[X y]`` has p + 1 columns.

    Parameters
    ----------
    xx : ndarray (R, p + 1, p + 1)
        Cross-products of ``[X y]``.
    zx, zz : ndarray (R, B, q, p + 1), (R, B, q, q)
        Cross-products of the random effects' columns with ``[X y]`` and with themselves.
    ratio : ndarray (R, B, q)
        Variance of each random effect over the residual one.
    n : ndarray (R,) or int
        Rows.
    """

    def __init__(self, xx, zx, zz, ratio, n):
        p = xx.shape[-1] - 1
        inner = np.linalg.inv(zz + np.eye(zz.shape[-1]) / ratio[..., None])
        cross = xx - (zx.transpose(0, 1, 3, 2) @ (inner @ zx)).sum(axis=1)
        self.inverse = np.linalg.inv(cross[:, :p, :p])
        self.slopes = (self.inverse @ cross[:, :p, p:])[..., 0]
        self.variance = (cross[:, p, p] - (self.slopes * cross[:, :p, p]).sum(axis=1)) / (n - p)

    def effect(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Estimates and standard errors (R,) of contrasts (R, p)."""
        spread = ((self.inverse @ c[..., None])[..., 0] * c).sum(axis=1)
        return (c * self.slopes).sum(axis=1), np.sqrt(self.variance * spread)


def of_studies(model: Model, variances: Variances) -> LeastSquares:
    """Of a model in every study, on its internal scale; a therapist is a block."""
    rows = model.rows
    q, p = (2 if variances.slope else 1), model.xx.shape[1] - 1
    load = np.maximum(rows.load.reshape(rows.count, -1), 1)
    ratio = np.empty((*load.shape, q))
    ratio[..., 0] = (variances.therapist + variances.mean / load) / variances.residual
    if variances.slope:  # of the scaled column
        unit = np.sqrt(np.bincount(rows.study, weights=rows.columns[P] ** 2) / rows.n)
        ratio[..., 1] = (variances.slope * unit**2 / variances.residual)[:, None]
    zx, zz = (part[:, :, :q].transpose(0, 3, 2, 1) for part in (model.z[:, : p + 1], model.z[:, p + 1 : p + 1 + q]))
    return LeastSquares(model.xx, zx, zz, ratio, rows.n)


def of_set(rows: AnalysisSet, columns: list[str], variances: Variances) -> LeastSquares:
    """Of one analysis set, all random effects being one block; the intercept comes last."""
    data = rows.data
    right = np.column_stack([data[columns].to_numpy(float), np.ones(len(data)), data["y"].to_numpy(float)])
    z, ratio = random_columns(rows, variances)
    zx, zz = (z.T @ right)[None, None], (z.T @ z)[None, None]
    return LeastSquares((right.T @ right)[None], zx, zz, ratio[None, None], len(data))


def random_columns(rows: AnalysisSet, variances: Variances) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the random effects and the ratio of their variances to the residual one."""
    shares = membership_matrix(rows)
    parts = [(shares, variances.therapist + variances.mean / (shares**2).sum(axis=0))]
    if variances.slope:
        slope = rows.data[P].to_numpy(float)
        parts.append((shares * slope[:, None], np.full(shares.shape[1], variances.slope)))
    if "unit" in rows.data and variances.unit:
        codes, names = pd.factorize(rows.data["unit"])
        parts.append((np.eye(len(names))[codes], np.full(len(names), variances.unit)))
    return np.column_stack([z for z, _ in parts]), np.concatenate([v for _, v in parts]) / variances.residual


def membership_matrix(rows: AnalysisSet) -> np.ndarray:
    """Shares of patients (rows of the set) in therapists, shape (n, J)."""
    member = rows.membership
    patient = pd.Index(rows.data["patient"]).get_indexer(member["patient"])
    therapist, names = pd.factorize(member["therapist"])
    shares = np.zeros((len(rows.data), len(names)))
    shares[patient, therapist] = member["weight"].to_numpy(float)
    return shares
