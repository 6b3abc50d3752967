"""lme4's formula notation, parsed into lists of terms. Nothing in a formula is ever evaluated."""

from __future__ import annotations

import re
from functools import lru_cache

from bowlby.errors import UserError, problem
from bowlby.mixed.spec import INTERCEPT, ModelSpec, RandomTerm, Term

_TOKEN = re.compile(r"\s*(?:(`[^`]+`)|([^\W\d][\w.]*)|(\d+(?:\.\d*)?)|(\|\||[-+*:/|()~^]))", re.UNICODE)


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
        self.random: list[RandomTerm] = []

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
        terms, intercept = self.terms_and_intercept()
        if self.peek():
            self.fail(f"unexpected '{self.peek()}'")
        return ModelSpec(outcome, terms, tuple(self.random), intercept, frozenset(self.categorical))

    def terms_and_intercept(self) -> tuple[tuple[Term, ...], bool]:
        terms = self.sum()
        intercept = terms.pop("intercept", True)
        return tuple(terms), intercept

    def sum(self) -> dict:
        """Terms in order of appearance; the key "intercept" holds an explicit 0 or 1."""
        total: dict = {}
        sign = "+"
        if self.peek() in ("+", "-"):
            sign = self.take()
        while True:
            part = self.crossing()
            for key, value in part.items():
                if key == "intercept":
                    total[key] = value if sign == "+" else not value
                elif sign == "+":
                    total.setdefault(key, None)
                else:
                    total.pop(key, None)
            if self.peek() not in ("+", "-"):
                return total
            sign = self.take()

    def crossing(self) -> dict:
        left = self.interaction()
        while self.peek() == "*":
            self.take()
            right = self.interaction()
            left = {**left, **right, **self.product(left, right)}
        return left

    def interaction(self) -> dict:
        left = self.atom()
        while self.peek() == ":":
            self.take()
            left = self.product(left, self.atom())
        return left

    def product(self, left: dict, right: dict) -> dict:
        if "intercept" in left or "intercept" in right or not left or not right:
            self.fail("only columns can interact")
        return {tuple(dict.fromkeys((*a, *b))): None for a in left for b in right}

    def atom(self) -> dict:
        token = self.peek()
        if token == "(":
            return self.parenthesis()
        if token in ("0", "1"):
            self.take()
            return {"intercept": token == "1"}
        name = self.name()
        if self.peek() == "(":
            if name != "C":
                self.fail(f"'{name}(...)' is a function call; make it a column first")
            self.take("(")
            name = self.name()
            self.take(")")
            self.categorical.add(name)
        return {(name,): None}

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
        intercept = inner.pop("intercept", True)
        terms = (*((INTERCEPT,) if intercept else ()), *inner)
        if not terms:
            self.fail("a random term is empty")
        self.random += [RandomTerm(group, terms, bar == "|") for group in groups]
        return {}

    def groups(self) -> list[tuple[str, ...]]:
        """``a/b`` is b within a, and a; lme4 calls the former ``b:a``."""
        nests = [self.combination()]
        while self.peek() == "/":
            self.take()
            nests.append((*self.combination(), *nests[-1]))
        return nests[::-1]

    def combination(self) -> tuple[str, ...]:
        names = [self.name()]
        while self.peek() == ":":
            self.take()
            names.append(self.name())
        return tuple(names)
