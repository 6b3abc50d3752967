"""What went wrong, said to the person who can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 300
"""Characters of what is wrong, and of what to do, that are read in one go."""
NAME = 80
"""Characters of a file's or a column's name that tell which one it is."""


def printable(text: str) -> str:
    r"""A text without signs that a terminal would obey or hide; they are written as escapes such as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in " \n\t" else c.encode("unicode_escape").decode() for c in text)


def readable(text: str, most: int = LONGEST) -> str:
    """A text for one line: printable, with single spaces, and without its middle where it is long."""
    line = printable(" ".join(text.split()))
    if len(line) <= most:
        return line
    head = (most - 3) * 3 // 4
    return f"{line[:head].rstrip()} … {line[head + 3 - most :].lstrip()}"


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


def problem(what: str, do: str, place: Place | None = None) -> str:
    """One line: ``FILE:ROW:COLUMN: what; do this``."""
    line = f"{readable(what)}; {readable(do)}"
    where = str(place) if place else ""
    return f"{where}: {line}" if where else line


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
    problems : list of str
        One line each, with file, row and column where they are known, and what to do.

    Examples
    --------
    >>> import bowlby
    >>> try:
    ...     bowlby.load_instrument("phq")
    ... except bowlby.UserError as error:
    ...     print(error.problems[0])
    unknown instrument 'phq'; did you mean 'phq9' or 'pswq'?
    """

    def __init__(self, problems: str | Iterable[str], status: int = 1):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.status = status
        super().__init__("\n".join(self.problems))

    def lines(self) -> list[str]:
        """The problems as they are printed, each after ``error:``."""
        return [f"error: {printable(line)}" for line in self.problems]
