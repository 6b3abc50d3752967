"""All rows of one instrument together: exact repeats are left out, contradictions are errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.ingest.harmonise import HEAD, KEY
from bowlby.ingest.notices import Issues, rows_text

FEW = 5


def combine(tables: list[pd.DataFrame], instrument: str, told: set, issues: Issues) -> pd.DataFrame:
    """All rows of one instrument, sorted by key.

    Parameters
    ----------
    tables : list of DataFrame
        From :func:`bowlby.ingest.harmonise.measure_table`.
    instrument : str
    told : set
        Repeated rows that were told already, for another instrument of the same file.
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
        _repeats(table, values, again, instrument, told, issues)
        table = table.loc[~again]
    tables.clear()  # the pieces are not needed while the whole is sorted
    items = sorted(values) if "i01" in values else values
    return table[[*HEAD, *items]].sort_values(KEY, kind="stable", ignore_index=True)


def _repeats(table: pd.DataFrame, values: list[str], again: pd.Series, instrument: str, told: set, issues: Issues):
    met = table.loc[table.duplicated(KEY, keep=False), [*HEAD, *values]]
    group = met.groupby(KEY, dropna=False, sort=False).ngroup()
    first = met.loc[~group.duplicated(), ["source_file", "source_row"]].set_axis(group[~group.duplicated()], axis=0)
    exact = met.duplicated([*KEY, *values, "therapist"])
    later = met.loc[again[met.index], ["source_file", "source_row"]]
    later = later.assign(
        exact=exact[later.index],
        file=first["source_file"].reindex(group[later.index]).to_numpy(),
        row=first["source_row"].reindex(group[later.index]).to_numpy(),
    )
    keys = list(zip(later["source_file"], later["source_row"], later["exact"]))
    new = np.array([key not in told for key in keys], dtype=bool)
    told |= set(keys)
    for name, rows in later[~later["exact"] | new].groupby("source_file", sort=False):
        for same, some in rows.groupby("exact", sort=False):
            _tell(str(name), some, bool(same), instrument, issues)


def _tell(name: str, rows: pd.DataFrame, same: bool, instrument: str, issues: Issues) -> None:
    if same:
        kind, do, about = ("warning", "duplicate_row"), "the first is kept", None
    else:
        kind, do, about = ("error", "contradicting_rows"), "keep the right one in the file", instrument
    if len(rows) > FEW:
        what = (
            f"{len(rows):,} rows repeat earlier ones"
            if same
            else (f"{len(rows):,} rows have the person and occasion of earlier ones, other values ({instrument})")
        )
        what += f" ({rows_text(rows['source_row'])})"
        issues.add(*kind, what, do, file=name, row=rows["source_row"].iloc[0], instrument=about, n=len(rows))
        return
    for one in rows.itertuples(index=False):
        other = f"row {one.row}" + ("" if one.file == name else f" of {one.file}")
        what = f"repeats {other}" if same else f"same person and occasion as {other}, other values ({instrument})"
        issues.add(*kind, what, do, file=name, row=one.source_row, instrument=about)
