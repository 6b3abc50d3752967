"""What a model consists of: an outcome, fixed terms, random terms; lists of column names, never code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bowlby.errors import UserError, problem

Term = tuple[str, ...]
INTERCEPT: Term = ()


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
        Whether the effects of one level may covary (``|``) or not (``||``).
    """

    group: tuple[str, ...]
    terms: tuple[Term, ...]
    correlated: bool = True

    @property
    def name(self) -> str:
        return ":".join(self.group)


@dataclass(frozen=True)
class ModelSpec:
    """A whole model; see :class:`RandomTerm`. ``categorical`` names columns written as ``C(x)``."""

    outcome: str
    fixed: tuple[Term, ...]
    random: tuple[RandomTerm, ...]
    intercept: bool = True
    categorical: frozenset[str] = field(default_factory=frozenset)

    def columns(self) -> list[str]:
        """Every column the fixed and random terms need, outcome first, groups not included."""
        names = [self.outcome]
        for term in (*self.fixed, *(t for r in self.random for t in r.terms)):
            names += [name for name in term if name not in names]
        return names


def as_term(term: str | Iterable[str]) -> Term:
    """A column name or a sequence of column names as one term, each column once."""
    names = (term,) if isinstance(term, str) else tuple(term)
    return tuple(dict.fromkeys(names))


def spec_from_terms(outcome, fixed, random, intercept=True) -> ModelSpec:
    """Build a :class:`ModelSpec` from plain lists.

    Parameters
    ----------
    outcome : str
    fixed : iterable of str or tuple of str
        A string is one literal column name, a tuple an interaction of columns.
    random : iterable of RandomTerm or mapping
        Mappings have ``group`` (name or tuple of names), ``terms`` (``"1"`` is the intercept, other strings
        literal columns, tuples interactions; default ``["1"]``) and ``correlated`` (default True).
    intercept : bool
        Whether the fixed part has an intercept.

    Raises
    ------
    UserError
        When a random term lacks its group or its terms.
    """
    randoms = []
    for item in random:
        if isinstance(item, RandomTerm):
            randoms.append(item)
            continue
        get = item.get if isinstance(item, Mapping) else lambda key, default=None, item=item: getattr(
            item, key, default)
        group, terms = get("group"), get("terms", None)
        if not group:
            raise UserError(problem("a random term has no group", "name the column of its levels"))
        terms = ["1"] if terms is None else list(terms)
        if not terms:
            raise UserError(problem(f"the random term of {group} is empty", 'list its terms, such as ["1"]'))
        randoms.append(RandomTerm(
            group=(group,) if isinstance(group, str) else tuple(group),
            terms=tuple(INTERCEPT if t == "1" else as_term(t) for t in terms),
            correlated=bool(get("correlated", True))))
    terms = tuple(dict.fromkeys(as_term(t) for t in fixed if t != "1"))
    return ModelSpec(outcome=outcome, fixed=terms, random=tuple(randoms), intercept=intercept)
