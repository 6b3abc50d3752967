"""Linear hypotheses written as text, ``"a - b = 0.3"``; read, never evaluated."""

from __future__ import annotations

import re

import numpy as np

from bowlby.errors import UserError, problem

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def read_hypotheses(text: str, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (l, p) and right sides (l,) of hypotheses with commas between them.

    Parameters
    ----------
    text : str
        Sums of effects, each with a number before or after it; ``=`` and a second sum may follow, else 0.
    names : list of str
        Fixed effects (p,), as the model names them, such as ``arm[T.b]:time``.

    Raises
    ------
    UserError
        When the text holds anything else or a product of two effects.
    """
    reader = _Reader(text, names)
    try:
        rows = [reader.equation()]
        while reader.peek() == ",":
            reader.take()
            rows.append(reader.equation())
    except RecursionError:
        raise UserError(problem("the hypothesis has too many brackets within brackets", "simplify it")) from None
    if reader.peek():
        reader.fail(f"unexpected '{reader.peek()}'")
    sides = np.array(rows)
    return sides[:, :-1], -sides[:, -1]


class _Reader:
    """Sums of effects as vectors (p + 1,): a weight for each effect, and a constant."""

    def __init__(self, text: str, names: list[str]):
        self.text, self.names = text, names
        by_length = sorted(names, key=len, reverse=True)
        token = re.compile(r"\s*(" + "|".join([*map(re.escape, by_length), _NUMBER, r"[-+*/()=,]"]) + r")")
        self.tokens: list[str] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            match = token.match(text, at)
            if match is None:
                self.fail(f"cannot read '{text[at:].strip()[:30]}'")
            self.tokens.append(match.group(1))
            at = match.end()
        self.at = 0

    def fail(self, what: str):
        raise UserError(problem(f"hypothesis '{self.text}': {what}",
                                f"write sums of {', '.join(self.names)}, such as '2 * {self.names[-1]} = 0'"))

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def equation(self) -> np.ndarray:
        left = self.sum()
        if self.peek() == "=":
            self.take()
            left = left - self.sum()
        return left

    def sum(self) -> np.ndarray:
        total = self.product()
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            total = total + sign * self.product()
        return total

    def product(self) -> np.ndarray:
        left = self.factor()
        while self.peek() in ("*", "/"):
            sign, right = self.take(), self.factor()
            number, other = (right, left) if not right[:-1].any() else (left, right)
            if number[:-1].any() or (sign == "/" and (number is left or not number[-1])):
                self.fail("effects can be multiplied and divided by numbers alone")
            left = other * (number[-1] if sign == "*" else 1 / number[-1])
        return left

    def factor(self) -> np.ndarray:
        token = self.peek()
        if not token or token in "*/)=,":
            self.fail(f"expected an effect but found '{token or 'the end'}'")
        self.take()
        out = np.zeros(len(self.names) + 1)
        if token in self.names:
            out[self.names.index(token)] = 1
        elif token in "+-":
            return (1 if token == "+" else -1) * self.factor()
        elif token == "(":
            out = self.sum()
            if self.peek() != ")":
                self.fail("a bracket is not closed")
            self.take()
        else:
            out[-1] = float(token)
        return out
