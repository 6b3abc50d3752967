"""Predictors of the course: perceived attachment within therapists, and the style of who treated at that time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.growth import Growth
from bowlby.config.run import Run
from bowlby.design.centring import membership, within_between
from bowlby.design.composite import composite, far_from_reference, sd_error
from bowlby.design.frame import Predictors, asked_scales, chosen_episodes, predictors
from bowlby.design.random_part import RandomPart
from bowlby.errors import UserError, existing, problem
from bowlby.terms import BASELINE, P_WITHIN_PATIENT, P, T

PREDICTOR_REASONS = {"perceived": "no perceived attachment", "therapist_style": "no style of the therapist"}
LEAST_THERAPISTS = 4


@dataclass(frozen=True)
class Values:
    """Rows with the composites as ``perceived`` and ``therapist_style``, and what these were made from."""

    rows: pd.DataFrame
    measures: Predictors


def with_values(run: Run, scores: dict, people: dict, rows: pd.DataFrame) -> Values:
    """Give each row the patient's perceived attachment and the style of the row's therapist, in reference SD."""
    index = pd.Index(people["patients"]["patient"].astype(str))
    growth = existing(run.growth)
    measures = predictors(growth, scores, chosen_episodes(people["episodes"], "share"), index)
    if growth.perceived:
        rows = rows.assign(perceived=rows["patient"].map(measures.frame["perceived"]).astype(float))
    if growth.within_patient:
        rows = rows.assign(**{P_WITHIN_PATIENT: _same_occasion(run, scores, rows, measures)})
    if growth.therapist_style:
        rows = rows.assign(therapist_style=rows["therapist"].map(measures.style).astype(float))
    return Values(rows, measures)


def _same_occasion(run: Run, scores: dict, rows: pd.DataFrame, measures: Predictors) -> pd.Series:
    """Perceived attachment as rated at the occasion, and in the session, of each outcome; in reference SD."""
    block, key = existing(existing(run.growth).perceived), ["person", "occasion", "session"]
    felt = asked_scales(scores[block.instrument], block)
    felt = felt[(felt["role"] == "patient") & (felt["about"] == block.about)]
    felt = _occasions(felt).assign(now=composite(felt, block, measures.scaling["perceived"]))
    mean = felt.groupby(key)["now"].mean()
    return _occasions(scores[run.outcome.instrument].loc[rows.index]).join(mean, on=key)["now"]


def _occasions(table: pd.DataFrame) -> pd.DataFrame:
    """Who answered when, without missing values."""
    session = pd.to_numeric(table["session"]) if "session" in table else pd.Series(pd.NA, table.index)
    return (
        table[["person", "occasion"]].astype("string").fillna("").assign(session=session.astype("Float64").fillna(-1))
    )


def _own_deviation(data: pd.DataFrame) -> pd.DataFrame:
    """The rows with the deviation of each rating from the patient's own mean."""
    if P_WITHIN_PATIENT not in data:
        return data
    now = data[P_WITHIN_PATIENT]
    own = now - now.groupby(data["patient"]).transform("mean")
    if not (own.abs() > 0).any():
        what = "growth.within_patient: no patient rated perceived attachment at two occasions of the outcome"
        raise UserError(problem(what, "leave within_patient out"))
    return data.assign(**{P_WITHIN_PATIENT: own})


def predictor_terms(data: pd.DataFrame) -> list[str]:
    """Columns of an analysis set whose products with time are in the main model."""
    return [name for name in (*BASELINE, P, T) if name in data]


def shares(data: pd.DataFrame) -> pd.DataFrame:
    """A patient's therapists by their shares of the patient's rows: patient, therapist, weight."""
    counts = data.groupby(["patient", "therapist"], sort=False).size().rename("weight").reset_index()
    return counts.assign(weight=counts["weight"] / counts.groupby("patient")["weight"].transform("sum"))


