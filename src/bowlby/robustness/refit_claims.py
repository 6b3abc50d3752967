"""The claims of one set of rows, without what is only kept for the reader: for refits by the thousand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bowlby.compare.claims import decide_claims
from bowlby.effect import Effect, effects_of
from bowlby.fit.models import Fitter, patient_style, perceived_style, standardised
from bowlby.terms import C5, INTERCEPT, M1, M1_RANDOM, Z, sloped

SLOPES = ("P", "T", "P-T", "P+T")


@dataclass(frozen=True)
class Rows:
    """An analysis set as robustness takes it up.

    Attributes
    ----------
    data, membership : DataFrame
        Its rows, and patient, therapist, weight.
    design : dict
        Its description.
    """

    data: pd.DataFrame
    membership: pd.DataFrame
    design: dict

    @property
    def fitter(self) -> Fitter:
        """Fits models to these rows."""
        return Fitter(self.data, self.membership, self.design)

    @property
    def unit(self) -> float:
        """1 / reference SD of the outcome."""
        return 1.0 / self.design["sd_outcome"]


@dataclass(frozen=True)
class Basis:
    """What every kind of robustness starts from.

    Attributes
    ----------
    primary, perceived : Rows
        The analysis sets of outcome, and of perceived attachment as the outcome.
    delta : float
        Equivalence bound.
    seed : int
        The run's seed.
    strata : Series
        Index therapist: the group within which therapists are exchangeable.
    """

    primary: Rows
    perceived: Rows
    delta: float
    seed: int
    strata: pd.Series


@dataclass
class Answer:
    """Effects and tests of one set of fits.

    Attributes
    ----------
    effects : dict of Effect
        P, T, P-T, P+T; T_A; Z where the patient's style is in the configuration.
    fixed : Series
        Coefficients of M1.
    cov : ndarray
        Their covariance, not adjusted.
    singular : bool
        Of M1.
    """

    effects: dict[str, Effect] = field(default_factory=dict)
    fixed: pd.Series | None = None
    cov: np.ndarray | None = None
    singular: bool = False

    def verdicts(self, delta: float) -> dict[str, dict]:
        """The claims that these fits decide, by the rules of the run."""
        return decide_claims(self.effects, delta)


def fit_m1(rows: Rows):
    """M1 on these rows."""
    return rows.fitter.fit(M1, M1_RANDOM)


def fit_c4(rows: Rows):
    """The model of claim C4 on these rows."""
    fitter = rows.fitter
    return fitter.fit(fitter.style_terms(), INTERCEPT)


def fit_c5(fitter: Fitter):
    """The model of claim C5."""
    return fitter.fit(C5, sloped(Z))


def answer(primary: Rows | None, perceived: Rows | None) -> Answer:
    """Fit what the claims need.

    Parameters
    ----------
    primary, perceived : Rows or None
        What is None is not fitted, and its claims are not decided.
    """
    out = Answer()
    if primary is not None:
        m1 = fit_m1(primary)
        out.effects |= effects_of(standardised(m1, primary.design))
        out.fixed, out.cov, out.singular = m1.params, m1.cov_params().to_numpy(), bool(m1.singular)
    if perceived is not None:
        out.effects |= effects_of(perceived_style(fit_c4(perceived), perceived.design))
        if "patient_style" in perceived.design["scaling"]:
            out.effects |= effects_of(patient_style(fit_c5(perceived.fitter), perceived.design))
    return out
