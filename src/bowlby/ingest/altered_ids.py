"""Ids that differ only in what the eye passes over, and ids that a program has changed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pandas as pd

from bowlby.ingest.cells import ids_of, present
from bowlby.ingest.notices import Issues, count, rows_text
from bowlby.ingest.readers.base import Raw

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


def altered_ids(places: list[tuple[Raw, list[str | None]]], noun: str, issues: Issues) -> None:
    """Tell ids that differ only in what the eye passes over, and those that a program has changed.

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
            found = ids_of(raw, column)
            different = [one for one in found.unique() if one]
            alike = {one for one in different if first.setdefault(_seen_as(one), one) != one}
            do = "they stay different persons; write them alike if they are one"
            what = f"{count(len(alike), f'{noun} id')} like an earlier one but for spaces, case, zeros or accents"
            _tell_ids(raw, column, found, alike, "id_alike", what, do, issues)
            for code, (some, what, do) in _changed(different).items():
                _tell_ids(raw, column, found, some, code, f"{count(len(some), f'{noun} id')} {what}", do, issues)


def _changed(different: list[str]) -> dict[str, tuple[set[str], str, str]]:
    """Ids that a program has changed: by code the ids, what they are, and what to do."""
    bare = {one: one.rpartition(":")[2] for one in different}
    return {
        "id_rounded": (
            {one for one in different if ROUNDED.search(one)},
            "rounded by a spreadsheet, as in 1.2E+11",
            "export the ids as text",
        ),
        "id_as_date": (
            {one for one, text in bare.items() if AS_DATE.fullmatch(text) or AS_DATE.fullmatch(one)},
            "written as a date, as a spreadsheet makes of 1-2 or MAR1",
            "export the ids as text, and check that each is the person's own",
        ),
        "id_as_number": (
            _as_number(bare),
            "written as a number among ids such as 3A07, as a spreadsheet makes 30000000 of 3E07",
            "export the ids as text",
        ),
        "id_without_zeros": (
            _without_zeros(bare),
            "with decimals of which none ends in 0, as a spreadsheet makes 1.1 of 1.10",
            "two persons may have become one; export the ids as text",
        ),
        "double_entry": (
            _entered_twice(different),
            "of REDCap's double data entry (101--1 and 101--2)",
            "each patient counts twice; merge the records in REDCap, or leave one of the entries out with `rows:`",
        ),
    }


def _entered_twice(different: list[str]) -> set[str]:
    stems = Counter(found[1] for one in different if (found := ENTRY.fullmatch(one)))
    return {f"{stem}--{n}" for stem, entries in stems.items() if entries == 2 for n in (1, 2)}


def _as_number(bare: dict[str, str]) -> set[str]:
    """Numbers in a column of ids with a letter between digits, none of them an E."""
    inside = [text for text in bare.values() if LETTER_INSIDE.fullmatch(text)]
    if len(inside) < 0.5 * len(bare) or any(WITH_E.fullmatch(text) for text in inside):
        return set()
    return {one for one, text in bare.items() if text.isdigit()}


def _without_zeros(bare: dict[str, str]) -> set[str]:
    """Ids with decimals, where these have one or more digits and none ends in 0."""
    found = {one: m[1] for one, text in bare.items() if (m := TENTHS.fullmatch(text))}
    if len(found) < 0.5 * len(bare) or len({*map(len, found.values())}) < 2:
        return set()
    return set() if any(text.endswith("0") for text in found.values()) else {*found}


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
