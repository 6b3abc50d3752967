"""Simulated studies by the thousand: the claims of many studies, fitted and tested together.

Studies in which patients have one therapist and are treated alone are drawn, split into levels, fitted and tested
together; that is some twenty times as fast as one by one. Others, and any that cannot be fitted here, are analysed one
by one (:mod:`bowlby.simulate.study_analysis`). Both ways give the same numbers to rounding, which the tests check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.design.frame import AnalysisSet
from bowlby.effect import Effect
from bowlby.simulate.batched_models import Model, Studies
from bowlby.simulate.latent import W_PERCEIVED, W_STYLE, references
from bowlby.simulate.latent import composite as weighted
from bowlby.simulate.scenarios import Scenario, scenario
from bowlby.simulate.study_analysis import (
    DELTA,
    SCALES,
    Drawn,
    StudyAddress,
    analysis_sets,
    claims_row,
    drawn,
    size,
    study_claims,
)
from bowlby.terms import BASELINE, P, T, Z, sloped

M1 = [*terms.M1, *BASELINE]
OWN_SCALES = [terms.column("patient_style", scale) for scale in SCALES["patient_style"]]
OWN_WITHIN = [terms.column(scale, level=terms.WITHIN) for scale in OWN_SCALES]
C4 = [T, *OWN_WITHIN, *map(terms.between_of, OWN_WITHIN), *BASELINE]
C5 = [*terms.C5, *BASELINE]
CONTRASTS: dict[str, tuple[float, float]] = {"P": (1, 0), "T": (0, 1), "P-T": (1, -1), "P+T": (1, 1)}


class Validator(Protocol):
    """What is added to the rows of studies whose truth is known; see ``validation/``."""

    def batch(self, analysis: Analysis, claims: list[dict | None]) -> list[dict]:
        """Columns of studies that were analysed together; their claims are None where they could not be."""

    def single(self, primary: AnalysisSet, perceived: AnalysisSet, claims: dict[str, dict]) -> dict:
        """Columns of a study that was analysed alone."""


class Source(Protocol):
    """Where the rows of simulated studies come from.

    Attributes
    ----------
    patients : int
        Patients of the studies that are analysed together.
    together : bool
        Whether studies can be: patients have one therapist and are treated alone.
    """

    patients: int
    together: bool

    def batch(self, addresses: list[StudyAddress]) -> tuple[Studies, Studies]:
        """Analysis sets of several studies, for outcome and for perceived attachment as the outcome."""

    def single(self, address: StudyAddress) -> tuple[AnalysisSet, AnalysisSet]:
        """The same of one study, as a run makes them."""


class LatentStudies:
    """Studies of a scenario as scales, without questionnaires; a :class:`Source`."""

    patients = 150_000

    def __init__(self, case: Scenario):
        self.case, self.together = case, not (case.switching or case.unit)

    def draw(self, address: StudyAddress) -> Drawn:
        return drawn(self.case, address.design, address.entropy())

    def batch(self, addresses: list[StudyAddress]) -> tuple[Studies, Studies]:
        draws = [self.draw(address) for address in addresses]
        return rows_of(self.case, draws, "y"), rows_of(self.case, draws, "perceived")

    def single(self, address: StudyAddress) -> tuple[AnalysisSet, AnalysisSet]:
        return analysis_sets(self.case, self.draw(address), size(address.design)[0])


def studies(
    case: str | Scenario, design: str, seed: int, numbers: Iterable[int], delta: float = DELTA,
    validator: Validator | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Simulate and analyse studies of one scenario and design.

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
    validator : Validator, optional

    Returns
    -------
    DataFrame
        One row a study, as of :func:`bowlby.simulate.study_analysis.study_claims`, and what the validator adds.
    """
    addresses = [StudyAddress(case, design, seed, number) for number in numbers]
    return analysed(LatentStudies(scenario(case)), addresses, delta, validator)


def analysed(
    source: Source, addresses: list[StudyAddress], delta: float = DELTA, validator: Validator | None = None
) -> pd.DataFrame:
    """Analyse the studies of a source, all of one design: together where that is possible."""
    therapists, patients = size(addresses[0].design)
    step = max(1, int(source.patients / (therapists * patients)))
    rows = []
    for start in range(0, len(addresses), step):
        part = addresses[start : start + step]
        together = _batch(source, part, delta, validator) if source.together else [None] * len(part)
        rows += [_single(source, address, delta, validator) if row is None else row
                 for address, row in zip(part, together, strict=True)]  # fmt: skip
    return pd.DataFrame(rows)