def split_predictors(
    run: Run, data: pd.DataFrame, values: Values, every: pd.DataFrame, random: RandomPart
) -> tuple[pd.DataFrame, dict]:
    """Split what patients answered into within and between therapists, and describe the units.

    Parameters
    ----------
    run : Run
        With predictors of growth.
    data : DataFrame
        Rows that have everything.
    values : Values
    every : DataFrame
        All rows, also those before a landmark; the SD of the outcome is that of the patients' first ones.
    random : RandomPart

    Returns
    -------
    data : DataFrame
        With ``perceived_within``, ``perceived_between``, ``baseline_within``, ``baseline_between``, and centred
        ``therapist_style``, as far as there are such.
    design : dict
        ``sd_outcome``, ``sd_error``, ``reference``, ``far_from_reference``, ``scaling``, ``end``, ``predictors``.

    Raises
    ------
    UserError
        If there are fewer than four therapists, or a predictor does not vary.
    """
    _check(data, random)
    patients = data.groupby("patient", sort=True).first()
    w = membership(shares(data), patients.index).matrix()
    split = [name for name in ("baseline", "perceived") if name in data]
    within, between = within_between(patients[split].to_numpy(float), w)
    for k, name in enumerate(split):
        for level, part in ((terms.WITHIN, within), (terms.BETWEEN, between)):
            column = pd.Series(part[:, k], patients.index)
            data[terms.column(name, level=level)] = data["patient"].map(column)
    if T in data:
        data[T] = data[T] - data[T].mean()
    data = _own_deviation(data.drop(columns=split))
    for name in (P, T):
        if name in data and np.ptp(data[name].to_numpy(float)) == 0:
            what = (
                f"{terms.label(name)[0].lower()}{terms.label(name)[1:]} has one value in all rows of the growth model"
            )
            raise UserError(problem(what, "check the questionnaire; without variance it is no predictor"))
    return data, _units(run, data, values, every)


def _units(run: Run, data: pd.DataFrame, values: Values, every: pd.DataFrame) -> dict:
    """Units of slopes, and the time by which they are counted."""
    growth, measures = existing(run.growth), values.measures
    first = every.dropna(subset=["time", "y"]).sort_values("time").drop_duplicates("patient")
    first = first.loc[first["patient"].isin(data["patient"]), "y"]
    sd, errors, far = float(first.std()), measures.errors, measures.far
    if growth.reference:
        sd = growth.reference.outcome_sd
        scale = run.outcome.scale
        far = [
            *far_from_reference(pd.Series({scale: first.std()}), pd.Series({scale: sd}), run.outcome.instrument),
            *far,
        ]
    else:
        errors = errors | {"y": sd_error(first)}
    start, end = _ends(growth, data)
    return {
        "predictors": {name: block.instrument for name, block in growth.predictors.items()},
        "sd_outcome": sd,
        "sd_error": errors,
        "reference": next(iter(measures.scaling.values())).origin,
        "far_from_reference": far,
        "scaling": {
            name: {"scales": s.scales, "sd": s.sd, "correlation": s.correlation,
                   "weights": growth.predictors[name].weights}
            for name, s in measures.scaling.items()
        },
        "start": start,
        "end": end,
        "end_of": "configuration" if growth.end is not None else "median",
        "landmark": growth.landmark,
        "higher_is_better": run.outcome.higher_is_better,
    }  # fmt: skip


def _ends(growth: Growth, data: pd.DataFrame) -> tuple[float, float]:
    """The interval by which slopes are expressed: from the landmark, else the median first time, to the end."""
    times = data.groupby("patient")["time"]
    start = 0.0 if growth.landmark is not None else float(times.min().median())
    end = float(times.max().median()) if growth.end is None else growth.end - (growth.landmark or 0.0)
    if end <= start:
        what = f"the course ends at time {end:g}, and the patients' first outcomes are from time {start:g} (median)"
        raise UserError(problem(what, "give a later `end:` of growth, in the unit of its time"))
    return start, end


def _check(data: pd.DataFrame, random: RandomPart) -> None:
    therapists = data["therapist"].nunique()
    if therapists < LEAST_THERAPISTS:
        here = "1 therapist" if therapists == 1 else f"{therapists} therapists"
        what = f"{here} with complete data, but slopes of predictors need at least {LEAST_THERAPISTS}"
        raise UserError(problem(what, "add therapists, or leave perceived and therapist_style out of `growth:`"))
    lost = [gone for gone in random.left_out if (gone["group"], gone["term"]) == ("therapist", "time")]
    if lost:
        what = f"slopes of therapists cannot be estimated ({lost[0]['reason']}), and those of predictors rest on them"
        raise UserError(problem(what, "leave perceived and therapist_style out of `growth:`"))
    if len(data["patient"].unique()) <= therapists + 3:
        raise UserError(problem("too few therapists have two or more patients with complete data",
                                "leave perceived and therapist_style out of `growth:`"))  # fmt: skip
