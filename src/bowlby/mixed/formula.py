"""lme4's formula notation, parsed into lists of terms. Nothing in a formula is ever evaluated."""

from __future__ import annotations

import re
from functools import lru_cache

from bowlby.errors import UserError, problem
from bowlby.mixed.spec import INTERCEPT, ModelSpec, RandomTerm, as_term, by_key, key

_TOKEN = re.compile(r"\s*(?:(`[^`]+`)|([^\W\d][\w.]*)|(\d+(?:\.\d*)?)|(\|\||[-+*:/|()~^]))", re.UNICODE)


_ONE = key(INTERCEPT)


@lru_cache(maxsize=256)
def parse_formula(formula: str) -> ModelSpec:
    """Read ``"y ~ a * b + (1 + a || g)"``.

    Parameters
    ----------
    formula : str
        Names are columns (in backquotes when they hold spaces or signs); ``+ - : *`` and parentheses combine
        them, ``0`` or ``-1`` drops the intercept, ``C(x)`` makes a column categorical, ``(terms | g)``,
        ``(terms || g)``, ``(terms | a/b)`` and ``(terms | a:b)`` are random terms as in lme4: with two bars each
        term is independent of the others, and a category is one term with a correlated effect of each level.
        Terms are sets: ``x:z`` is ``z:x``, a term given twice counts once, and ``-`` takes out fixed and random terms.

    Returns
    -------
    ModelSpec

    Raises
    ------
    UserError
        For anything else, such as function calls; make such columns first.
    """
    return _Parser(formula).model()


class _Parser:
    def __init__(self, formula: str):
        self.formula = formula
        self.tokens: list[str] = []
        at = 0
        text = formula.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self.fail(f"cannot read '{text[at:].strip()[:20]}'")
            self.tokens.append(match.group().strip())
            at = match.end()
        self.at = 0
        self.categorical: set[str] = set()

    def fail(self, what: str):
        raise UserError(problem(f"formula '{self.formula}': {what}",
                                "use column names with + - : * and (terms | group)"))

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            self.fail(f"expected '{expected or 'a term'}' but found '{token or 'the end'}'")
        self.at += 1
        return token

    def name(self) -> str:
        token = self.take()
        if token.startswith("`"):
            return token[1:-1]
        if not (token[0].isalpha() or token[0] == "_"):
            self.fail(f"'{token}' is not a column name")
        return token

    def model(self) -> ModelSpec:
        if "~" not in self.tokens:
            self.fail("there is no '~'")
        outcome = self.name()
        self.take("~")
        terms = self.sum()
        if self.peek():
            self.fail(f"unexpected '{self.peek()}'")
        intercept = terms.pop(_ONE, True)
        random = tuple(term for term in terms.values() if isinstance(term, RandomTerm))
        fixed = tuple(term for term in terms.values() if not isinstance(term, RandomTerm))
        return ModelSpec(outcome, fixed, random, intercept, frozenset(self.categorical))

    def sum(self) -> dict:
        """Fixed and random terms by key, in order of appearance; that of the intercept holds an explicit 0 or 1."""
        total: dict = {}
        sign = "+"
        if self.peek() in ("+", "-"):
            sign = self.take()
        while True:
            for at, term in self.crossing().items():
                if at == _ONE:
                    total[at] = term == (sign == "+")
                elif sign == "+":
                    total.setdefault(at, term)
                elif total.pop(at, None) is None and isinstance(term, RandomTerm):
                    self.fail(f"{term} is taken out, but the terms before it do not hold it")
            if self.peek() not in ("+", "-"):
                return total
            sign = self.take()

    def crossing(self) -> dict:
        left = self.interaction()
        while self.peek() == "*":
            self.take()
            right = self.interaction()
            left = by_key([*left.values(), *right.values(), *self.product(left, right).values()])
        return left

    def interaction(self) -> dict:
        left = self.atom()
        while self.peek() == ":":
            self.take()
            left = self.product(left, self.atom())
        return left

    def product(self, left: dict, right: dict) -> dict:
        for part in (left, right):
            if not part or not all(isinstance(term, tuple) for term in part.values()):
                self.fail("only columns can interact")
        return by_key(as_term((*a, *b)) for a in left.values() for b in right.values())

    def atom(self) -> dict:
        token = self.peek()
        if token == "(":
            return self.parenthesis()
        if token in ("0", "1"):
            self.take()
            return {_ONE: token == "1"}
        name = self.name()
        if self.peek() == "(":
            if name != "C":
                self.fail(f"'{name}(...)' is a function call; make it a column first")
            self.take("(")
            name = self.name()
            self.take(")")
            self.categorical.add(name)
        return by_key([(name,)])

    def parenthesis(self) -> dict:
        self.take("(")
        inner = self.sum()
        bar = self.peek()
        if bar not in ("|", "||"):
            self.take(")")
            return inner
        self.take()
        groups = self.groups()
        self.take(")")
        intercept = inner.pop(_ONE, True)
        terms = (*((INTERCEPT,) if intercept else ()), *inner.values())
        if not terms:
            self.fail("a random term is empty")
        if any(isinstance(term, RandomTerm) for term in terms):
            self.fail("a random term stands within another")
        return by_key(RandomTerm(group, terms, bar == "|") for group in groups)

    def groups(self) -> list[tuple[str, ...]]:
        """``a/b`` is b within a, and a; lme4 calls the former ``b:a``."""
        nests = [self.combination()]
        while self.peek() == "/":
            self.take()
            nests.append(as_term((*self.combination(), *nests[-1])))
        return nests[::-1]

    def combination(self) -> tuple[str, ...]:
        names = [self.name()]
        while self.peek() == ":":
            self.take()
            names.append(self.name())
        return as_term(names)
