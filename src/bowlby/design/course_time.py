"""Time in the growth model: its unit, its start, and the form of the mean course."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bowlby.config.growth import Growth
from bowlby.config.study import SESSIONS, Occasion
from bowlby.errors import UserError, problem
from bowlby.mixed import MixedModel

DAYS = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}
FORMS = ("linear", "log", "quadratic")
CLOCK = {"log": "log_time"}
"""The column whose slope predictors change; of the others it is time itself."""


def times(growth: Growth, occasions: list[Occasion], unit: str) -> Callable[[pd.DataFrame], pd.Series]:
    """What gives each answer its time.

    Raises
    ------
    UserError
        If dates are to be counted in a unit that is none of :data:`DAYS`.
    """
    known = {o.id: o.time for o in occasions}
    if growth.time == "occasions":
        return lambda table: times_of(table, known)
    if growth.time == "sessions":
        return lambda table: table["session"].astype("Float64").astype(float)
    if unit not in DAYS:
        what = f"the study file's time_unit is '{unit}', in which dates cannot be counted"
        raise UserError(problem(what, f"use one of {', '.join(DAYS)}"))
    return lambda table: _since_first(table) / DAYS[unit]


def times_of(table: pd.DataFrame, time: dict[str, float | None]) -> pd.Series:
    """The time of each row: its occasion's, or at the occasion `sessions` the number of its session."""
    occasion = table["occasion"].astype("category").cat
    known = pd.to_numeric(pd.Series(occasion.categories).map(time)).to_numpy(float)
    of_occasion = pd.Series(np.append(known, np.nan)[occasion.codes], table.index)
    if "session" not in table or time.get(SESSIONS) is not None:
        return of_occasion
    return of_occasion.mask(table["occasion"].eq(SESSIONS), table["session"].astype("float64"))


def _since_first(table: pd.DataFrame) -> pd.Series:
    if "date" not in table:
        raise UserError(problem("growth.time is dates, and the answers have none", "name `date:` in the study file"))
    day = pd.to_datetime(table["date"])
    return (day - day.groupby(table["person"]).transform("min")).dt.days.astype(float)


def after_landmark(rows: pd.DataFrame, landmark: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows after a landmark, with time from there and ``baseline``, the patient's mean outcome up to it.

    Returns
    -------
    rows, later : DataFrame
        With the new columns; and the same rows as they were.

    Raises
    ------
    UserError
        If no row lies after the landmark.
    """
    before, after = rows["time"].le(landmark), rows["time"].gt(landmark)
    if not after.any():
        raise UserError(problem(f"no outcome was rated after growth.landmark ({landmark:g})", "give an earlier one"))
    mean = rows[before].groupby("patient")["y"].mean()
    later = rows[after | rows["time"].isna()]
    return later.assign(time=later["time"] - landmark, baseline=later["patient"].map(mean).astype(float)), later


def shaped(data: pd.DataFrame, form: str) -> tuple[pd.DataFrame, str]:
    """The rows with time in a form, and the name of the column whose slope is the rate of change."""
    if form == "log":
        return data.assign(log_time=np.log1p(data["time"])), CLOCK["log"]
    return (data.assign(time_squared=data["time"] ** 2) if form == "quadratic" else data), "time"


def choose_shape(growth: Growth, data: pd.DataFrame, random: list[dict]) -> dict:
    """The form of the mean course, by AIC where the configuration leaves it open.

    Parameters
    ----------
    growth : Growth
    data : DataFrame
        Rows with y and time; predictors and covariates are not looked at.
    random : list of dict
        The random part; its time takes the same form, but the parabola's square does not vary between persons.

    Returns
    -------
    dict
        ``form``, and ``aic`` by form where there was a choice (maximum likelihood, no predictors).

    Raises
    ------
    UserError
        If ln(1 + time) is asked for, and some time is -1 or less.
    """
    able = [form for form in FORMS if _possible(data, form)]
    if growth.shape != "choose":
        if growth.shape not in able:
            what = f"growth.shape is {growth.shape}, which the times of these rows do not allow"
            raise UserError(problem(what, "choose another shape, or correct the times of the occasions"))
        return {"form": growth.shape, "aic": {}}
    aic = {form: _aic(data, form, random) for form in able}
    return {"form": min(aic, key=aic.__getitem__), "aic": aic}


def _possible(data: pd.DataFrame, form: str) -> bool:
    """ln(1 + time) needs times above -1; a parabola needs three times."""
    return {"log": data["time"].min() > -1, "quadratic": data["time"].nunique() > 2}.get(form, True)


def _aic(data: pd.DataFrame, form: str, random: list[dict]) -> float:
    rows, clock = shaped(data[["patient", "y", "time", *(c for c in ("therapist",) if c in data)]], form)
    fixed = [clock, *(c for c in ("time_squared",) if c in rows)]
    varying = [term | {"terms": [clock if t == "time" else t for t in term["terms"] if t in ("1", "time")]}
               for term in random]  # fmt: skip
    plain = [{key: value for key, value in term.items() if key != "known_zero"} for term in varying]
    return float(MixedModel.from_terms("y", fixed, plain, rows).fit(reml=False).aic)
