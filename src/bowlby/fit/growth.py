"""The growth model: the course of the outcome over time, and what predicts it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bowlby.fit import units
from bowlby.fit.models import Fitted
from bowlby.fit.record import contrast, effects_table, record_fit
from bowlby.mixed import CAR1, MixedModel
from bowlby.terms import BASELINE, P_BETWEEN, P_SLOPE, P_WITHIN_PATIENT, T_SLOPE, P, T, by_time, slope_weights, sloped

NAMED = {P: ("P_slope", "P_end", "P_number"), T: ("T_slope", "T_end", "T_number")}
"""Contrasts of a predictor: on the slope, on the outcome at the end, on the number of occasions."""


def fit_growth(data: pd.DataFrame, design: dict, reml: bool = True) -> dict[str, Fitted]:
    """Fit the course of the outcome with the fixed and the random part of the design.

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
        estimated, each with group, term and reason; ``shape``; ``residual_parameters``; ``number``, what the number of
        a patient's occasions depends on; and ``averaged``, P on the slope averaged over that number. With perceived
        attachment also ``growth_between``, in which its mean by therapist is added, and ``growth_within``, with the
        deviations of a patient's ratings from their own mean, if the rows have them.
    """
    models: dict[str, list] = {"growth": []}
    if P in data:
        models["growth_between"] = [P_BETWEEN, by_time(P_BETWEEN)]
    if P_WITHIN_PATIENT in data:
        models["growth_within"] = [P_WITHIN_PATIENT]
    fits = {}
    for model, added in models.items():
        rows = data.dropna(subset=[name for name in added if name in data])
        result = growth_model(rows, design, added).fit(reml=reml)
        contrasts = slope_contrasts(result, design)
        if P_WITHIN_PATIENT in added:
            unit = (1.0 if design["higher_is_better"] else -1.0) / design["sd_outcome"]
            contrasts += [contrast(result, "within_patient", {P_WITHIN_PATIENT: unit})]
        record = record_fit(model, result, "kenward-roger" if reml else "satterthwaite", design["n_dropped"], contrasts)
        record |= {"left_out": design["left_out"], "shape": design["shape"],
                   "residual_parameters": result.residual_parameters}  # fmt: skip
        fits[model] = Fitted(record, effects_table(result))
    fits["growth"].record["number"] = number_of_occasions(data, design) if design["predictors"] else None
    fits["growth"].record["averaged"] = averaged_over_number(data, design) if P in data else None
    return fits


def growth_model(data: pd.DataFrame, design: dict, added: Sequence = ()) -> MixedModel:
    """The model before it is fitted."""
    residual = CAR1("time", "patient") if design["residual"] == "car1" else None
    random = list(design["random"])
    if P_WITHIN_PATIENT in added:  # what is tested within patients differs between them, and between therapists
        random += [{"group": group, "terms": [P_WITHIN_PATIENT], "correlated": False, "known_zero": [P_WITHIN_PATIENT]}
                   for group in ("patient", "therapist")]  # fmt: skip
    return MixedModel.from_terms("y", [*design["fixed"], *added], random, data, residual=residual)


def slope_contrasts(result, design: dict) -> list[dict]:
    """P and T on the slope, their difference and sum, and both on the outcome at the end, in SD of outcome per SD.

    A slope is expressed as the difference in outcome that it makes from the first time to the end of treatment, higher
    being better.
    """
    given = [term for term in (P, T) if term in result.params.index]
    if not given:
        return []
    course, unit, last = _slope_unit(design)
    weights = {NAMED[term][0]: {by_time(term): course} for term in given}
    if len(given) == 2:
        weights = slope_weights(by_time(P), by_time(T), course, (P_SLOPE, T_SLOPE))
    weights |= {NAMED[term][1]: {term: unit, by_time(term): float(unit * last)} for term in given}
    return units.standardised([contrast(result, name, own) for name, own in weights.items()], design["sd_error"])


def _slope_unit(design: dict) -> tuple[float, float, float]:
    """SD of outcome for a slope of 1 over the course, for a point of the outcome, and f at the end."""
    first, last = (np.log1p(t) if design["clock"] == "log_time" else t for t in (design["start"], design["end"]))
    unit = (1.0 if design["higher_is_better"] else -1.0) / design["sd_outcome"]
    return float(unit * (last - first)), unit, float(last)


def number_of_occasions(data: pd.DataFrame, design: dict) -> dict | None:
    """Whether the number of a patient's occasions depends on the predictors; None where all patients have the same.

    Returns
    -------
    dict
        ``mean``, and ``contrasts`` in occasions per SD of the predictor.
    """
    result = _number_model(data, design)
    if result is None:
        return None
    return {
        "mean": float(data.groupby("patient").size().mean()),
        "contrasts": [contrast(result, NAMED[term][2], {term: 1.0}) for term in (P, T) if term in data],
    }


def _number_model(data: pd.DataFrame, design: dict, form=float):
    """A function of the number of a patient's occasions by the predictors; None where all patients have the same."""
    used = [c for c in (*BASELINE, *design["covariates"], P, T) if c in data]
    patients = data.groupby("patient").agg({"therapist": "first", **dict.fromkeys(used, "mean"), "y": "size"})
    if patients["y"].nunique() < 2:
        return None
    patients["y"] = patients["y"].map(form).astype(float)
    random = sloped(*(term for term in (P,) if term in used))
    return MixedModel.from_terms("y", used, random, patients.reset_index()).fit()


def averaged_over_number(data: pd.DataFrame, design: dict) -> dict | None:
    """P on the slope from a pattern-mixture model; None where all patients have the same number of occasions.

    Returns
    -------
    dict
        name, estimate, se, df; in SD of outcome per SD, as ``P_slope``.

    Notes
    -----
    With l the log of the patient's number of occasions, the growth model has l and l f; P f has the coefficient p and
    l f the coefficient g. With d the slope of P in a model of l, the slope in all patients is p + g d (Little 1995, J
    Am Stat Assoc 90:1112). Its variance is that of p + g d for known d, and g^2 var(d). p alone would not do: patients
    with the same number differ in P as they differ in their slopes.
    """
    through = _number_model(data, design, np.log)
    if through is None:
        return None
    number = np.log(data.groupby("patient")["y"].transform("size").astype(float))
    own = data.assign(number=number - number.mean())
    own[by_time("number")] = own["number"] * own[design["clock"]]
    result = growth_model(own, design, ["number", by_time("number")]).fit()
    course = _slope_unit(design)[0]
    d = contrast(through, "d", {P: 1.0})
    g = contrast(result, "g", {by_time("number"): course})
    total = contrast(result, "P_averaged", {by_time(P): course, by_time("number"): course * d["estimate"]})
    se = float(np.hypot(total["se"], g["estimate"] * d["se"]))
    return {"name": "P_averaged", "estimate": total["estimate"], "se": se, "df": min(total["df"], d["df"])}
