"""Patterns in filled-in forms that no key explains: other ranges, straight lines, one form for several persons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby.instruments.cells import CELL, codes, combined
from bowlby.instruments.item_agreement import ENOUGH, FEWEST, Finding, pairwise
from bowlby.instruments.model import Instrument

IN_USE = 0.03
MANY, MANY_SHARE, TIMES = 5, 0.01, 4.0
AT_ENDS = 0.15


@dataclass(frozen=True)
class Forms:
    """Filled-in forms, of which millions can be alike: each different one once.

    Attributes
    ----------
    answers : ndarray, shape (n_different, n_items)
        Missing is NaN.
    counts : ndarray of int, shape (n_different,)
        How many forms are the same.
    number : ndarray of int, shape (n_rows,)
        Which of them each row is.
    """

    answers: np.ndarray
    counts: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, measures: pd.DataFrame, columns: list[str]) -> Forms:
        """Forms of some columns."""
        number = pd.factorize(combined(codes(measures[column]) for column in columns))[0]
        first = np.zeros(0, dtype=np.int64)
        if len(number):
            first = np.zeros(number.max() + 1, dtype=np.int64)
            first[number[::-1]] = np.arange(len(number))[::-1]
        answers = measures[columns].iloc[first].to_numpy(float, na_value=np.nan)
        return cls(answers, np.bincount(number, minlength=len(first)), number)

    def those(self, wanted: np.ndarray) -> Forms:
        """Some of the different forms, and their rows only."""
        if wanted.all():
            return self
        place, number = np.cumsum(wanted) - 1, self.number[wanted[self.number]]
        return Forms(self.answers[wanted], self.counts[wanted], place[number])

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.number)

    @property
    def complete(self) -> np.ndarray:
        """Which of the different forms have no item missing."""
        return ~np.isnan(self.answers).any(axis=1)

    def shares(self, form: np.ndarray) -> np.ndarray:
        """Rows with the same answer to each item as a form, shape (n_items,)."""
        return np.array([self.counts[own == answer].sum() for own, answer in zip(self.answers.T, form, strict=True)])

    def some(self) -> np.ndarray:
        """Answers of enough rows for correlations of the items."""
        return self.answers[self.number[:: max(self.n // ENOUGH, 1)]]


def form_checks(
    measures: pd.DataFrame, instrument: Instrument, columns: list[str], reversed_before: bool = False
) -> list[Finding]:
    """Findings about whole forms.

    Parameters
    ----------
    measures : DataFrame
        As for :func:`bowlby.instruments.audit.audit`.
    instrument : Instrument
        The key.
    columns : list of str
        Columns of the items.
    reversed_before : bool
        Whether reversed items look reversed in the file; the same answer to everything can then be meant.
    """
    forms = Forms.of(measures, columns)
    return [
        _outside(forms, instrument),
        _range(forms, instrument),
        _straight(forms, instrument, reversed_before),
        _twice(measures, forms),
        _same_answers(measures, forms, instrument),
    ]


def one_answer(values: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Forms with one answer to (nearly) all items, where items run both ways: they say nothing of how items agree.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Answers; missing is NaN.
    """
    if not _mixed(instrument):
        return np.zeros(len(values), dtype=bool)
    return _full(values, instrument) & (_spread(values) == 0)


def _mixed(instrument: Instrument) -> bool:
    return any(s.reverse for s in instrument.scales.values()) and instrument.n_items >= 6


def _full(values: np.ndarray, instrument: Instrument) -> np.ndarray:
    return (~np.isnan(values)).sum(axis=1) >= max(0.8 * instrument.n_items, 2)


def _spread(values: np.ndarray) -> np.ndarray:
    return np.fmax.reduce(values, axis=1, initial=-np.inf) - np.fmin.reduce(values, axis=1, initial=np.inf)


