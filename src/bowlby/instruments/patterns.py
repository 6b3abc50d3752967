"""Patterns in a filled-in form that no key explains: other ranges, straight lines, the same form twice."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.model import Instrument

FEWEST = 30
IN_USE = 0.03
GROUP = ["role", "about", "occasion"]


def form_checks(measures: pd.DataFrame, instrument: Instrument, columns: list[str]) -> list[tuple]:
    """Rows (scale, item, check, observed, expected, verdict, advice) for a whole form."""
    values = measures[columns].to_numpy(float, na_value=np.nan)
    return [
        _outside(values, instrument),
        _range(values, instrument),
        _straight(values, instrument),
        _twice(measures, values),
    ]


def _outside(values: np.ndarray, instrument: Instrument) -> tuple:
    low, high = instrument.response
    n = int(((values < low) | (values > high)).sum())
    return (
        None,
        None,
        "out_of_range",
        n,
        f"0 outside {low:g} to {high:g}",
        "wrong" if n else "ok",
        "correct them, or give the form's own range" if n else "",
    )


def _range(values: np.ndarray, instrument: Instrument) -> tuple:
    """A form with fewer categories leaves an end of the range unused: one step of a short range, more of a long one.

    Its last category is in use, where a floor or a ceiling thins out before the end.
    """
    low, high = instrument.response
    expected = f"{low:g} to {high:g}"
    answered = values[~np.isnan(values)]
    if len(answered) < 5 * FEWEST:
        return (None, None, "response_range", "too few answers", expected, "not_testable", "")
    spare = 1 + (high - low >= 6) + (high - low >= 10)
    used = (float(answered.min()), float(answered.max()))
    last = [float((answered == end).mean()) >= IN_USE for end in used]
    short = (used[1] <= high - spare and last[1]) or (used[0] >= low + spare and last[0])
    return (
        None,
        None,
        "response_range",
        f"{used[0]:g} to {used[1]:g}",
        expected,
        "suspicious" if short else "ok",
        "check the number of response categories of your form" if short else "",
    )


def _straight(values: np.ndarray, instrument: Instrument) -> tuple:
    """The same answer to everything contradicts itself only where items run both ways."""
    answered = (~np.isnan(values)).sum(axis=1)
    full = answered >= max(0.8 * instrument.n_items, 2)
    spread = np.fmax.reduce(values[full], axis=1, initial=-np.inf) - np.fmin.reduce(
        values[full], axis=1, initial=np.inf
    )
    n, of = int((spread == 0).sum()), int(full.sum())
    mixed = any(s.reverse for s in instrument.scales.values()) and instrument.n_items >= 6
    if not mixed:
        return (
            None,
            None,
            "straight_lining",
            f"{n} of {of}",
            "",
            "not_testable",
            "all items run one way, so the same answer throughout may be meant",
        )
    many = n >= 3 and n > 0.02 * of
    return (
        None,
        None,
        "straight_lining",
        f"{n} of {of}",
        "at most 2%, or 2 rows",
        "suspicious" if many else "ok",
        "look at these forms; the same answer to all items cannot be meant" if many else "",
    )


def _twice(measures: pd.DataFrame, values: np.ndarray) -> tuple:
    """Different people with the same, not uniform, answers throughout, too particular for chance."""
    complete = ~np.isnan(values).any(axis=1)
    expected = "0 rows alike by more than chance"
    if complete.sum() < FEWEST:
        return (None, None, "duplicate_rows", "too few complete forms", expected, "not_testable", "")
    rows = values[complete]
    bits = np.zeros(len(rows))
    for column in rows.T:
        answer, _ = pd.factorize(column)
        bits -= np.log2(np.bincount(answer) / len(rows))[answer]
    varied = (np.diff(np.sort(rows, axis=1), axis=1) > 0).sum(axis=1) > 1
    particular = (bits > 2 * np.log2(len(rows)) + 15) & varied
    if not particular.any():
        return (None, None, "duplicate_rows", "forms too short to tell", expected, "not_testable", "")
    keys = [k for k in GROUP if k in measures.columns]
    forms = measures.loc[complete, [*keys, "person"]][particular]
    forms = forms.assign(form=np.unique(rows[particular], axis=0, return_inverse=True)[1])
    again = int(forms.drop_duplicates().duplicated([*keys, "form"], keep=False).sum())
    return (
        None,
        None,
        "duplicate_rows",
        again,
        expected,
        "suspicious" if again else "ok",
        "compare these persons' forms with the originals" if again else "",
    )
