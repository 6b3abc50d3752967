"""lme4's formula notation, parsed into lists of terms. Nothing in a formula is ever evaluated."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn

from bowlby.errors import refusal
from bowlby.mixed.terms import FUNCTIONS, INTERCEPT, Expression, ModelSpec, RandomTerm, as_term, by_key, key

_TOKEN = re.compile(
    r"""\s*(?:`[^`]+`|"[^"]*"|'[^']*'|[^\W\d][\w.]*|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"""
    r"""|\*\*|\|\||[-+*:/|()~^,])""",
    re.UNICODE,
)


_ONE = key(INTERCEPT)


@lru_cache(maxsize=256)
def parse_formula(formula: str) -> ModelSpec:
    """Read ``"y ~ a * b + (1 + a || g)"``.

    Parameters
    ----------
    formula : str
        Names are columns (in backquotes when they hold spaces or signs); ``+ - : *``, ``(a + b)^2`` (all
        interactions of two), ``a/b`` (``a + a:b``) and parentheses combine them, ``0`` or ``-1`` drops the intercept.
        ``C(x)`` makes a column categorical, ``C(x, "level")`` with that reference level. ``I(x^2)``, ``log(x)``,
        ``sqrt(x / 2)`` and the other functions of :data:`bowlby.mixed.terms.FUNCTIONS` compute a column, also
        the outcome; ``offset(x)`` is a known part of the outcome. ``(terms | g)``, ``(terms || g)``,
        ``(terms | a/b)`` and ``(terms | a:b)`` are random terms as in lme4: with two bars each term is independent of
        the others, and a category is one term with a correlated effect of each level.
        Terms are sets: ``x:z`` is ``z:x``, a term given twice counts once, and ``-`` takes out fixed and random terms.

    Returns
    -------
    ModelSpec

    Raises
    ------
    UserError
        For anything else, such as other functions; make such columns first.
    """
    parser = _Parser(formula)
    try:
        return parser.model()
    except RecursionError:
        raise refusal("the formula has too many brackets within brackets", "simplify it") from None


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
        self.references: dict[str, str] = {}
        self.computed: dict[str, Expression] = {}
        self.columns: set[str] = set()
        self.taken_out: set[str] = set()
        self.offset: str | None = None

    def fail(self, what: str) -> NoReturn:
        raise refusal(f"formula '{self.formula}': {what}", "use column names with + - : * and (terms | group)")

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
        outcome = self.variable()
        self.take("~")
        terms = self.sum()
        if self.peek():
            self.fail(f"unexpected '{self.peek()}'")
        intercept = terms.pop(_ONE, True)
        random = tuple(term for term in terms.values() if isinstance(term, RandomTerm))
        fixed = tuple(term for term in terms.values() if not isinstance(term, RandomTerm))
        for name in self.columns & self.computed.keys():
            self.fail(f"'{name}' is both a column and computed")
        return ModelSpec(
            outcome,
            fixed,
            random,
            intercept,
            frozenset(self.categorical),
            frozenset(self.references.items()),
            frozenset(self.computed.items()),
            self.offset,
            frozenset(self.taken_out),
        )

    def sum(self) -> dict:
        """Fixed and random terms by key, in order of appearance; that of the intercept holds an explicit 0 or 1."""
        total: dict = {}
        sign = "+"
        if self.peek() in ("+", "-"):
            sign = self.take()
        while True:
            if sign == "-" and self.calls("offset"):
                self.fail("an offset cannot be taken out")
            for at, term in self.crossing().items():
                if at == _ONE:
                    total[at] = term == (sign == "+")
                elif sign == "+":
                    total.setdefault(at, term)
                elif total.pop(at, None) is None and isinstance(term, RandomTerm):
                    self.fail(f"{term} is taken out, but the terms before it do not hold it")
                elif not isinstance(term, RandomTerm):
                    self.taken_out.update(term)
            if self.peek() not in ("+", "-"):
                return total
            sign = self.take()

    def crossing(self) -> dict:
        left = self.interaction()
        while self.peek() in ("*", "/"):
            sign, right = self.take(), self.interaction()
            if sign == "*":
                left = by_key([*left.values(), *right.values(), *self.product(left, right).values()])
            else:
                all_left = as_term(name for term in self.checked(left).values() for name in term)
                left = by_key([*left.values(), *self.product(by_key([all_left]), right).values()])
        return left

    def interaction(self) -> dict:
        left = self.power()
        while self.peek() == ":":
            self.take()
            left = self.product(left, self.power())
        return left

    def power(self) -> dict:
        base = self.atom()
        while self.peek() in ("^", "**"):
            self.take()
            times = self.take()
            if len(base) < 2:
                self.fail("a power of one column in a formula is the column itself; write I(x^2) for its square")
            if not times.isdigit() or not 1 <= int(times) <= 9:
                self.fail(f"the power is '{times}'; give a whole number from 1 to 9")
            total = self.checked(base)
            for _ in range(int(times) - 1):
                total = by_key([*total.values(), *self.product(total, base).values()])
            base = dict(sorted(total.items(), key=lambda item: len(item[0])))
        return base

    def product(self, left: dict, right: dict) -> dict:
        return by_key(as_term((*a, *b)) for a in self.checked(left).values() for b in self.checked(right).values())

    def checked(self, part: dict) -> dict:
        """Terms that can interact."""
        if not part or not all(isinstance(term, tuple) for term in part.values()):
            self.fail("only columns can interact")
        return part

    def atom(self) -> dict:
        token = self.peek()
        if token == "(":
            return self.parenthesis()
        if token in ("0", "1"):
            self.take()
            return {_ONE: token == "1"}
        if self.calls("offset"):
            self.take()
            if self.offset is not None:
                self.fail("there is more than one offset")
            self.offset = self.computed_column(self.in_parentheses(self.arithmetic))
            return {}
        return by_key([(self.category() if self.calls("C") else self.variable(),)])

    def calls(self, name: str) -> bool:
        return self.tokens[self.at : self.at + 2] == [name, "("]

    def in_parentheses(self, read):
        self.take("(")
        value = read()
        self.take(")")
        return value

    def category(self) -> str:
        """``C(x)`` or ``C(x, "reference")``."""
        self.take()
        return self.in_parentheses(self.column_and_reference)

    def column_and_reference(self) -> str:
        name = self.name()
        self.columns.add(name)
        self.categorical.add(name)
        if self.peek() == ",":
            self.take()
            level = self.take()
            if level[0] not in "\"'" and not _is_number(level):
                self.fail(f"the reference level of '{name}' is {level}; write it in quotes")
            level = level.strip("\"'")
            if self.references.setdefault(name, level) != level:
                self.fail(f"'{name}' has two reference levels")
        return name

    def variable(self) -> str:
        """The name of a column, or of one that is computed."""
        if self.at + 1 < len(self.tokens) and self.tokens[self.at + 1] == "(" and self.peek() not in ("(", "C"):
            return self.computed_column(self.operand())
        name = self.name()
        self.columns.add(name)
        return name

    def computed_column(self, expression: Expression) -> str:
        if expression.operator == "column":
            self.columns.add(expression.parts[0])
            return expression.parts[0]
        if not expression.columns():
            self.fail(f"{expression} holds no column")
        self.computed[str(expression)] = expression
        return str(expression)

    # -- arithmetic, in order of precedence ----------------------------------------------------------------------

    def arithmetic(self) -> Expression:
        left = self.quotient()
        while self.peek() in ("+", "-"):
            left = Expression(self.take(), (left, self.quotient()))
        return left

    def quotient(self) -> Expression:
        left = self.signed()
        while self.peek() in ("*", "/"):
            left = Expression(self.take(), (left, self.signed()))
        return left

    def signed(self) -> Expression:
        if self.peek() == "-":
            self.take()
            return Expression("negative", (self.signed(),))
        base = self.operand()
        if self.peek() not in ("^", "**"):
            return base
        self.take()
        return Expression("^", (base, self.signed()))

    def operand(self) -> Expression:
        token = self.peek()
        if token == "(":
            return Expression("(", (self.in_parentheses(self.arithmetic),))
        if _is_number(token):
            return Expression("number", (self.take(),))
        name = self.name()
        if self.peek() != "(":
            return Expression("column", (name,))
        if name != "I" and name not in FUNCTIONS:
            self.fail(f"'{name}(...)' is a function call that formulas do not have; make it a column first")
        return Expression(name, (self.in_parentheses(self.arithmetic),))

    def parenthesis(self) -> dict:
        self.take("(")
        offset = self.offset
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
        if any(isinstance(term, RandomTerm) for term in terms) or self.offset != offset:
            self.fail("a random term or an offset is within a random term")
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


def _is_number(token: str) -> bool:
    return token[:1].isdigit() or token[:1] == "."
