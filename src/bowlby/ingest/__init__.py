"""Raw files to people and measures; every irregularity is an issue, nothing is silently repaired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bowlby.config import LoadedStudy
from bowlby.dictionary import Table
from bowlby.errors import UserError
from bowlby.ingest.columns import has
from bowlby.ingest.id_checks import unread_therapists
from bowlby.ingest.issues import Issues
from bowlby.ingest.keys import factorize
from bowlby.ingest.measures import Repeats, columns_of, combine, instruments, measure_table, report_repeats, spread
from bowlby.ingest.output_tables import describe
from bowlby.ingest.people import fill_therapists, people
from bowlby.ingest.readers import Raw, Selection, read
from bowlby.ingest.readers.redcap_dictionary import read_dictionary
from bowlby.ingest.rows import report_doubts, select_rows

__all__ = ["Ingested", "check", "ingest", "look_through"]


@dataclass
class Ingested:
    """What the raw files hold.

    Attributes
    ----------
    people : dict of DataFrame
        patients, therapists, episodes, sessions.
    measures : dict of DataFrame
        By instrument.
    issues : DataFrame
    flow : dict
    tables : list of Table
        What their columns mean.
    """

    people: dict[str, pd.DataFrame]
    measures: dict[str, pd.DataFrame]
    issues: pd.DataFrame
    flow: dict = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


def check(loaded: LoadedStudy) -> pd.DataFrame:
    """All issues of a study's files; nothing is written.

    Returns
    -------
    DataFrame
        Columns severity, code, file, sheet, row, column, instrument, what, action, n; errors first.
    """
    return look_through(loaded)[1].table()


def ingest(loaded: LoadedStudy) -> Ingested:
    """Read and harmonise a study's files.

    Raises
    ------
    UserError
        All errors of all files, one line each.
    """
    result, issues = look_through(loaded)
    if issues.errors:
        raise UserError(issues.errors)
    from bowlby.ingest.output_tables import validate

    validate(result.people, result.measures)
    return result


def look_through(loaded: LoadedStudy) -> tuple[Ingested, Issues]:
    """What a study's files hold and all issues, as far as each file can be read; nothing is written."""
    issues, study = Issues(), loaded.study
    models = instruments(study, loaded.instruments_dir, loaded.study_path.name, issues)
    dictionaries = {name: read_dictionary(path, issues) for name, path in loaded.dictionaries.items()}
    raws = []
    for spec in study.files:
        dictionary = dictionaries.get(spec.dictionary) if spec.dictionary else None
        selection = Selection(spec, renamed=dictionary.named if dictionary else None)
        raw = read(loaded.data_dir / spec.path, selection, issues)
        if raw is not None:
            raws.append(raw)
            if dictionary:
                raw.dictionary, raw.labels = dictionary, dictionary.labels() | raw.labels
                raw.titles = dictionary.titles() | raw.titles
            select_rows(raw, issues)
            report_doubts(raw, issues)
    unread_therapists(raws, issues)
    parts: dict[str, list[pd.DataFrame]] = {}
    for raw in raws:
        _named_columns(raw, issues)
        for measure in spread(raw.spec):
            if measure.instrument in models:
                table = measure_table(raw, measure, models[measure.instrument], study, issues)
                if table is not None:
                    parts.setdefault(measure.instrument, []).append(table)
        raw.release(_answers(raw, models, issues))
    repeats = Repeats()
    counts = {name: sum(map(len, some)) for name, some in parts.items()}
    measures = {name: combine(parts.pop(name), name, repeats, issues) for name in sorted(parts)}
    report_repeats(repeats, issues)
    comparison = loaded.run.comparison if loaded.run else None
    style = comparison.therapist_style.instrument if comparison else None
    occasions = [o.id for o in study.occasions]
    persons = people(raws, measures, occasions, style, issues, whole=len(raws) == len(study.files))
    fill_therapists([r for r in raws if r.spec.who.role == "patient"], measures, persons["episodes"], issues)
    steps = _flow(raws, counts, measures, persons, occasions)
    tables = [] if issues.errors else describe(raws, persons, measures, models, study)
    return Ingested(persons, measures, issues.table(), {"steps": steps}, tables), issues


