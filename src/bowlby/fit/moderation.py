"""The model of an interaction: the main model, the moderator, and the products of predictor and moderator."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.fit.models import Fitted, Fitter
from bowlby.fit.record import block_test, contrast
from bowlby.terms import BETWEEN, WITHIN


def fit_moderation(name: str, data: pd.DataFrame, members: pd.DataFrame, design: dict) -> dict[str, Fitted]:
    """Fit the model of one interaction.

    Parameters
    ----------
    name : str
        The analysis set, and the model.
    data, members : DataFrame
    design : dict
        Its description, with ``moderation`` (:func:`bowlby.design.moderation.moderation_set`).

    Returns
    -------
    dict of Fitted
        One model. Of a number: contrasts ``interaction`` (SD of outcome per SD of both) and ``main`` (at the
        moderator's mean), block ``line`` (both). Of a category: a contrast for each value, block ``interaction``.

    Raises
    ------
    UserError
        If a product is a linear combination of the other terms.
    """
    asked = design["moderation"]
    random, fixed = random_part(asked), products(asked)
    every = {term for term in (*fixed, *random[0]["terms"]) if ":" in term}
    data = data.assign(**{term: data[term.split(":")].prod(axis=1) for term in sorted(every)})
    fitter = Fitter(data, members, design)
    moderators = [c for level in (WITHIN, BETWEEN, "therapist") for c in asked["columns"].get(level, [])]
    added = [c for c in dict.fromkeys([*asked["main"], *moderators]) if c not in fitter.base]
    result = fitter.fit([*added, *fixed], random)
    tested = tested_products(asked)
    if absent := [product for product in tested if product not in result.params.index]:
        what = (
            f"moderation: '{asked['text']}': {absent[0].replace(':', ' × ')} is a linear combination of the other terms"
        )
        raise UserError(problem(what, "delete this interaction, or drop covariates"))
    unit = 1.0 / design["sd_outcome"]
    if asked["levels"]:
        contrasts = [contrast(result, level, at) for level, at in level_weights(asked, unit).items()]
        block = block_test(result, "interaction", tested)
    else:
        weights = {"interaction": {tested[0]: asked["step"] * unit}, "main": {asked["predictor"]: unit}}
        contrasts = [contrast(result, *one) for one in weights.items()]
        block = block_test(result, "line", [asked["predictor"], tested[0]])
    return {name: fitter.kept(name, result, contrasts, [block])}


def products(asked: Mapping) -> list[str]:
    """Terms of the products of the predictor and every part of the moderator."""
    return [f"{asked['predictor']}:{c}" for columns in asked["columns"].values() for c in columns]


def tested_products(asked: Mapping) -> list[str]:
    """Those products that are tested."""
    return [f"{asked['predictor']}:{c}" for c in asked["columns"][asked["tested"]]]


def level_weights(asked: Mapping, unit: float) -> dict[str, dict[str, float]]:
    """Weights of the predictor's slope at each value of a category.

    Indicators are centred, so that at value k the one of value c is 1[c = k] less its share.
    """
    tested, modelled = tested_products(asked), asked["levels"][1:]
    return {
        level["level"]: {asked["predictor"]: unit}
        | {product: unit * ((other is level) - other["share"]) for product, other in zip(tested, modelled, strict=True)}
        for level in asked["levels"]
    }


def random_part(asked: Mapping) -> list[dict]:
    """Random part of therapists: an intercept and uncorrelated slopes of what varies within them.

    These are the patients' own predictors of the main model, what an interaction between levels takes from within
    therapists, and a product within therapists where that is tested. A category has a slope for the indicator of each
    value (one of two), so that the choice of its reference is of no consequence.
    """
    slopes = asked["slopes"] + ([] if asked["tested"] != WITHIN else _crossing(asked))
    return [{"group": "therapist", "terms": ["1", *dict.fromkeys(slopes)], "correlated": False}]


def _crossing(asked: Mapping) -> list[str]:
    """Columns within therapists whose slope varies because of the interaction."""
    indicators, x = [level["indicator"] for level in asked["levels"]], asked["predictor"]
    parts = indicators if len(indicators) > 2 else asked["columns"][WITHIN]
    return [f"{x}:{c}" for c in parts] if x in asked["slopes"] else parts
