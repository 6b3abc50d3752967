"""Patterns in filled-in forms that no key explains: other ranges, straight lines, one form for several persons.

Missing answers that are stored as the highest answer show as a share of one item that the other items do not explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr, ndtri

from bowlby.instruments.cells import CELL, codes, combined
from bowlby.instruments.item_agreement import ENOUGH, FEWEST, Finding, pairwise, rest_means
from bowlby.instruments.item_checks import SUSPICIOUS, compound
from bowlby.instruments.model import Instrument

IN_USE = 0.03
MANY, MANY_SHARE, TIMES = 5, 0.01, 4.0
AT_ENDS = 0.15
FEWEST_HIGHEST, SHARE = 10, 0.05
LINKED, OFF_LINE, BUMP, BEYOND = 0.2, 2.33, 1.5, 1.67
BINS = 12
MOST = 2**40
CHANCE, STEPS = 1e-9, 200
STORED = "find out whether missing answers are stored as {end:.4g}; if so, set them to missing"


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
        number = np.zeros(len(measures), dtype=np.int64)
        for column in columns:
            if number.max(initial=0) > MOST:
                number = pd.factorize(number)[0]
            number = combined([number - 1, codes(measures[column])])
        number, first = pd.factorize(number)[0], np.zeros(0, dtype=np.int64)
        if len(number):
            first = np.zeros(number.max() + 1, dtype=np.int64)
            first[number[::-1]] = np.arange(len(number))[::-1]
        answers = measures[columns].iloc[first].to_numpy(float, na_value=np.nan)
        return cls(answers, np.bincount(number, minlength=len(first)), number)

    def those(self, wanted: np.ndarray) -> Forms:
        """Some of the different forms, and their rows only."""
        place = np.cumsum(wanted) - 1
        number = self.number if wanted.all() else self.number[wanted[self.number]]
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
    used = (float(np.nanmin(forms.answers)), float(np.nanmax(forms.answers)))
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
    with np.errstate(over="ignore"):
        return np.round(rows).astype(np.int64) @ _weights(rows.shape[1])


def _count(forms: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> int:
    """How many of the wanted forms there are."""
    place = np.minimum(np.searchsorted(forms, wanted), len(forms) - 1)
    return int(counts[place][forms[place] == wanted].sum())


def highest_answer(
    answers: np.ndarray, keyed: np.ndarray, instrument: Instrument, name: str, level: float = SUSPICIOUS
) -> list[Finding]:
    """Items of a scale with more of the highest answer than the other items explain.

    Parameters
    ----------
    answers, keyed : ndarray, shape (n_rows, n_items)
        Answers of one occasion as stored, and as keyed; missing is NaN.
    instrument : Instrument
        The key.
    name : str
        The scale.
    level : float
        z below which a correlation would be suspicious; the evidence must go beyond it, as there are many items.

    Returns
    -------
    list of Finding
        One for each such item; one for the scale where there is none.
    """
    scale, (low, high) = instrument.scales[name], instrument.answers
    if len(scale.items) < 3 or scale.recode or compound(instrument, name):
        return []
    rest, findings = rest_means(keyed), []
    for k, number in enumerate(scale.items):
        there = np.isfinite(answers[:, k]) & np.isfinite(rest[:, k])
        share = unexplained(answers[there, k] - low, rest[there, k], round(high - low), level)
        if share >= SHARE:
            observed = f"{high:g} in {share:.0%} of the forms more than the other items explain"
            advice = STORED.format(end=high)
            findings.append(Finding(name, number, "highest_answer", observed, "0%", "suspicious", advice))
    return findings or [Finding(name, None, "highest_answer", "explained by the other items", "", "ok")]


def unexplained(answer: np.ndarray, rest: np.ndarray, end: int, level: float = SUSPICIOUS) -> float:
    """Share of an item's highest answers that do not depend on the other items; 0 where it is not clear of 0.

    An answer is a normal variable around a straight line in the mean of the other items, cut into categories; with
    some probability it is the highest whatever the others are. That probability must improve the likelihood clearly.
    Because real answers need not follow the model, persons with the highest answer must also lie off the line on which
    normal scores and rest means of the other answers lie, or persons farthest from it must give it more often than the
    next answer.

    Parameters
    ----------
    answer : ndarray, shape (n,)
        From 0 for the lowest to ``end``.
    rest : ndarray, shape (n,)
        Mean of the other items.
    end : int
        The highest answer.
    level : float
        As for :func:`highest_answer`.
    """
    at = answer == end
    if end < 2 or at.sum() < FEWEST_HIGHEST or at.mean() < SHARE or (~at).sum() < 2 * FEWEST_HIGHEST:
        return 0.0
    if not rest.std() > 1e-9:
        return 0.0
    z = (rest - rest.mean()) / rest.std()
    off = _off_line(answer, z, at)
    direction = np.sign(np.cov(answer[~at], z[~at])[0, 1])
    far = direction * z < 0
    highest, next_ = (far & at).sum(), (far & (answer == end - 1)).sum()
    bump = (highest - next_) / np.sqrt(max(highest + next_, 1))
    if off < OFF_LINE and bump < BUMP:
        return 0.0
    share, strength = _contaminated(answer, z, end)
    return share if strength > BEYOND - level else 0.0


def _off_line(answer: np.ndarray, z: np.ndarray, at: np.ndarray) -> float:
    """How far persons with the highest answer fall short of the line of the others, in standard errors."""
    _, category, counts = np.unique(answer, return_inverse=True, return_counts=True)
    shares = counts / len(answer)
    cuts = ndtri(np.clip(np.concatenate([[0.0], np.cumsum(shares)]), 0, 1))
    density = np.exp(-(cuts**2) / 2) / np.sqrt(2 * np.pi)
    scores = ((density[:-1] - density[1:]) / shares)[category]
    x, y = scores[~at] - scores[~at].mean(), z[~at] - z[~at].mean()
    squares = max(x @ x, 1e-12)
    slope = x @ y / squares
    gap = scores[at].mean() - scores[~at].mean()
    expected, seen = slope * gap, z[at].mean() - z[~at].mean()
    se = max((y - slope * x).std(), 1e-12) * np.sqrt(1 / at.sum() + 1 / len(x) + gap**2 / squares)
    linked = abs(slope) * x.std() >= LINKED * max(y.std(), 1e-12)
    return float((expected - seen) * np.sign(expected) / se) if linked else 0.0


def _contaminated(answer: np.ndarray, z: np.ndarray, end: int) -> tuple[float, float]:
    """Share of answers that are the highest whatever the others are, and the root of the likelihood ratio."""
    place = np.clip(np.searchsorted(np.quantile(z, np.linspace(0, 1, BINS + 1)[1:-1]), z), 0, BINS - 1)
    counts = np.bincount(place * (end + 1) + answer.astype(int), minlength=BINS * (end + 1)).reshape(BINS, end + 1)
    middles = np.bincount(place, z, minlength=BINS) / np.maximum(counts.sum(axis=1), 1)
    slope = float(np.cov(answer, z)[0, 1])
    start, without = _most_likely(counts, middles, np.array([answer.mean(), slope, np.log(answer.std() + 0.1)]))
    full, with_share = _most_likely(counts, middles, np.append(start, -2.5))
    return float(expit(full[3])), float(np.sqrt(max(2 * (with_share - without), 0.0)))


def _most_likely(counts: np.ndarray, middles: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Parameters of :func:`_chances` by Fisher scoring from some values, and their log-likelihood."""
    chance, slopes = _chances(middles, counts.shape[1], values)
    loglik = float((counts * np.log(chance)).sum())
    for _ in range(STEPS):
        score = (slopes * (counts / chance)).sum(axis=(1, 2))
        expected = counts.sum(axis=1, keepdims=True) / chance
        information = np.einsum("abc,dbc,bc->ad", slopes, slopes, expected)
        information += 1e-6 * np.diag(np.diag(information)) + 1e-9 * np.eye(len(values))
        step = np.linalg.solve(information, score)
        step *= min(1.0, 2 / np.abs(step).max())
        for _ in range(20):
            chance, slopes = _chances(middles, counts.shape[1], values + step)
            gain = float((counts * np.log(chance)).sum()) - loglik
            if gain >= 0:
                break
            step /= 2
        if not gain >= 1e-9:
            break
        values, loglik = values + step, loglik + gain
    return values, loglik


def _chances(middles: np.ndarray, answers: int, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chance of each answer in each bin (bins, answers), and its slopes in the parameters (parameters, bins, answers).

    Parameters are level, slope and log SD of the normal variable and, where there is a fourth, the logit of the share.
    """
    sd = np.exp(values[2])
    u = (np.arange(answers - 1) + 0.5 - values[0] - values[1] * middles[:, None]) / sd
    density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    below = np.array([ndtr(u), -density / sd, -density * middles[:, None] / sd, -density * u])
    between = np.diff(below, axis=2, prepend=0.0, append=0.0)
    between[0, :, -1] += 1.0
    chance, slopes = between[0], between[1:]
    if len(values) > 3:
        share, highest = expit(values[3]), np.arange(answers) == answers - 1
        slopes = np.concatenate([(1 - share) * slopes, share * (1 - share) * (highest - chance)[None]])
        chance = (1 - share) * chance + share * highest
    return np.maximum(chance, CHANCE), slopes
