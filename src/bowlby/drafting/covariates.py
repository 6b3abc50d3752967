"""The columns that belong to no instrument and no role: what describes persons, and what is left out."""

from __future__ import annotations

import re

import pandas as pd

from bowlby.config.yamlfile import quoted
from bowlby.drafting.columns import MOSTLY, Column, constant_within
from bowlby.drafting.naming import Block
from bowlby.drafting.roles import Roles, counts_rows, is_metadata, is_private, person_ids
from bowlby.drafting.tables import Table
from bowlby.drafting.vocabulary import bare, listed
from bowlby.ingest.text_values import parse_dates

FEW = 20
LONGEST_NAME = 40
A_LIFE = 12
"""Years over which dates of birth spread, and those of a study hardly do."""
SENTENCE = 25
"""Mean length of cells from which they are free text."""


class Leftovers:
    """What is made of the columns of a table that no instrument and no role uses.

    Attributes
    ----------
    covariates : list of tuple
        Column, kind, what to check and whether it is uncertain.
    left, unsure, private : list of str
        Columns that are not used: surely, perhaps, and because they may show who someone is.
    """

    def __init__(self, table: Table, roles: Roles, used: set[str], unmatched: list[Block]) -> None:
        self.table, self.roles = table, roles
        self.covariates: list[tuple[str, str, list[str]]] = []
        self.left: list[str] = []
        self.unsure: list[str] = []
        self.private: list[str] = []
        used = set(used)
        for block in unmatched:
            if (block.n or block.times) and not used & set(block.columns):
                one = block.pattern if block.regular else None
                bucket = self.left if all(is_metadata(table, c) for c in block.columns) else self.unsure
                bucket += [one] if one and self._fits(block) else block.columns
                used |= set(block.columns)
        for name, column in table.columns.items():
            if name not in used:
                self._place(name, column)

    @staticmethod
    def _fits(block: Block) -> bool:
        """Whether the pattern of a block gives all its columns and no others."""
        texts = block.times or [""]
        made = [block.pattern.replace("{t}", t) for t in texts]
        made = [m.format(n=k) for m in made for k in range(1, block.n + 1)] if block.n else made
        return made == block.columns

    def _place(self, name: str, c: Column) -> None:
        """Put one column where it belongs."""
        said = {*self.table.texts(name), bare(self.table.code(name))}
        if name == self.roles.site:
            self.covariates.append((name, "category", ["the site"]))
        elif is_metadata(self.table, name) or name.endswith("_complete") or name.startswith("redcap_") or c.empty:
            self.left.append(name)
        elif is_private(self.table, name) or self._of_birth(name, c):
            self.private.append(name)
        elif said & {*listed("free"), *listed("consent")} or c.clock:
            self.left.append(name)
        elif kind := self._kind(name, c) or self._number_in_words(name, c, said):
            known = said & set(listed("covariates")) or "___" in name
            steady = self._constant(name)
            if not known and not steady:
                self.unsure.append(name)
            else:
                doubts = [f"if {', '.join(d)} means missing, add it to `missing:`"] if (d := self._doubtful(c)) else []
                self.covariates.append((name, kind, doubts if known else [*doubts, "describes persons?"]))
        else:
            self.unsure.append(name)

    def _kind(self, name: str, c: Column) -> str | None:
        """How a covariate is read; None of a column that is none."""
        if "___" in name:
            return "checkbox"
        if (c.dates and not c.numeric) or (c.n > FEW and counts_rows(self.table, name)):
            return None
        if c.numeric and not (c.levels and set(c.levels) <= self._labelled(name)):
            return "number"
        short = sum(map(len, c.texts)) / max(1, len(c.texts)) <= SENTENCE
        return "category" if c.distinct <= FEW and c.distinct <= max(2, c.n / 2) and short else None

    def _number_in_words(self, name: str, c: Column, said: set[str]) -> str | None:
        """A number beside words, as in `34 years`, in a column that is known to describe persons."""
        cells = self.table.raw.text(name).str.strip()
        begun = cells[cells != ""].str.match(r"\D{0,2}\d").mean()
        return "number" if said & set(listed("covariates")) and begun > MOSTLY and not c.dates else None

    def _constant(self, name: str) -> bool:
        if not self.roles.person:
            return True
        return constant_within(self.table.raw.text(name), person_ids(self.table, self.roles))

    def _doubtful(self, c: Column) -> list[str]:
        return [t for t in c.texts if t.lower() in listed("missing")] if not c.numeric else []

    def _labelled(self, name: str) -> set[float]:
        """The codes of a column to which the file gives labels."""
        return {float(code) for code in self.table.raw.labels.get(name, {}) if re.fullmatch(r"-?\d+(\.\d+)?", code)}

    def _of_birth(self, name: str, c: Column) -> bool:
        """Whether dates spread as dates of birth do."""
        if not c.dates or c.numeric:
            return False
        cells = self.table.raw.text(name).str.strip()
        days = pd.to_datetime(parse_dates(cells.mask(cells == ""), c.dates[0]).astype(object)).dropna()
        return len(days) > 0 and (days.max() - days.min()).days / 365.25 > A_LIFE


def covariate_lines(rest: Leftovers, mark) -> list[str]:
    """The lines of the covariates, and comments with the columns that are not used."""
    lines: list[str] = []
    keys: set[str] = set()
    for name, kind, doubts in rest.covariates:
        lines.append(mark(_covariate(name, rest.table.code(name), kind, keys, name == rest.roles.site), doubts))
    shown = ["    covariates:", *lines] if lines else []
    if rest.unsure:
        shown.append(mark(f"    # ? not used: [{', '.join(map(quoted, rest.unsure))}]", []))
    if rest.left:
        shown.append(f"    # not used: {', '.join(rest.left)}")
    if rest.private:
        shown.append(f"    # not used, may show who someone is: {', '.join(rest.private)}")
    return shown


def _covariate(name: str, code: str, kind: str, keys: set[str], is_site: bool) -> str:
    """The line of a covariate; its name is short, and not one of ``keys``, to which it is added."""
    short = "site" if is_site else re.sub(r"\W+", "_", code).strip("_")[:LONGEST_NAME] or "x"
    key = next(k for n in range(1, len(keys) + 2) if (k := short if n == 1 else f"{short}_{n}") not in keys)
    keys.add(key)
    spec = quoted(name) if kind == "number" else "{column: " + quoted(name) + f", kind: {kind}}}"
    return f"      {quoted(key)}: {spec}"
