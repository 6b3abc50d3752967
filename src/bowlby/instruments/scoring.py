"""From items to scores: reversing, recoding, and each instrument's own rule for missing items."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from bowlby.errors import Place, UserError, problem
from bowlby.instruments.model import Instrument, Scale
from bowlby.instruments.styles import add_derived

KEY = ["person", "role", "about", "occasion", "session"]
CARRIED = [*KEY, "therapist", "date"]
ITEM_NUMBER = re.compile(r"\{n(?::0?(\d{1,2}))?\}")
"""The item number in a pattern of column names: ``{n}``, or ``{n:02}`` with leading zeros."""


def item_name(number: int) -> str:
    """Column of an item."""
    return f"i{number:02d}"


def item_column(pattern: str, number: int, columns) -> str:
    """Column of an item by a pattern such as ``phq9_{n}``; with a leading zero where only that is among the columns."""
    name = ITEM_NUMBER.sub(lambda m: f"{number:0{m.group(1) or 1}}", pattern)
    padded = ITEM_NUMBER.sub(f"{number:02}", pattern)
    return padded if name not in columns and padded in columns else name


def score(measures: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Score the items of an instrument.

    Parameters
    ----------
    measures : DataFrame
        Key columns and one column per item, ``i01`` and on; missing is null.
    instrument : Instrument
        The key.

    Returns
    -------
    DataFrame
        The key columns (and therapist and date, where given); for each scale its score, ``<scale>_n`` (items
        answered) and ``<scale>_prorated``; flagged items; composites of scales and ``style``, where the instrument has
        them; and ``source``. Too few items answered: no score.

    Raises
    ------
    UserError
        If an item column is missing, holds text, or holds values outside the response range.
    """
    check_items(measures, instrument)
    scores = measures[[c for c in CARRIED if c in measures.columns]].copy()
    for name, scale in instrument.all_scales().items():
        value, answered, replaced = _aggregated(measures, instrument, name)
        value[answered < scale.min_answered] = np.nan
        scores[name] = value
        scores[f"{name}_n"] = answered
        scores[f"{name}_prorated"] = np.isfinite(value) & (replaced > 0)
    if instrument.total is not None and instrument.total.every_scale:
        short = scores[list(instrument.totalled())].isna().any(axis=1).to_numpy()
        scores.loc[short, "total"] = np.nan
        scores.loc[short, "total_prorated"] = False
    for name, item in instrument.flagged().items():
        scores[name] = measures[item_name(item)].astype(float)
    scores["source"] = "items"
    return add_derived(scores, instrument)


def score_items_or_given(measures: pd.DataFrame, instrument: Instrument) -> tuple[pd.DataFrame | None, pd.DataFrame]:
    """Scores of items, and those that the file gives for persons of whom it has no items.

    Parameters
    ----------
    measures : DataFrame
        Key columns, with items, with scales as scores, or with both.
    instrument : Instrument
        The key.

    Returns
    -------
    items : DataFrame or None
        The rows that are scored from items; None where the study has no items.
    scores : DataFrame
        As of :func:`score` and :func:`given`, a row for each row of ``measures``; ``source`` says which it is.
    """
    of_items = answered_rows(measures, instrument)
    if of_items is None:
        return None, given(measures, instrument)
    if len(of_items) == len(measures):
        return measures, score(measures, instrument)
    alone = measures.drop(index=of_items.index, columns=_items(measures, instrument))
    made = [score(of_items, instrument), given(alone, instrument)]
    scores = pd.concat(made).loc[measures.index]
    for scale in instrument.all_scales():
        scores[f"{scale}_n"] = scores[f"{scale}_n"].astype("Int16")
        scores[f"{scale}_prorated"] = scores[f"{scale}_prorated"].eq(True)
    return of_items, scores