def _outside(forms: Forms, instrument: Instrument) -> Finding:
    low, high = instrument.answers
    n = int(forms.counts @ ((forms.answers < low) | (forms.answers > high)).sum(axis=1))
    verdict, advice = ("wrong", "correct them, or give the form's own range") if n else ("ok", "")
    return Finding(None, None, "out_of_range", n, f"0 outside {low:g} to {high:g}", verdict, advice)


def _range(forms: Forms, instrument: Instrument) -> Finding:
    """A form with fewer categories leaves an end of the range unused: one step of a short range, more of a long one.

    Its last category is in use, where a floor or a ceiling thins out before the end.
    """
    low, high = instrument.answers
    check, expected = "response_range", f"{low:g} to {high:g}"
    answered = int(forms.counts @ (~np.isnan(forms.answers)).sum(axis=1))
    if answered < 5 * FEWEST:
        return Finding(None, None, check, "too few answers", expected, "not_testable")
    spare = 1 + (high - low >= 6) + (high - low >= 10)
    used = (float(np.nanmin(forms.answers)) + 0.0, float(np.nanmax(forms.answers)) + 0.0)  # no -0
    last = [forms.shares(np.full(forms.answers.shape[1], end)).sum() / answered >= IN_USE for end in used]
    short = (used[1] <= high - spare and last[1]) or (used[0] >= low + spare and last[0])
    verdict, advice = ("suspicious", "check the number of response categories of your form") if short else ("ok", "")
    return Finding(None, None, check, f"{used[0]:g} to {used[1]:g}", expected, verdict, advice)


def _straight(forms: Forms, instrument: Instrument, reversed_before: bool) -> Finding:
    """The same answer to everything contradicts itself only where items run both ways."""
    full = _full(forms.answers, instrument)
    n, of = int(forms.counts @ (full & (_spread(forms.answers) == 0))), int(forms.counts @ full)
    check, observed = "straight_lining", f"{n} of {of}"
    why = (
        "all items are keyed in the same direction"
        if not _mixed(instrument)
        else "reversed items appear to be reversed already in the file"
    )
    if not _mixed(instrument) or reversed_before:
        advice = f"{why}, so that identical responses to all items may be genuine"
        return Finding(None, None, check, observed, "", "not_testable", advice)
    many = n >= 3 and n > 0.02 * of
    advice = "inspect these forms; the same response to all items is contradictory" if many else ""
    return Finding(None, None, check, observed, "at most 2%, or 2 rows", "suspicious" if many else "ok", advice)


def _twice(measures: pd.DataFrame, forms: Forms) -> Finding:
    """Different people with the same, not uniform, answers throughout, too particular for chance."""
    complete = forms.those(forms.complete)
    check, expected = "duplicate_rows", "no identical respondents beyond chance"
    if complete.n < FEWEST:
        return Finding(None, None, check, "too few complete forms", expected, "not_testable")
    bits = _bits(complete)
    least = 2 * np.log2(complete.n) + 15
    particular = bits > least
    ordered = np.sort(complete.answers[particular], axis=1)
    particular[particular] = (np.diff(ordered, axis=1) > 0).sum(axis=1) > 1
    if not particular.any():
        return Finding(None, None, check, "too few items to test for identical respondents", expected, "not_testable")
    keys = [k for k in CELL if k in measures.columns]
    rows = np.flatnonzero(forms.complete[forms.number])[particular[complete.number]]
    own = _codes(complete.answers)[complete.number[particular[complete.number]]]
    found = pd.DataFrame({c: codes(measures[c].iloc[rows]) for c in [*keys, "person"]} | {"form": own})
    first = ~found.duplicated([*keys, "person", "form"]).to_numpy()
    alike = forms.number[rows[first][found[first].duplicated([*keys, "form"], keep=False).to_numpy()]]
    alike = (np.cumsum(forms.complete) - 1)[alike]
    again = int((bits[alike] + _agreement_bits(complete.some(), complete.answers[alike]) > least).sum())
    verdict, advice = ("suspicious", "compare these persons' forms with the originals") if again else ("ok", "")
    return Finding(None, None, check, again, expected, verdict, advice)


