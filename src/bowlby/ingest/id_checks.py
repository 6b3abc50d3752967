"""Ids that need a look: altered by a program, written in two ways, or in one kind of file only."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from bowlby.errors import count
from bowlby.ingest.columns import ids, ids_of, no_therapist, present, therapist_columns
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.keys import different, factorize
from bowlby.ingest.readers.base import Raw

USUAL = "[A-Za-z]+[0-9]*|[0-9]+"
"""Ids that no program changes, unless others of their column have a letter between digits."""
ROUNDED = re.compile(r"\d([.,]\d+)?E\+\d+$", re.IGNORECASE)
MONTH = "(?:jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sept?|oct|okt|nov|dec|dez)"
AS_DATE = re.compile(
    rf"\d{{1,2}}[-. ]+{MONTH}([-. ]+\d{{2,4}})?|{MONTH}[-. ]+\d{{1,4}}|\d{{4}}-\d\d-\d\d([T ]\d\d:\d\d.*)?|"
    r"\d{1,2}([./])\d{1,2}\3\d{2,4}",
    re.IGNORECASE,
)
WITH_E = re.compile(r"\d+e\d+", re.IGNORECASE)
LETTER_INSIDE = re.compile(r"\d+[a-z]\d+", re.IGNORECASE)
TENTHS = re.compile(r"\d+\.(\d+)")
ENTRY = re.compile(r"(.+)--[12]")
WHOLE = re.compile(r"^(\d+)[.,]0+$")


def altered_ids(places: list[tuple[Raw, list[str]]], noun: str, issues: Issues) -> None:
    """Report ids that differ only in details easily overlooked, and those that a program has changed.

    Parameters
    ----------
    places : list of (Raw, list of str)
        Files with their columns of ids.
    noun : str
        What the ids denote.
    issues : Issues
    """
    columns = [(raw, column) for raw, some in places for column in some if present(raw, column)]
    held = [ids_of(raw, column) for raw, column in columns]
    found = [texts[texts != ""] for texts in (factorize(values)[1] for values in held)]
    every = pd.Index([], dtype="str").append(found).unique().to_series()
    usual = every.str.fullmatch(USUAL)
    seen = every.str.lower().where(
        usual & ~every.str.startswith("0"), every[~usual | every.str[:1].eq("0")].map(_seen_as)
    )
    later, unusual = {*every[seen.duplicated()]}, {*every[~usual]}
    for (raw, column), values, texts in zip(columns, held, found, strict=True):
        alike = {*texts[texts.isin(later)]} if later else set()
        do = "they stay different persons; write them alike if they are one"
        what = f"{count(len(alike), f'{noun} id')} like an earlier one but for spaces, case, zeros or accents"
        _report_ids(raw, column, values, alike, "id_alike", what, do, issues)
        for code, (some, what, do) in _changed(texts, unusual.intersection(texts) if unusual else set()).items():
            _report_ids(raw, column, values, some, code, f"{count(len(some), f'{noun} id')} {what}", do, issues)


def _changed(texts: pd.Index, unusual: set[str]) -> dict[str, tuple[set[str], str, str]]:
    """Ids that a program has changed: by code the ids, what they are, and what to do."""
    bare = {one: one.rpartition(":")[2] for one in unusual}
    signed = {one: text for one, text in bare.items() if not one.isalnum()}  # most changes need a sign
    return {
        "id_rounded": (
            {one for one in signed if ROUNDED.search(one)},
            "rounded by a spreadsheet, as in 1.2E+11",
            "export the ids as text",
        ),
        "id_as_date": (
            {one for one, text in signed.items() if AS_DATE.fullmatch(text) or AS_DATE.fullmatch(one)},
            "written as a date, as a spreadsheet makes of 1-2 or MAR1",
            "export the ids as text, and check that each is the person's own",
        ),
        "id_as_number": (
            _as_number(texts, bare),
            "written as a number among ids such as 3A07, as a spreadsheet makes 30000000 of 3E07",
            "export the ids as text",
        ),
        "id_without_zeros": (
            _without_zeros(signed, len(texts)),
            "with decimals of which none ends in 0, as a spreadsheet makes 1.1 of 1.10",
            "two persons may have become one; export the ids as text",
        ),
        "double_entry": (
            _entered_twice(signed),
            "of REDCap's double data entry (101--1 and 101--2)",
            "each patient counts twice; merge the records in REDCap, or leave one of the entries out with `rows:`",
        ),
    }


def _entered_twice(different: Iterable[str]) -> set[str]:
    stems = Counter(match[1] for one in different if (match := ENTRY.fullmatch(one)))
    return {f"{stem}--{n}" for stem, entries in stems.items() if entries == 2 for n in (1, 2)}


def _as_number(texts: pd.Index, bare: dict[str, str]) -> set[str]:
    """Numbers in a column of ids with a letter between digits, none of them an E."""
    inside = [text for text in bare.values() if LETTER_INSIDE.fullmatch(text)]
    if len(inside) < 0.5 * len(texts) or any(WITH_E.fullmatch(text) for text in inside):
        return set()
    return {one for one in texts if one.rpartition(":")[2].isdigit()}


def _without_zeros(bare: dict[str, str], n: int) -> set[str]:
    """Ids with decimals, where half of all ``n`` have them, with one or more digits, and none ends in 0."""
    decimals = {one: m[1] for one, text in bare.items() if (m := TENTHS.fullmatch(text))}
    if len(decimals) < 0.5 * n or len({*map(len, decimals.values())}) < 2:
        return set()
    return set() if any(text.endswith("0") for text in decimals.values()) else {*decimals}


def _report_ids(raw: Raw, column: str, values: pd.Series, some: set[str], code: str, what: str, do, issues) -> None:
    if some:
        rows = values[values.isin(some)].drop_duplicates().index
        issues.add(
            "warning", code, f"{what} ({rows_text(rows)})", do, row=rows[0], column=column, n=len(some), **raw.place
        )


def _seen_as(text: str) -> str:
    """An id as a careless eye sees it."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    plain = WHOLE.sub(r"\1", " ".join(plain.split()).casefold())
    return plain.lstrip("0") or plain


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
    """Report ids that are in one kind of file only, unless some files could not be read.

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
    altered_ids([(r, [r.person]) for r in patient_files], "patient", issues)
    altered_ids([*columns, *((r, [r.person]) for r in therapist_files)], "therapist", issues)
    listed = {p for r in therapist_files for p in different(ids(r, r.person))}
    for raw in patient_files:
        _doubtful_therapists(raw, listed, issues)
    if not whole:
        return
    described = [r for r in patient_files if not r.spec.measures]
    listed = {p for r in described for p in different(ids(r, r.person))}
    patients = [t.loc[t["role"].eq("patient"), "person"] for t in measures.values() if described]
    answered = {p for persons in patients for p in different(persons)}
    for raw in patient_files:
        person = raw.person
        if raw in described and measures:
            action = "they have no scores, so no model counts them; check the ids if they did answer"
            _one_sided_ids(raw, person, answered, ("patient", "without questionnaires"), action, issues)
        elif described:
            action = f"what {described[0].name} says of patients is missing for them; check the ids"
            _one_sided_ids(raw, person, listed, ("patient", f"not in {described[0].name}"), action, issues)
    if therapist_files:
        _one_sided_therapists(patient_files, therapist_files, measures, treating, style, issues)


def _doubtful_therapists(raw: Raw, listed: set[str], issues: Issues) -> None:
    """An error if a text that means no therapist seems to be the id of one.

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


