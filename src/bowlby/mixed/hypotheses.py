"""Linear hypotheses of the fixed effects: as text, by whole term (type III), and as means of the levels of categories.

Text such as ``"a - b = 0.3"`` is read, never evaluated.
"""

from __future__ import annotations

import re
from itertools import product
from typing import NoReturn

import numpy as np
import pandas as pd

from bowlby.errors import refusal
from bowlby.mixed import checks
from bowlby.mixed.model_matrix import codings
from bowlby.mixed.new_rows import fixed_rows, offset_of
from bowlby.mixed.terms import Term

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
        raise refusal("the hypothesis has too many brackets within brackets", "simplify it") from None
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

    def fail(self, what: str) -> NoReturn:
        raise refusal(
            f"hypothesis '{self.text}': {what}",
            f"write sums of {', '.join(self.names)}, such as '2 * {self.names[-1]} = 0'",
        )

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


def anova(result, method: str) -> pd.DataFrame:
    """An F test of each term of the fixed part, see :meth:`bowlby.mixed.result.MixedResult.anova`."""
    rows = [
        (":".join(term), *result.f_test(matrix, method)[["F", "df_num", "df_den", "p"]].iloc[0])
        for term, matrix in hypotheses(result.model).items()
    ]
    return pd.DataFrame(rows, columns=["term", "F", "df_num", "df_den", "p"]).set_index("term")


def hypotheses(model) -> dict[Term, np.ndarray]:
    """Of each term the matrix (columns of the term, p) whose product with the fixed effects is 0 without an effect.

    A row follows one column of the term through all terms that hold it as well, with equal weights for the levels of
    their further categories. These are the hypotheses of sum contrasts, whatever the coding; covariates are at 0.
    """
    gone = [name for name in model.frame.names if name not in model.names]
    if gone:
        raise refusal(
            f"whole terms are not defined where {', '.join(gone)} cannot be estimated",
            "leave the terms out that have no data, or test effects with f_test",
        )
    cats, start = model.frame.categories, int(model.spec.intercept)
    coded = codings(model.spec.fixed, model.spec.intercept, cats)
    columns = [
        (term, full, dict(zip(term, levels, strict=True)))
        for term, full in coded
        for levels in product(*(_levels(name, name in full, cats) for name in term))
    ]
    out = {}
    for term, full in coded:
        own = [levels for other, _, levels in columns if other == term]
        if not own:
            continue
        out[term] = np.zeros((len(own), start + len(columns)))
        for at, (other, other_full, levels) in enumerate(columns, start):
            further = set(other) - set(term)
            if not set(term) <= set(other) or not further <= cats.keys():
                continue
            share = 1 / np.prod([len(cats[name].levels) for name in further])
            for row, mine in zip(out[term], own, strict=True):
                row[at] = share * np.prod(
                    [_same_level(mine[name], levels[name], name in other_full - full) for name in term]
                )
    return out


def _levels(name: str, full: bool, cats: dict) -> list[int | None]:
    """Which levels of a variable have a column; one column without a level for a number."""
    return list(range(0 if full else 1, len(cats[name].levels))) if name in cats else [None]


def _same_level(mine, other, counts_reference: bool) -> int:
    """How a column of one level takes part in the effect of a level; of the reference where effects are differences."""
    return 1 if mine == other else -int(counts_reference and other == 0)


def means(result, factors, at, method: str, level: float) -> pd.DataFrame:
    """See :meth:`bowlby.mixed.result.MixedResult.means`."""
    model = result.model
    cats = model.frame.categories
    factors = [factors] if isinstance(factors, str) else list(factors)
    other = [name for name in factors if name not in cats]
    if not factors or other:
        what = f"'{other[0]}' is no category of the model" if other else "no factor is named"
        raise refusal(what, f"name {', '.join(cats) or 'none: the model has no category'}")
    grid = _grid(model, checks.mapping(at, "at", '{"x": 0}'))
    rows = fixed_rows(model, grid)
    offset = _offset(model, grid)
    wanted = grid[factors].drop_duplicates().reset_index(drop=True)
    members = [(grid[factors] == one).all(axis=1).to_numpy() for _, one in wanted.iterrows()]
    averages = np.array([rows[m].mean(axis=0) for m in members])
    known_rows = np.isfinite(averages).all(axis=1)
    tests = np.full((3, len(averages)), np.nan)
    tests[:, known_rows] = result._rows(averages[known_rows], method)
    table = result._table(tests, range(len(averages)), level)
    known = np.array([offset[m].mean() for m in members])
    for column in ("estimate", "ci_low", "ci_high"):
        table[column] += known
    return wanted.join(table[["estimate", "se", "df", "ci_low", "ci_high"]])


def _grid(model, at: dict) -> pd.DataFrame:
    """All combinations of levels, numbers at their mean or at the value that is given."""
    frame, spec = model.frame, model.spec
    sources = spec.sources([name for term in spec.fixed for name in term])
    if spec.offset is not None:
        sources = list(dict.fromkeys([*sources, *spec.sources([spec.offset])]))
    checks.known(at, sources, "the predictor")
    values = {}
    for name in sources:
        if name in frame.categories:
            values[name] = list(frame.categories[name].levels)
            if name in at and at[name] not in values[name]:
                raise refusal(
                    f"'{at[name]}' is no level of '{name}'", f"use one of {', '.join(map(str, values[name]))}"
                )
        elif name not in at:
            if name not in frame.sources:
                raise refusal(f"the mean of '{name}' is not known", f'give at={{"{name}": value}}')
            values[name] = [float(frame.sources[name].astype(np.float64).mean())]
        if name in at:
            values[name] = [at[name] if name in frame.categories else checks.finite(at[name], f"at '{name}'").item()]
    return pd.DataFrame(list(product(*values.values())), columns=list(values))


def _offset(model, grid: pd.DataFrame) -> np.ndarray:
    """The known part of the outcome on the grid; the mean of one that is not in the formula."""
    if model.frame.offset is None:
        return np.zeros(len(grid))
    if model.spec.offset is None:
        return np.full(len(grid), model.frame.offset.mean())
    return np.asarray(offset_of(model, grid, None))
