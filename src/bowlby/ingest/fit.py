"""Do the cells of an instrument fit its form? Text for numbers, another response range, another first number."""

from __future__ import annotations

import pandas as pd

from bowlby.config.study import Measure
from bowlby.ingest.cells import as_text, cell_issues
from bowlby.ingest.notices import Issues, count
from bowlby.ingest.readers.base import Raw

FEWEST_TEXTS = 5
FEWEST_ANSWERS = 150
SHIFTED, STRETCHED = 0.01, 0.05
RANGE = "give the form's `response:`, or recode the file"
SHIFT = "give `response: [{low:g}, {high:g}]`, or list {end:g} under `missing:` if it means no answer"
STRETCH = "give the form's `response:`, or list the values under `missing:` if they mean no answer"
COMMA = 'write `decimal: ","` for this file'
WORDS = "name columns of numbers, or say under `answers:` what the words mean"


def text_columns(raw: Raw, columns: dict[str, str], values: pd.DataFrame, wrong: pd.DataFrame, instrument: str,
                 issues: Issues) -> None:  # fmt: skip
    """Each column most of whose answers are text is an error, told once for the instrument."""
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


def in_range(
    raw: Raw, measure: Measure, model, columns: dict[str, str], values: pd.DataFrame, issues: Issues
) -> pd.DataFrame:
    """Answers to items with impossible ones set to missing and told.

    It is an error where the answers are those of another form: over half of them out of range; all of them one step
    from the range's place (such as 0 to 6 on a form of 1 to 7); or over 5 % beyond the range by less than its width.
    """
    low, high = measure.response or model.response
    outside = (values < low) | (values > high)
    if outside.to_numpy().any() and (found := _other_form(values, outside, low, high)):
        issues.add("error", "other_range", *found, column=next(iter(columns.values())), row=raw.spec.header_row,
                   instrument=measure.instrument, n=int(outside.to_numpy().sum()), **raw.place)  # fmt: skip
        return values
    cell_issues(
        raw,
        columns,
        outside,
        "out_of_range",
        f"value outside the instrument's range {low:g} to {high:g}",
        lambda name: _advice(raw, columns[name], values.loc[outside[name], name]),
        measure.instrument,
        issues,
    )
    broken = pd.DataFrame({c: v.notna() & (v % 1 != 0) & ~outside[c] for c, v in values.items()}, index=values.index)
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


def _other_form(values: pd.DataFrame, outside: pd.DataFrame, low: float, high: float) -> tuple[str, str] | None:
    """What makes the answers those of another form, and what to do."""
    given, bad = int(values.notna().to_numpy().sum()), int(outside.to_numpy().sum())
    told = f"{bad} of {given} values are outside {low:g} to {high:g}"
    if bad > given / 2:
        return f"{told}: the instrument is scored on another range", RANGE
    if given < FEWEST_ANSWERS:
        return None
    for step in (-1, 1):
        moved, end = (low + step, high + step), (low - 1 if step < 0 else high + 1)
        there = values.isna() | ((values >= moved[0]) & (values <= moved[1]))
        if there.to_numpy().all() and bad > SHIFTED * given:
            what = f"all answers are from {moved[0]:g} to {moved[1]:g}, the form's from {low:g} to {high:g}"
            return what, SHIFT.format(low=moved[0], high=moved[1], end=end)
    width = high - low
    near = outside & (values >= low - width) & (values <= high + width)
    if near.to_numpy().sum() > STRETCHED * given and near.any().sum() > values.shape[1] / 2:
        return f"{told}, in most items: the form may have another range", STRETCH
    return None


def _advice(raw: Raw, column: str, values: pd.Series) -> str:
    labels = raw.labels.get(column, {})
    if labels and {f"{v:g}" for v in values} <= set(labels):
        return "set to missing; the file labels them, so list them under `missing:` if they mean that"
    return "set to missing for scoring; check the questionnaire"
