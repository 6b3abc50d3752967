"""One reader per kind of file; each gives the requested columns, with the row numbers of the file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bowlby.config.study import DataFile
from bowlby.errors import count
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.readers.base import FORMAT_OF_ENDING, Raw, Table, Unreadable, as_text, check_kind
from bowlby.ingest.readers.column_selection import Selection
from bowlby.ingest.readers.statistical import read_parquet, read_statistical
from bowlby.ingest.readers.text import read_text
from bowlby.ingest.readers.workbook import read_workbook

__all__ = ["Raw", "Selection", "Unreadable", "read"]

READERS: dict[str, Callable[..., Table]] = {
    "csv": read_text,
    "excel": read_workbook,
    "spss": partial(read_statistical, "spss"),
    "stata": partial(read_statistical, "stata"),
    "sas": partial(read_statistical, "sas"),
    "parquet": read_parquet,
}
TYPED = {"excel", "spss", "stata", "sas", "parquet"}


def read(path: Path, selection: Selection, issues: Issues) -> Raw | None:
    """Read one raw file; a fault is added to the issues and gives None.

    Parameters
    ----------
    path : Path
    selection : Selection
        What the study file says of it; by default only the columns it names are kept.
    issues : Issues
    """
    spec = selection.spec
    place: dict[str, Any] = {"file": path.name, "sheet": spec.sheet}
    try:
        if not path.is_file():
            named = "`path` in the study file, and `data` in the run's file"
            raise Unreadable("no such file", f"check {'the path' if selection.everything else named}")
        if path.stat().st_size == 0:
            raise Unreadable("the file is empty", "export it again")
        kind = spec.format or FORMAT_OF_ENDING.get(path.suffix.lower())
        if kind is None:
            check_kind(path, "csv")
            do = "CSV, Excel, SPSS, Stata, SAS and Parquet files are read, by their ending"
            do = do if selection.everything else "say which with `format:` in the study file"
            raise Unreadable("unknown kind of file", do)
        check_kind(path, kind)
        table = READERS[kind](path, selection, issues)
        if not len(table.frame.columns) and not selection.everything:
            do = "check `header_row:`, `delimiter:` and `sheet:`, or the names"
            if selection.differ_in_case(table.header):
                do = "write them in capitals and small letters as there"
            raise Unreadable(f"none of the columns that the study file names is in row {spec.header_row}", do)
    except Unreadable as error:
        issues.add("error", "unreadable_file", *error.args, **place)
        return None
    except OSError as error:
        what = f"cannot be opened ({error.strerror or type(error).__name__})"
        issues.add("error", "unreadable_file", what, "ask for permission to read it, or use a copy", **place)
        return None
    place["sheet"] = table.sheet
    if table.wide:
        what = "more cells than the header has columns"
        issues.add_rows("error", "ragged_row",
                        what if len(table.wide) == 1 else f"{what} ({rows_text(table.wide)})",
                        "check quotes and separators there, and in the header", table.wide, **place)  # fmt: skip
    if table.short:
        n = len(table.short)
        issues.add_rows("warning", "short_row",
                        f"{count(n, 'row has', 'rows have')} fewer cells than the header ({rows_text(table.short)})",
                        "the rest is taken as empty; check whether the file is cut off", table.short,
                        **place)  # fmt: skip
    frame = table.frame
    filled = np.zeros(len(frame), dtype=bool)
    for column in frame.columns.difference(list(selection.only_choosing(list(frame.columns))), sort=False):
        filled |= _filled(frame[column])
    if not filled.all() and len(frame.columns):
        frame = frame.loc[filled]
    if not len(frame):
        issues.add("error", "no_rows", "holds a header but no rows", "export it again, with the data", **place)
        return None
    spec, frame = _one_id(spec, frame)
    return Raw(spec, path.name, frame, table.sheet, table.labels, table.header, kind in TYPED, titles=table.titles,
               hidden=table.hidden)  # fmt: skip


def _one_id(spec: DataFile, frame: pd.DataFrame) -> tuple[DataFile, pd.DataFrame]:
    """The file with one id of persons where several columns name them, such as `family:member`.

    A column that is not there becomes the id column, so that it is reported by its own name.
    """
    names = spec.who.columns
    if len(names) == 1:
        return spec, frame
    if missing := [name for name in names if name not in frame.columns]:
        name = missing[0]
    else:
        name, cells = ":".join(names), [as_text(frame[column]).str.strip() for column in names]
        joint = cells[0].str.cat(cells[1:], sep=":")
        frame = frame.assign(**{name: joint.where(pd.concat(cells, axis=1).ne("").all(axis=1), "")})
    return spec.model_copy(update={"who": spec.who.model_copy(update={"person": name})}), frame


def _filled(values) -> np.ndarray:
    if values.dtype == object:
        values = as_text(values)
    there = values.notna().to_numpy()
    return there & values.ne("").to_numpy(bool, na_value=False) if values.dtype == "str" else there
