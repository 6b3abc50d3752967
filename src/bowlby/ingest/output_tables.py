"""The tables that ingest writes: their contract, and what each column means and comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bowlby.config.study import COUNT, ROW, Covariate, Measure, Study
from bowlby.dictionary import Column, ColumnType, Table
from bowlby.disclosure import SMALLEST
from bowlby.ingest.columns import present
from bowlby.ingest.issues import Issues
from bowlby.ingest.keys import repeated
from bowlby.ingest.measures import KEY, columns_of, spread
from bowlby.ingest.people import PAIR
from bowlby.ingest.readers.base import Raw
from bowlby.ingest.text_values import DATE
from bowlby.instruments.model import counted_from

WHEN = {"session": pd.Int64Dtype(), "date": DATE}
"""Types of the columns that say when."""
WEIGHTS = {"weight": np.dtype(float), "sessions": np.dtype(float)}
ROWS = {**WHEN, "source_row": np.dtype(int)}


def validate(people: dict[str, pd.DataFrame], measures: dict[str, pd.DataFrame]) -> None:
    """Check the tables against their contract.

    Raises
    ------
    ValueError
        All breaches; each is a fault of the package, not of the data.
    """
    patients, therapists, episodes, sessions = (people[n] for n in ("patients", "therapists", "episodes", "sessions"))
    numbered = sessions["session"].notna()
    breaches = [
        *_breaches("patients", patients, ["patient"], ["therapist"], ["patient"]),
        *_breaches("therapists", therapists, ["therapist"], [], ["therapist"]),
        *_breaches("episodes", episodes, [*PAIR, "weight"], ["sessions"], PAIR, WEIGHTS),
        *_breaches("sessions", sessions[numbered], ["patient"], ["therapist"], ["patient", "session"], WHEN),
        *_breaches("sessions", sessions[~numbered], ["patient"], ["therapist"], ["patient", "date"], WHEN),
    ]
    for name, table in measures.items():
        breaches += _breaches(name, table, ["person", "role", "about", "occasion", "source_row"], [], KEY, ROWS)
    outside = [("weight", episodes["weight"].gt(1.000001)), ("weight", episodes["weight"].lt(0))]
    outside += [("session", table["session"].lt(0)) for table in (sessions, *measures.values())]
    breaches += [f"a {column} is out of range" for column, rows in outside if rows.any()]
    if breaches:
        raise ValueError("; ".join(breaches))


def _breaches(
    name: str, table: pd.DataFrame, full: list[str], others: list[str], key: list[str], types: dict | None = None
) -> Iterator[str]:
    """Columns that are absent, empty in some row or of another type, and rows with the same key."""
    types = types or {}
    for column in dict.fromkeys([*full, *others, *types]):
        if column not in table:
            yield f"{name}: no {column}"
        elif column in full and table[column].isna().any():
            yield f"{name}: {column} is empty in a row"
        elif column in types and table[column].dtype != types[column]:
            yield f"{name}: {column} is {table[column].dtype}"
    if set(key) <= set(table) and repeated(table, key).any():
        yield f"{name}: {', '.join(key)} are the same in two rows"


ROW_LABELS = {ROW: "row number", COUNT: "rows of the person, counted"}
WHO = {"patient": ("people-patients", "patient"), "therapist": ("people-therapists", "therapist")}


def describe(
    raws: list[Raw], people: dict[str, pd.DataFrame], measures: dict[str, pd.DataFrame], models: dict, study: Study
) -> list[Table]:
    """The tables that ingest writes.

    Parameters
    ----------
    raws : list of Raw
    people, measures : dict of DataFrame
    models : dict of Instrument
    study : Study

    Returns
    -------
    list of Table
        In the order people, measures, issues; each with all columns of its table.
    """
    return [
        _persons("patient", raws, people["patients"]),
        _persons("therapist", raws, people["therapists"]),
        _episodes(raws),
        _sessions(raws),
        *(_measure(name, table, raws, models[name], study) for name, table in measures.items()),
        ISSUES,
    ]


def _persons(role: str, raws: list[Raw], table: pd.DataFrame) -> Table:
    files = [r for r in raws if r.spec.who.role == role]
    known = {
        role: Column(role, "string", f"id of the {role}, as written there", source=_ids(raws, role), required=True),
        "site": Column("site", "string", "site of the person", source=_sites(files)),
    }
    if role == "patient":
        what = "the therapist with the largest weight in episodes"
        known["therapist"] = Column("therapist", "string", what, source="people/episodes.parquet")
    for raw in files:
        for name, spec in raw.spec.covariates.items():
            if spec.column in raw.frame.columns:
                known.setdefault(name, _covariate(name, spec, raw, files, table[name]))
    refers = {"therapist": WHO["therapist"]} if role == "patient" else {}
    columns = [known[name] for name in table.columns]
    return Table(f"people-{role}s", f"people/{role}s.parquet", f"One row for each {role}.", columns, (role,), refers)


COLUMN_TYPES: dict[str, ColumnType] = {"number": "number", "checkbox": "number", "date": "date", "category": "string"}


def _covariate(name: str, spec: Covariate, raw: Raw, files: list[Raw], values: pd.Series) -> Column:
    kind = COLUMN_TYPES[spec.kind]
    labels = {"1": "ticked", "0": "not ticked"} if spec.kind == "checkbox" else {}
    if spec.kind == "category":  # a category is given by its label
        given = raw.labels.get(spec.column, {}) | spec.labels
        labels = {label: label for label in dict.fromkeys(given.values())}
        rare = {label for label, n in values.value_counts().items() if n < SMALLEST}
    also = [(r.name, s.column) for r in files for n, s in r.spec.covariates.items() if n == name]
    what = spec.description or raw.titles.get(spec.column) or name
    limits: dict[str, Any] = {"low": 0.0, "high": 1.0} if spec.kind == "checkbox" else {}
    if spec.kind == "category" and labels and rare:  # a list that lacks one would not be true of the table
        shown = ", ".join(label for label in labels if label not in rare)
        what += f" ({f'{shown}; others' if shown else 'categories'} of fewer than {SMALLEST} persons each)"
        labels = {}
    return Column(name, kind, what, spec.unit or "", _join(also), labels=labels, **limits)


def _episodes(raws: list[Raw]) -> Table:
    patients = [r for r in raws if r.spec.who.role == "patient"]
    counted = [
        (r.name, e.sessions) for r in patients for e in r.spec.episodes if e.sessions and e.sessions in r.frame.columns
    ]
    columns = [
        Column("patient", "string", "id of the patient", source=_ids(raws, "patient"), required=True),
        Column("therapist", "string", "id of a therapist who treated", source=_ids(raws, "therapist"), required=True),
        Column(
            "weight",
            "number",
            "share of the patient's treatment; the weights of a patient sum to 1",
            "share",
            "sessions where all of the patient's are known, else rows" if counted else "rows of the raw files",
            True,
            0.0,
            1.0,
        ),
        Column("sessions", "number", "sessions with this therapist", "sessions", _join(counted), low=0.0),
    ]
    refers = {"patient": WHO["patient"], "therapist": WHO["therapist"]}
    what = "Who treated whom; patients who change therapist have several rows."
    return Table("people-episodes", "people/episodes.parquet", what, columns, ("patient", "therapist"), refers)


def _sessions(raws: list[Raw]) -> Table:
    files = [r for r in raws if r.spec.who.role == "patient"]
    columns = [
        Column("patient", "string", "id of the patient", source=_ids(raws, "patient"), required=True),
        Column("therapist", "string", "therapist of the session", source=_ids(raws, "therapist")),
        Column("session", "integer", "number within the patient, from 1", "", _when(files, "session"), low=1.0),
        Column("date", "date", "earliest known date of the session", "", _when(files, "date")),
    ]
    what = "Sessions in answers or in a log of sessions, each once."
    refers = {"patient": WHO["patient"]}
    return Table("people-sessions", "people/sessions.parquet", what, columns, ("patient", "session", "date"), refers)


def _measure(name: str, table: pd.DataFrame, raws: list[Raw], model, study: Study) -> Table:
    sources = [(r, m) for r in raws for m in spread(r.spec) if m.instrument == name]
    occasions = ", ".join(o.id for o in study.occasions)
    head = [
        Column("person", "string", "id of who answered",
               source=_join([(r.name, r.person) for r, _ in sources]), required=True),
        Column("role", "string", "what that person is: patient, therapist, observer or other", source="study file",
               required=True),
        Column("about", "string", "whom the answers are about", source="study file", required=True),
        Column("occasion", "string", f"occasion of measurement: {occasions}; empty where a therapist's has none",
               source=_occasions(sources)),
        Column("session", "integer", "number of the session within the patient; 0 before the first", "",
               _named(sources, "session") or "study file, where its occasions have one", low=0.0),
        Column("therapist", "string", "therapist who treated the patient at that time",
               source=_join([(r.name, r.spec.who.therapist) for r, _ in sources if r.spec.who.therapist])),
        Column("date", "date", "date of answering", source=_named(sources, "date")),
        Column("source_file", "string", "raw file of the row", source="the file's name", required=True),
        Column("source_row", "integer", "row in that file, as the user's program counts", "row", "counted", True, 1.0),
    ]  # fmt: skip
    from_columns: dict[str, list[tuple[str, str]]] = {}
    for raw, measure in sources:
        for column, source in (columns_of(raw, measure, model, Issues()) or {}).items():
            from_columns.setdefault(column, []).append((raw.name, source))
    values = [
        _value(c, model, [m for _, m in sources], _join(from_columns.get(c, []))) for c in table.columns[len(head) :]
    ]
    what = f"Answers to {model.name} ({name}); one row for each person, role, about, occasion and session."
    key = tuple(c.name for c in head[:5])
    return Table(f"measures-{name}", f"measures/{name}.parquet", what, [*head, *values], key)


def _value(name: str, model, measures: list[Measure], source: str) -> Column:
    """An item, a score that was given, or a category."""
    if name == "code":
        return Column(name, "string", "category given by a rater", source=source, labels=dict(model.codes))
    if name[:1] == "i" and name[1:].isdigit():
        low, high = map(float, model.response)
        moved = any(counted_from(model, m.response) for m in measures)
        what = f"item {int(name[1:])}, as answered (not reversed)" + f", counted from {low:g}" * moved
        return Column(name, "number", what, "points", source, low=low, high=high)
    low, high = model.range_of(name)
    what = f"score on {name}, as given in the file"
    converted = any(m.kind(name) not in (None, model.how(name)) or counted_from(model, m.response) for m in measures)
    what += ", in the questionnaire's own units" * converted
    return Column(name, "number", what, "points", source, low=low, high=high)


def _ids(raws: list[Raw], role: str) -> str:
    columns = [(r.name, r.person) for r in raws if r.spec.who.role == role]
    if role == "therapist":
        patients = [r for r in raws if r.spec.who.role == "patient"]
        columns += [(r.name, r.spec.who.therapist) for r in patients if r.spec.who.therapist]
        columns += [(r.name, e.therapist) for r in patients for e in r.spec.episodes]
    return _join(columns)


def _sites(files: list[Raw]) -> str:
    return _join([(r.name, r.spec.who.site or "study file") for r in files if r.spec.who.site or r.spec.who.site_name])


def _occasions(sources: list[tuple[Raw, Measure]]) -> str:
    whens = [(raw, measure.when or raw.spec.when) for raw, measure in sources]
    return _join([(r.name, w.column) for r, w in whens if w and w.column]) or "study file"


def _named(sources: list[tuple[Raw, Measure]], key: str) -> str:
    """The raw columns of a measure's session or date."""
    return _join([(r.name, c) for r, m in sources if present(r, c := getattr(m, key))])