def _answers(raw: Raw, models: dict, issues: Issues) -> set[str]:
    """Raw columns that hold answers and nothing else."""
    known = [m for m in spread(raw.spec) if m.instrument in models]
    columns = {c for m in known for c in (columns_of(raw, m, models[m.instrument], issues) or {}).values()}
    return columns - set(_other_columns(raw))


def _named_columns(raw: Raw, issues: Issues) -> None:
    for column in dict.fromkeys(_other_columns(raw)):
        has(raw, column, issues)


def _other_columns(raw: Raw) -> list[str]:
    """The columns that the study file names, other than those of answers."""
    spec = raw.spec
    measures = spread(spec)
    whens = [w for w in (spec.when, *(m.when for m in measures)) if w]
    named = [
        spec.who.person,
        spec.who.therapist,
        spec.who.site,
        *(() if measures else (spec.session, spec.date)),
        *(x for m in measures for x in (m.session, m.date, m.seen)),
        *(w.column for w in whens),
        *(x for c in spec.covariates.values() for x in (c.column, c.seen)),
        *(x for e in spec.episodes for x in (e.therapist, e.sessions)),
    ]
    return [column for column in named if column]


def _flow(raws, counts, measures, people, occasions: list[str]) -> list[dict]:
    patients, therapists = len(people["patients"]), people["episodes"]["therapist"].nunique()
    steps = _left_out(raws, people, therapists)
    steps += [_step("rows read", patients, therapists, sum(len(r.frame) for r in raws), "all rows of all files")]
    for name, table in measures.items():
        repeats = counts[name] - len(table)
        answered = f"rows with an answer; {repeats or 'no'} repeated row{'s' * (repeats != 1)} left out"
        for occasion, counted in _counts(table, occasions).items():
            called, reason = (occasion, "answered at this occasion") if occasion else ("answered", answered)
            steps.append({**_step(f"{name}: {called}", *counted, reason), "instrument": name, "occasion": occasion})
    return steps


def _left_out(raws, people, therapists: int) -> list[dict]:
    """Rows and patients that `rows:` leaves out, one step for each file and column; none where it leaves out none."""
    out = [(raw, column, who) for raw in raws for column, who in raw.left_out.items()]
    n, patients = sum(len(raw.frame) for raw in raws), {*people["patients"]["patient"]}
    steps: list[dict] = []
    for raw, column, who in reversed(out):
        reason = f"left out of {raw.name} by `rows:` ({column.strip('{}')})"
        steps.insert(0, _step(f"without: {raw.name} {column}", len(patients), therapists, n, reason))
        n += len(who)
        patients |= {one for one in who if one} if raw.spec.who.role == "patient" else set()
    return [_step("rows in the files", len(patients), therapists, n, "all rows of all files"), *steps] if out else []


def _counts(table: pd.DataFrame, occasions: list[str]) -> dict[str | None, tuple[int, int, int]]:
    """Patients, therapists and rows of an instrument: of all rows (None), and of each occasion that has any."""
    (person, persons), (therapist, therapists) = factorize(table["person"]), factorize(table["therapist"])
    therapist = np.append(pd.factorize(persons.append(therapists))[0][len(persons) :], -1)[therapist]
    own = np.where(table["role"].eq("therapist") & table["about"].eq("self"), person, -1)
    patient = np.where(table["role"].eq("patient") | table["about"].eq("patient"), person, -1)
    codes, found = factorize(table["occasion"])
    rows: dict[str | None, Any] = {None: slice(None)}
    rows |= {one: np.flatnonzero(codes == found.get_loc(one)) for one in occasions if one in found}
    return {
        one: (_different(patient[at]), _different(own[at], therapist[at]), len(codes[at])) for one, at in rows.items()
    }


def _different(*codes: np.ndarray) -> int:
    """How many different codes there are, -1 aside."""
    found = np.concatenate(codes)
    return int(np.count_nonzero(np.bincount(found[found >= 0])))


def _step(step: str, patients: int, therapists: int, rows: int, reason: str) -> dict:
    return {"step": step, "patients": patients, "therapists": therapists, "rows": rows, "reason": reason}
