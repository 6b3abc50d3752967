"""The feasible oracle: the same contrasts with the true variance ratios, the bar that power is measured by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.compare.verdict import Effect, claim_more, claim_negligible, claim_slope
from bowlby.design.frame import AnalysisSet
from bowlby.simulate.truth import Variances


def oracle_claims(
    variances: tuple[Variances, Variances], primary: AnalysisSet, perceived: AnalysisSet, delta: float
) -> dict[str, bool]:
    """Which claims the oracle supports in one study.

    Generalised least squares with the true ratio of every variance to the residual one; the residual variance is
    estimated, and all tests have J - 1 - k_T degrees of freedom, k_T being the columns that vary between therapists
    alone.

    Parameters
    ----------
    variances : tuple of Variances
        Around M1, and around the models of perceived attachment.
    primary, perceived : AnalysisSet
        As of :func:`bowlby.design.primary.analysis_set`.
    delta : float
        Equivalence bound.

    Returns
    -------
    dict of bool
        By ``oracle_`` and the claim.
    """
    therapists = primary.membership["therapist"].nunique()
    m1 = _Gls(primary, ["a_star_w", "s_star", "pre_w", "pre_b"], variances[0])
    effect = {name: m1.effect(weights, therapists - 3) for name, weights in (
        ("P", [1, 0]), ("T", [0, 1]), ("P-T", [1, -1]), ("P+T", [1, 1]))}  # fmt: skip
    scales = [f"z_{scale}_w" for scale in perceived.design["scaling"]["z"]["scales"]]
    between = [f"{name[:-2]}_b" for name in scales]
    columns = ["s_star", *scales, *between, "pre_w", "pre_b"]
    therapists = perceived.membership["therapist"].nunique()
    a = _Gls(perceived, columns, variances[1])
    own = _Gls(perceived, ["z_star_w", "z_star_b", "s_star", "pre_w", "pre_b"], variances[1])
    felt = {"T_A": a.effect([1], therapists - 3 - len(between)), "Z": own.effect([1], therapists - 4)}
    return supported(effect | felt, delta)


def supported(effect: dict[str, Effect], delta: float) -> dict[str, bool]:
    """Which claims hold by the rules, given the oracle's effects."""
    verdicts = {
        "C1": claim_slope(effect["P"], delta, "P"),
        "C2": claim_more(effect["P-T"], effect["P+T"]),
        "C3": claim_negligible(effect["T"], delta),
        "C4": claim_negligible(effect["T_A"], delta, "T_A"),
        "C5": claim_slope(effect["Z"], delta, "Z"),
    }
    return {f"oracle_{claim}": verdict["verdict"] == "supported" for claim, verdict in verdicts.items()}


class _Gls:
    """A regression whose covariance is known up to a factor; the intercept comes last."""

    def __init__(self, rows: AnalysisSet, columns: list[str], variances: Variances):
        data = rows.data
        x = np.column_stack([data[columns].to_numpy(float), np.ones(len(data))])
        y = data["y"].to_numpy(float)
        slope = data["a_star_w"].to_numpy(float) if variances.slope else None
        z, ratio = random_columns(membership_matrix(rows), variances, slope, data.get("unit"))
        right = np.column_stack([x, y])
        inner = np.diag(1 / ratio) + z.T @ z
        whitened = right - z @ np.linalg.solve(inner, z.T @ right)
        cross = right.T @ whitened
        p = x.shape[1]
        self.inverse = np.linalg.inv(cross[:p, :p])
        self.slopes = self.inverse @ cross[:p, p]
        self.variance = float(cross[p, p] - self.slopes @ cross[:p, p]) / (len(y) - p)

    def effect(self, weights: list[float], df: int) -> Effect:
        c = np.zeros(len(self.slopes))
        c[: len(weights)] = weights
        return Effect(float(c @ self.slopes), float(np.sqrt(self.variance * (c @ self.inverse @ c))), df)


def membership_matrix(rows: AnalysisSet) -> np.ndarray:
    """Shares of patients (rows of the set) in therapists, shape (n, J)."""
    member = rows.membership
    patient = pd.Index(rows.data["patient"]).get_indexer(member["patient"])
    therapist, names = pd.factorize(member["therapist"])
    shares = np.zeros((len(rows.data), len(names)))
    shares[patient, therapist] = member["weight"].to_numpy(float)
    return shares


def random_columns(
    shares: np.ndarray, variances: Variances, slope: np.ndarray | None, unit: pd.Series | None
) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the random effects and the ratio of their variances to the residual one."""
    parts = [(shares, variances.therapist + variances.mean / (shares**2).sum(axis=0))]
    if slope is not None:
        parts.append((shares * slope[:, None], np.full(shares.shape[1], variances.slope)))
    if unit is not None and variances.unit:
        codes, names = pd.factorize(unit)
        parts.append((np.eye(len(names))[codes], np.full(len(names), variances.unit)))
    return np.column_stack([z for z, _ in parts]), np.concatenate([v for _, v in parts]) / variances.residual
