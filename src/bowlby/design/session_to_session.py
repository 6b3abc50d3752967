"""Rows of two series of sessions: one for each session of a patient with at least one of the two scales."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from bowlby.config.blocks import Series, SessionToSession
from bowlby.config.growth import RandomEffects
from bowlby.config.run import Run
from bowlby.design.frame import AnalysisSet
from bowlby.design.growth import complete, equal_parts, step
from bowlby.design.random_part import random_part
from bowlby.design.requirements import of_session_to_session, unscored
from bowlby.errors import UserError, existing, problem
from bowlby.terms import SCHEMA, SERIES

SESSIONS, PATIENTS = 3, 20
"""Fewest sessions with both scales per patient, and fewest patients with so many: with fewer, differences between
patients are not separated from paths within patients."""
INTERCEPTS = RandomEffects(patient=["intercept"], therapist=["intercept"])


def session_to_session_set(run: Run, scores: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame]) -> AnalysisSet:
    """Build the rows of the session-to-session model.

    Parameters
    ----------
    run : Run
        With ``session_to_session``.
    scores, people : dict of DataFrame
        As of :func:`bowlby.design.primary.comparison_set`.

    Returns
    -------
    AnalysisSet
        ``predictor`` and ``outcome``, own units, higher is better (missing where a session has one of the two only);
        ``session``, its number; ``process``, which begins anew after a gap and with another therapist; ``therapist``,
        who gave the session, where therapists are in the model.

    Raises
    ------
    UserError
        If sessions have no number, or too few patients have three sessions with both answers.
    """
    settings = existing(run.session_to_session)
    if lines := unscored(of_session_to_session(run), scores):
        raise UserError(lines)
    every, unused = _rows(settings, scores, people["patients"].set_index("patient")["therapist"])
    data, steps = complete(every, {"session": "no session number" if settings.interval is None else "no date"})
    random = random_part(INTERCEPTS, data.rename(columns={"session": "time"}))
    if "therapist" in random.groups:
        data, gone = complete(data, {"therapist": "no therapist"})
        steps += gone
    else:
        data = data.drop(columns="therapist")
    enough = _check(settings, data)
    data = data.astype({"session": int}).sort_values(["patient", "session"], ignore_index=True)
    data.insert(2, "process", _processes(data, settings.gap))
    flow = [step("sessions in the file", every, None), *steps, step("analysed", data, None)]
    design = {
        "schema": SCHEMA,
        "n_dropped": {b["reason"]: a["rows"] - b["rows"] for a, b in pairwise(flow) if b["reason"]},
        "n_patients": flow[-1]["patients"],
        "n_therapists": flow[-1]["therapists"],
        "n_processes": int(data["process"].nunique()),
        "n_with_three": enough,
        "labels": {name: getattr(settings, name).label for name in SERIES},
        "detrend": settings.detrend,
        "gap": settings.gap,
        "interval": settings.interval,
        "n_unused_answers": unused,
        "covariates": [],
        "left_out": [gone for gone in random.left_out if gone["group"] == "therapist"],
    }
    columns = pd.DataFrame([(name, *_meaning(name, settings)) for name in data],
                           columns=["name", "meaning", "unit", "source"])  # fmt: skip
    return AnalysisSet(data, equal_parts(data), columns, design, flow)


def _rows(settings: SessionToSession, scores: dict, own: pd.Series) -> tuple[pd.DataFrame, int]:
    """Every session with at least one of the two scales, with the therapist who gave it, else the patient's own; and
    the number of answers not used, because their session has another one before them."""
    answers = {name: _answers(name, getattr(settings, name), scores) for name in SERIES}
    if settings.interval is not None:
        answers = _counted_by_date(answers, settings.interval)
    series = [table.drop_duplicates(["patient", "session"]).drop(columns="date") for table in answers.values()]
    unused = sum(map(len, answers.values())) - sum(map(len, series))
    both = series[0].merge(series[1], on=["patient", "session"], how="outer", suffixes=("", "_other"))
    both["therapist"] = both["therapist"].fillna(both["therapist_other"])
    both["therapist"] = both["therapist"].fillna(both["patient"].map(own)).astype("object")
    return both[["patient", "therapist", "session", *SERIES]], unused


def _answers(name: str, series: Series, scores: dict) -> pd.DataFrame:
    """All scores of one series, with their session and date."""
    table = scores[series.instrument]
    table = table[(table["role"] == series.role) & (table["about"] == series.about)]
    sign = 1.0 if series.higher_is_better else -1.0
    rows = pd.DataFrame({
        "patient": table["person"].astype(str), "session": pd.to_numeric(table["session"]).astype(float),
        "date": pd.to_datetime(table["date"]) if "date" in table else pd.NaT,
        "therapist": table["therapist"].astype("object"), name: sign * table[series.scale].astype(float),
    })  # fmt: skip
    return rows.dropna(subset=[name])


def _counted_by_date(answers: dict[str, pd.DataFrame], interval: float) -> dict[str, pd.DataFrame]:
    """The same with session 1 + (days since the patient's first answer) / interval, rounded; in order of date."""
    every = pd.concat([table[["patient", "date"]] for table in answers.values()])
    if every["date"].isna().all():
        fault = "session_to_session.interval counts sessions by date, and no answer has a date"
        raise UserError(problem(fault, "name `date:` in the study file, or remove `interval:`"))
    first = every.groupby("patient")["date"].min()
    ordered = {name: table.sort_values("date", kind="stable") for name, table in answers.items()}
    return {
        name: table.assign(session=1 + ((table["date"] - table["patient"].map(first)).dt.days / interval).round())
        for name, table in ordered.items()
    }


def _processes(data: pd.DataFrame, gap: int) -> np.ndarray:
    """Number of the process (n,): a new one with another patient, after a longer gap, with another therapist."""
    new = (data["patient"] != data["patient"].shift()) | (data["session"].diff() > gap)
    if "therapist" in data:
        new |= data["therapist"] != data["therapist"].shift()
    return new.cumsum().to_numpy(int)


def _check(settings: SessionToSession, data: pd.DataFrame) -> int:
    """Patients with enough sessions."""
    if data.empty:
        action = "give `session:` to the files or occasions of the study, or count by date (`interval:`)"
        raise UserError(problem("session_to_session: no session has a number", action))
    sessions = data.dropna().groupby("patient").size()
    enough = int((sessions >= SESSIONS).sum())
    if enough < PATIENTS:
        predictor, outcome = (getattr(settings, name).label for name in SERIES)
        fault = f"{enough} patient{'' if enough == 1 else 's'} with {predictor} and {outcome} in three or more sessions"
        action = f"at least {PATIENTS} are needed; check `about:` and the session numbers of both, and missing values"
        raise UserError(problem(f"session_to_session: {fault}", action))
    return enough


def _meaning(name: str, settings: SessionToSession) -> tuple[str, str, str]:
    """Meaning, unit and source of a column."""
    if name in SERIES:
        series = getattr(settings, name)
        return f"{series.label}: {series.instrument} {series.scale}, higher is better", "own units", "scores"
    known = {
        "patient": ("patient", "id"),
        "therapist": ("therapist who gave the session", "id"),
        "session": _session(settings),
        "process": ("process within the patient; a new one begins after a gap or a change of therapist", "number"),
    }
    return *known[name], "people"


def _session(settings: SessionToSession) -> tuple[str, str]:
    """Meaning and unit of the column `session`."""
    if settings.interval is None:
        return "number of the session", "count"
    return "session, counted by date from the patient's first answer", f"intervals of {settings.interval:g} days"