def answered_rows(measures: pd.DataFrame, instrument: Instrument) -> pd.DataFrame | None:
    """The rows that are scored from items: all but those with scores and no answer; None where there are no items."""
    items = _items(measures, instrument)
    if not items:
        return None
    scales = [scale for scale in instrument.all_scales() if scale in measures.columns]
    if not scales:
        return measures
    alone = measures[items].isna().all(axis=1) & measures[scales].notna().any(axis=1)
    return measures[~alone] if alone.any() else measures


def _items(measures: pd.DataFrame, instrument: Instrument) -> list[str]:
    return [c for n in range(1, instrument.n_items + 1) if (c := item_name(n)) in measures.columns]


def keyed(measures: pd.DataFrame, instrument: Instrument, name: str) -> pd.DataFrame:
    """What is added up or averaged to one scale: its items, reversed or recoded as its key says.

    A highest answer stands for the items that it is the highest of.
    """
    return pd.DataFrame(keyed_items(measures, instrument, name), index=measures.index)


def keyed_items(measures: pd.DataFrame, instrument: Instrument, name: str) -> dict[str, np.ndarray]:
    """The columns of :func:`keyed`, without a copy of answers that are as the file gives them."""
    if instrument.how(name) == "max":
        return {name: _aggregated(measures, instrument, name)[0]}
    if instrument.of_highest(name):
        return {c: v for part in instrument.added(name) for c, v in keyed_items(measures, instrument, part).items()}
    scale = instrument.all_scales()[name]
    return {item_name(i): _keyed(measures, instrument, scale, i) for i in scale.items}


