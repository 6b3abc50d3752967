"""Do the cells of an instrument fit its form? Text for numbers, another response range, another first number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from bowlby.config.study import Measure
from bowlby.errors import count
from bowlby.ingest.columns import as_text, cell_issues
from bowlby.ingest.issues import Issues
from bowlby.ingest.keys import factorize
from bowlby.ingest.readers.base import Raw
from bowlby.instruments.scoring import item_name

FEWEST_TEXTS = 5
STRETCHED, FEWEST_STRETCHED = 0.05, 5
FEWEST_WITHOUT_LOWEST, FEWEST_WITHOUT_HIGHEST = 20, 300
"""Answers from which on an end that nobody used is reported. The upper end of a form often stays unused."""
FEWEST_USED, LEAST_NEXT = 3, 0.05
"""Different answers, and share of the answer next to the unused end, from which on it is reported."""
MORE_OF_PARTS = 5
"""How many times as many it takes of one occasion or site, since there are several."""
CODES = {-1, -7, -8, -9, -77, -88, -99, -777, -888, -999, -9999, 8, 9, 77, 88, 99, 777, 888, 999, 9999}
"""Numbers that often mean no answer."""
RANGE = "give the form's `response:`, or recode the file"
SHIFT = "give `response: [{low:g}, {high:g}]`, or list {end:g} under `missing:` if it means no answer"
RECODE = "recode the file there, or list {end:g} under `missing:` if it means no answer"
STRETCH = "give the form's `response:`, or list the values under `missing:` if they mean no answer"
STATE = "say which it is: `response: [{low:g}, {high:g}]`, or `response: [{own_low:g}, {own_high:g}]`"
COMMA = 'write `decimal: ","` for this file'
WORDS = "name columns of numbers, or say under `answers:` what the words mean"

Parts = list[tuple[str, np.ndarray, list[str]]]
"""Factors that distinguish rows (occasion, site): the number of the level for each row, and the levels' names."""


def text_columns(raw: Raw, columns: dict[str, str], values: pd.DataFrame, wrong: pd.DataFrame, instrument: str,
                 issues: Issues) -> None:  # fmt: skip
    """Each column most of whose answers are text is an error, reported once for the instrument."""
    texts = wrong.sum()
    mostly = [name for name in columns if texts[name] >= FEWEST_TEXTS and texts[name] > values[name].count()]
    if not mostly:
        return
    first = columns[mostly[0]]
    cells = as_text(raw.frame.loc[wrong.index[wrong[mostly[0]]], first]).str.strip()
    commas = bool(cells.str.fullmatch(r"-?\d+,\d+").mean() > 0.5)
    others = f" (and {count(len(mostly) - 1, 'more item', 'more items')} of {instrument})" if len(mostly) > 1 else ""
    issues.add(
        "error",
        "text_column",
        f"most of the column's answers are text{others}",
        COMMA if commas else WORDS,
        column=first,
        row=raw.spec.header_row,
        instrument=instrument,
        n=int(texts[mostly].sum()),
        **raw.place,
    )


def parts(**columns: pd.Series) -> Parts:
    """The occasions and sites of rows, where there are several.

    Parameters
    ----------
    **columns : Series of str
        Name of the factor: its level for each row; empty if unknown.
    """
    factors = [(what, *factorize(values.mask(values.eq("")))) for what, values in columns.items()]
    return [(what, codes, list(known)) for what, codes, known in factors if len(known) > 1]


def in_range(raw: Raw, measure: Measure, model, columns: dict[str, str], values: pd.DataFrame, of: Parts,
             issues: Issues) -> pd.DataFrame:  # fmt: skip
    """Answers to items with impossible ones set to missing and reported.

    It is an error where the answers are those of another form: all of them, or all of an occasion or a site, one step
    from the range's place (such as 0 to 6 on a form of 1 to 7); over half of them out of range; or over 5% beyond the
    range by less than its width. An end that is never used is reported where the form may count from another number. A
    stated ``response`` settles all of it but where most answers are out of it.
    """
    low, high = measure.response or model.response
    outside = (values < low) | (values > high)
    for number, (lowest, highest) in model.item_response.items():
        if (name := item_name(number)) in values:
            moved = values[name] - (low - model.response[0])
            outside[name] = (moved < lowest) | (moved > highest)
    place: dict[str, Any] = {"column": next(iter(columns.values())), "row": raw.spec.header_row}
    place |= {"instrument": measure.instrument} | raw.place
    if outside.to_numpy().any():
        other_form = _mostly_outside(values, outside, low, high)
        if not measure.response:
            other_form = _shifted(values, low, high, of) or other_form or _stretched(values, outside, low, high)
        if other_form:
            issues.add("error", "other_range", *other_form, n=int(outside.to_numpy().sum()), **place)
            return values
    elif not measure.response:
        for what, do, n in _unused(values, low, high, of):
            issues.add("warning", "unused_end", what, do, n=n, **place)
    cell_issues(
        raw,
        columns,
        outside,
        "out_of_range",
        f"value outside the {'item' if model.item_response else 'instrument'}'s range"
        + ("" if model.item_response else f" {low:g} to {high:g}"),
        lambda name: advice(raw, columns[name], values.loc[outside[name], name]),
        measure.instrument,
        issues,
    )
    cells = {c: values[c].to_numpy() for c in values}
    broken = {c: (v > np.floor(v)) & ~outside[c].to_numpy() for c, v in cells.items()}
    broken = pd.DataFrame(broken, index=values.index)
    cell_issues(
        raw,
        columns,
        broken,
        "not_whole",
        "an item value is not a whole number",
        "set to missing for scoring",
        measure.instrument,
        issues,
    )
    bad = outside | broken
    return values.mask(bad) if bad.to_numpy().any() else values


