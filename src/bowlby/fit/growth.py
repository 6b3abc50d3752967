"""The growth model: the course of the outcome over time."""

from __future__ import annotations

import pandas as pd

from bowlby.fit.models import Fitted
from bowlby.fit.record import effects_table, record_fit
from bowlby.mixed import MixedModel


def fit_growth(data: pd.DataFrame, design: dict, reml: bool = True) -> dict[str, Fitted]:
    """Fit ``y ~ time + covariates`` with the random part of the design.

    Parameters
    ----------
    data : DataFrame
        The analysis set of :func:`bowlby.design.growth.growth_set`.
    design : dict
        Its description.
    reml : bool
        REML (Kenward-Roger) or ML (Satterthwaite).

    Returns
    -------
    dict of Fitted
        ``growth``; its record has, besides the contract of every fit, ``left_out``: random effects that cannot be
        estimated, each with group, term and reason.
    """
    fixed = ["time", *design["covariates"]]
    result = MixedModel.from_terms("y", fixed, design["random"], data).fit(reml=reml)
    record = record_fit("growth", result, "kenward-roger" if reml else "satterthwaite", design["n_dropped"])
    record["left_out"] = design["left_out"]
    return {"growth": Fitted(record, effects_table(result))}
