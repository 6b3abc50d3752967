"""Scale scores and categories that a file brings: what they are, which of them are possible, and in which units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from bowlby.config.study import Kind, Measure
from bowlby.errors import existing
from bowlby.ingest.columns import cell_issues
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.readers.base import Raw
from bowlby.ingest.response_range import advice
from bowlby.instruments.model import Instrument, counted_from
from bowlby.instruments.scoring import outside
from bowlby.instruments.styles import UNKNOWN_CODE, from_codes

WRONG = 0.05
"""Share of impossible values from which on a column is an error."""
FEWEST_MEANS = 5
SAY = "say `scored_as: mean` or `scored_as: sum` in the study file"
CORRECT = "correct them, or list what means no answer under `missing:`"


class Units(NamedTuple):
    """How a file's scores of one scale can be counted.

    Attributes
    ----------
    n : int
        Items of the scale.
    own : str
        ``sum`` or ``mean``, as the instrument's own rule makes them.
    low, high : float
        Lowest and highest item as the file's form counts it.
    step : float
        By how much that is higher than the instrument counts.
    """

    n: int
    own: Kind
    low: float
    high: float
    step: float

    def range_of(self, kind: Kind) -> tuple[float, float]:
        """Lowest and highest possible sum, or item mean."""
        n = self.n if kind == "sum" else 1
        return self.low * n, self.high * n

    def converted(self, values: pd.Series, kind: Kind) -> pd.Series:
        """Sums or item means in the instrument's own units."""
        step = self.step * (self.n if kind == "sum" else 1)
        values = values - step if step else values
        if kind == self.own:
            return values
        return values * self.n if self.own == "sum" else values / self.n


def given_scores(raw: Raw, measure: Measure, model: Instrument, values: pd.DataFrame, issues: Issues) -> pd.DataFrame:
    """Scores in the instrument's own units; impossible ones are set to missing and reported.

    It is an error where over 5% are impossible, where it cannot be known whether they are sums or item means, and
    where they are those of a form that counts from another number. Scores given along with items, which are only
    compared with these, are never an error and stay in their units unless the study file says what they are.

    Parameters
    ----------
    raw : Raw
    measure : Measure
        With ``scored``.
    model : Instrument
        On the study's forms.
    values : DataFrame
        The scores by scale, as in the file.
    issues : Issues
    """
    with_items, scores = measure.items is not None, {}
    for scale, column in existing(measure.scored).items():
        units, said = _units(measure, model, scale), measure.kind(scale)
        v, recoded = values[scale], bool(model.all_scales()[scale].recode)
        if not with_items and (fault := _other_units(v, units, said, measure, scale, recoded)):
            _error(raw, measure, column, *fault, issues)
            scores[scale] = v
            continue
        kinds: list[Kind] = [said or units.own] if said or not with_items else ["sum", "mean"]
        bad = pd.Series(np.all([outside(v.to_numpy(), *units.range_of(k)) for k in kinds], axis=0), index=v.index)
        _impossible(raw, measure, scale, v, bad, units.range_of(kinds[0]), not with_items, issues)
        v = v.mask(bad)
        scores[scale] = v if with_items and not said else units.converted(v, kinds[0])
    return pd.DataFrame(scores, index=values.index)


def given_codes(raw: Raw, measure: Measure, model: Instrument, codes: pd.Series, issues: Issues) -> pd.Series:
    """Raters' categories; those that the instrument does not have are missing and reported; over 5% are an error."""
    if not model.codes or measure.coded is None:
        return codes
    bad = from_codes(codes, model.codes).eq(UNKNOWN_CODE)
    share, known = bad.sum() / max(codes.notna().sum(), 1), ", ".join(model.codes)
    if share > WRONG:
        what = f"{_share(bad, codes)} are none of the instrument's categories ({known}; {rows_text(bad.index[bad])})"
        _error(raw, measure, measure.coded, "unknown_code", what, CORRECT, issues, bad.index[bad][0])
    else:
        what = f"category that the instrument does not have ({known})"
        cell_issues(raw, {"code": measure.coded}, bad.to_frame("code"), "unknown_code", what,
                    "set to missing; check the file", measure.instrument, issues)  # fmt: skip
    return codes.mask(bad)


