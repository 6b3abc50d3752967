"""What went wrong, said to the person who can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a problem is: a file, and in it a row (counted as the user's program shows it) and a column."""

    file: str | None = None
    row: int | None = None
    column: str | None = None
    sheet: str | None = None

    def __str__(self) -> str:
        name = self.file or ""
        if self.sheet:
            name = f"{name}[{self.sheet}]"
        parts = [name, "" if self.row is None else str(self.row), self.column or ""]
        while parts and not parts[-1]:
            parts.pop()
        return ":".join(parts)


def problem(what: str, do: str, place: Place | None = None) -> str:
    """One line: ``FILE:ROW:COLUMN: what; do this``."""
    line = f"{what}; {do}"
    where = str(place) if place else ""
    return " ".join((f"{where}: {line}" if where else line).split())


class UserError(Exception):
    """Problems in a configuration, a data file or a command, one line each; never shown as a traceback.

    Parameters
    ----------
    problems : str or iterable of str
        Lines made by :func:`problem`.
    status : int
        Exit status: 1 configuration, data or a failed job; 2 usage; 3 differences; 4 something needed is missing.
    """

    def __init__(self, problems: str | Iterable[str], status: int = 1):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.status = status
        super().__init__("\n".join(self.problems))

    def lines(self) -> list[str]:
        """The problems as they are printed, each after ``error:``."""
        return [f"error: {line}" for line in self.problems]
