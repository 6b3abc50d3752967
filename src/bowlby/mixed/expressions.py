"""Arithmetic of columns in a formula, such as ``log(x + 1)`` or ``I(x^2)``: a tree of named operations, no code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FUNCTIONS = {"log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "exp": np.exp,
             "sqrt": np.sqrt, "abs": np.abs}
_BINARY = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power}


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
