"""Descriptions of persons: numbers, categories, dates and checkboxes; what cannot be true is reported and missing."""

from __future__ import annotations

import re

import pandas as pd

from bowlby.config.study import Covariate
from bowlby.errors import count
from bowlby.ingest.columns import dates, labelled_missing, numbers, reported, unseen
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.readers.base import Raw
from bowlby.ingest.readers.column_selection import stem
from bowlby.ingest.text_values import NO_NUMBER, NOT_ANSWERED, UNKNOWN, among, folded, one_spelling

AGE = {"age", "alter", "edad", "âge", "età", "idade", "leeftijd", "ålder", "alder"}
OLDEST = 120
A_YEAR = {"month": 12, "monat": 12, "week": 52.2, "woche": 52.2, "day": 365.25, "tag": 365.25}


def covariate(raw: Raw, name: str, spec: Covariate, issues: Issues) -> pd.Series:
    """The values of a covariate in a file, by row.

    Parameters
    ----------
    raw : Raw
    name : str
        Of the covariate in the study file.
    spec : Covariate
    issues : Issues

    Returns
    -------
    Series
        Numbers, categories by their labels, dates, or 1 and 0 of a checkbox.
    """
    if spec.kind == "checkbox":
        return _checkbox(raw, spec, issues)
    if spec.kind == "date":
        return dates(raw, spec.column, raw.frame.index, issues)
    labels = raw.labels.get(spec.column, {}) | spec.labels
    words = NO_NUMBER if spec.kind == "number" else NOT_ANSWERED
    missing = [*raw.spec.missing, *labelled_missing(raw, spec.column, labels, words, issues)]
    if spec.kind == "category":
        return _category(raw, spec.column, labels, missing, issues)
    values, wrong = numbers(raw, spec.column, missing, issues)
    if wrong.any():
        reported(raw, spec.column, wrong, "not_a_number", "not a number", issues)
    if highest := _highest_age(f"{name} {spec.column}", spec.unit or ""):
        impossible = (values < 0) | (values > highest)
        if impossible.any():
            what = f"not a possible age (below 0 or above {OLDEST} years)"
            reported(raw, spec.column, impossible, "impossible_age", what, issues)
            values = values.mask(impossible)
    return values


def _highest_age(name: str, unit: str) -> float | None:
    """The highest possible age in the covariate's unit; None where the covariate is no age by its name."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-zäöü])(?=[A-Z])", " ", f"{name} {unit}").lower())
    if not AGE.intersection(words):
        return None
    return OLDEST * next((n for unit, n in A_YEAR.items() if any(w.startswith(unit) for w in words)), 1)


def _category(raw: Raw, column: str, labels: dict[str, str], missing: list[str], issues: Issues) -> pd.Series:
    cells = one_spelling(raw.text(column).str.strip())
    cells = cells.mask(cells.eq("") | among(cells, missing))
    categories = cells.map(lambda v: labels.get(v, v), na_action="ignore").astype(object)
    different = [str(v) for v in categories.dropna().unique()]
    alike = [v for v in different if [folded(d) for d in different].count(folded(v)) > 1]
    for code, texts, what, do in (
        ("category_alike", alike, "hold categories that differ only in capitals", "write them alike if they are one"),
        (
            "missing_word",
            [v for v in different if folded(v) in UNKNOWN | NO_NUMBER],
            "hold a text that reads like no answer, such as NA, keine Angabe or don't know",
            "list it under `missing:` if it means that",
        ),
    ):
        if texts:
            rows = categories.index[categories.isin(texts)]
            issues.add_rows("warning", code, f"{count(len(rows), 'cell', 'cells')} {what} ({rows_text(rows)})",
                            f"each stays a category; {do}", rows, column=column, **raw.place)  # fmt: skip
    return categories


BOX = {"checked": 1.0, "unchecked": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


def _checkbox(raw: Raw, spec: Covariate, issues: Issues) -> pd.Series:
    """One box as 1 or 0; missing where no box of its question is ticked and the form was not seen."""
    question = [c for c in raw.frame.columns if "___" in c and stem(c) == stem(spec.column)] or [spec.column]
    boxes = pd.DataFrame({c: numbers(raw, c, raw.spec.missing, issues, BOX)[0] for c in question})
    status = spec.seen or (raw.dictionary.status_of(spec.column) if raw.dictionary else None)
    doubtful = boxes[spec.column].eq(0) & ~boxes.gt(0).any(axis=1) & unseen(raw, status)
    if doubtful.any():
        issues.add(
            "note",
            "unseen_checkbox",
            f"{count(int(doubtful.sum()), 'row')} without a tick in the question, on a form perhaps not seen",
            "set to missing" if status else "set to missing; name the form's status column with `seen:`",
            column=spec.column,
            n=int(doubtful.sum()),
            **raw.place,
        )
    return boxes[spec.column].mask(doubtful)
