"""The terms of a model and what they consist of: an outcome, fixed terms, random terms, arithmetic of columns.

Terms are lists of column names. An expression, such as ``log(x + 1)`` or ``I(x^2)``, is a tree of named operations.
Nothing is ever evaluated as code.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bowlby.errors import refusal
from bowlby.mixed import checks

FUNCTIONS = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
}
_BINARY = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power}
Term = tuple[str, ...]
INTERCEPT: Term = ()


def quoted(name: str) -> str:
    """A column name as it is written in a formula."""
    return name if re.fullmatch(r"[^\W\d][\w.]*", str(name)) else f"`{name}`"


@dataclass(frozen=True)
class Expression:
    """One operation and what it works on.

    Attributes
    ----------
    operator : str
        ``"column"``, ``"number"``, ``"("``, ``"negative"``, ``"I"``, a sign of arithmetic, or a name of `FUNCTIONS`.
    parts : tuple
        A column's name, a number as it was written, or the expressions that the operation takes.
    """

    operator: str
    parts: tuple

    def __str__(self) -> str:
        """As R writes it, which is also the name of the column."""
        first = self.parts[0]
        if self.operator == "column":
            return quoted(first)
        if self.operator == "number":
            return first
        if self.operator in _BINARY:
            sign = f" {self.operator} " if self.operator in "+-*" else self.operator
            return f"{first}{sign}{self.parts[1]}"
        if self.operator == "negative":
            return f"-{first}"
        return f"{'' if self.operator == '(' else self.operator}({first})"

    def columns(self) -> list[str]:
        """The columns it is computed from, each once."""
        if self.operator in ("column", "number"):
            return [self.parts[0]] if self.operator == "column" else []
        return list(dict.fromkeys(name for part in self.parts for name in part.columns()))

    def values(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Its value in each row; NaN or infinite where it is not defined."""
        if self.operator == "column":
            return columns[self.parts[0]]
        if self.operator == "number":
            return np.float64(self.parts[0])
        parts = [part.values(columns) for part in self.parts]
        with np.errstate(all="ignore"):
            if self.operator in _BINARY:
                return _BINARY[self.operator](*parts)
            if self.operator == "negative":
                return -parts[0]
            return FUNCTIONS[self.operator](*parts) if self.operator in FUNCTIONS else parts[0]


@dataclass(frozen=True)
class RandomTerm:
    """Effects that vary between the levels of one grouping factor.

    Attributes
    ----------
    group : tuple of str
        Column of the level ids; several columns mean their combinations (nesting).
    terms : tuple of tuple of str
        What varies: ``()`` is the intercept, ``("time",)`` a slope, ``("time", "arm")`` an interaction.
    correlated : bool
        Whether the effects of one level may covary (``|``) or not (``||``; the columns of a category still do).
    known_zero : tuple of str
        Slopes whose variance, where it is estimated as 0, counts as known and not as estimated in Kenward-Roger's
        standard errors and df: those of the model without that slope, which has the same estimates.
    """

    group: tuple[str, ...]
    terms: tuple[Term, ...]
    correlated: bool = True
    known_zero: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ":".join(self.group)

    def __str__(self) -> str:
        """The term in lme4's notation, categories not marked."""
        return self.written(lambda term: ":".join(quoted(name) for name in term))

    def written(self, term) -> str:
        """The term in lme4's notation, `term` saying how each of its terms is written."""
        effects = " + ".join([str(int(INTERCEPT in self.terms)), *(term(t) for t in self.terms if t)])
        return f"({effects} {'|' if self.correlated else '||'} {':'.join(quoted(name) for name in self.group)})"


