"""All problems that a run's files reveal: in the configuration, in the data, and in what the models need.

Nothing is written. What a stage would refuse is found by the stage's own code, so a run whose check has no error does
not stop for a reason that its files hold.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bowlby.config import Loaded, LoadedStudy, read_config
from bowlby.design.directions import contrary_directions
from bowlby.design.requirements import requirements, unstated_occasions
from bowlby.errors import Place, UserError, count, problem
from bowlby.ingest import Ingested, look_through
from bowlby.ingest.issues import Issues
from bowlby.instruments.audit_words import alarms
from bowlby.plan import Plan, mismatches, results_of
from bowlby.stages import PEOPLE, analysis_sets, answers, audit_keys, fits_of, score_instrument

Lines = list[tuple[str, str]]
"""Severity (error, warning or note) and line for the reader."""

OF_ROWS = {"contradicting_rows", "date_style", "ragged_row"}
"""Errors of single rows or of dates; the rest of the table can still be analysed."""


def check(config: str | Path) -> Lines:
    """Check a run's configuration and its data.

    Parameters
    ----------
    config : path
        The run's file.

    Returns
    -------
    list of tuple of str
        Severity and line of every problem, each once: of the run's file and the study file, then of the data by file
        and row, then of keys that do not fit the answers, scores, analysis sets and models. A file that cannot be read
        does not hide what is wrong with the others. Scores and models are checked only if their input is
        without errors; otherwise a note says so. Notes also say what was not checked because a file could not be read,
        and how many lines of a draft are still marked as a guess.
    """
    loaded, problems = read_config(config)
    if loaded is None:
        return [*_errors(problems), *_not_checked("the data", problems)]
    if isinstance(loaded, Loaded):
        problems += mismatches(loaded)
    ingested, issues = look_through(loaded)
    data_lines = [*issues.lines(), *_unread(loaded, issues)]
    if isinstance(loaded, Loaded):
        unsaid = unstated_occasions(requirements(loaded.run), ingested.measures)
        problems += loaded.located(unsaid)
        data_lines = [*(("warning", line) for line in contrary_directions(loaded)), *data_lines]
    if problems or not isinstance(loaded, Loaded) or not issues.error_codes <= OF_ROWS:
        return [*_errors(problems), *data_lines, *_not_checked("scores and models", [*problems, *issues.errors])]
    made, problems = _scores(loaded, ingested)
    doubts = [] if problems else alarms(audit_keys(made, ingested.measures, ingested.people))
    refused = problems or refusals(loaded, ingested, {name: scores for name, (_, _, scores) in made.items()})
    return [*data_lines, *(("warning", line) for line in doubts), *_errors(refused)]


def _not_checked(what: str, errors: list[str]) -> Lines:
    """What was not checked, and the files whose errors are the reason."""
    files = sorted({line.partition(":")[0] for line in errors})
    because = f"because of {count(len(errors), 'error')} in {', '.join(files)}"
    them = "it" if len(errors) == 1 else "them"
    return [("note", problem(f"{what} were not checked {because}", f"correct {them}, then check again"))]


def _unread(loaded: LoadedStudy, issues: Issues) -> Lines:
    """For each file that could not be read, the questionnaires whose answers in it were not checked."""
    lines: Lines = []
    for spec in loaded.study.files:
        names = ", ".join(sorted({measure.instrument for measure in spec.measures}))
        if names and Path(spec.path).name in issues.unread:
            what = f"the answers to {names} in this file were not checked because it could not be read"
            lines.append(("note", problem(what, "correct its error, then check again", Place(Path(spec.path).name))))
    return lines


def _scores(loaded: Loaded, ingested: Ingested) -> tuple[dict, list[str]]:
    """By instrument what scoring gives, and what it would refuse."""
    problems: list[str] = []
    made = {
        name: _tried(lambda: score_instrument(loaded, name, ingested.measures[name]), problems)  # noqa: B023
        for name in Plan(loaded, results_of(loaded)).instruments
    }
    return made, problems


def refusals(loaded: Loaded, ingested: Ingested, scores: dict[str, pd.DataFrame]) -> list[str]:
    """What the stages from analysis sets to the model fits would refuse, one line each.

    Parameters
    ----------
    loaded : Loaded
        Without problems of its own.
    ingested : Ingested
        What its raw files hold, without errors.
    scores : dict of DataFrame
        By instrument.
    """
    run = Plan(loaded, results_of(loaded))
    problems: list[str] = []
    fits: dict = {}
    people = {table: ingested.people[table] for table in PEOPLE}
    build = analysis_sets(loaded, scores, people, lambda one: answers(loaded, one, ingested.measures[one]), False)

    def fits_to(name: str) -> dict:
        built = build(name)
        return fits_of(loaded.run, name, built.data, built.membership, built.design, with_c2=False)

    for name in run.sets:
        fits |= _tried(lambda: fits_to(name), problems) or {}  # noqa: B023
    if loaded.run.other_outcomes and "primary" in fits:
        _tried(lambda: _other_outcomes(loaded, scores, ingested.people, fits["primary"].record), problems)
    return list(dict.fromkeys(problems))


def _other_outcomes(loaded: Loaded, scores: dict, people: dict, primary: dict) -> None:
    from bowlby.compare.domains import domains

    domains(loaded.run, scores, people, [o.id for o in loaded.study.occasions], primary)


def _tried(work: Callable, problems: list[str]):
    """The result of some work; None if it is refused, with the reasons added to the problems."""
    try:
        return work()
    except UserError as error:
        problems += error.problems
        return None


def _errors(lines: list[str]) -> Lines:
    return [("error", line) for line in dict.fromkeys(lines)]