def _batch(
    source: Source, addresses: list[StudyAddress], delta: float, validator: Validator | None
) -> list[dict | None]:
    """Rows of studies; None for one that has to be analysed alone."""
    analysis = Analysis(*source.batch(addresses))
    decided = [analysis.study(address, k, delta) for k, address in enumerate(addresses)]
    added = validator.batch(analysis, [claims for _, claims in decided]) if validator else [{}] * len(decided)
    return [row and row | more for (row, _), more in zip(decided, added, strict=True)]


def _single(source: Source, address: StudyAddress, delta: float, validator: Validator | None) -> dict:
    sets = source.single(address)
    row, claims = study_claims(address, *sets, delta)
    return row | (validator.single(*sets, claims) if validator else {})


class Analysis:
    """The models that the claims need, in many studies, and what they say.

    Parameters
    ----------
    primary, perceived : Studies
        Rows with the columns of the two analysis sets.
    """

    def __init__(self, primary: Studies, perceived: Studies):
        self.m1 = with_slope(primary, "y", M1, P)
        self.c4 = Model(perceived, "perceived", C4, [])
        self.c5 = with_slope(perceived, "perceived", C5, Z)
        fits = {model: model.fit() for model in (self.m1, self.c4, self.c5)}
        self.m1_fits = fits[self.m1]
        self.effects = {name: fits[model].effect(c) for name, (model, c) in self.contrasts().items()}
        self.singular = fits[self.m1].singular
        self.able = _enough(primary, 2) & _enough(perceived, 4)
        for fit in fits.values():
            self.able &= fit.good

    def contrasts(self) -> dict[str, tuple[Model, np.ndarray]]:
        """Model and internal contrast of P, T, P-T, P+T, T_A, Z."""
        weights = {name: dict(zip(terms.M1, row, strict=True)) for name, row in CONTRASTS.items()}
        of_m1 = {name: (self.m1, self.m1.vector(own)) for name, own in weights.items()}
        return of_m1 | {"T_A": (self.c4, self.c4.vector({T: 1.0})), "Z": (self.c5, self.c5.vector({Z: 1.0}))}

    def study(self, address: StudyAddress, k: int, delta: float) -> tuple[dict | None, dict | None]:
        """Row of a study and its claims as the rules return them; None where it has to be analysed alone."""
        if not self.able[k]:
            return None, None
        effect = {name: Effect(*map(float, values[k])) for name, values in self.effects.items()}
        return claims_row(address, effect, bool(self.singular[k]), delta)


def with_slope(rows: Studies, outcome: str, fixed: list[str], slope: str) -> Model:
    """A model with the random part of the product's."""
    part = sloped(slope)[0]
    return Model(rows, outcome, fixed, part["terms"][1:], tuple(part["known_zero"]))


def _enough(rows: Studies, level: int) -> np.ndarray:
    """Whether studies have the therapists and patients that the comparison asks for."""
    return (rows.present >= level + 2) & (rows.n > rows.present + 3)


def rows_of(case: Scenario, draws: list[Drawn], outcome: str) -> Studies:
    """The analysis set of drawn studies, ``y`` or ``perceived`` being the outcome, by the rules of
    :func:`bowlby.design.primary.analysis_set`."""
    keep = [np.isfinite(draw.outcome) if outcome == "y" else np.ones(len(draw.first), bool) for draw in draws]

    def joined(values):
        return np.concatenate([values(draw)[kept] for draw, kept in zip(draws, keep, strict=True)])

    study = np.repeat(np.arange(len(draws)), [kept.sum() for kept in keep])
    therapists = len(draws[0].latent.style)
    rows, norms = Studies(study, joined(lambda d: d.first), therapists), references(case)
    perceived = weighted(joined(lambda d: d.latent.perceived), W_PERCEIVED, norms["perceived"])
    style = weighted(joined(lambda d: d.latent.style[d.first]), W_STYLE, norms["therapist_style"])
    rows.columns[T] = style - rows.of_studies(style)
    rows.split("baseline", joined(lambda d: d.latent.pre))
    if outcome == "y":
        rows.columns["y"] = joined(lambda d: d.outcome)
        rows.split("perceived", perceived)
        return rows
    rows.columns["perceived"] = perceived
    own = joined(lambda d: d.latent.patient_style)
    rows.split("patient_style", weighted(own, W_STYLE, norms["patient_style"]))
    for k, scale in enumerate(OWN_SCALES):
        rows.split(scale, own[:, k])
    return rows