def _when(files: list[Raw], key: str) -> str:
    logs = [(r.name, getattr(r.spec, key)) for r in files if not r.spec.measures]
    held = [(r.name, getattr(m, key)) for r in files for m in spread(r.spec)]
    return _join([(name, column) for name, column in [*held, *logs] if column])


def _join(places: list[tuple[str, str]]) -> str:
    """Raw columns as text, by file."""
    by_file: dict[str, dict[str, None]] = {}
    for name, column in places:
        by_file.setdefault(name, {})[ROW_LABELS.get(column, column)] = None
    return "; ".join(f"{name}: {', '.join(columns)}" for name, columns in by_file.items())


ISSUES = Table(
    "issues",
    "issues.csv",
    "What was found in the raw files; no value of a person is in it.",
    [
        Column("severity", "string", "error, warning or note", source="ingest", required=True),
        Column("code", "string", "kind of issue", source="ingest", required=True),
        Column("file", "string", "raw file", source="ingest"),
        Column("sheet", "string", "sheet of a workbook", source="ingest"),
        Column("row", "integer", "first row, as the user's program counts", source="ingest", low=1.0),
        Column("column", "string", "column of the raw file", source="ingest"),
        Column("instrument", "string", "instrument that it is about", source="ingest"),
        Column("what", "string", "what was found", source="ingest", required=True),
        Column("action", "string", "what was done, or what to do", source="ingest", required=True),
        Column("n", "integer", "cells or rows that it is about", "cells or rows", "ingest", True, 1.0),
    ],
)
