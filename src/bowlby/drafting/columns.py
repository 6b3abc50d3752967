"""What a file's columns hold: numbers, dates or text, how many, how different."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from bowlby.drafting.vocabulary import listed
from bowlby.ingest.text_values import styles_of

MOSTLY = 0.8
"""Share of cells that are numbers from which the others count as words for missing or as slips."""
CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
LEVELS = 60
FEW_SLIPS = 4


@dataclass
class Column:
    """One column.

    Attributes
    ----------
    n : int
        Cells that are not empty (and not a word for missing).
    distinct : int
        Different ones.
    numeric, whole : bool
        Whether all are numbers, whole numbers.
    low, high : float or None
        Their range.
    levels : dict
        The different numbers and how often each stands there, where there are few.
    texts : list of str
        The different cells as written, in the order of the file, where there are few.
    dates : list of str
        Styles in which all cells are dates.
    words : list of str
        Words for missing among numbers.
    comma : bool
        Whether numbers have a decimal comma.
    slips : list of str
        Cells that are no numbers in a column of numbers.
    clock : bool
        Whether all are times of day.
    """

    n: int
    distinct: int
    numeric: bool = False
    whole: bool = False
    low: float | None = None
    high: float | None = None
    levels: dict[float, int] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    comma: bool = False
    slips: list[str] = field(default_factory=list)
    clock: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return self.n == 0


def profile(cells: pd.Series) -> Column:
    """Look at one column of text cells."""
    cells = cells.str.strip()
    cells = cells[cells != ""]
    empty_words = set(listed("missing"))
    unknown = cells.str.lower().isin(empty_words)
    words = list(dict.fromkeys(cells[unknown]))
    plain = cells[~unknown]
    if plain.empty:
        return Column(0, 0, words=words)
    counts = plain.value_counts(sort=False)
    column = Column(len(plain), len(counts))
    numbers, column.comma = _numbers(counts)
    good = numbers.notna().to_numpy()
    if good.all() or (counts[good].sum() >= MOSTLY * len(plain) and (~good).sum() <= FEW_SLIPS):
        column.numeric, column.words = True, words
        column.slips = list(counts.index[~good])
        counts, numbers = counts[good], numbers[good]
        column.whole = bool((numbers % 1 == 0).all())
        column.low, column.high = float(numbers.min()), float(numbers.max())
        if numbers.nunique() <= LEVELS:
            column.levels = counts.groupby(numbers.to_numpy()).sum().to_dict()
    else:
        column.n, column.distinct = len(cells), cells.nunique()
        column.clock = bool(plain.str.fullmatch(CLOCK).all())
    if column.distinct <= LEVELS:
        column.texts = list(dict.fromkeys(cells if not column.numeric else plain))
    column.dates = _dates(plain, column)
    return column


def _numbers(counts: pd.Series) -> tuple[pd.Series, bool]:
    """Texts as numbers, missing where they are none, and whether they have a decimal comma."""
    texts = pd.Series(counts.index, dtype=object)
    numbers = pd.to_numeric(texts, errors="coerce")
    with_commas = pd.to_numeric(texts.str.replace(",", ".", regex=False), errors="coerce")
    comma = bool(with_commas.notna().sum() > numbers.notna().sum())
    return (with_commas if comma else numbers), comma


def _dates(cells: pd.Series, column: Column) -> list[str]:
    if column.slips or (column.numeric and not (column.whole and column.low is not None and column.low > 19000101)):
        return []
    some = cells.drop_duplicates().head(300)
    return [style for style, n in styles_of(some).items() if n == len(some)]


def constant_within(values: pd.Series, groups: pd.Series) -> bool:
    """Whether a column has at most one value in each group."""
    filled = values.str.strip() != ""
    pairs = pd.DataFrame({"group": groups[filled], "value": values[filled]}).drop_duplicates()
    return not pairs["group"].duplicated().any()


def natural(texts: Iterable[str]) -> list[str]:
    """Texts in the order of their numbers, where all are numbers; otherwise as they come."""
    texts = list(texts)
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce")
    return [t for _, t in sorted(zip(numbers, texts, strict=True))] if numbers.notna().all() else texts
