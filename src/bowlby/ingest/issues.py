"""The collector of issues of the raw files."""

from __future__ import annotations

import pandas as pd

from bowlby.errors import Place, problem

COLUMNS = ["severity", "code", "file", "sheet", "row", "column", "instrument", "what", "action", "n"]
SHOWN_ROWS = 10
ORDER = {"error": 0, "warning": 1, "note": 2}


class Issues:
    """Issues of one study; no value of a person ever enters their text."""

    def __init__(self) -> None:
        self._rows: list[dict] = []

    def add(
        self,
        severity: str,
        code: str,
        what: str,
        action: str,
        *,
        file: str | None = None,
        sheet: str | None = None,
        row: int | None = None,
        column: str | None = None,
        instrument: str | None = None,
        n: int = 1,
    ) -> None:
        """Note one issue; the same issue found twice (by two instruments of a file) is noted once."""
        values = (severity, code, file, sheet, None if row is None else int(row), column, instrument, what, action)
        noted = dict(zip(COLUMNS, (*values, int(n)), strict=True))
        if noted not in self._rows:
            self._rows.append(noted)

    def add_rows(self, severity: str, code: str, what: str, action: str, rows, **place) -> None:
        """Note one issue of several rows or cells, at the first of them; see :meth:`add`."""
        self.add(severity, code, what, action, row=rows[0], n=len(rows), **place)

    @property
    def errors(self) -> list[str]:
        """The errors as lines for the reader, in the order of :meth:`table`."""
        return [line for severity, line in self.lines() if severity == "error"]

    @property
    def error_codes(self) -> set[str]:
        """The kinds of errors."""
        return {row["code"] for row in self._rows if row["severity"] == "error"}

    @property
    def unread(self) -> set[str]:
        """Names of the files that could not be read."""
        return {row["file"] for row in self._rows if row["code"] == "unreadable_file"}

    def lines(self) -> list[tuple[str, str]]:
        """All issues as severity and line for the reader, by file and row."""
        return [
            (r["severity"], problem(r["what"], r["action"], Place(r["file"], r["row"], r["column"], r["sheet"])))
            for r in sorted(self._rows, key=_place)
        ]

    def table(self) -> pd.DataFrame:
        """The issues with the contract's columns; errors first, each kind by file and row."""
        rows = sorted(self._rows, key=lambda r: (ORDER[r["severity"]], *_place(r)))
        return pd.DataFrame(rows, columns=COLUMNS).astype({"row": "Int64", "n": "Int64"})


def _place(row: dict) -> tuple:
    return (row["file"] or "", row["sheet"] or "", row["row"] or 0)


def rows_text(rows) -> str:
    """Row numbers for a sentence: all, or the first ten."""
    rows = [int(r) for r in rows]
    text = ", ".join(str(r) for r in rows[:SHOWN_ROWS])
    return f"row{'s' if len(rows) > 1 else ''} {text}{' …' if len(rows) > SHOWN_ROWS else ''}"
