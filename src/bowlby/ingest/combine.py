"""All rows of one instrument together: exact repeats are left out, contradictions are errors."""

from __future__ import annotations

import pandas as pd

from bowlby.ingest.harmonise import HEAD, KEY
from bowlby.ingest.notices import Issues, rows_text

FEW = 5
REPEATING = ("{} rows repeat earlier ones", "repeats {}")
CONTRADICTING = (
    "{} rows have the person and occasion of earlier ones, other values",
    "same person and occasion as {}, other values",
)


Repeats = dict[tuple[str, int, str, int], list[str]]
"""Instruments by file and row of an exact repeat, and file and row of what it repeats."""


def combine(tables: list[pd.DataFrame], instrument: str, repeats: Repeats, issues: Issues) -> pd.DataFrame:
    """All rows of one instrument, sorted by key.

    Parameters
    ----------
    tables : list of DataFrame
        From :func:`bowlby.ingest.harmonise.measure_table`.
    instrument : str
    repeats : dict
        Exact repeats of all instruments so far, which :func:`tell_repeats` tells once all are known; added to.
    issues : Issues

    Returns
    -------
    DataFrame
        One row for each key.
    """
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0].reset_index(drop=True)
    values = [c for c in table.columns if c not in HEAD]
    again = table.duplicated(KEY)
    if again.any():
        _repeated(table, values, again, instrument, repeats, issues)
        table = table.loc[~again]
    tables.clear()  # the pieces are not needed while the whole is sorted
    items = sorted(values) if "i01" in values else values
    return table[[*HEAD, *items]].sort_values(KEY, kind="stable", ignore_index=True)


def _repeated(
    table: pd.DataFrame, values: list[str], again: pd.Series, instrument: str, repeats: Repeats, issues: Issues
) -> None:
    met = table.loc[table.duplicated(KEY, keep=False), [*HEAD, *values]]
    group = met.groupby(KEY, dropna=False, sort=False).ngroup()
    first = met.loc[~group.duplicated(), ["source_file", "source_row"]].set_axis(group[~group.duplicated()], axis=0)
    exact = met.duplicated([*KEY, *values, "therapist"])
    later = met.loc[again[met.index], ["source_file", "source_row"]]
    later = later.assign(
        file=first["source_file"].reindex(group[later.index]).to_numpy(),
        row=first["source_row"].reindex(group[later.index]).to_numpy(),
    )
    same = exact[later.index]
    for one in later[same].itertuples(index=False, name=None):
        named = repeats.setdefault(one, [])
        if instrument not in named:
            named.append(instrument)
    for name, rows in later[~same].groupby("source_file", sort=False):
        do = "keep the right one in the file"
        _tell(("error", "contradicting_rows"), CONTRADICTING, do, str(name), rows, instrument, issues, instrument)


def tell_repeats(repeats: Repeats, issues: Issues) -> None:
    """Tell each exact repeat once, with the instruments whose answers it repeats."""
    alike: dict[tuple[str, str], list[tuple]] = {}
    for place, named in repeats.items():
        alike.setdefault((place[0], ", ".join(named)), []).append(place)
    for (name, named), places in alike.items():
        rows = pd.DataFrame(places, columns=["source_file", "source_row", "file", "row"])
        _tell(("warning", "duplicate_row"), REPEATING, "the first is kept", name, rows, named, issues)


def _tell(
    kind: tuple[str, str],
    said: tuple[str, str],
    do: str,
    name: str,
    rows: pd.DataFrame,
    named: str,
    issues: Issues,
    about: str | None = None,
) -> None:
    """Rows of one file, in one line where they are many; ``said`` of many and of one, ``named`` the instruments."""
    many, single = said
    if len(rows) > FEW:
        what = f"{many.format(f'{len(rows):,}')} ({named}) ({rows_text(rows['source_row'])})"
        issues.add(*kind, what, do, file=name, row=rows["source_row"].iloc[0], instrument=about, n=len(rows))
        return
    for one in rows.itertuples(index=False):
        other = f"row {one.row}" + ("" if one.file == name else f" of {one.file}")
        issues.add(*kind, f"{single.format(other)} ({named})", do, file=name, row=one.source_row, instrument=about)
