"""The rows of the growth model: one a patient and occasion that has a time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from bowlby.config.run import Run
from bowlby.config.study import Occasion
from bowlby.design.course_predictors import PREDICTOR_REASONS, predictor_terms, shares, split_predictors, with_values
from bowlby.design.course_time import after_landmark, choose_shape, shaped, times
from bowlby.design.frame import AnalysisSet, ratings, with_described
from bowlby.design.random_part import RandomPart, random_part
from bowlby.design.requirements import (
    absent_norms,
    of_growth,
    of_outcome,
    unknown_variables,
    unscored,
    unstated_occasions,
)
from bowlby.errors import UserError, existing, problem
from bowlby.terms import P_BETWEEN, SCHEMA, TIMES, by_time, label

ORIGINS = {
    "occasions": "time since the first session",
    "sessions": "number of the session",
    "dates": "time since the patient's first answer",
}
"""What time counts from."""


def growth_set(
    run: Run,
    scores: dict[str, pd.DataFrame],
    people: dict[str, pd.DataFrame],
    occasions: list[Occasion],
    time_unit: str,
) -> AnalysisSet:
    """Build the analysis set of the growth model; the outcome stays in its own units and direction.

    Rows without a therapist are left out only where therapists are in the model.

    Parameters
    ----------
    run : Run
        With ``growth``.
    scores, people : dict of DataFrame
        As of :func:`bowlby.design.primary.comparison_set`.
    occasions : list of Occasion
        With their times.
    time_unit : str
        Unit of the times.

    Returns
    -------
    AnalysisSet
        ``y``, ``time`` and covariates, centred at the mean of the patients; ``therapist`` where therapists are in the
        model; time in other forms, predictors, and products of both, where they are asked for. The design says the
        fixed and the random part, and what of the latter was left out and why.

    Raises
    ------
    UserError
        If there are fewer than two patients, or none of them was seen at two times; if scores or covariates are absent.
    """
    growth, patients = existing(run.growth), people["patients"].set_index("patient")
    asked = of_growth(run)
    lines = [*unknown_variables(run, list(patients)), *absent_norms(run)]
    lines += [*unscored([*of_outcome(run), *asked], scores), *unstated_occasions(asked, scores)]
    if lines:
        raise UserError(lines)
    unit = "sessions" if growth.time == "sessions" else time_unit
    described, covariates = with_described(
        patients[["therapist"]], patients, [*growth.covariates, *growth.slopes], None
    )
    every = _rows(run, scores, described, times(growth, occasions, time_unit))
    needed = {"y": "no outcome", "time": "occasion without a time"}
    rows, values = every, None
    if growth.predictors:
        values = with_values(run, scores, people, every)
        rows, needed = values.rows, needed | {"therapist": "no therapist"}
    if growth.landmark is not None:
        rows, later = after_landmark(rows, growth.landmark)
        needed |= {"baseline": "no outcome up to the landmark"}
    data, steps = complete(rows, needed | {name: PREDICTOR_REASONS[name] for name in growth.predictors}
                            | {column: f"no {name}" for column, name in covariates.items()})  # fmt: skip
    if growth.landmark is not None:
        steps.insert(0, step("without: observations up to the landmark", later, "observations up to the landmark"))
    data, more, random = _with_random_part(run, data)
    _check(data, growth.residual)
    for column in covariates:
        data[column] -= data.groupby("patient")[column].first().mean()
    data = data.sort_values(["patient", "time"], ignore_index=True)
    members, analysed = _with_text(equal_parts(data)), step("analysed", data, None)
    data = _with_text(data)
    shape = choose_shape(growth, data, random.terms)
    data, clock = shaped(data, shape["form"])
    design: dict[str, Any] = {"predictors": {}}
    if values is not None:
        data, design = split_predictors(run, data, values, every, random)
    sloped = [column for column, name in covariates.items() if name in growth.slopes]
    moved = [*predictor_terms(data), *sloped]
    products = [*moved, *(column for column in (P_BETWEEN,) if column in data)]
    data = data.assign(**{by_time(column): data[column] * data[clock] for column in products})
    flow = [step("occasions in the file", every, None), *steps, *more, analysed]
    parabola = ["time_squared"] * (shape["form"] == "quadratic")
    terms = [term | {"terms": [clock if t == "time" else t for t in term["terms"]]} for term in random.terms]
    design |= {
        "schema": SCHEMA,
        "n_dropped": {b["reason"]: a["rows"] - b["rows"] for a, b in pairwise(flow) if b["reason"]},
        "n_patients": flow[-1]["patients"],
        "n_therapists": flow[-1]["therapists"],
        "time_unit": unit,
        "shape": shape,
        "clock": clock,
        "covariates": list(covariates),
        "fixed": [clock, *parabola, *covariates, *predictor_terms(data), *map(by_time, moved)],
        "random": terms,
        "left_out": random.left_out,
        "residual": growth.residual,
    }
    columns = pd.DataFrame(
        [(name, *_meaning(name, run, unit)) for name in data], columns=["name", "meaning", "unit", "source"]
    )
    return AnalysisSet(data, members if values is None else shares(data), columns, design, flow)


def _with_random_part(run: Run, data: pd.DataFrame) -> tuple[pd.DataFrame, list[dict], RandomPart]:
    """Rows, with a therapist where therapists are in the model; what that takes away; and the random part."""
    growth = existing(run.growth)
    asked, slopes = growth.random, bool(growth.perceived)
    random = random_part(asked, data, slopes)
    if not random.terms:
        why = "; ".join(f"{gone['term']} of {gone['group']}s: {gone['reason']}" for gone in random.left_out)
        raise UserError(problem(f"growth.random leaves no effect that these data could show ({why})",
                                "add `patient: [intercept]` to it"))  # fmt: skip
    if "therapist" not in random.groups:
        return data.drop(columns="therapist"), [], random
    data, steps = complete(data, {"therapist": "no therapist"})
    return data, steps, random_part(asked, data, slopes) if steps else random


def _rows(run: Run, scores: dict, described: pd.DataFrame, time) -> pd.DataFrame:
    """Every answer of a patient, with the therapist at that occasion, else the patient's own, and the covariates.

    Ids are categories, which are counted and sorted by their codes.
    """
    outcome = run.outcome
    table = ratings(scores[outcome.instrument], outcome)
    therapist = table["therapist"]
    if therapist.isna().any():
        therapist = therapist.astype(object).fillna(table["person"].map(described["therapist"]))
    data = pd.DataFrame(
        {
            "patient": table["person"].astype(str).astype("category"),
            "therapist": therapist.astype("category"),
            "occasion": table["occasion"].astype(str).astype("category"),
            "time": time(table),
            "y": table[outcome.scale].astype(float),
        }
    )
    patient = data["patient"].cat
    own = described.drop(columns="therapist").reindex(patient.categories).take(patient.codes)
    return data.join(own.set_axis(data.index))


def _with_text(data: pd.DataFrame) -> pd.DataFrame:
    """The table with its categories as text again."""
    of = {name: data[name].cat for name in data.select_dtypes("category")}
    text = {
        name: one.categories.astype(str).array.take(one.codes.to_numpy(), allow_fill=True) for name, one in of.items()
    }
    return data.assign(**text)


def complete(data: pd.DataFrame, needed: dict[str, str]) -> tuple[pd.DataFrame, list[dict]]:
    """Rows that have all columns needed, and a step for each reason, by column, that takes some away."""
    steps = []
    for column, reason in needed.items():
        kept = data[data[column].notna()]
        if len(kept) < len(data):
            steps.append(step(f"without: {reason}", kept, reason))
        data = kept
    return data, steps


def _check(data: pd.DataFrame, residual: str) -> None:
    if residual == "car1" and "therapist" in data and data.groupby("patient")["therapist"].nunique().max() > 1:
        what = "growth.residual is car1, which cannot be combined with patients who change therapist"
        raise UserError(problem(what, "choose independent, or leave therapists out (`random: {therapist: []}`)"))
    if data["time"].nunique() < 2:
        what = "fewer than two occasions that have a time were answered"
        raise UserError(problem(what, "give `time:` to the study file's occasions"))
    if data["patient"].nunique() < 2:
        what = f"{data['patient'].nunique()} patient with an outcome, but the growth model needs several"
        raise UserError(problem(what, "check the patients' ids and what is missing"))
    times = data.groupby("patient")["time"]
    if not (times.max() > times.min()).any():
        what = "no patient has outcomes at two times, so no course can be seen"
        raise UserError(problem(what, "check the patients' ids and the times of the occasions"))


def _meaning(name: str, run: Run, time_unit: str) -> tuple[str, str, str]:
    """Meaning, unit and source of a column."""
    growth = existing(run.growth)
    known = {
        "patient": ("patient", "id", ""),
        "therapist": ("therapist at that occasion, else the patient's", "id", ""),
        "occasion": ("occasion", "label", "study file"),
        "time": ("time since the landmark" if growth.landmark is not None else ORIGINS[growth.time],
                 time_unit, {"occasions": "study file"}.get(growth.time, "scores")),
        "y": (f"{run.outcome.instrument} {run.outcome.scale}", "own units", "outcome scores"),
    }  # fmt: skip
    if name in known:
        return known[name]
    if name in TIMES or name.startswith(("perceived", "therapist_style", "baseline")):
        return label(name), "own units" if name.startswith("baseline") or name in TIMES else "reference SD", "scores"
    return f"{label(name)}, centred at the mean of the patients", "own units", "people"


def equal_parts(data: pd.DataFrame) -> pd.DataFrame:
    """A patient's therapists in equal parts; no row where therapists are not in the model."""
    if "therapist" not in data:
        kinds = {"patient": object, "therapist": object, "weight": float}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    rows = data[["patient", "therapist"]].drop_duplicates()
    return rows.assign(weight=1.0 / rows.groupby("patient")["therapist"].transform("size"))


def step(name: str, data: pd.DataFrame, reason: str | None) -> dict:
    """A step of the flow: who is left."""
    return {
        "step": name,
        "patients": int(data["patient"].nunique()),
        "therapists": int(data["therapist"].nunique()) if "therapist" in data else 0,
        "rows": len(data),
        "reason": reason,
    }
