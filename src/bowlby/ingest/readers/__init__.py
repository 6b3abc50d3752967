"""One reader per kind of file; each gives the columns asked for, with the rows' own numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np

from bowlby.config.study import TIME, DataFile
from bowlby.ingest.notices import Issues, rows_text
from bowlby.ingest.readers.base import HELD_BY, KINDS, Raw, Table, Unreadable, as_text, check_kind
from bowlby.ingest.readers.statistical import read_parquet, read_statistical
from bowlby.ingest.readers.text import read_text
from bowlby.ingest.readers.workbook import read_workbook

__all__ = ["KINDS", "Raw", "Unreadable", "named", "read"]

READERS: dict[str, Callable[..., Table]] = {
    "csv": read_text,
    "excel": read_workbook,
    "spss": partial(read_statistical, "spss"),
    "stata": partial(read_statistical, "stata"),
    "sas": partial(read_statistical, "sas"),
    "parquet": read_parquet,
}
TYPED = {"excel", "spss", "stata", "sas", "parquet"}
ITEM = re.compile(r"\{n(?::0?\d+)?\}")


def read(
    path: Path, spec: DataFile, issues: Issues, *, everything: bool = False, limit: int | None = None
) -> Raw | None:
    """Read one raw file; a fault is added to the issues and gives None.

    Parameters
    ----------
    path : Path
    spec : DataFile
        What the study file says of it; only the columns it names are held.
    issues : Issues
    everything : bool
        Hold all columns.
    limit : int, optional
        Read at most so many rows.
    """
    place = {"file": path.name, "sheet": spec.sheet}
    try:
        if not path.is_file():
            raise Unreadable("no such file", "check `path` in the study file, and `data` in the run's file")
        if path.stat().st_size == 0:
            raise Unreadable("the file is empty", "export it again")
        kind = spec.format or KINDS.get(path.suffix.lower())
        if kind is None:
            raise Unreadable("unknown kind of file", "say which with `format:` in the study file")
        check_kind(path, kind)
        wanted = (lambda name: True) if everything else named(spec)
        table = READERS[kind](path, spec, issues, wanted, limit)
    except Unreadable as error:
        issues.add("error", "unreadable_file", *error.args, **place)
        return None
    place["sheet"] = table.sheet
    if table.wide:
        what = "more cells than the header has columns"
        issues.add(
            "error",
            "ragged_row",
            what if len(table.wide) == 1 else f"{what} ({rows_text(table.wide)})",
            "check quotes and separators there, and in the header",
            row=table.wide[0],
            n=len(table.wide),
            **place,
        )
    frame = table.frame
    filled = np.zeros(len(frame), dtype=bool)
    for column in frame.columns:
        filled |= _filled(frame[column])
    if not filled.all() and len(frame.columns):
        frame = frame.loc[filled]
    if not len(frame):
        issues.add("error", "no_rows", "holds a header but no rows", "export it again, with the data", **place)
        return None
    return Raw(spec, path.name, frame, table.sheet, table.labels, table.header, kind in TYPED)


def _filled(values) -> np.ndarray:
    if values.dtype == object:
        values = as_text(values)
    there = values.notna().to_numpy()
    return there & values.ne("").to_numpy(bool, na_value=False) if values.dtype == "str" else there


def named(spec: DataFile) -> Callable[[str], bool]:
    """Whether the study file names a column of a file, by name or by pattern."""
    patterns = [_pattern(name) for name in _names(spec) if name]
    whole = re.compile("|".join(f"(?:{p})" for p in dict.fromkeys(patterns)) or r"(?!)", re.DOTALL)
    return lambda name: bool(whole.fullmatch(name) or whole.fullmatch(HELD_BY.sub("", name)))


def _names(spec: DataFile) -> Iterable[str | None]:
    whens = [w for w in (spec.when, *(m.when for m in spec.measures)) if w]
    yield from (spec.who.person, spec.who.therapist, spec.who.site, spec.session, spec.date)
    yield from (w.column for w in whens)
    yield from (c.column for c in spec.covariates.values())
    yield from (x for e in spec.episodes for x in (e.therapist, e.sessions))
    for measure in spec.measures:
        yield from (*measure.named, measure.session, measure.date)


def _pattern(name: str) -> str:
    parts = re.split(r"(\{n(?::0?\d+)?\}|\{t\})", name)
    return "".join(r"\d+" if ITEM.fullmatch(p) else ".*" if p == TIME else re.escape(p) for p in parts)