def _same_answers(measures: pd.DataFrame, forms: Forms, instrument: Instrument) -> Finding:
    """Many persons with exactly the same answers: more than chance gives, and than have answers one step off."""
    complete = forms.those(forms.complete)
    check, expected = "same_answers", f"fewer than {MANY} persons, or as many with answers one step off"
    if complete.n < FEWEST or complete.answers.shape[1] < 3:
        return Finding(None, None, check, "too few complete forms", expected, "not_testable")
    step = _weights(complete.answers.shape[1])
    code = _codes(complete.answers)
    known, first, which = np.unique(code, return_index=True, return_inverse=True)
    counts = np.bincount(which, complete.counts).astype(int)
    low, high = instrument.answers
    person = codes(measures["person"])
    persons = max(MANY, MANY_SHARE * np.count_nonzero(np.bincount(person)))
    many = 0
    for k in np.flatnonzero(counts >= persons):
        form, same = complete.answers[first[k]], which == k
        near = _count(known, counts, np.concatenate([known[k] + step, known[k] - step]))
        if not counts[k] > near:
            continue
        others = complete.those(~same)
        natural = np.isin(form, (low, high)).all() and _natural(form, others, near)
        if not natural and counts[k] > MANY + TIMES * _by_chance(form, others):
            there = np.zeros(len(forms.counts), dtype=bool)
            there[np.flatnonzero(forms.complete)[same]] = True
            n = len(np.unique(person[there[forms.number]]))
            many = max(many, n if n >= persons else 0)
    advice = "look at these forms; they may be filled in by default, or copied" if many else ""
    return Finding(None, None, check, many, expected, "suspicious" if many else "ok", advice)


def _natural(form: np.ndarray, others: Forms, near: int) -> bool:
    """Whether only lowest or highest answers are common by themselves, because others often give these too."""
    return near >= MANY or others.shares(form).sum() / max(others.n * len(form), 1) > AT_ENDS


def _by_chance(form: np.ndarray, others: Forms) -> float:
    """How many of some other forms would be the same by chance."""
    if others.n < MANY:
        return 0.0
    shares = (others.shares(form) + 0.5) / (others.n + 1)
    bits = -np.log2(shares).sum() + _agreement_bits(others.some(), form[None])[0]
    return others.n * 2 ** -max(bits, 0.0)


def _bits(forms: Forms) -> np.ndarray:
    """How unlikely each form is if items have nothing to do with each other."""
    bits = np.zeros(len(forms.answers))
    for column in forms.answers.T:
        answer, _ = pd.factorize(column)
        bits -= np.log2(np.bincount(answer, forms.counts) / forms.n)[answer]
    return bits


def _agreement_bits(rows: np.ndarray, forms: np.ndarray) -> np.ndarray:
    """By how many bits some forms are less likely than if items had nothing to do with each other.

    Log density of a Gaussian copula with the correlations of ``rows``, in bits; negative where answers fit together.
    """
    mean, sd = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    matrix = 0.95 * pairwise(rows) + 0.05 * np.eye(rows.shape[1])
    z = (forms - mean) / sd
    inverse = np.linalg.inv(matrix) - np.eye(len(matrix))
    return 0.5 * (np.linalg.slogdet(matrix)[1] + np.einsum("ij,jk,ik->i", z, inverse, z)) / np.log(2)


def _weights(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 2**62, n) | 1


def _codes(rows: np.ndarray) -> np.ndarray:
    """A whole number for each form: the sum of its answers, each times a number of its item's own."""
    code = np.zeros(len(rows), dtype=np.int64)
    with np.errstate(over="ignore"):
        for item, weight in zip(rows.T, _weights(rows.shape[1]), strict=True):
            code += np.round(item).astype(np.int64) * weight
    return code


def _count(forms: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> int:
    """How many of the wanted forms there are."""
    place = np.minimum(np.searchsorted(forms, wanted), len(forms) - 1)
    return int(counts[place][forms[place] == wanted].sum())
