"""Selection of a file's columns: which are read, under which names, and how many rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from bowlby.config.study import TIME, DataFile, Span
from bowlby.ingest.readers.base import HELD_BY, Unreadable, joined, unique
from bowlby.ingest.text_values import plain

QUALTRICS = frozenset({"ResponseId", "ResponseID", "RecordedDate", "Progress", "DistributionChannel"})
FORM_STATUS = "_complete"
"""How REDCap's columns with the status of a form end."""
ITEM = re.compile(r"\{n(?::0?\d{1,2})?\}")


@dataclass
class Selection:
    """What to read of a file.

    Attributes
    ----------
    spec : DataFile
        What the study file says of it.
    everything : bool
        Whether all columns are wanted, not only those that the study file names.
    limit : int or None
        Most rows to read.
    renamed : callable or None
        From the header's texts to the names that columns go by.
    """

    spec: DataFile
    everything: bool = False
    limit: int | None = None
    renamed: Callable[[list[str]], list[str]] | None = None

    def read_header(self, rows: Iterator[list[str]]) -> tuple[list[str], list[str], list[int]]:
        """Read the rows with the column names: the names, the same made unique, and the numbers of the columns to read.

        Raises
        ------
        Unreadable
            If there are none.
        """
        top = list(islice(rows, self.spec.header_row - 1 + self.spec.header_rows))[self.spec.header_row - 1 :]
        if not top or not any(cell.strip() for cell in top[-1]):
            raise Unreadable("no column names in the header row", "correct `header_row:`, or export it again")
        header = self.header(joined(top))
        names = unique(header)
        return header, names, self.keep(names)

    def header(self, texts: list[str]) -> list[str]:
        """The names of the columns, in the study file's own form of accents, quotes and spaces."""
        names = self.renamed(texts) if self.renamed else texts
        known = {plain(n): n for n in (*_named(self.spec), *self.spec.rows) if n}
        return [n if (own := known.get(plain(n), n)) in names else own for n in names]

    def differ_in_case(self, names: list[str]) -> bool:
        """Whether the study file names columns that are there in other capitals."""
        return bool({n.casefold() for n in names} & {n.casefold() for n in _named(self.spec) if n})

    def keep(self, names: list[str]) -> list[int]:
        """The places of the columns to hold."""
        if self.everything:
            return [i for i, name in enumerate(names) if name]
        return sorted({*self._answering(names), *(i for i, n in enumerate(names) if n in self._choosing(names))})

    def only_choosing(self, names: list[str]) -> set[str]:
        """The columns that are held only because they say which rows count."""
        answering = {names[i] for i in self._answering(names)}
        return set() if self.everything else self._choosing(names) - answering

    def _choosing(self, names: list[str]) -> set[str]:
        return {*self.spec.rows, *survey_columns(names)}

    def _answering(self, names: list[str]) -> set[int]:
        patterns = dict.fromkeys(_pattern(name) for name in _named(self.spec) if name)
        whole = re.compile("|".join(f"(?:{p})" for p in patterns), re.DOTALL)
        places = {i for i, n in enumerate(names) if n and (whole.fullmatch(n) or whole.fullmatch(HELD_BY.sub("", n)))}
        for measure in self.spec.measures:
            if isinstance(measure.items, Span):
                places |= set(range(*span(measure.items, names) or (0, 0)))
        return places


def survey_columns(names: Iterable[str]) -> list[str]:
    """The columns in which survey platforms may say which rows count."""
    names = dict.fromkeys(names)
    qualtrics = ["Status", "DistributionChannel", "Finished" if "Finished" in names else "Progress"]
    lime = ["submitdate"] if "lastpage" in names else []
    return [*(name for name in (*qualtrics, *lime) if name in names), *(n for n in names if n.endswith(FORM_STATUS))]


def is_qualtrics(names: Iterable[str]) -> bool:
    """Whether a file is an export of Qualtrics by its columns."""
    return not QUALTRICS.isdisjoint(names)


def span(items: Span, names: list[str]) -> tuple[int, int] | None:
    """Positions of the first column and after the last; None if they are absent or in another order."""
    if items.first in names and items.last in names:
        start, end = names.index(items.first), names.index(items.last) + 1
        return (start, end) if start < end else None
    return None


def _named(spec: DataFile) -> Iterable[str | None]:
    whens = [w for w in (spec.when, *(m.when for m in spec.measures)) if w]
    yield from (*spec.who.columns, spec.who.therapist, spec.who.site, spec.session, spec.date)
    yield from (w.column for w in whens)
    for covariate in spec.covariates.values():
        yield from (covariate.column, covariate.seen)
        if covariate.kind == "checkbox":
            yield from (f"{stem(covariate.column)}___{{n}}", f"{stem(covariate.column)}___{TIME}")
    yield from (x for e in spec.episodes for x in (e.therapist, e.sessions))
    for measure in spec.measures:
        yield from (*measure.named, measure.seen, measure.session, measure.date)
    if spec.dictionary:
        yield f"{TIME}_complete"


def stem(column: str) -> str:
    """The question that a box of a checkbox belongs to."""
    return column.partition("___")[0]


def _pattern(name: str) -> str:
    parts = re.split(r"(\{n(?::0?\d{1,2})?\}|\{t\})", name)
    return "".join(r"\d+" if ITEM.fullmatch(p) else ".*" if p == TIME else re.escape(p) for p in parts)