def _units(measure: Measure, model: Instrument, scale: str) -> Units:
    key = model.all_scales()[scale]
    how = model.how(scale)
    n = len(key.items) if how == "mean" else model.terms(scale)
    low, high = (end / (n if how == "sum" else 1) for end in model.range_of(scale))
    # A recode gives values of its own, whatever number the answers are counted from.
    step = 0.0 if key.recode else counted_from(model, measure.response)
    return Units(n, "mean" if how == "mean" else "sum", low + step, high + step, step)


def _other_units(
    values: pd.Series, units: Units, said: Kind | None, measure: Measure, scale: str, recoded: bool
) -> tuple[str, str, str] | None:
    """Why scores cannot be taken as they are: kind of issue, what, and what to do; None where they can."""
    v = values.dropna().to_numpy(float)
    if said is None and units.n > 1 and (unsaid := _sum_or_mean(v, units, scale)):
        return "score_units", *unsaid
    if measure.response is None and not recoded:
        return _counted_otherwise(v, units, said or units.own, scale)
    return None


def _sum_or_mean(v: np.ndarray, units: Units, scale: str) -> tuple[str, str] | None:
    """What leaves open whether scores are sums or item means."""
    (low, high), (least, most) = units.range_of("mean"), units.range_of("sum")
    v = v[~outside(v, min(low, least), max(high, most))]
    as_means, as_sums = ~outside(v, low, high), ~outside(v, least, most)
    if not len(v) or not v.any():  # a sum of 0 is a mean of 0
        return None
    broken = as_means & (v % 1 != 0)
    if units.own == "sum" and as_means.all():
        return f"no value of {scale} is above {high:g}, the highest answer to one item: sums or item means?", SAY
    if units.own == "mean" and (as_sums & ~as_means).mean() > 0.5:
        return f"most values of {scale} are above {high:g}, the highest item mean: sums?", SAY
    if units.own == "mean" and as_sums.all() and as_means.all() and not broken.any():
        return f"all values of {scale} are whole numbers from {low:g} to {high:g}: sums or item means?", SAY
    if units.own == "sum" and broken.sum() >= FEWEST_MEANS and broken.sum() > 0.5 * (as_means & (v > low)).sum():
        what = f"some values of {scale} up to {high:g} have decimals, like item means, while others look like sums"
        return what, "give all as sums or all as item means; if all are sums already, say `scored_as: sum`"
    return None


def _counted_otherwise(v: np.ndarray, units: Units, kind: Kind, scale: str) -> tuple[str, str, str] | None:
    """Scores of a form whose answers count from the next number up or down."""
    low, high = units.range_of(kind)
    for step in (1, -1):
        moved = units._replace(low=units.low + step, high=units.high + step)
        if outside(v, low, high).any() and not outside(v, *moved.range_of(kind)).any():
            least, most = moved.range_of(kind)
            what = f"all values of {scale} are from {least:g} to {most:g}, the scale's from {low:g} to {high:g}"
            do = (f"give the form's `response:`: [{moved.low:g}, {moved.high:g}] if it counts so, "
                  f"[{units.low:g}, {units.high:g}] if not")  # fmt: skip
            return "other_range", what, do
    return None


def _impossible(raw: Raw, measure: Measure, scale: str, values: pd.Series, bad: pd.Series, limits, used: bool,
                issues: Issues) -> None:  # fmt: skip
    low, high = limits
    column = existing(measure.scored)[scale]
    if used and bad.sum() > WRONG * values.count():
        what = f"{_share(bad, values)} of {scale} are outside {low:g} to {high:g} ({rows_text(bad.index[bad])})"
        _error(raw, measure, column, "impossible_scores", what, CORRECT, issues, bad.index[bad][0])
        return
    cell_issues(raw, {scale: column}, bad.to_frame(scale), "out_of_range",
                f"score outside the scale's range {low:g} to {high:g}",
                lambda _: advice(raw, column, values[bad]), measure.instrument, issues)  # fmt: skip


def _share(bad: pd.Series, values: pd.Series) -> str:
    n, of = int(bad.sum()), int(values.count())
    return f"{n:,} of {of:,} values ({100 * n / of:.1f}%)"


def _error(raw: Raw, measure: Measure, column: str, code: str, what: str, do: str, issues: Issues, row=None) -> None:
    issues.add("error", code, what, do, column=column, row=row or raw.spec.header_row, instrument=measure.instrument,
               **raw.place)  # fmt: skip
