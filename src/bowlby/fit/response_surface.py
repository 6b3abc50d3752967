"""The model of a response surface: outcome on the scores of two sides, their squares and their product."""

from __future__ import annotations

import pandas as pd

from bowlby import terms
from bowlby.fit.models import Fitted, Fitter
from bowlby.fit.record import contrast
from bowlby.terms import SURFACE, sloped

COEFFICIENTS = dict(zip(("b1", "b2", "b3", "b4", "b5"), SURFACE, strict=True))
FEATURES = {
    "a1": {"b1": 1.0, "b2": 1.0},
    "a2": {"b3": 1.0, "b4": 1.0, "b5": 1.0},
    "a3": {"b1": 1.0, "b2": -1.0},
    "a4": {"b3": 1.0, "b4": -1.0, "b5": 1.0},
    "a5": {"b3": 1.0, "b5": -1.0},
    "b3+b5": {"b3": 1.0, "b5": 1.0},
}
"""Slope (a1) and curvature (a2) along the line of congruence, slope (a3) and curvature (a4) along the line of
incongruence, the rotation of the principal axes against both (a5), and the curvature in each score alone (b3 + b5),
from the coefficients."""


def fit_response_surface(name: str, data: pd.DataFrame, members: pd.DataFrame, design: dict) -> dict[str, Fitted]:
    """Fit the model of one response surface.

    Parameters
    ----------
    name : str
        The analysis set, which is also the name of the model.
    data, members : DataFrame
    design : dict
        Its description.

    Returns
    -------
    dict of Fitted
        The one model; contrasts b1 to b5, a1 to a5 and b3+b5 in SD of outcome, higher is better.

    Notes
    -----
    ``Y = b0 + b1 X + b2 W + b3 X^2 + b4 X W + b5 W^2``, the baseline and covariates at both levels. What is rated of
    patients is not centred at the therapist's mean, so that X and W stay commensurable; its therapist means are a
    covariate, and its slope differs between therapists. The random slope is that of the deviation from the therapist's
    mean: uncorrelated with the intercept, it does not depend on the origin of the scale.
    """
    fitter, unit = Fitter(data, members, design), 1.0 / design["sd_outcome"]
    of_patients = [column for column in SURFACE if terms.column(column, level=terms.WITHIN) in data]
    within, between = ([terms.column(c, level=level) for c in of_patients] for level in (terms.WITHIN, terms.BETWEEN))
    result = fitter.fit([*SURFACE, *between], [] if fitter.one_level else sloped(*within))
    weights = {b: {column: unit} for b, column in COEFFICIENTS.items()}
    weights |= {a: {COEFFICIENTS[b]: sign * unit for b, sign in parts.items()} for a, parts in FEATURES.items()}
    return {name: fitter.kept(name, result, [contrast(result, *one) for one in weights.items()])}
