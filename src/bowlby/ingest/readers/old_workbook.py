"""Workbooks in the format of Excel 97-2003 (`.xls`), with the few calls that the reader of workbooks makes."""

from __future__ import annotations

import datetime as dt
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bowlby.ingest.readers.base import OLD_OFFICE, Unreadable

FAULTS = (struct.error, AssertionError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError, OSError)
STATES = ("visible", "hidden", "veryHidden")


class OldSheet:
    """One sheet; ``hidden`` are the numbers of the rows that it hides."""

    def __init__(self, sheet, datemode: int) -> None:
        self._sheet, self._datemode = sheet, datemode
        self.sheet_state = STATES[sheet.visibility]
        self.hidden = frozenset(row + 1 for row, info in sheet.rowinfo_map.items() if info.hidden)

    def reset_dimensions(self) -> None:
        """Do nothing: the sheet's size is that of its cells."""

    def iter_rows(self, values_only: bool = True, max_row: int | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows as values: numbers, texts, dates, truth values, error codes as text, None where nothing is."""
        for number in range(min(self._sheet.nrows, max_row or self._sheet.nrows)):
            yield tuple(map(self._value, self._sheet.row(number)))

    def _value(self, cell) -> Any:
        import xlrd

        if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
            return None
        if cell.ctype == xlrd.XL_CELL_BOOLEAN:
            return bool(cell.value)
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code.get(cell.value, "#ERROR")
        if cell.ctype == xlrd.XL_CELL_DATE:
            moment = self._moment(cell.value)
            return moment.time() if moment is not None and cell.value < 1 else moment or cell.value
        return cell.value

    def _moment(self, days: float) -> dt.datetime | None:
        """A date; None where the number is none."""
        import xlrd

        try:
            moment = xlrd.xldate.xldate_as_datetime(days, self._datemode)
        except (ValueError, OverflowError):
            return None
        return (moment + dt.timedelta(milliseconds=500)).replace(microsecond=0)


class OldWorkbook:
    """A workbook.

    Raises
    ------
    Unreadable
        If it is another file of Office, protected by a password, or damaged.
    """

    def __init__(self, path: Path) -> None:
        import xlrd

        try:
            book = xlrd.open_workbook(path, logfile=io.StringIO(), formatting_info=True, ragged_rows=True)
            self._sheets = {sheet.name: OldSheet(sheet, book.datemode) for sheet in book.sheets()}
        except (xlrd.XLRDError, xlrd.compdoc.CompDocError, *FAULTS) as error:
            if "encrypted" in str(error).lower():
                raise Unreadable("is protected by a password", "save it without one") from None
            raise Unreadable("cannot be read as an Excel workbook", "save it again as .xlsx") from None
        self.sheetnames = list(self._sheets)

    def __getitem__(self, name: str) -> OldSheet:
        return self._sheets[name]

    def close(self) -> None:
        """Do nothing: the file is read as a whole."""


def is_old(path: Path) -> bool:
    """Whether a file begins as those of Office 97-2003 do."""
    with path.open("rb") as file:
        return file.read(8) == OLD_OFFICE
