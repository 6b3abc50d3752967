"""What went wrong, worded for the person who can correct it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
LONGEST = 300
"""Most characters of what is wrong, and of what to do."""
NAME = 80
"""Most characters of a file's or a column's name."""
FULL_DISK = "the disk is full, or your quota is used up"
MAKE_ROOM = "make room and run again; finished results are kept"
OWN_ERROR = "an error in bowlby, not in your data; please report it with"
RECOMPUTE = "run again to recompute"
"""What to do where an unusable result was removed."""


def printable(text: str) -> str:
    r"""A text without characters that a terminal would obey or hide; they are written as escapes such as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in " \n\t" else c.encode("unicode_escape").decode() for c in text)


def existing(part: T | None) -> T:
    """A part of a configuration or a record that its caller has only where it is there; LookupError if it is not."""
    if part is None:
        raise LookupError("a part is missing that this step needs")
    return part


def readable(text: str, most: int = LONGEST) -> str:
    """A text for one line: printable, with single spaces, and without its middle where it is long."""
    line = printable(" ".join(text.split()))
    if len(line) <= most:
        return line
    head = (most - 3) * 3 // 4
    begin, end = line[:head], line[head + 3 - most :]
    return f"{begin.rpartition(' ')[0] or begin} … {end.partition(' ')[2] or end}"


@dataclass(frozen=True)
class Place:
    """Where a problem is: a file, and in it a row (counted as the user's program shows it) and a column."""

    file: str | None = None
    row: int | None = None
    column: str | None = None
    sheet: str | None = None

    def __str__(self) -> str:
        name = readable(self.file or "", NAME)
        if self.sheet:
            name = f"{name}[{readable(self.sheet, NAME)}]"
        parts = [name, "" if self.row is None else str(self.row), readable(self.column or "", NAME)]
        while parts and not parts[-1]:
            parts.pop()
        return ":".join(parts)


class Problem(str):
    """A problem as one line, which also keeps its parts.

    Attributes
    ----------
    what, do : str
        What is wrong, and what to do.
    place : Place
    """

    what: str = ""
    do: str = ""
    place: Place = Place()


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 row`, `2 rows`, `3,000 rows`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def problem(what: str, do: str, place: Place | None = None) -> Problem:
    """One line: ``FILE:ROW:COLUMN: what; do this``."""
    where = str(place) if place else ""
    line = Problem(f"{where}: " * bool(where) + f"{readable(what)}; {readable(do)}")
    line.what, line.do, line.place = what, do, place or Place()
    return line


class UserError(Exception):
    """Problems in a configuration, a data file or a command, one line each; never shown as a traceback.

    Parameters
    ----------
    problems : str or iterable of str
        Lines made by :func:`problem`.
    status : int
        Exit status: 1 configuration, data or a failed job; 2 usage; 3 differences; 4 something needed is missing.

    Attributes
    ----------
    problems : list of Problem
        One line each, with file, row and column where they are known, and what to do.

    Examples
    --------
    >>> import bowlby
    >>> try:
    ...     bowlby.load_instrument("phq")
    ... except bowlby.UserError as error:
    ...     print(error.problems[0])
    unknown instrument 'phq'; did you mean 'phq9' or 'pswq' or 'ghq12'?
    """

    def __init__(self, problems: str | Iterable[str], status: int = 1):
        lines = [problems] if isinstance(problems, str) else problems
        self.problems = [line if isinstance(line, Problem) else Problem(line) for line in lines]
        self.status = status
        super().__init__("\n".join(self.problems))

    def lines(self) -> list[str]:
        """The problems as they are printed, each after ``error:``."""
        return [f"error: {printable(line)}" for line in self.problems]


def refusal(what: str, do: str, place: Place | None = None) -> UserError:
    """The error of one problem: ``raise refusal(what, do)``."""
    return UserError(problem(what, do, place))
