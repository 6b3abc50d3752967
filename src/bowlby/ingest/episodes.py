"""Who treated whom: episodes that the study file names, or else the therapists who stand in a patient's rows."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from bowlby.ingest.cells import ids, no_therapist, numbers, reported, therapist_ids
from bowlby.ingest.notices import Issues, count, rows_text
from bowlby.ingest.readers.base import Raw

PAIR = ["patient", "therapist"]
TIME = ["date", "session", "occasion"]
DAYS = pd.ArrowDtype(pa.int32())


def episodes(files: list[Raw], measures: dict[str, pd.DataFrame], occasions: list[str], issues: Issues) -> pd.DataFrame:
    """Episodes with their weights.

    Parameters
    ----------
    files : list of Raw
        Of patients.
    measures : dict of DataFrame
        By instrument; they say when a therapist was met.
    occasions : list of str
        In order.
    issues : Issues

    Returns
    -------
    DataFrame
        patient, therapist, weight, sessions; the therapists of a patient in time: in the order of the study file's
        episodes, else by the first date, session or occasion of an answer. Weights are shares of sessions where all
        of a patient's are known, else of rows, and sum to 1.
    """
    tables = [t for raw in files for t in _stated(raw, issues)] + [t for raw in files for t in _seen(raw, issues)]
    if not tables:
        kinds = {"patient": object, "therapist": object, "weight": float, "sessions": float}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    table = pd.concat(tables, ignore_index=True)
    known = table.loc[table["place"].notna(), "patient"].unique()
    table = table[table["place"].notna() | ~table["patient"].isin(known)]
    groups = table.groupby(PAIR, sort=False)
    rows, place, sessions = groups["rows"].sum(), groups["place"].min(), groups["sessions"].sum(min_count=1)
    result = pd.DataFrame({"rows": rows, "place": place, "sessions": sessions}).reset_index()
    result["weight"] = _weights(result)
    several = result.loc[result["patient"].duplicated(), "patient"].unique()
    result = result.merge(_first_met(measures, several, occasions), on=PAIR, how="left")
    result = result.sort_values(["patient", "place", *TIME, "therapist"], ignore_index=True)
    return result[["patient", "therapist", "weight", "sessions"]]


def _stated(raw: Raw, issues: Issues) -> list[pd.DataFrame]:
    """Episodes that the study file names, with their place in it."""
    found, person = [], ids(raw, raw.spec.who.person)
    for place, episode in enumerate(raw.spec.episodes):
        if episode.therapist in raw.frame.columns:
            known: dict[str, pd.Series | float] = {"place": float(place)}
            if episode.sessions in raw.frame.columns:
                known["sessions"] = _sessions(raw, episode.sessions, issues)
            _tell_none(raw, episode.therapist, person, issues)
            found.append(_pairs(person, therapist_ids(raw, episode.therapist), **known))
    return found


def _sessions(raw: Raw, column: str, issues: Issues) -> pd.Series:
    values, wrong = numbers(raw, column, raw.spec.missing, issues)
    wrong |= values < 0
    if wrong.any():
        reported(raw, column, wrong, "not_a_number", "not a number of sessions", issues)
    return values.mask(wrong)


def _seen(raw: Raw, issues: Issues) -> list[pd.DataFrame]:
    """The therapists in the rows of a file."""
    column = raw.spec.who.therapist
    if column not in raw.frame.columns:
        return []
    person, therapist = ids(raw, raw.spec.who.person), therapist_ids(raw, column)
    blank = ids(raw, column).eq("") & person.ne("")
    _tell_none(raw, column, person, issues)
    if blank.any():
        n = int(blank.sum())
        issues.add(
            "warning",
            "missing_therapist",
            f"therapist id is missing in {count(n, 'row')} of {count(person[blank].nunique(), 'patient')}",
            "models leave out who has no therapist anywhere; fill it in where it is known",
            row=blank.index[blank][0],
            column=column,
            n=n,
            **raw.place,
        )
    return [_pairs(person, therapist)]


def _tell_none(raw: Raw, column: str, person: pd.Series, issues: Issues) -> None:
    """Tell the rows whose text in a column of therapists means that there is none."""
    none = no_therapist(raw, column) & person.ne("")
    n = int(none.sum())
    if n:
        issues.add(
            "warning",
            "no_therapist",
            f"{count(n, 'row')} of {count(person[none].nunique(), 'patient')} with a text that means no therapist, "
            f"such as NA, unknown or a code for missing ({rows_text(none.index[none])})",
            "counted as without therapist; list a text that is a therapist's id under `keep_ids:`",
            row=none.index[none][0],
            column=column,
            n=n,
            **raw.place,
        )


def _pairs(person: pd.Series, therapist: pd.Series, **known: pd.Series | float) -> pd.DataFrame:
    """How many rows name a patient and a therapist, with their sessions and place where the study file tells them."""
    table = pd.DataFrame({"patient": person, "therapist": therapist} | known)
    groups = table[table["patient"].ne("") & table["therapist"].ne("")].groupby(PAIR, sort=False)
    found = groups.size().rename("rows").reset_index()
    found["sessions"] = groups["sessions"].sum(min_count=1).to_numpy() if "sessions" in known else float("nan")
    found["place"] = groups["place"].min().to_numpy() if "place" in known else float("nan")
    return found


def _weights(result: pd.DataFrame) -> pd.Series:
    patient = result["patient"]
    whole = result["sessions"].notna().groupby(patient).transform("all")
    total = result["sessions"].groupby(patient).transform("sum")
    base = result["sessions"].where(whole & total.gt(0), result["rows"]).astype(float)
    return base / base.groupby(patient).transform("sum")


def _first_met(measures: dict[str, pd.DataFrame], patients, occasions: list[str]) -> pd.DataFrame:
    """The first date, session and occasion at which some patients answered under each of their therapists."""
    position = {name: i for i, name in enumerate(occasions)}
    parts = []
    for table in measures.values():
        if not len(patients):
            continue
        held = table.loc[table["person"].isin(patients) & table["role"].eq("patient") & table["therapist"].notna()]
        part = held[["person", "therapist", "session", "date"]].rename(columns={"person": "patient"})
        parts.append(part.assign(occasion=held["occasion"].map(position)))
    if not parts:
        return pd.DataFrame(columns=[*PAIR, *TIME])
    met = pd.concat(parts, ignore_index=True)
    met["date"] = met["date"].astype(DAYS)
    return met.groupby(PAIR, sort=False)[TIME].min().reset_index()
