"""The rows of the growth model: one a patient and occasion that has a time."""

from __future__ import annotations

import pandas as pd

from bowlby.config.demands import of_outcome
from bowlby.config.run import Run
from bowlby.config.study import Occasion
from bowlby.design.frame import AnalysisSet
from bowlby.design.refusals import unscored
from bowlby.errors import UserError, problem


def growth_set(
    run: Run,
    scores: dict[str, pd.DataFrame],
    people: dict[str, pd.DataFrame],
    occasions: list[Occasion],
    time_unit: str,
) -> AnalysisSet:
    """Build the analysis set of the growth model; the outcome stays in its own units and direction.

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

    Raises
    ------
    UserError
        If fewer than two occasions have a time, or fewer than two therapists have patients.
    """
    outcome = run.outcome
    if lines := unscored(of_outcome(run), scores):
        raise UserError(lines)
    table = scores[outcome.instrument]
    table = table[(table["role"] == "patient") & (table["about"] == "self")]
    main = people["patients"].set_index("patient")["therapist"]
    time = {o.id: o.time for o in occasions}
    data = pd.DataFrame(
        {
            "patient": table["person"].astype(str),
            "therapist": table["therapist"].astype("object"),
            "occasion": table["occasion"].astype(str),
            "time": pd.to_numeric(table["occasion"].astype(str).map(time)),
            "y": table[outcome.scale].astype(float),
        }
    )
    data["therapist"] = data["therapist"].fillna(data["patient"].map(main)).astype("object")
    steps = [_step("occasions in the file", data, None)]
    dropped = {}
    for reason, column in (("no outcome", "y"), ("occasion without a time", "time"), ("no therapist", "therapist")):
        absent = int(data[column].isna().sum())
        data = data[data[column].notna()]
        if absent:
            dropped[reason] = absent
            steps.append(_step(f"without: {reason}", data, reason))
    if data["time"].nunique() < 2:
        what = "fewer than two occasions that have a time were answered"
        raise UserError(problem(what, "give `time:` to the study file's occasions"))
    if data["therapist"].nunique() < 2:
        raise UserError(
            problem(
                "fewer than two therapists have patients with an outcome",
                "the growth model needs several; check the therapist column",
            )
        )
    steps.append(_step("analysed", data, None))
    data = data.assign(therapist=data["therapist"].astype(str)).sort_values(["patient", "time"], ignore_index=True)
    columns = pd.DataFrame(
        [
            ("patient", "patient", "id", ""),
            ("therapist", "therapist at that occasion, else the patient's", "id", ""),
            ("occasion", "occasion", "label", "study file"),
            ("time", "time since the first session", time_unit, "study file"),
            ("y", f"{outcome.instrument} {outcome.scale}", "own units", "outcome scores"),
        ],
        columns=["name", "meaning", "unit", "source"],
    )
    rows = data[["patient", "therapist"]].drop_duplicates().assign(weight=1.0)
    rows["weight"] /= rows.groupby("patient")["therapist"].transform("size")
    design = {
        "n_dropped": dropped,
        "n_patients": int(data["patient"].nunique()),
        "n_therapists": int(data["therapist"].nunique()),
        "time_unit": time_unit,
    }
    return AnalysisSet(data, rows, columns, design, steps)


def _step(name: str, data: pd.DataFrame, reason: str | None) -> dict:
    return {
        "step": name,
        "patients": int(data["patient"].nunique()),
        "therapists": int(data["therapist"].nunique()),
        "rows": len(data),
        "reason": reason,
    }
