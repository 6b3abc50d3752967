"""Do the items of a scale agree as its key says? Single items, several items, halves of a scale, alpha, and order.

Items that follow one another on the form belong to one scale more often than by chance only where the columns are in
the order of the form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtr, ndtr, ndtri

from bowlby.errors import existing
from bowlby.instruments.item_agreement import FEWEST, Finding, alphas, first_loadings, item_rest, pairwise
from bowlby.instruments.model import Instrument
from bowlby.instruments.published_norms import middle

FEW = 8
LOW_BY_DESIGN = 0.6
WRONG, SUSPICIOUS, SURE = -3.3, -2.33, 2.33
CLEARLY_TURNED, GAIN, WEAK = -0.3, 0.03, 0.1
APART, HALF, COHERENT = 0.33, 1 / 3, 0.4
RARE, LEAST_R = 0.01, 0.2
TURN = "compare the reversal with your form; correct the file, or the key in config/instruments/{id}.yaml"
DONE = (
    "the reversed items look reversed already in the file; give answers as stored on the form, "
    "or a key without reversals in config/instruments/{id}.yaml"
)
GROUPS = (
    "the two groups of items do not measure the same in one direction; compare the reversals of both with your form, "
    "and correct the file, or the key in config/instruments/{id}.yaml; items of like wording can also form a group"
)
NEGATIVE = "scores of this scale are not usable here; look for items reversed twice, not reversed, or in another order"
RANDOM_KEYS = 400
# Of few persons a true key stands out less from those at random.
QUANTILE, QUANTILE_OF_FEW, FEW_PERSONS = 0.99, 0.95, 100
SPLITS = 20
GROUPED = 2.3
ORDER = "compare the order of the item columns with the form, also the version of the form"


def scale_checks(
    values: np.ndarray, instrument: Instrument, name: str, persons: int, tests: int = 1, whole: bool = True
) -> list[Finding]:
    """Checks of one scale.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Keyed answers with the means of role, target and occasion taken out; missing is NaN.
    instrument : Instrument
        The key.
    name : str
        The scale.
    persons : int
        Different persons; they are the independent observations.
    tests : int
        Number of parts that are tested in the same way; what is suspicious is as rare in all of them together.
    whole : bool
        Whether these are all forms, which are checked in more ways.
    """
    level = level_of(tests)
    scale = instrument.scales[name]
    varied = np.nan_to_num(_sd(values)) > 1e-9
    numbers = [n for n, keep in zip(scale.items, varied, strict=True) if keep]
    answers = values[:, varied]
    alpha = _alpha(answers, instrument, name, persons, tests)
    why = untestable(answers, instrument, name, persons)
    if why:
        checks = ("item_rest", "first_loading", "alpha_if_dropped")
        skipped = [Finding(name, None, check, why, "", "not_testable") for check in checks]
        return [*skipped, *_few(answers, numbers, instrument, name, persons), alpha]
    matrix = pairwise(answers)
    reverse = np.array([n in scale.reverse for n in numbers])
    apart = 0.0 if compound(instrument, name) else APART
    already = _already(matrix, numbers, reverse, name, persons, level)
    groups, split = _groups(matrix, numbers, name, persons, level, apart)
    if split is not None and already.alarm and split.same(reverse):
        groups = groups._replace(verdict="ok", advice="", observed="as reversed and other items", clear=False)
    halves = (groups.alarm or already.alarm) and _halves(existing(split) if groups.alarm else Split.of(matrix, reverse))
    advice = DONE if already.alarm else TURN
    rows = _items(answers, numbers, name, persons, level, advice, whole)
    if halves:
        # Which half is right cannot be told, so that no single item can be wrong.
        rows = [r._replace(verdict="not_testable", advice="", clear=False) if r.alarm else r for r in rows]
    elif groups.alarm and split is not None:
        few = {numbers[i] for i in np.flatnonzero(split.smaller)}
        rows = [
            r._replace(verdict="suspicious", advice=advice, clear=False)
            if r.check == "item_rest" and r.item in few and not r.alarm
            else r
            for r in rows
        ]
    constant = [n for n, keep in zip(scale.items, varied, strict=True) if not keep]
    alike = [Finding(name, n, "item_rest", "all answers are the same", "> 0", "not_testable") for n in constant]
    return [*rows, *alike, already, groups, alpha]


def untestable(answers: np.ndarray, instrument: Instrument, name: str, persons: int) -> str:
    """Why agreement between the items of a scale says nothing about its key; empty where it does."""
    if len(instrument.scales[name].items) == 1:
        return "one item"
    published = published_alpha(instrument, name)
    if published is not None and published < LOW_BY_DESIGN:
        return f"published alpha is {published:.2f}"
    complete = answers[~np.isnan(answers).any(axis=1)]
    usable = answers.shape[1] > 1 and len(complete) >= FEWEST and (complete.std(axis=0) > 1e-9).all()
    if persons < FEWEST or not usable:
        return f"fewer than {FEWEST} persons with all items, or items with one answer only"
    return ""


def published_alpha(instrument: Instrument, name: str) -> float | None:
    """The largest alpha published for a scale."""
    alphas = [middle(n.alpha) for n in instrument.norm_table if n.scale == name and n.alpha is not None]
    return max(alphas, default=None)


def level_of(tests: int) -> float:
    """z below which a correlation is suspicious in one of several parts."""
    return float(ndtri(ndtr(SUSPICIOUS) / tests))


def sign(r: float, persons: int, level: float = SUSPICIOUS) -> str:
    """Verdict on a correlation that is positive under a right key."""
    verdict = strength(r, persons)
    return "wrong" if verdict < min(WRONG, level) else "suspicious" if verdict < level else "ok"


def strength(r: float, persons: int) -> float:
    """A correlation as a standard normal deviate (Fisher's z)."""
    return float(np.arctanh(np.clip(r, -0.999999, 0.999999)) * np.sqrt(max(persons - 3, 1)))


@dataclass(frozen=True)
class Split:
    """Two groups of a scale's items.

    Attributes
    ----------
    first : ndarray of bool
        Items of the first group.
    r : float
        Correlation of the two groups' sums of standardised items.
    expected : float
        What it would be if all items measured one thing, from the correlations within the groups; NaN where one of
        the groups is a single item.
    """

    first: np.ndarray
    r: float
    expected: float

    @classmethod
    def of(cls, matrix: np.ndarray, first: np.ndarray) -> Split:
        a, b = np.flatnonzero(first), np.flatnonzero(~first)
        within = [matrix[np.ix_(g, g)].sum() for g in (a, b)]
        r = matrix[np.ix_(a, b)].sum() / np.sqrt(max(within[0], 1e-12) * max(within[1], 1e-12))
        alpha = [len(g) / (len(g) - 1) * (1 - len(g) / w) if len(g) > 1 and w > 0 else np.nan
                 for g, w in zip((a, b), within, strict=True)]  # fmt: skip
        coherent = min(alpha) >= COHERENT
        return cls(first, float(np.clip(r, -1, 1)), float(np.sqrt(alpha[0] * alpha[1])) if coherent else np.nan)

    @property
    def smaller(self) -> np.ndarray:
        """Items of the smaller group."""
        return self.first if 2 * self.first.sum() <= len(self.first) else ~self.first

    def same(self, first: np.ndarray) -> bool:
        """Whether these are the groups, in either order."""
        return bool((self.first == first).all() or (self.first != first).all())

    def verdict(self, persons: int, level: float, apart: float = APART) -> str:
        """Wrong or suspicious where the groups go against each other; suspicious too where they hardly go together."""
        strength = sign(self.r, persons, level)
        highest = self.r - level / np.sqrt(max(persons - 3, 1))
        return "suspicious" if strength == "ok" and highest < apart * self.expected else strength

    def finding(
        self, name: str, check: str, numbers: list[int], persons: int, level: float, advice: str, apart: float = APART
    ) -> Finding:
        """The finding about these groups, named by their items where it is an alarm."""
        verdict = self.verdict(persons, level, apart)
        expected = "> 0" if np.isnan(self.expected) or not apart else f"> {apart * self.expected:.2f}"
        clear = strength(self.r, persons) > SURE and verdict == "ok"
        if verdict == "ok":
            return Finding(name, None, check, self.r, expected, verdict, "", clear)
        one, other = ([n for n, keep in zip(numbers, g, strict=True) if keep] for g in (self.smaller, ~self.smaller))
        observed = f"items {_list(one)} with {_list(other)}: r {self.r:.2f}"
        return Finding(name, None, check, observed, expected, verdict, advice)


def _halves(split: Split) -> bool:
    return bool(split.smaller.sum() > HALF * len(split.first) + 1e-9)


def _already(matrix, numbers: list[int], reverse: np.ndarray, name: str, persons: int, level: float) -> Finding:
    if reverse.all() or not reverse.any():
        return Finding(name, None, "already_reversed", "all items keyed in the same direction", "", "not_testable")
    return Split.of(matrix, reverse).finding(name, "already_reversed", numbers, persons, level, DONE)


def compound(instrument: Instrument, name: str) -> bool:
    """Whether a scale is made of smaller ones, which may have little to do with each other."""
    own = set(instrument.scales[name].items)
    smaller = [set(s.items) for s in instrument.scales.values() if set(s.items) < own]
    return own == set().union(*smaller)


def _groups(
    matrix, numbers: list[int], name: str, persons: int, level: float, apart: float
) -> tuple[Finding, Split | None]:
    """The two groups of items that go together least."""
    _, vectors = np.linalg.eigh(matrix)
    splits = [Split.of(matrix, first) for v in (vectors[:, -1], vectors[:, -2])
              if 0 < (first := v < 0).sum() < len(first)]  # fmt: skip
    if not splits:
        return Finding(name, None, "two_groups", "all items go one way", "", "ok", clear=True), None
    lowest = min(splits, key=lambda s: s.r - np.nan_to_num(s.expected))
    return lowest.finding(name, "two_groups", numbers, persons, level, GROUPS, apart), lowest


def _items(
    answers, numbers: list[int], name: str, persons: int, level: float, advice: str, whole: bool
) -> list[Finding]:
    complete = answers[~np.isnan(answers).any(axis=1)]
    rest, loadings = item_rest(answers), first_loadings(complete)
    given = {"ok": ""}
    rows = []
    for n, r, loading in zip(numbers, rest.tolist(), loadings.tolist(), strict=True):
        verdict, clear = sign(r, persons, level), strength(r, persons) > SURE
        rows.append(Finding(name, n, "item_rest", r, "> 0", verdict, given.get(verdict, advice), clear))
        if not whole:
            continue
        by_loading = verdict if loading < 0 else "ok"
        if by_loading == "ok" and loading < CLEARLY_TURNED and sign(loading, persons, level) != "ok":
            by_loading = "suspicious"
        rows.append(Finding(name, n, "first_loading", loading, "> 0", by_loading, given.get(by_loading, advice)))
    if whole and len(numbers) > 2:
        rows += _dropped(name, numbers, complete, rest, persons, advice)
    return rows


def _dropped(name: str, numbers: list[int], complete, rest: np.ndarray, persons: int, advice: str) -> list[Finding]:
    """Items without which the others agree clearly better, and that agree with them weakly at most."""
    whole, without = alphas(complete)
    highest = np.tanh(np.arctanh(np.clip(rest, -0.999999, 0.999999)) + 1.645 / np.sqrt(persons - 3))
    rows = []
    for n, value, r in zip(numbers, without.tolist(), highest.tolist(), strict=True):
        better = value > whole + GAIN and r < WEAK
        verdict, do = ("suspicious", advice) if better else ("ok", "")
        rows.append(Finding(name, n, "alpha_if_dropped", value, f"<= {whole + GAIN:.3f}", verdict, do))
    return rows


def _few(answers, numbers: list[int], instrument: Instrument, name: str, persons: int) -> list[Finding]:
    """What the signs of few persons' answers can tell: whether reversed items go against the others."""
    scale = instrument.scales[name]
    reverse = np.array([n in scale.reverse for n in numbers], dtype=bool)
    mixed = len(reverse) > 0 and reverse.any() and not reverse.all()
    if persons < FEW or not mixed or untestable_by_design(instrument, name):
        why = "all items keyed in the same direction" if not mixed else f"fewer than {FEW} persons"
        return [Finding(name, None, "already_reversed", why, "", "not_testable")]
    signs = Split.of(pairwise(answers), reverse)
    split = Split(signs.first, signs.r, np.nan)
    return [split.finding(name, "already_reversed", numbers, persons, SUSPICIOUS, DONE)]


def untestable_by_design(instrument: Instrument, name: str) -> bool:
    """Whether a scale is published to be of items that hardly agree."""
    published = published_alpha(instrument, name)
    return published is not None and published < LOW_BY_DESIGN


def _alpha(answers: np.ndarray, instrument: Instrument, name: str, persons: int, tests: int) -> Finding:
    """A negative alpha: of few persons, or in one of several parts, only one that is no chance.

    Under 1 of 100 samples would show it if the items' correlations were .20 (or alpha as published).
    """
    complete = answers[~np.isnan(answers).any(axis=1)]
    n, k = min(len(complete), persons), answers.shape[1]
    if n < FEW or k < 2 or not complete.sum(axis=1).var() > 1e-12:
        return Finding(name, None, "alpha", f"fewer than {FEW} persons with two items", "> 0", "not_testable")
    value, published = alphas(complete)[0], published_alpha(instrument, name)
    least = min(k * LEAST_R / (1 + (k - 1) * LEAST_R), 1 if published is None else published)
    # Feldt: (1 - alpha) / (1 - its estimate) follows F.
    bad = value < 0 and (
        (tests == 1 and n >= FEWEST) or fdtr(n - 1, (n - 1) * (k - 1), (1 - least) / (1 - value)) < RARE / tests
    )
    return Finding(name, None, "alpha", value, "> 0", "wrong" if bad else "ok", NEGATIVE if bad else "", value > 0.5)


def _sd(values: np.ndarray) -> np.ndarray:
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    return np.sqrt(np.maximum((filled**2).sum(axis=0) / np.maximum(n, 1) - mean**2, 0))


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def order_check(centred: dict[str, pd.DataFrame]) -> list[Finding]:
    """One finding for a form with several scales.

    Mean size of the correlations within scales less that between them, and the same for keys that give the items
    to scales of the same sizes at random (always the same ones). The direction of items plays no part in it. Where
    items form no groups that halves of the persons share, as in scales that hardly differ, no order can be told.

    Parameters
    ----------
    centred : dict of str to DataFrame
        Answers to the items of each scale, means of role and occasion taken out. An item in several scales counts in
        the first, one with the same answer throughout in none.
    """
    home = {c: name for name, items in reversed(centred.items()) for c in items if items[c].std() > 1e-9}
    names = [n for n in centred if sum(h == n for h in home.values()) > 1]
    columns = [c for c in home if home[c] in names]
    if len(names) < 2:
        return []
    answers = pd.concat([centred[n][[c for c in centred[n] if home.get(c) == n]] for n in names], axis=1)[columns]
    size = answers.corr().abs().to_numpy(copy=True)
    if not np.isfinite(size).all():
        return [Finding(None, None, "columns_in_order", "items that nobody answered together", "", "not_testable")]
    scale = np.array([names.index(home[c]) for c in columns])
    random = np.random.default_rng(0)
    keys = random.permuted(np.tile(scale, (RANDOM_KEYS, 1)), axis=1)
    observed, *others = _apart(size, np.vstack([scale, keys]))
    bound = float(np.quantile(others, QUANTILE if len(answers) >= FEW_PERSONS else QUANTILE_OF_FEW))
    # Of few possible keys the true one is often among the random ones, and is then the bound itself.
    bad = observed < bound - 1e-12
    if bad and _grouped(answers.fillna(0.0).to_numpy(float)) < GROUPED:
        return [Finding(None, None, "columns_in_order", "the scales hardly differ", "", "not_testable")]
    verdict, advice = ("suspicious", ORDER) if bad else ("ok", "")
    expected = f">= {bound:.4f}"
    return [Finding(None, None, "columns_in_order", round(observed, 4), expected, verdict, advice, not bad)]


def _grouped(answers: np.ndarray) -> float:
    """How far which items go together agrees between halves of the persons: a correlation by the root of its pairs."""
    random = np.random.default_rng(0)
    half = len(answers) // 2
    ranks = []
    for _ in range(SPLITS):
        order = random.permutation(len(answers))
        ranks.append(np.corrcoef(_pairs(answers[order[:half]]), _pairs(answers[order[half:]]))[0, 1])
    k = answers.shape[1]
    return float(np.nan_to_num(np.mean(ranks)) * np.sqrt(k * (k - 1) / 2))


def _pairs(answers: np.ndarray) -> np.ndarray:
    """Size of the correlation of each pair of items beyond what each of the two has with all others."""
    sd = np.maximum(answers.std(axis=0, ddof=1), 1e-12)
    size = np.abs(np.cov(answers.T) / np.outer(sd, sd))
    np.fill_diagonal(size, 0.0)
    k = len(size)
    own, all_pairs = size.sum(axis=0) / (k - 2), size.sum() / ((k - 1) * (k - 2))
    return (size - own[:, None] - own + all_pairs)[np.triu_indices(k, 1)]


def _apart(size: np.ndarray, keys: np.ndarray) -> list[float]:
    """Mean of the correlations within scales less that of those between, for keys of one make-up, a row each."""
    pairs = size - np.diag(np.diag(size))
    counts = np.bincount(keys[0])
    n, n_within = len(size) * (len(size) - 1), int((counts * (counts - 1)).sum())
    within = np.zeros(len(keys))
    for scale in range(len(counts)):
        member = (keys == scale).astype(float)
        within += np.einsum("ij,ij->i", member @ pairs, member)
    return (within / n_within - (pairs.sum() - within) / (n - n_within)).tolist()
