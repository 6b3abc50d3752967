"""Simulated studies by the thousand: the numbers of ``testbed``, for many studies side by side.

Studies in which patients have one therapist and are treated alone are drawn, split into levels, fitted and tested
together; that is some twenty times as fast as one by one. Others, and any that cannot be fitted here, go the way of
every study. Both ways give the same numbers to rounding, which the tests check.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import special

from bowlby.compare.verdict import ALPHA, Effect, claim_slope
from bowlby.fit.models import sloped
from bowlby.simulate.batched_models import Model, Studies
from bowlby.simulate.latent import W_PERCEIVED, W_STYLE
from bowlby.simulate.latent import composite as weighted
from bowlby.simulate.oracle import supported
from bowlby.simulate.scenarios import Scenario, scenario
from bowlby.simulate.shown import like_for_like_columns, small, unqualified
from bowlby.simulate.testbed import DELTA, SCALES, Drawn, Replicate, drawn, row_of, size, study_claims, validated_study
from bowlby.simulate.truth import Variances, outcome_variances, perceived_variances, references

M1 = ["a_star_w", "s_star", "pre_w", "pre_b"]
Z_W = [f"z_{scale}_w" for scale in SCALES["z"]]
C4 = ["s_star", *Z_W, *(f"z_{scale}_b" for scale in SCALES["z"]), "pre_w", "pre_b"]
C5 = ["z_star_w", "z_star_b", "s_star", "pre_w", "pre_b"]
CONTRASTS = {"P": (1, 0), "T": (0, 1), "P-T": (1, -1), "P+T": (1, 1)}
ROWS = 150_000
"""Patients of the studies that are analysed together."""


def studies(
    case: str | Scenario, design: str, seed: int, numbers: Iterable[int], delta: float = DELTA, validate: bool = False
) -> pd.DataFrame:
    """Analyse simulated studies of one scenario and design.

    Parameters
    ----------
    case : str or Scenario
    design : str
        Therapists times average patients, such as ``48x12``.
    seed : int
    numbers : iterable of int
        Which studies; each draws from its own address, whoever analyses it.
    delta : float
        Equivalence bound.
    validate : bool
        With the oracle, and what the scenario is there to show.

    Returns
    -------
    DataFrame
        One row a study, as of :func:`bowlby.simulate.testbed.study_claims`, or where asked for
        :func:`bowlby.simulate.testbed.validated_study`.
    """
    found, numbers = scenario(case), list(numbers)
    addresses = [Replicate(case, design, seed, number) for number in numbers]
    one = validated_study if validate else study_claims
    if found.switching or found.unit:
        return pd.DataFrame([one(address, delta) for address in addresses])
    therapists, patients = size(design)
    step = max(1, int(ROWS / (therapists * patients)))
    rows = []
    for start in range(0, len(addresses), step):
        part = addresses[start : start + step]
        rows += [row if row is not None else one(address, delta)
                 for address, row in zip(part, _together(found, part, delta, validate))]  # fmt: skip
    return pd.DataFrame(rows)


def _together(case: Scenario, addresses: list[Replicate], delta: float, validate: bool) -> list[dict | None]:
    """Rows of studies; None for one that has to be analysed alone."""
    draws = [drawn(case, address.design, address.entropy()) for address in addresses]
    primary = rows_of(case, draws, "y")
    found = Analysis(primary, rows_of(case, draws, "a_star"))
    decided = [found.study(address, k, delta) for k, address in enumerate(addresses)]
    rows = [row for row, _ in decided]
    if validate:
        oracle = found.oracle((outcome_variances(case), perceived_variances(case)), delta)
        shown = _shown(case, primary, [claims for _, claims in decided], delta)
        rows = [row and row | more | extra for row, more, extra in zip(rows, oracle, shown)]
    return rows


class Analysis:
    """The models that the claims need, in many studies, and what they say.

    Parameters
    ----------
    primary, perceived : Studies
        Rows with the columns of the two analysis sets.
    """

    def __init__(self, primary: Studies, perceived: Studies):
        self.m1 = with_slope(primary, "y", M1, "a_star_w")
        self.c4 = Model(perceived, "a_star", C4, [])
        outcome, felt = self.m1.fit(), self.c4.fit()
        self.c5 = with_slope(perceived, "a_star", C5, "z_star_w")
        own = self.c5.fit()
        self.effects = {name: outcome.effect(c) for name, c in self._contrasts().items()}
        self.effects["T_A"] = felt.effect(self.c4.vector({"s_star": 1.0}))
        self.effects["Z"] = own.effect(self.c5.vector({"z_star_w": 1.0}))
        self.singular = outcome.singular
        self.able = outcome.good & felt.good & own.good & _enough(primary, 2) & _enough(perceived, 4)

    def _contrasts(self) -> dict[str, np.ndarray]:
        return {name: self.m1.vector(dict(zip(M1, weights))) for name, weights in CONTRASTS.items()}

    def study(self, address: Replicate, k: int, delta: float) -> tuple[dict | None, dict | None]:
        """Row of a study and its claims as the rules return them; None where it has to be analysed alone."""
        if not self.able[k]:
            return None, None
        effect = {name: Effect(*map(float, values[k])) for name, values in self.effects.items()}
        return row_of(address, effect, bool(self.singular[k]), delta)

    def oracle(self, variances: tuple[Variances, Variances], delta: float) -> list[dict[str, bool]]:
        """What the oracle supports in each study, as :func:`bowlby.simulate.oracle.oracle_claims`."""
        m1, c4, c5 = self.m1, self.c4, self.c5
        outcome, felt, own = (Known(model, variances[k]) for model, k in ((m1, 0), (c4, 1), (c5, 1)))
        df, df_a, df_z = m1.rows.present - 3, c4.rows.present - 3 - len(Z_W), c5.rows.present - 4
        effects = {name: outcome.effect(c) for name, c in self._contrasts().items()}
        style, patient = felt.effect(c4.vector({"s_star": 1.0})), own.effect(c5.vector({"z_star_w": 1.0}))
        rows = []
        for k in range(m1.rows.count):
            effect = {name: Effect(*map(float, values[k]), int(df[k])) for name, values in effects.items()}
            effect["T_A"] = Effect(*map(float, style[k]), int(df_a[k]))
            effect["Z"] = Effect(*map(float, patient[k]), int(df_z[k]))
            rows.append(supported(effect, delta))
        return rows


def with_slope(rows: Studies, outcome: str, fixed: list[str], slope: str) -> Model:
    """A model with the random part of the product's."""
    part = sloped(slope)[0]
    return Model(rows, outcome, fixed, part["terms"][1:], tuple(part["known_zero"]))