def _one_sided_therapists(patient_files, therapist_files, measures, treating, style, issues: Issues) -> None:
    known = {p for r in therapist_files for p in different(ids(r, r.person))}
    names = " or ".join(r.name for r in therapist_files)
    action = NO_STYLE + "check the ids, or add these therapists" if style else NOBODY
    for raw in patient_files:
        for column in therapist_columns(raw):
            _one_sided_ids(raw, column, known, ("therapist", f"not in {names}"), action, issues, of_patients=True)
    answers = measures.get(style)
    answered = None if answers is None else set(_own(answers, "therapist"))
    for raw in therapist_files:
        person = raw.person
        action = "their answers count in no model; check the ids if they do have patients"
        _one_sided_ids(raw, person, treating, ("therapist", "without patients"), action, issues)
        if answered is not None and any(m.instrument == style for m in raw.spec.measures):
            unanswered = answered | (set(ids(raw, person)) - treating)
            action = NO_STYLE + "fill the answers in where there are any"
            what = ("therapist", f"with patients, but no answer to {style}")
            _one_sided_ids(raw, person, unanswered, what, action, issues)


def _one_sided_ids(raw: Raw, column: str, known: set, what: tuple[str, str], action, issues, of_patients=False) -> None:
    values = ids_of(raw, column)
    unknown = [one for one in different(values) if one and one not in known]
    if not unknown:
        return
    lone = values[values.isin(unknown)]
    rows = lone.drop_duplicates().index
    noun, state = what
    about = count(len(rows), noun)
    if of_patients:
        person = ids(raw, raw.person)[lone.index]
        treated = count(person[person.ne("")].nunique(), "patient")
        about += f" who {'treats' if len(rows) == 1 else 'treat'} {treated} {'is' if len(rows) == 1 else 'are'}"
    issues.add_rows("warning", "one_sided_id", f"{about} {state} ({rows_text(rows)})", action, rows,
                    column=column, **raw.place)  # fmt: skip


def unread_therapists(raws: list[Raw], issues: Issues) -> None:
    """Report columns that name therapists in one file of patients and are not read from another.

    A patient who changes therapist from session to session would be taken for one who stays.
    """
    raws = [raw for raw in raws if raw.spec.who.role == "patient"]
    named = {column: raw.name for raw in reversed(raws) for column in therapist_columns(raw)}
    for raw in raws:
        if therapist_columns(raw):
            continue
        for column in (c for c in raw.header if c in named):
            issues.add(
                "warning",
                "therapist_not_read",
                f"a column of this name gives the therapist in {named[column]}, and is not read here",
                "if patients change therapist, name it as `therapist:` in `who:` of this file",
                column=column,
                **raw.place,
            )
