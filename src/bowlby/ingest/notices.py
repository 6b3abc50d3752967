"""The collector of issues: everything found in the raw files, in the order found."""

from __future__ import annotations

import pandas as pd

from bowlby.errors import Place, problem

COLUMNS = ["severity", "code", "file", "sheet", "row", "column", "instrument", "what", "action", "n"]
SHOWN_ROWS = 10


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
        """Note one issue; the same issue met twice (by two instruments of a file) is noted once."""
        values = (severity, code, file, sheet, None if row is None else int(row), column, instrument, what, action)
        noted = dict(zip(COLUMNS, (*values, int(n)), strict=True))
        if noted not in self._rows:
            self._rows.append(noted)

    @property
    def errors(self) -> list[str]:
        """The errors as lines for the reader."""
        return [
            problem(r["what"], r["action"], Place(r["file"], r["row"], r["column"], r["sheet"]))
            for r in self._rows
            if r["severity"] == "error"
        ]

    def table(self) -> pd.DataFrame:
        """The issues with the contract's columns; errors first."""
        table = pd.DataFrame(self._rows, columns=COLUMNS)
        order = table["severity"].map({"error": 0, "warning": 1, "note": 2})
        table = table.iloc[order.argsort(kind="stable")].reset_index(drop=True)
        return table.astype({"row": "Int64", "n": "Int64"})


def rows_text(rows) -> str:
    """Row numbers for a sentence: all, or the first ten."""
    rows = [int(r) for r in rows]
    text = ", ".join(str(r) for r in rows[:SHOWN_ROWS])
    return f"row{'s' if len(rows) > 1 else ''} {text}{' …' if len(rows) > SHOWN_ROWS else ''}"