def _enough(rows: Studies, level: int) -> np.ndarray:
    """Whether studies have the therapists and patients that the comparison asks for."""
    return (rows.present >= level + 2) & (rows.n > rows.present + 3)


def rows_of(case: Scenario, draws: list[Drawn], outcome: str) -> Studies:
    """The analysis set of drawn studies, ``y`` or ``a_star`` being the outcome, by the rules of
    :func:`bowlby.design.primary.analysis_set`."""
    keep = [np.isfinite(draw.outcome) if outcome == "y" else np.ones(len(draw.first), bool) for draw in draws]

    def joined(values):
        return np.concatenate([values(draw)[kept] for draw, kept in zip(draws, keep)])

    study = np.repeat(np.arange(len(draws)), [kept.sum() for kept in keep])
    therapists = len(draws[0].latent.style)
    rows, norms = Studies(study, joined(lambda d: d.first), therapists), references(case)
    perceived = weighted(joined(lambda d: d.latent.perceived), W_PERCEIVED, norms["a"])
    style = weighted(joined(lambda d: d.latent.style[d.first]), W_STYLE, norms["s"])
    rows.columns["s_star"] = style - rows.of_studies(style)
    rows.split("pre", joined(lambda d: d.latent.pre))
    if outcome == "y":
        rows.columns["y"] = joined(lambda d: d.outcome)
        rows.split("a_star", perceived)
        return rows
    rows.columns["a_star"] = perceived
    own = joined(lambda d: d.latent.patient_style)
    rows.split("z_star", weighted(own, W_STYLE, norms["z"]))
    for k, scale in enumerate(SCALES["z"]):
        rows.split(f"z_{scale}", own[:, k])
    return rows


