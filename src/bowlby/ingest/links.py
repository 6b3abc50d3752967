"""Ids that stand on one side only, each with what follows from it for the analyses."""

from __future__ import annotations

import pandas as pd

from bowlby.ingest.altered_ids import altered_ids
from bowlby.ingest.cells import ids, ids_of, no_therapist, therapist_columns
from bowlby.ingest.notices import Issues, count, rows_text
from bowlby.ingest.readers.base import Raw

NO_STYLE = "the therapist style of these patients is unknown, so they drop out of the comparison; "
NOBODY = "nothing but their patients is known of them; check the ids"


def one_sided(
    patient_files: list[Raw],
    therapist_files: list[Raw],
    measures: dict[str, pd.DataFrame],
    treating: set[str],
    style: str | None,
    whole: bool,
    issues: Issues,
) -> None:
    """Tell ids that stand in one kind of file only, unless some files could not be read.

    Parameters
    ----------
    patient_files, therapist_files : list of Raw
    measures : dict of DataFrame
        By instrument.
    treating : set of str
        Therapists who have patients.
    style : str or None
        The instrument of the therapists' style, where the run compares it.
    whole : bool
        Whether all files could be read.
    issues : Issues
    """
    columns = [(r, therapist_columns(r)) for r in patient_files]
    altered_ids([(r, [r.spec.who.person]) for r in patient_files], "patient", issues)
    altered_ids([*columns, *((r, [r.spec.who.person]) for r in therapist_files)], "therapist", issues)
    listed = {p for r in therapist_files for p in ids(r, r.spec.who.person).unique()}
    for raw in patient_files:
        _doubtful_therapists(raw, listed, issues)
    if not whole:
        return
    asked = {p for t in measures.values() for p in t.loc[t["role"].eq("patient"), "person"].unique()}
    described = [r for r in patient_files if not r.spec.measures]
    listed = {p for r in described for p in ids(r, r.spec.who.person).unique()}
    for raw in patient_files:
        person = raw.spec.who.person
        if raw in described and measures:
            action = "they have no scores, so no model counts them; check the ids if they did answer"
            _tell(raw, person, asked, ("patient", "without questionnaires"), action, issues)
        elif described:
            action = f"what {described[0].name} says of patients is missing for them; check the ids"
            _tell(raw, person, listed, ("patient", f"not in {described[0].name}"), action, issues)
    if therapist_files:
        _therapists(patient_files, therapist_files, measures, treating, style, issues)


def _doubtful_therapists(raw: Raw, listed: set[str], issues: Issues) -> None:
    """An error where a text that means no therapist is the id of one by what else is there.

    That is a text that the therapists' own file lists, and a number listed under ``missing`` that lies among the ids.
    """
    for column in therapist_columns(raw):
        none = no_therapist(raw, column)
        if not none.any():
            continue
        every = ids(raw, column)
        doubtful = set(every[none]) & listed
        texts = raw.text(column).str.strip()
        known = pd.to_numeric(texts[~none & texts.ne("")], errors="coerce")
        codes = pd.to_numeric(texts[none], errors="coerce").dropna()
        inside = codes[codes.between(known.min(), known.max())] if known.notna().mean() > 0.5 else codes[:0]
        doubtful |= set(every[inside.index])
        if doubtful:
            rows = every.index[every.isin(doubtful)]
            what = "that mean no therapist, but are ids of therapists by the others or by the therapists' file"
            issues.add(
                "error",
                "doubtful_therapist",
                f"{count(len(rows), 'cell holds a text', 'cells hold texts')} {what} ({rows_text(rows)})",
                "list them under `keep_ids:` if they are therapists; else empty these cells, and take the row out of "
                "the therapists' file with `rows:`",
                row=rows[0],
                column=column,
                n=len(rows),
                **raw.place,
            )


def _own(answers, role: str):
    """Who answered about themselves in a role."""
    return answers.loc[answers["role"].eq(role) & answers["about"].eq("self"), "person"].unique()


def _therapists(patient_files, therapist_files, measures, treating: set, style: str | None, issues: Issues) -> None:
    known = {p for r in therapist_files for p in ids(r, r.spec.who.person).unique()}
    names = " or ".join(r.name for r in therapist_files)
    action = NO_STYLE + "check the ids, or add these therapists" if style else NOBODY
    for raw in patient_files:
        for column in therapist_columns(raw):
            _tell(raw, column, known, ("therapist", f"not in {names}"), action, issues, of_patients=True)
    answers = measures.get(style)
    answered = None if answers is None else set(_own(answers, "therapist"))
    for raw in therapist_files:
        person = raw.spec.who.person
        action = "their answers count in no model; check the ids if they do have patients"
        _tell(raw, person, treating, ("therapist", "without patients"), action, issues)
        if answered is not None and any(m.instrument == style for m in raw.spec.measures):
            unanswered = answered | (set(ids(raw, person)) - treating)
            action = NO_STYLE + "fill the answers in where there are any"
            _tell(raw, person, unanswered, ("therapist", f"with patients, but no answer to {style}"), action, issues)


def _tell(raw: Raw, column: str, known: set, what: tuple[str, str], action: str, issues, of_patients=False) -> None:
    found = ids_of(raw, column)
    lone = found[found.ne("") & ~found.isin(known)]
    if lone.empty:
        return
    rows = lone.drop_duplicates().index
    noun, state = what
    about = count(len(rows), noun)
    if of_patients:
        person = ids(raw, raw.spec.who.person)[lone.index]
        treated = count(person[person.ne("")].nunique(), "patient")
        about += f" who {'treats' if len(rows) == 1 else 'treat'} {treated} {'is' if len(rows) == 1 else 'are'}"
    issues.add(
        "warning",
        "one_sided_id",
        f"{about} {state} ({rows_text(rows)})",
        action,
        row=rows[0],
        column=column,
        n=len(rows),
        **raw.place,
    )
