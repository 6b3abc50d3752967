"""The models of two predictors: their composites, and all scales of both together."""

from __future__ import annotations

import pandas as pd

from bowlby import terms
from bowlby.fit import units
from bowlby.fit.models import Fitted, Fitter
from bowlby.fit.record import block_test, contrast
from bowlby.terms import SIDES, sloped


def pair_contrasts(design: dict) -> dict[str, dict[str, float]]:
    """Weights of both slopes, their difference and their sum, in outcome SD per reference SD."""
    return terms.slopes(*SIDES, 1.0 / design["sd_outcome"], SIDES)


def pair_model(data: pd.DataFrame, membership: pd.DataFrame, design: dict):
    """The fit ``pair`` alone; arguments as of :func:`fit_pair`."""
    return Fitter(data, membership, design).fit(list(SIDES), _random(design))


def _random(design: dict) -> list[dict]:
    return sloped(*(side for side in SIDES if design["roles"][side] == "patient"))


def fit_pair(data: pd.DataFrame, membership: pd.DataFrame, design: dict) -> dict[str, Fitted]:
    """Fit ``y ~ baseline + covariates + first + second``, and the same with every scale.

    What patients answer has a slope that varies between therapists, not correlated with the intercept: without it the
    test of a slope that differs between therapists would be too sure.

    Parameters
    ----------
    data, membership : DataFrame
        The analysis set of :func:`bowlby.design.pair.pair_set`.
    design : dict
        Its description.

    Returns
    -------
    dict of Fitted
        ``pair``, with the contrasts first, second, first-second, first+second in outcome SD per reference SD, and
        ``pair_scales`` with a joint test of each side.
    """
    fitter = Fitter(data, membership, design)
    random = _random(design)
    result = fitter.fit(list(SIDES), random)
    contrasts = [contrast(result, name, weights) for name, weights in pair_contrasts(design).items()]
    contrasts = units.standardised(contrasts, design["sd_error"])
    blocks = {side: [terms.column(side, scale) for scale in design["scaling"][side]["scales"]] for side in SIDES}
    every = fitter.fit([term for block in blocks.values() for term in block], random)
    tests = [block_test(every, side, block) for side, block in blocks.items()]
    return {
        "pair": fitter.kept("pair", result, contrasts),
        "pair_scales": fitter.kept("pair_scales", every, (), tests),
    }
