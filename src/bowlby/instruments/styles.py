"""Scores made of scales, and attachment styles: by each instrument's stated rule, or as raters coded them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from bowlby.disclosure import hide_classes, hide_totals
from bowlby.errors import existing
from bowlby.instruments.cells import by_occasion
from bowlby.instruments.model import Instrument
from bowlby.terms import STYLES

UNCLASSIFIED = "unclassified"
UNKNOWN_CODE = "unknown code"


def add_derived(scores: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Scores with their composites, and the column ``style`` where the instrument has a rule or codes for it."""
    derived = scores.drop(columns="source")
    for name, values in composites(scores, instrument).items():
        derived[name] = values
    style = styles(scores, instrument)
    if style is not None:
        derived["style"] = style
    return derived.assign(source=scores["source"])


def composites(scores: pd.DataFrame, instrument: Instrument) -> dict[str, np.ndarray]:
    """Each composite whose scales are all there, null where one of them is."""
    values = {}
    for name, composite in instrument.composites.items():
        if set(composite.weights) <= set(scores.columns):
            parts = [weight * _values(scores, scale) for scale, weight in composite.weights.items()]
            values[name] = np.sum(parts, axis=0)
    return values


def styles(scores: pd.DataFrame, instrument: Instrument) -> pd.Series | None:
    """The attachment style of each row; None for the whole where the instrument gives no style.

    Returns
    -------
    Series of str, or None
        One of ``STYLES``, or ``unclassified`` (on a midpoint, or tied); null where a score is missing.
    """
    if "code" in scores.columns and instrument.codes:
        return from_codes(scores["code"], instrument.codes)
    rule = instrument.style
    if rule is None or not set(rule.scales) <= set(scores.columns):
        return None
    style = _by_prototypes(scores, rule) if rule.prototypes else _by_dimensions(scores, instrument)
    return pd.Series(style, index=scores.index, dtype=object)


def from_codes(codes: pd.Series, meanings: dict[str, str]) -> pd.Series:
    """What raters' codes mean; of a code with subgroups or alternatives (``F3a``, ``U/E``) its first category."""
    exact = {code.casefold(): meaning for code, meaning in meanings.items()}

    def meaning(code):
        if not isinstance(code, str) or not code.strip():
            return None
        first = re.match(r"[^\W\d_]*", code.strip()).group().casefold()
        return exact.get(code.strip().casefold(), exact.get(first, UNKNOWN_CODE))

    style = codes.map({code: meaning(code) for code in codes.dropna().unique()}).astype(object)
    return style.where(codes.notna(), None)


def _by_dimensions(scores: pd.DataFrame, instrument: Instrument) -> np.ndarray:
    rule = existing(instrument.style)
    anxiety = position(scores, instrument, rule.anxiety)
    avoidance = position(scores, instrument, rule.avoidance or rule.closeness)
    avoidance = avoidance if rule.avoidance else -avoidance
    classes = np.full(len(scores), None, dtype=object)
    both = np.isfinite(anxiety) & np.isfinite(avoidance)
    classes[both] = UNCLASSIFIED
    corners = {
        "secure": (anxiety < 0) & (avoidance < 0),
        "preoccupied": (anxiety > 0) & (avoidance < 0),
        "dismissing": (anxiety < 0) & (avoidance > 0),
        "fearful/disorganized": (anxiety > 0) & (avoidance > 0),
    }
    for style, rows in corners.items():
        classes[rows] = style
    return classes


def position(scores: pd.DataFrame, instrument: Instrument, scales: list[str]) -> np.ndarray:
    """Mean distance from the middle of the range, in half ranges; 0 on the midpoint itself."""
    parts = []
    for scale in scales:
        low, high = instrument.range_of(scale)
        parts.append((2 * _values(scores, scale) - low - high) / (high - low))
    mean = np.mean(parts, axis=0)
    return np.where(np.abs(mean) < 1e-9, 0.0, mean)


def _by_prototypes(scores: pd.DataFrame, rule) -> np.ndarray:
    names = np.array(list(rule.prototypes), dtype=object)
    ratings = np.column_stack([_values(scores, scale) for scale in rule.prototypes.values()])
    style = np.full(len(scores), None, dtype=object)
    complete = np.isfinite(ratings).all(axis=1)
    whole = ratings[complete]
    highest = names[whole.argmax(axis=1)] if len(whole) else []
    tied = (whole == whole.max(axis=1, keepdims=True)).sum(axis=1) > 1 if len(whole) else []
    style[complete] = np.where(tied, UNCLASSIFIED, highest)
    return style


def _values(scores: pd.DataFrame, scale: str) -> np.ndarray:
    return scores[scale].to_numpy(float, na_value=np.nan)


COLUMNS = [
    "instrument",
    "role",
    "about",
    "occasion",
    "style",
    "count",
    "of",
    "suppressed",
    "rule",
    "source",
    "confidence",
    "warning",
]
AS_CODED = "as raters coded it"


def style_counts(scores: pd.DataFrame, instrument: Instrument, shareable: bool = True) -> pd.DataFrame:
    """How many persons have each attachment style, by role, target and occasion, with the rule and its warning.

    Returns
    -------
    DataFrame
        One row for each style, also where nobody has it; ``count`` of ``of`` classified persons, null with
        ``suppressed`` where it could tell one person.
    """
    rows = []
    if "style" in scores.columns:
        rule = instrument.style
        about_rule = (rule.words, rule.source, rule.confidence, rule.warning) if rule else (AS_CODED, "", "", "")
        for key, group in by_occasion(scores):
            by_style = scores["style"].iloc[group].value_counts()
            names = [*STYLES, *sorted(set(by_style.index) - set(STYLES))]
            counts = [int(by_style.get(name, 0)) for name in names]
            hidden = hide_classes(counts, shareable)
            rows += [
                (*key, name, None if hide else n, sum(counts), hide, *about_rule)
                for name, n, hide in zip(names, counts, hidden, strict=True)
            ]
    table = pd.DataFrame(rows, columns=COLUMNS[1:])
    table.insert(0, "instrument", instrument.id)
    return hide_totals(table, shareable)