def _shifted(values: pd.DataFrame, low: float, high: float, of: Parts) -> tuple[str, str] | None:
    """Answers that are those of a form counted from the next number: at least one is outside, the far end is unused."""
    for step, end, other in ((1, high + 1, low), (-1, low - 1, high)):
        for name, answers in _without(values, other, of):
            moved = (answers >= low + step) & (answers <= high + step)
            far = (answers < 2 * low - high) | (answers > 2 * high - low)
            codes = ~moved & (far | np.isin(answers, list(CODES)))
            if (answers[moved] == end).any() and (moved | codes).all():
                least, most, but = low + step, high + step, " (but for codes)" if codes.any() else ""
                what = f"all answers{name} are from {least:g} to {most:g}{but}, the form's from {low:g} to {high:g}"
                return what, (RECODE if name else SHIFT).format(low=least, high=most, end=end)
    return None


def _unused(values: pd.DataFrame, low: float, high: float, of: Parts) -> Iterable[tuple[str, str, int]]:
    """An end of the range that nobody used, where the form may count from 1 for 0 or from 0 for 1; of all, or of parts.

    What, what to do, and how many answers.
    """
    kinds: dict[float, tuple[float, int, int]] = {
        0: (low, 1, FEWEST_WITHOUT_LOWEST),
        1: (high, -1, FEWEST_WITHOUT_HIGHEST),
    }
    if low not in kinds:
        return
    end, step, fewest = kinds[low]
    for name, answers in _without(values, end, of):
        used = np.unique(answers)
        if len(answers) < fewest * (MORE_OF_PARTS if name else 1) or len(used) < FEWEST_USED:
            continue
        if (nearest := used[0] if step > 0 else used[-1]) != end + step:
            continue
        if (share := np.mean(answers == nearest)) < LEAST_NEXT:  # the tail of a skewed form
            continue
        form = {"low": low + step, "high": high + step, "own_low": low, "own_high": high}
        what = f"none of {len(answers):,} answers{name} is {end:g}, and {100 * share:.0f}% are {nearest:g}: "
        what += f"the form may count from {low + step:g}"
        yield what, STATE.format(**form), len(answers)
        if not name:
            return


def _without(values: pd.DataFrame, end: float, of: Parts) -> Iterable[tuple[str, np.ndarray]]:
    """The answers of all rows, and of each part, that never use a number, with a name for a sentence."""
    used = np.zeros(len(values), dtype=bool)
    for name in values:
        used |= values[name].eq(end).to_numpy()
    if not used.any():
        yield "", _given(values)
    for what, codes, known in of:
        for n in sorted(set(range(len(known))) - set(codes[used])):
            yield f" of {what} {known[n]}", _given(values[codes == n])


def _given(values: pd.DataFrame) -> np.ndarray:
    answers = values.to_numpy(float)
    return answers[np.isfinite(answers)]


def _mostly_outside(values: pd.DataFrame, outside: pd.DataFrame, low: float, high: float) -> tuple[str, str] | None:
    """Answers over half of which are out of range."""
    if outside.to_numpy().sum() <= values.notna().to_numpy().sum() / 2:
        return None
    return f"{_count_outside(values, outside, low, high)}: the instrument is scored on another range", RANGE


def _stretched(values: pd.DataFrame, outside: pd.DataFrame, low: float, high: float) -> tuple[str, str] | None:
    """Answers that are those of a form with more categories: beyond the range by less than its width in most items."""
    width, given = high - low, values.notna().to_numpy().sum()
    near = outside & (values >= low - width) & (values <= high + width)
    n = near.to_numpy().sum()
    if n < FEWEST_STRETCHED or n <= STRETCHED * given or near.any().sum() <= values.shape[1] / 2:
        return None
    return f"{_count_outside(values, outside, low, high)}, in most items: the form may have another range", STRETCH


def _count_outside(values: pd.DataFrame, outside: pd.DataFrame, low: float, high: float) -> str:
    bad, given = outside.to_numpy().sum(), values.notna().to_numpy().sum()
    return f"{bad} of {given} values are outside {low:g} to {high:g}"


def advice(raw: Raw, column: str, values: pd.Series) -> str:
    """What was done about impossible values of a column, and what to do."""
    labels = raw.labels.get(column, {})
    if labels and {f"{v:g}" for v in values} <= set(labels):
        return "set to missing; the file labels them, so list them under `missing:` if they mean that"
    return "set to missing for scoring; check the questionnaire"
