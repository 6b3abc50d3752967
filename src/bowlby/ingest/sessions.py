"""Sessions: who met whom, which time it was, and when; each once."""

from __future__ import annotations

import pandas as pd

from bowlby.ingest.cells import dates, ids, present, session_numbers, therapist_ids
from bowlby.ingest.dates import DATE
from bowlby.ingest.notices import Issues, count
from bowlby.ingest.readers.base import Raw

COLUMNS = {"patient": "str", "therapist": "str", "session": "Int64", "date": DATE}


def sessions(files: list[Raw], measures: dict[str, pd.DataFrame], issues: Issues) -> pd.DataFrame:
    """Every session that patients' answers or a log of sessions tell of.

    Parameters
    ----------
    files : list of Raw
        Of patients; one without measures but with a session number or a date is a log of sessions.
    measures : dict of DataFrame
        By instrument.
    issues : Issues

    Returns
    -------
    DataFrame
        patient, therapist, session, date; one row for each patient and session number, or patient and date where no
        number is known. The earliest date counts, and the therapist of that date; a session 0 lies before the first
        and is none.
    """
    parts = [_answered(table) for table in measures.values()]
    parts += [_logged(raw, issues) for raw in files if _is_log(raw)]
    full = [p.astype(COLUMNS) for p in parts if len(p)]
    if not full:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    table = pd.concat(full, ignore_index=True) if len(full) > 1 else full[0]
    table = table[table["session"].ne(0).fillna(True)]
    table = table.sort_values(["patient", "session", "date", "therapist"], ignore_index=True)
    numbered = _once(table[table["session"].notna()], issues)
    dated = table[table["session"].isna()]
    if dated.empty:
        return numbered.reset_index(drop=True)
    known = pd.MultiIndex.from_frame(numbered[["patient", "date"]])
    dated = dated[~pd.MultiIndex.from_frame(dated[["patient", "date"]]).isin(known)]
    dated = dated.drop_duplicates(["patient", "date"])
    both = pd.concat([numbered, dated]).astype(COLUMNS)
    return both.sort_values(["patient", "session", "date"], ignore_index=True)


def _once(table: pd.DataFrame, issues: Issues) -> pd.DataFrame:
    """One row for each patient and number; several dates or therapists of one session are reported."""
    if not table.duplicated(["patient", "session"]).any():
        return table
    groups = table.groupby(["patient", "session"], sort=False)
    for column, noun in (("date", "dates"), ("therapist", "therapists")):
        n = int(groups[column].nunique().gt(1).sum())
        if n:
            issues.add(
                "warning",
                "session_in_conflict",
                f"{count(n, 'session')} of the same patient and number with different {noun}",
                "sessions.parquet holds the earliest; check whether the session number starts anew somewhere",
                column="session",
                n=n,
            )
    filled = groups[["therapist", "date"]].first()
    return filled.reset_index()[list(COLUMNS)]


def _answered(table: pd.DataFrame) -> pd.DataFrame:
    held = table["role"].eq("patient") & table["session"].notna()
    return table.loc[held].rename(columns={"person": "patient"})[list(COLUMNS)]


def _is_log(raw: Raw) -> bool:
    spec = raw.spec
    return not spec.measures and (present(raw, spec.session) or present(raw, spec.date))


def _logged(raw: Raw, issues: Issues) -> pd.DataFrame:
    spec, rows = raw.spec, raw.frame.index
    table = pd.DataFrame({"patient": ids(raw, spec.who.person), "therapist": None}, index=rows, dtype=object)
    if present(raw, spec.who.therapist):
        table["therapist"] = therapist_ids(raw, spec.who.therapist).replace("", None)
    table["session"] = pd.NA
    if present(raw, spec.session):
        table["session"] = session_numbers(raw, spec.session, spec.date, rows, issues)
    table["date"] = dates(raw, spec.date, rows, issues) if present(raw, spec.date) else None
    held = table["patient"].ne("") & (table["session"].notna() | table["date"].notna())
    return table.loc[held, list(COLUMNS)]
