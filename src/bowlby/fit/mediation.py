"""The models of mediation: mediator on style, outcome on mediator and style, outcome on style."""

from __future__ import annotations

import pandas as pd

from bowlby import terms
from bowlby.fit.models import Fitted, Fitter
from bowlby.fit.record import contrast
from bowlby.terms import INTERCEPT, MEDIATION, T, Z, sloped


def fit_mediation(name: str, data: pd.DataFrame, members: pd.DataFrame, design: dict) -> dict[str, Fitted]:
    """Fit the three models of one mediator.

    Parameters
    ----------
    name : str
        The analysis set, one of :data:`bowlby.terms.MEDIATION`.
    data, members : DataFrame
    design : dict
        Its description.

    Returns
    -------
    dict of Fitted
        ``<name>_a``: the mediator; contrasts ``a_patient`` (patient style within therapists) and ``a_therapist``
        (therapist style), in reference SD. ``<name>_b``: the outcome on the mediator within therapists and on style;
        ``b``, ``direct_patient`` and ``total_therapist`` (the mediator's means are not in it), in SD of outcome.
        ``<name>_c``: the outcome on style; ``total_patient``. What is tested within therapists has a random slope.
    """
    within, between = terms.both_levels(MEDIATION[name])
    unit, own = 1.0 / design["sd_outcome"], [Z, terms.between_of(Z)] if Z in data else []
    of_style = sloped(Z) if own else INTERCEPT
    fitter = Fitter(data, members, design)
    mediator = Fitter(data.assign(y=data[within] + data[between]), members, design).fit([*own, T], of_style)
    outcome = fitter.fit([within, *own, T], sloped(within, *own[:1]))
    total = fitter.fit([*own, T], of_style)
    asked = {
        "a": (mediator, {"a_therapist": {T: 1.0}, **({"a_patient": {Z: 1.0}} if own else {})}),
        "b": (outcome, {"b": {within: unit}, "total_therapist": {T: unit},
                        **({"direct_patient": {Z: unit}} if own else {})}),
        "c": (total, {"total_patient": {Z: unit}} if own else {}),
    }  # fmt: skip
    return {
        (model := f"{name}_{letter}"): fitter.kept(model, fit, [contrast(fit, *one) for one in contrasts.items()])
        for letter, (fit, contrasts) in asked.items()
    }