def given(measures: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Pass on scores (or raters' categories, column ``code``) that the study file gives, in the instrument's own units.

    Raises
    ------
    UserError
        If a column is no scale of the instrument, holds text, or holds a value that its scale cannot take.
    """
    carried = [c for c in CARRIED if c in measures.columns]
    columns = [c for c in measures.columns if c not in {*carried, "source_file", "source_row"}]
    scores = measures[carried].copy()
    if columns == ["code"] and "code" not in instrument.all_scales():
        scores["code"], scores["source"] = measures["code"], "coded"
        return add_derived(scores, instrument)
    known, problems = instrument.all_scales(), []
    for name in columns:
        if name not in known:
            problems.append(problem(f"{instrument.id} has no scale '{name}'", f"it has {', '.join(known)}"))
            continue
        if not pd.api.types.is_numeric_dtype(measures[name]):
            problems.append(problem(f"scale {name} of {instrument.id} holds text", "give numbers", _place(measures, 0)))
            continue
        values = measures[name].to_numpy(float, na_value=np.nan)
        low, high = instrument.range_of(name)
        bad = outside(values, low, high)
        if bad.any():
            what = f"{int(bad.sum())} values of {name} of {instrument.id} are outside {low:g} to {high:g}"
            place = _place(measures, int(np.argmax(bad)), name)
            problems.append(problem(what, "correct them, or set them to missing", place))
        scores[name] = values
        scores[f"{name}_n"] = pd.array([pd.NA] * len(values), dtype="Int16")
        scores[f"{name}_prorated"] = False
    if problems:
        raise UserError(problems)
    scores["source"] = "given"
    return add_derived(scores, instrument)


def check_items(
    measures: pd.DataFrame, instrument: Instrument, place: Callable[[int, str], Place] | None = None
) -> None:
    """One line for each fault of the key, or each item column that is absent or holds text or impossible values.

    Parameters
    ----------
    measures : DataFrame
        As of :func:`score`.
    instrument : Instrument
    place : callable, optional
        Where a value is, by its position and the item's column; by default as ``source_file`` and ``source_row`` say.

    Raises
    ------
    UserError
    """
    place = place or (lambda position, column: _place(measures, position, column))
    if faults := instrument.faults():
        raise UserError([problem(f"{instrument.id}: {what}", do) for _, what, do in faults])
    low, high = instrument.answers
    recoded = {i for s in instrument.scales.values() for r in s.recode for i in r.items}
    problems = []
    for number in range(1, instrument.n_items + 1):
        column = item_name(number)
        if column not in measures.columns:
            problems.append(
                problem(f"item {number} of {instrument.id} is missing", "name its column in the study file")
            )
            continue
        if not pd.api.types.is_numeric_dtype(measures[column]):
            if measures[column].notna().any():
                problems.append(
                    problem(
                        f"item {number} of {instrument.id} holds text",
                        "give numbers",
                        place(_first_text(measures[column]), column),
                    )
                )
            continue
        values = measures[column].to_numpy(float, na_value=np.nan)
        bad = outside(values, low, high)
        if number in recoded:
            bad |= ~np.isnan(values) & ((values - low) % 1 != 0)
        if n := int(bad.sum()):
            problems.append(
                problem(
                    f"{n} value{'s' * (n > 1)} of item {number} of {instrument.id} "
                    f"{'are not answers' if n > 1 else 'is not an answer'} from {low:g} to {high:g}",
                    "set them to missing, or give the form's own range",
                    place(int(np.argmax(bad)), column),
                )
            )
    if problems:
        raise UserError(problems)


def _aggregated(measures: pd.DataFrame, instrument: Instrument, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scale's score from the items that are answered, how many these are, and how many a mean stands for."""
    if parts := instrument.added(name):
        scores, counts, means = zip(*(_aggregated(measures, instrument, part) for part in parts), strict=True)
        answered, replaced = (np.asarray(np.sum(n, axis=0, dtype=np.int16)) for n in (counts, means))
        return np.sum(scores, axis=0), answered, replaced
    scale = instrument.all_scales()[name]
    if instrument.how(name) == "max":
        items = [_keyed(measures, instrument, scale, number) for number in scale.items]
        answered = np.sum([~np.isnan(values) for values in items], axis=0, dtype=np.int16)
        return np.fmax.reduce(items), answered, np.zeros_like(answered)
    total, answered = _accumulate(measures, instrument, scale)
    value, n = np.full(len(measures), np.nan), len(scale.items)
    np.divide(total, answered, out=value, where=answered > 0)
    if instrument.how(name) == "sum":
        value *= n
        np.copyto(value, total, where=answered == n)
    return value, answered, (n - answered).astype(np.int16)


def _accumulate(measures: pd.DataFrame, instrument: Instrument, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of the answered items, one column at a time so that memory stays at a few columns."""
    total, answered = np.zeros(len(measures)), np.zeros(len(measures), dtype=np.int16)
    for number in scale.items:
        values = _keyed(measures, instrument, scale, number)
        there = ~np.isnan(values)
        np.add(total, values, out=total, where=there)
        np.add(answered, there, out=answered, casting="unsafe")
    return total, answered


def _keyed(measures: pd.DataFrame, instrument: Instrument, scale: Scale, number: int) -> np.ndarray:
    values = measures[item_name(number)].to_numpy(float, na_value=np.nan)
    low, high = instrument.answers
    for recode in scale.recode:
        if number in recode.items:
            there = ~np.isnan(values)
            new = np.full(len(values), np.nan)
            new[there] = np.asarray(recode.to, dtype=float)[(values[there] - low).astype(int)]
            return new
    return low + high - values if number in scale.reverse else values


def outside(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Which values lie outside [low, high], allowing for rounding; missing values do not count as outside."""
    slack = 1e-9 * max(abs(low), abs(high), 1)
    return (values < low - slack) | (values > high + slack)


def _first_text(values: pd.Series) -> int:
    """Position of the first value that is no number; where all could be read as numbers, of the first value."""
    text = pd.to_numeric(values, errors="coerce").isna() & values.notna()
    return int(np.argmax(text if text.any() else values.notna()))


def _place(measures: pd.DataFrame, position: int, column: str | None = None) -> Place:
    if not len(measures) or "source_file" not in measures.columns:
        return Place(None, None, column)
    file = str(measures["source_file"].iloc[position])
    row = measures["source_row"].iloc[position] if "source_row" in measures.columns else pd.NA
    return Place(file, None if pd.isna(row) else int(row), column)
