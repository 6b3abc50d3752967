"""The rows of the growth model: one a patient and occasion that has a time."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from bowlby.config.run import Run
from bowlby.config.study import SESSIONS, Occasion
from bowlby.design.frame import AnalysisSet, ratings, with_described
from bowlby.design.random_part import random_part
from bowlby.design.requirements import of_outcome, unknown_variables, unscored
from bowlby.errors import UserError, existing, problem
from bowlby.terms import SCHEMA


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
        As of :func:`bowlby.design.primary.primary_set`.
    occasions : list of Occasion
        With their times.
    time_unit : str
        Unit of the times.

    Returns
    -------
    AnalysisSet
        ``y``, ``time`` and covariates, centred at the mean of the patients; ``therapist`` where therapists are in the
        model. The design says the random part, and what of it was left out and why.

    Raises
    ------
    UserError
        If there are fewer than two patients, or none of them was seen at two times; if scores or covariates are absent.
    """
    described = people["patients"].set_index("patient")
    lines = [*unknown_variables(run, list(described)), *unscored(of_outcome(run), scores)]
    if lines:
        raise UserError(lines)
    growth = existing(run.growth)
    described, covariates = with_described(described[["therapist"]], described, growth.covariates, None)
    every = _rows(run, scores, described, {o.id: o.time for o in occasions})
    needed = {"y": "no outcome", "time": "occasion without a time"}
    data, steps = complete(every, needed | {column: f"no {name}" for column, name in covariates.items()})
    random = random_part(growth.random, data)
    if not random.terms:
        why = "; ".join(f"{gone['term']} of {gone['group']}s: {gone['reason']}" for gone in random.left_out)
        raise UserError(problem(f"growth.random leaves no effect that these data could show ({why})",
                                "add `patient: [intercept]` to it"))  # fmt: skip
    if "therapist" in random.groups:
        data, gone = complete(data, {"therapist": "no therapist"})
        steps, random = steps + gone, random_part(growth.random, data)
    else:
        data = data.drop(columns="therapist")
    _check(data)
    for column in covariates:
        data[column] -= data.groupby("patient")[column].first().mean()
    data = data.sort_values(["patient", "time"], ignore_index=True)
    flow = [step("occasions in the file", every, None), *steps, step("analysed", data, None)]
    design = {
        "schema": SCHEMA,
        "n_dropped": {b["reason"]: a["rows"] - b["rows"] for a, b in pairwise(flow) if b["reason"]},
        "n_patients": flow[-1]["patients"],
        "n_therapists": flow[-1]["therapists"],
        "time_unit": time_unit,
        "covariates": list(covariates),
        "random": random.terms,
        "left_out": random.left_out,
    }
    columns = pd.DataFrame(
        [(name, *_meaning(name, run, time_unit)) for name in data], columns=["name", "meaning", "unit", "source"]
    )
    return AnalysisSet(data, equal_parts(data), columns, design, flow)


def _rows(run: Run, scores: dict, described: pd.DataFrame, time: dict[str, float | None]) -> pd.DataFrame:
    """Every answer of a patient, with the therapist at that occasion, else the patient's own, and the covariates."""
    outcome = run.outcome
    table = scores[outcome.instrument]
    table = ratings(table, outcome)
    data = pd.DataFrame(
        {
            "patient": table["person"].astype(str),
            "therapist": table["therapist"].astype("object"),
            "occasion": table["occasion"].astype(str),
            "time": times_of(table, time),
            "y": table[outcome.scale].astype(float),
        }
    )
    data["therapist"] = data["therapist"].fillna(data["patient"].map(described["therapist"])).astype("object")
    return data.join(described.drop(columns="therapist"), on="patient")


def times_of(table: pd.DataFrame, time: dict[str, float | None]) -> pd.Series:
    """The time of each row: its occasion's, or at the occasion `sessions` the number of its session."""
    occasion = table["occasion"].astype(str)
    of_occasion = pd.to_numeric(occasion.map(time))
    if "session" not in table or time.get(SESSIONS) is not None:
        return of_occasion
    return of_occasion.mask(occasion.eq(SESSIONS), table["session"].astype("float64"))


def complete(data: pd.DataFrame, needed: dict[str, str]) -> tuple[pd.DataFrame, list[dict]]:
    """Rows that have all columns needed, and a step for each reason, by column, that takes some away."""
    steps = []
    for column, reason in needed.items():
        kept = data[data[column].notna()]
        if len(kept) < len(data):
            steps.append(step(f"without: {reason}", kept, reason))
        data = kept
    return data, steps


def _check(data: pd.DataFrame) -> None:
    if data["time"].nunique() < 2:
        what = "fewer than two occasions that have a time were answered"
        raise UserError(problem(what, "give `time:` to the study file's occasions"))
    if data["patient"].nunique() < 2:
        what = f"{data['patient'].nunique()} patient with an outcome, but the growth model needs several"
        raise UserError(problem(what, "check the patients' ids and what is missing"))
    if data.groupby("patient")["time"].nunique().max() < 2:
        what = "no patient has outcomes at two times, so no course can be seen"
        raise UserError(problem(what, "check the patients' ids and the times of the occasions"))


def _meaning(name: str, run: Run, time_unit: str) -> tuple[str, str, str]:
    """Meaning, unit and source of a column."""
    known = {
        "patient": ("patient", "id", ""),
        "therapist": ("therapist at that occasion, else the patient's", "id", ""),
        "occasion": ("occasion", "label", "study file"),
        "time": ("time since the first session", time_unit, "study file"),
        "y": (f"{run.outcome.instrument} {run.outcome.scale}", "own units", "outcome scores"),
    }
    return known.get(name, (f"{name}, centred at the mean of the patients", "own units", "people"))


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
