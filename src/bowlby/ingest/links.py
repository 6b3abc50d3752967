"""Ids that stand on one side only, each with what follows from it for the analyses."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

from bowlby.ingest.cells import ids, present
from bowlby.ingest.notices import Issues, count, rows_text
from bowlby.ingest.readers.base import Raw

NO_STYLE = "their therapists' style is unknown, so these patients drop out of the comparison; "
ROUNDED = re.compile(r"\d[.,]\d+E\+\d+$", re.IGNORECASE)
WHOLE = re.compile(r"^(\d+)[.,]0+$")
NOBODY = "nothing but their patients is known of them; check the ids"


def one_sided(
    patient_files: list[Raw],
    therapist_files: list[Raw],
    measures: dict[str, pd.DataFrame],
    treating: set[str],
    style: str | None,
    issues: Issues,
) -> None:
    """Tell ids that stand in one kind of file only.

    Parameters
    ----------
    patient_files, therapist_files : list of Raw
    measures : dict of DataFrame
        By instrument.
    treating : set of str
        Therapists who have patients.
    style : str or None
        The instrument of the therapists' style, where the run compares it.
    issues : Issues
    """
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
    look_alikes([(r, [r.spec.who.person]) for r in patient_files], "patient", issues)
    columns = [(r, [r.spec.who.therapist, *(e.therapist for e in r.spec.episodes)]) for r in patient_files]
    look_alikes([*columns, *((r, [r.spec.who.person]) for r in therapist_files)], "therapist", issues)
    if therapist_files:
        _therapists(patient_files, therapist_files, measures, treating, style, issues)


def _therapists(patient_files, therapist_files, measures, treating: set, style: str | None, issues: Issues) -> None:
    known = {p for r in therapist_files for p in ids(r, r.spec.who.person).unique()}
    names = " or ".join(r.name for r in therapist_files)
    action = NO_STYLE + "check the ids, or add these therapists" if style else NOBODY
    for raw in patient_files:
        for column in [raw.spec.who.therapist, *(e.therapist for e in raw.spec.episodes)]:
            if column in raw.frame.columns:
                _tell(raw, column, known, ("therapist", f"not in {names}"), action, issues, of_patients=True)
    answers = measures.get(style)
    answered = None if answers is None else set(answers.loc[answers["role"].eq("therapist"), "person"].unique())
    for raw in therapist_files:
        person = raw.spec.who.person
        action = "their answers count in no model; check the ids if they do have patients"
        _tell(raw, person, treating, ("therapist", "without patients"), action, issues)
        if answered is not None and any(m.instrument == style for m in raw.spec.measures):
            unanswered = answered | (set(ids(raw, person)) - treating)
            action = NO_STYLE + "fill the answers in where there are any"
            _tell(raw, person, unanswered, ("therapist", f"with patients, but no answer to {style}"), action, issues)


def _tell(raw: Raw, column: str, known: set, what: tuple[str, str], action: str, issues, of_patients=False) -> None:
    found = ids(raw, column)
    lone = found[found.ne("") & ~found.isin(known)]
    if lone.empty:
        return
    rows = lone.drop_duplicates().index
    noun, state = what
    about = f"{count(len(rows), noun)} {state}"
    if of_patients:
        person = ids(raw, raw.spec.who.person)[lone.index]
        about += f", who treat {count(person[person.ne('')].nunique(), 'patient')}"
        about = about.replace("who treat", "who treats") if len(rows) == 1 else about
    issues.add(
        "warning",
        "one_sided_id",
        f"{about} ({rows_text(rows)})",
        action,
        row=rows[0],
        column=column,
        n=len(rows),
        **raw.place,
    )


def look_alikes(places: list[tuple[Raw, list[str | None]]], noun: str, issues: Issues) -> None:
    """Tell ids that differ only in what the eye passes over, and those that a spreadsheet has rounded.

    Parameters
    ----------
    places : list of (Raw, list of str)
        Files with their columns of ids.
    noun : str
        What the ids stand for.
    issues : Issues
    """
    first: dict[str, str] = {}
    for raw, columns in places:
        for column in columns:
            if not present(raw, column):
                continue
            found = ids(raw, column)
            different = [one for one in found.unique() if one]
            alike = {one for one in different if first.setdefault(_seen_as(one), one) != one}
            rounded = {one for one in different if ROUNDED.search(one)}
            what = f"{count(len(alike), f'{noun} id')} like an earlier one but for spaces, case, zeros or accents"
            _tell_ids(
                raw,
                column,
                found,
                alike,
                "id_alike",
                what,
                "they stay different persons; write them alike if they are one",
                issues,
            )
            what = f"{count(len(rounded), f'{noun} id')} rounded by a spreadsheet, as in 1.2E+11"
            _tell_ids(raw, column, found, rounded, "id_rounded", what, "export the ids as text", issues)


def _tell_ids(raw: Raw, column: str, found: pd.Series, some: set[str], code: str, what: str, do: str, issues) -> None:
    if some:
        rows = found[found.isin(some)].drop_duplicates().index
        issues.add(
            "warning", code, f"{what} ({rows_text(rows)})", do, row=rows[0], column=column, n=len(some), **raw.place
        )


def _seen_as(text: str) -> str:
    """An id as a careless eye sees it."""
    if text.isascii() and text.isalnum() and not text.startswith("0"):
        return text.lower()
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    plain = WHOLE.sub(r"\1", " ".join(plain.split()).casefold())
    return plain.lstrip("0") or plain