@dataclass(frozen=True)
class ModelSpec:
    """A whole model; see :class:`RandomTerm`.

    Attributes
    ----------
    outcome : str
    fixed : tuple of Term
    random : tuple of RandomTerm
    intercept : bool
    categorical : frozenset of str
        Columns written as ``C(x)``.
    references : frozenset of (str, str)
        Columns written as ``C(x, "reference")``, with the reference level.
    computed : frozenset of (str, Expression)
        Columns that the formula computes, such as ``log(x)``, by the name they have in the terms.
    offset : str, optional
        The column in ``offset(x)``.
    taken_out : frozenset of str
        Columns in fixed terms that the formula takes out (``- x``): they must be in the data, but make no other model.
    """

    outcome: str
    fixed: tuple[Term, ...]
    random: tuple[RandomTerm, ...]
    intercept: bool = True
    categorical: frozenset[str] = field(default_factory=frozenset)
    references: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    computed: frozenset[tuple[str, Expression]] = field(default_factory=frozenset)
    offset: str | None = None
    taken_out: frozenset[str] = field(default_factory=frozenset, compare=False)

    def __str__(self) -> str:
        """The model in lme4's notation."""
        fixed = [str(int(self.intercept)), *(self._term(t) for t in self.fixed)]
        if self.offset is not None:
            fixed.append(f"offset({self._variable(self.offset)})")
        random = [term.written(self._term) for term in self.random]
        return f"{self._variable(self.outcome)} ~ {' + '.join([*fixed, *random])}"

    def _term(self, term: Term) -> str:
        return ":".join(self._variable(name) for name in term)

    def _variable(self, name: str) -> str:
        if name in dict(self.computed):
            return name
        if name not in self.categorical:
            return quoted(name)
        reference = dict(self.references).get(name)
        mark = "'" if '"' in (reference or "") else '"'
        return f"C({quoted(name)})" if reference is None else f"C({quoted(name)}, {mark}{reference}{mark})"

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Every column the outcome, the fixed and the random terms use, outcome first, groups not included."""
        terms = (*self.fixed, *(t for r in self.random for t in r.terms))
        return tuple(dict.fromkeys([self.outcome, *(name for term in terms for name in term)]))

    def sources(self, variables: Iterable[str]) -> list[str]:
        """The columns of the data that these variables are, or are computed from."""
        made = dict(self.computed)
        return list(
            dict.fromkeys(source for name in variables for source in (made[name].columns() if name in made else [name]))
        )


def as_term(term: str | Iterable[str]) -> Term:
    """A column name or a sequence of column names as one term, each column once."""
    names = (term,) if isinstance(term, str) else tuple(term)
    return tuple(dict.fromkeys(names))


def key(term: Term | RandomTerm) -> Hashable:
    """What terms have in common that are the same: a term is a set of columns, in whatever order they are given."""
    if isinstance(term, RandomTerm):
        effects = frozenset(map(frozenset, term.terms))
        return frozenset(term.group), effects, term.correlated or len(effects) == 1, term.known_zero
    return frozenset(term)


def by_key(terms: Iterable[Term | RandomTerm]) -> dict:
    """Terms by :func:`key`, each once, as it is first given."""
    out: dict = {}
    for term in terms:
        out.setdefault(key(term), term)
    return out


def spec_from_terms(outcome, fixed, random, intercept=True) -> ModelSpec:
    """Build a :class:`ModelSpec` from plain lists.

    Parameters
    ----------
    outcome : str
    fixed : iterable of str or tuple of str
        A string is one literal column name, a tuple an interaction of columns.
    random : iterable of RandomTerm or mapping
        Mappings have ``group`` (name or tuple of names), ``terms`` (``"1"`` is the intercept, other strings
        literal columns, tuples interactions; default ``["1"]``), ``correlated`` (default True) and ``known_zero``
        (columns among the terms, uncorrelated ones; default none).
    intercept : bool
        Whether the fixed part has an intercept.

    Raises
    ------
    UserError
        When a list is none, or a random term lacks its group or its terms or has other keys.
    """
    fixed = _listed(fixed, "the fixed terms")
    random = [random] if isinstance(random, Mapping) else _listed(random, "the random terms")
    terms = by_key(as_term(t) for t in fixed if t != "1")
    return ModelSpec(
        outcome=checks.text(outcome, "the outcome"),
        fixed=tuple(terms.values()),
        random=tuple(by_key(_random_term(item) for item in random).values()),
        intercept=checks.flag(intercept, "intercept"),
    )


def _listed(value, what: str) -> list:
    """A list of terms; one name stands for a list of it."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise refusal(f"{what} are of type {type(value).__name__}", "give a list, [] for none")
    return list(value)


def _random_term(item) -> RandomTerm:
    if isinstance(item, RandomTerm):
        return item
    item = checks.mapping(item, "a random term", '{"group": "therapist", "terms": ["1"]}')
    checks.known(item, ("group", "terms", "correlated", "known_zero"), "the key of a random term")
    group = item.get("group")
    if not group:
        raise refusal("a random term has no group", "name the column of its levels")
    terms = _listed(item.get("terms", ["1"]), f"the terms of {group}")
    if not terms:
        raise refusal(f"the random term of {group} is empty", 'list its terms, such as ["1"]')
    correlated = checks.flag(item.get("correlated", True), "correlated")
    known_zero = tuple(_listed(item.get("known_zero", []), f"known_zero of {group}"))
    for name in known_zero:
        if correlated or name not in terms:
            raise refusal(
                f"known_zero of {group} names '{name}', which is no uncorrelated slope of it",
                "name one of its terms, with correlated: False",
            )
    return RandomTerm(
        group=as_term(group),
        terms=tuple(by_key(INTERCEPT if t == "1" else as_term(t) for t in terms).values()),
        correlated=correlated,
        known_zero=known_zero,
    )