class Known:
    """Generalised least squares of a model in every study, with the true ratio of every variance to the residual."""

    def __init__(self, model: Model, variances: Variances):
        self.model, rows = model, model.rows
        q, p = (2 if variances.slope else 1), model.xx.shape[1] - 1
        load = np.maximum(rows.load.reshape(rows.count, -1), 1)
        ratio = np.empty((*load.shape, q))
        ratio[..., 0] = (variances.therapist + variances.mean / load) / variances.residual
        if variances.slope:  # of the scaled column
            unit = np.sqrt(np.bincount(rows.study, weights=rows.columns["a_star_w"] ** 2) / rows.n)
            ratio[..., 1] = (variances.slope * unit**2 / variances.residual)[:, None]
        square = model.z[:, p + 1 : p + 1 + q, :q].transpose(0, 3, 1, 2)
        inner = np.linalg.inv(square + np.eye(q) / ratio[..., None])
        z = model.z[:, : p + 1, :q].transpose(0, 3, 2, 1)
        cross = model.xx - (z.transpose(0, 1, 3, 2) @ (inner @ z)).sum(axis=1)
        self.inverse = np.linalg.inv(cross[:, :p, :p])
        self.slopes = (self.inverse @ cross[:, :p, p:])[..., 0]
        self.variance = (cross[:, p, p] - (self.slopes * cross[:, :p, p]).sum(axis=1)) / (rows.n - p)

    def effect(self, c: np.ndarray) -> np.ndarray:
        """Estimate and standard error (R, 2) of contrasts (R, p) on the internal scale."""
        size = self.model.y_size
        spread = ((self.inverse @ c[..., None])[..., 0] * c).sum(axis=1)
        return np.column_stack([(c * self.slopes).sum(axis=1) * size, np.sqrt(self.variance * spread) * size])


def _shown(case: Scenario, rows: Studies, claims: list[dict | None], delta: float) -> list[dict]:
    """As :func:`bowlby.simulate.shown.shown`."""
    found: list[dict] = [{} for _ in claims]
    if case.improvement or case.mood:
        found = [{"unqualified": unqualified(claim)} if claim else {} for claim in claims]
    if case.kappa:
        for name in ("pre_w", "pre_b"):
            rows.columns[f"s_star:{name}"] = rows.columns["s_star"] * rows.columns[name]
        products = ["s_star:pre_w", "s_star:pre_b"]
        fits = Model(rows, "y", [*M1, *products], ["a_star_w", "pre_w"]).fit()
        slope = fits.effect(fits.model.vector({products[0]: 1.0}))[:, 0]
        for row, (f, df, _), value in zip(found, fits.joint(products), slope):
            row |= {"moderated": bool(special.fdtrc(2, df, f) < ALPHA), "interaction": float(value)}
    if case.slope_sd:
        fits = Model(rows, "y", M1, []).fit()
        for row, values in zip(found, fits.effect(fits.model.vector({"a_star_w": 1.0}))):
            row["C1_no_slope"] = claim_slope(Effect(*map(float, values)), delta, "P")["verdict"]
    if small(case):
        fits = Model(rows, "y", M1, ["a_star_w"]).fit()
        for row, values in zip(found, fits.effect(fits.model.vector({"a_star_w": 1.0}))):
            row["C1_estimated"] = claim_slope(Effect(*map(float, values)), delta, "P")["verdict"]
    if case.confounder:
        fits = with_slope(rows, "y", [*M1, "a_star_b"], "a_star_w").fit()
        for k, (row, values) in enumerate(zip(found, fits.effect(fits.model.vector({"a_star_b": 1.0})))):
            effect = Effect(*map(float, values))
            row |= dict(zip(("M2", "M2_low", "M2_high"), (effect.estimate, *effect.limits(0.975))))
            here = slice(rows.bounds[k], rows.bounds[k + 1])
            data = {name: values[here] for name, values in rows.columns.items()}
            row |= like_for_like_columns(pd.DataFrame(data | {"therapist": rows.group[here]}))
    return found
