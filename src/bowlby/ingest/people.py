"""Who took part: patients, therapists, the episodes that link them, and their sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.typing import DataFrameGroupBy

from bowlby.errors import count
from bowlby.ingest.columns import (
    dates,
    ids,
    no_therapist,
    numbers,
    present,
    reported,
    session_numbers,
    site,
    therapist_columns,
    therapist_ids,
)
from bowlby.ingest.covariates import covariate
from bowlby.ingest.id_checks import one_sided
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.keys import factorize, in_order, ranks
from bowlby.ingest.readers.base import Raw
from bowlby.ingest.text_values import DATE

PAIR = ["patient", "therapist"]
TIME = ["date", "session", "occasion"]
DAYS = pd.ArrowDtype(pa.int32())


def episodes(files: list[Raw], measures: dict[str, pd.DataFrame], occasions: list[str], issues: Issues) -> pd.DataFrame:
    """Episodes with their weights.

    Parameters
    ----------
    files : list of Raw
        Of patients.
    measures : dict of DataFrame
        By instrument; they say when a patient was with a therapist.
    occasions : list of str
        In order.
    issues : Issues

    Returns
    -------
    DataFrame
        patient, therapist, weight, sessions; the therapists of a patient in time: in the order of the study file's
        episodes, else by the first date, session or occasion of an answer. Weights are shares of sessions where all
        of a patient's are known, else of rows, and sum to 1.
    """
    tables = [t for raw in files for t in _stated(raw, issues)] + [t for raw in files for t in _seen(raw, issues)]
    if not tables:
        kinds = {"patient": object, "therapist": object, "weight": float, "sessions": float}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    table = pd.concat(tables, ignore_index=True)
    known = table.loc[table["place"].notna(), "patient"].unique()
    table = table[table["place"].notna() | ~table["patient"].isin(known)]
    result, groups = _by_pair(table)
    result["rows"], result["place"] = groups["rows"].sum(), groups["place"].min()
    result["sessions"] = groups["sessions"].sum(min_count=1)
    result["weight"] = _weights(result)
    several = result.loc[result["patient"].duplicated(), "patient"].unique()
    result = result.merge(_first_met(measures, several, occasions), on=PAIR, how="left")
    result = in_order(result, ["patient", "place", *TIME, "therapist"])
    return result[["patient", "therapist", "weight", "sessions"]]


def _stated(raw: Raw, issues: Issues) -> list[pd.DataFrame]:
    """Episodes that the study file names, with their place in it."""
    tables, person = [], ids(raw, raw.person)
    for place, episode in enumerate(raw.spec.episodes):
        if episode.therapist in raw.frame.columns:
            known: dict[str, pd.Series | float] = {"place": float(place)}
            if episode.sessions and episode.sessions in raw.frame.columns:
                known["sessions"] = _session_counts(raw, episode.sessions, issues)
            _report_none(raw, episode.therapist, person, issues)
            tables.append(_pairs(person, therapist_ids(raw, episode.therapist), **known))
    return tables


def _session_counts(raw: Raw, column: str, issues: Issues) -> pd.Series:
    values, wrong = numbers(raw, column, raw.spec.missing, issues)
    wrong |= values < 0
    if wrong.any():
        reported(raw, column, wrong, "not_a_number", "not a number of sessions", issues)
    return values.mask(wrong)


def _seen(raw: Raw, issues: Issues) -> list[pd.DataFrame]:
    """The therapists in the rows of a file."""
    column = raw.spec.who.therapist
    if column is None or column not in raw.frame.columns:
        return []
    person, therapist = ids(raw, raw.person), therapist_ids(raw, column)
    blank = ids(raw, column).eq("") & person.ne("")
    _report_none(raw, column, person, issues)
    if blank.any():
        n = int(blank.sum())
        issues.add_rows("warning", "missing_therapist",
                        f"therapist id is missing in {count(n, 'row')} of {count(person[blank].nunique(), 'patient')}",
                        "models exclude patients without any therapist; fill it in if it is known",
                        blank.index[blank], column=column, **raw.place)  # fmt: skip
    return [_pairs(person, therapist)]


def _report_none(raw: Raw, column: str, person: pd.Series, issues: Issues) -> None:
    """Report the rows whose text in a column of therapists means that there is none."""
    none = no_therapist(raw, column) & person.ne("")
    rows = none.index[none]
    if len(rows):
        what = (f"{count(len(rows), 'row')} of {count(person[none].nunique(), 'patient')} with a text that means no "
                f"therapist, such as NA, unknown or a code for missing ({rows_text(rows)})")  # fmt: skip
        do = "counted as without therapist; list a text that is a therapist's id under `keep_ids:`"
        issues.add_rows("warning", "no_therapist", what, do, rows, column=column, **raw.place)


def _pairs(person: pd.Series, therapist: pd.Series, **known: pd.Series | float) -> pd.DataFrame:
    """How many rows name a patient and a therapist, with their sessions and place if the study file gives them."""
    table = pd.DataFrame({"patient": person, "therapist": therapist} | known)
    pairs, groups = _by_pair(table[table["patient"].ne("") & table["therapist"].ne("")])
    pairs["rows"] = groups.size()
    pairs["sessions"] = groups["sessions"].sum(min_count=1) if "sessions" in known else float("nan")
    pairs["place"] = groups["place"].min() if "place" in known else float("nan")
    return pairs


def _by_pair(table: pd.DataFrame) -> tuple[pd.DataFrame, DataFrameGroupBy]:
    """The pairs of patient and therapist in order of appearance, and the rows of each."""
    pair = ranks(table, PAIR)
    first = pd.Series(pair).duplicated().to_numpy()
    return table.loc[~first, PAIR].reset_index(drop=True), table.groupby(pd.factorize(pair)[0])


def _weights(result: pd.DataFrame) -> pd.Series:
    patient = factorize(result["patient"])[0]
    whole = result["sessions"].notna().groupby(patient).transform("all")
    total = result["sessions"].groupby(patient).transform("sum")
    base = result["sessions"].where(whole & total.gt(0), result["rows"]).astype(float)
    return base / base.groupby(patient).transform("sum")


def _first_met(measures: dict[str, pd.DataFrame], patients, occasions: list[str]) -> pd.DataFrame:
    """The first date, session and occasion at which some patients answered under each of their therapists."""
    position = {name: i for i, name in enumerate(occasions)}
    parts = []
    for table in measures.values():
        if not len(patients):
            continue
        held = table.loc[table["person"].isin(patients) & table["role"].eq("patient") & table["therapist"].notna()]
        part = held[["person", "therapist", "session", "date"]].rename(columns={"person": "patient"})
        parts.append(part.assign(occasion=held["occasion"].map(position)))
    if not parts:
        return pd.DataFrame(columns=[*PAIR, *TIME])
    met = pd.concat(parts, ignore_index=True)
    met["date"] = met["date"].astype(DAYS)
    return met.groupby(PAIR, sort=False)[TIME].min().reset_index()


def fill_therapists(files: list[Raw], measures: dict[str, pd.DataFrame], treated: pd.DataFrame, issues: Issues) -> None:
    """Give answers of and about patients without a therapist, in place, the patient's therapist if there is only one.

    Parameters
    ----------
    files : list of Raw
        Of patients.
    measures : dict of DataFrame
        By instrument; column ``therapist`` is filled. Rows of patients with several therapists stay without one, and
        a note gives their number.
    treated : DataFrame
        From :func:`episodes`.
    issues : Issues
    """
    several = treated["patient"].duplicated(keep=False)
    single = treated[~several].set_index("patient")["therapist"]
    names, changed = [raw.name for raw in files], treated.loc[several, "patient"].unique()
    for instrument, table in measures.items():
        of_patients = table["role"].eq("patient") | table["about"].eq("patient")
        empty = (table["therapist"].isna() & of_patients & table["source_file"].isin(names)).to_numpy(bool)
        if not empty.any():
            continue
        codes, persons = factorize(table["person"])
        only = single.reindex(persons).array.take(np.where(empty, codes, -1), allow_fill=True)
        measures[instrument] = table.assign(therapist=table["therapist"].where(~empty, only))
        if n := int((empty & persons.isin(changed)[codes]).sum()):
            what = f"no therapist is known for {count(n, 'row')} of {instrument} of patients with several therapists"
            do = "ICCs between therapists omit these rows; to include them, add `who: {therapist: …}`"
            issues.add("note", "unknown_therapist", what, do, instrument=instrument, n=n)


SESSION_COLUMNS = {"patient": "str", "therapist": "str", "session": "Int64", "date": DATE}


def sessions(files: list[Raw], measures: dict[str, pd.DataFrame], issues: Issues) -> pd.DataFrame:
    """Every session in patients' answers or in a log of sessions.

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
    full = [p.astype(SESSION_COLUMNS) for p in parts if len(p)]
    if not full:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in SESSION_COLUMNS.items()})
    table = pd.concat(full, ignore_index=True) if len(full) > 1 else full[0]
    before = table["session"].eq(0).fillna(False)
    table = in_order(table[~before] if before.any() else table, ["patient", "session", "date", "therapist"])
    unnumbered = table["session"].isna()
    if not unnumbered.any():
        return _once(table, issues).reset_index(drop=True)
    numbered, dated = _once(table[~unnumbered], issues), table[unnumbered]
    known = pd.MultiIndex.from_frame(numbered[["patient", "date"]])
    dated = dated[~pd.MultiIndex.from_frame(dated[["patient", "date"]]).isin(known)]
    dated = dated.drop_duplicates(["patient", "date"])
    both = pd.concat([numbered, dated]).astype(SESSION_COLUMNS)
    return both.sort_values(["patient", "session", "date"], ignore_index=True)


def _once(table: pd.DataFrame, issues: Issues) -> pd.DataFrame:
    """The first row of each patient and number, of rows in order; several dates or therapists of one are reported."""
    starts = np.flatnonzero(np.diff(ranks(table, ["patient", "session"]), prepend=-1))
    if len(starts) == len(table):
        return table
    found = {}
    for column, noun in (("date", "dates"), ("therapist", "therapists")):
        codes, known = factorize(table[column])
        if not len(known):
            continue
        lowest = np.minimum.reduceat(np.where(codes < 0, len(known), codes), starts)
        n = int((lowest < np.maximum.reduceat(codes, starts)).sum())
        first = np.minimum.reduceat(np.where(codes < 0, len(table), np.arange(len(table))), starts)
        found[column] = table[column].array.take(np.where(first < len(table), first, -1), allow_fill=True)
        if n:
            issues.add(
                "warning",
                "session_in_conflict",
                f"{count(n, 'session')} of the same patient and number with different {noun}",
                "sessions.parquet holds the earliest; check whether the session number starts anew somewhere",
                column="session",
                n=n,
            )
    return table.take(starts).assign(**found)


def _answered(table: pd.DataFrame) -> pd.DataFrame:
    held = table["role"].eq("patient") & table["session"].notna()
    answers = table[["person", "therapist", "session", "date"]].rename(columns={"person": "patient"})
    return answers if held.all() else answers[held]


def _is_log(raw: Raw) -> bool:
    spec = raw.spec
    return not spec.measures and any(present(raw, column) for column in (spec.session, spec.date))


def _logged(raw: Raw, issues: Issues) -> pd.DataFrame:
    spec, rows = raw.spec, raw.frame.index
    table = pd.DataFrame({"patient": ids(raw, raw.person), "therapist": None}, index=rows, dtype=object)
    if therapist := present(raw, spec.who.therapist):
        table["therapist"] = therapist_ids(raw, therapist).replace("", None)
    table["session"] = pd.NA
    if session := present(raw, spec.session):
        table["session"] = session_numbers(raw, session, spec.date, rows, issues)
    table["date"] = dates(raw, date, rows, issues) if (date := present(raw, spec.date)) else None
    held = table["patient"].ne("") & (table["session"].notna() | table["date"].notna())
    return table.loc[held, list(SESSION_COLUMNS)]


def people(
    raws: list[Raw],
    measures: dict[str, pd.DataFrame],
    occasions: list[str],
    style: str | None,
    issues: Issues,
    whole: bool = True,
) -> dict[str, pd.DataFrame]:
    """Patients, therapists, episodes and sessions; ids that are in one kind of file only are warnings.

    Parameters
    ----------
    raws : list of Raw
    measures : dict of DataFrame
        By instrument.
    occasions : list of str
        In order.
    style : str or None
        The instrument of the therapists' style, where the run compares it.
    issues : Issues
    whole : bool
        Whether all files could be read; if not, ids in one kind of file only are not reported.
    """
    usable = [r for r in raws if present(r, r.person)]
    named = [c for r in raws for c in (r.spec.who.therapist, *(e.therapist for e in r.spec.episodes)) if c]
    whole = whole and len(usable) == len(raws) and len(named) == sum(len(therapist_columns(r)) for r in raws)
    patient_files = [r for r in usable if r.spec.who.role == "patient"]
    therapist_files = [r for r in usable if r.spec.who.role == "therapist"]
    patients = _persons(patient_files, "patient", issues)
    treated = episodes(patient_files, measures, occasions, issues)
    order = treated.assign(at=range(len(treated))).sort_values(["weight", "at"], ascending=[False, True])
    main = order.drop_duplicates("patient").set_index("patient")["therapist"]
    patients.insert(1, "therapist", patients["patient"].map(main).astype(object).where(lambda s: s.notna(), None))
    therapists = _persons(therapist_files, "therapist", issues)
    treating = set(treated["therapist"].unique())
    extra = sorted(treating - set(therapists["therapist"]))
    therapists = pd.concat([therapists, pd.DataFrame({"therapist": extra}, dtype=object)], ignore_index=True)
    therapists = therapists.sort_values("therapist").reset_index(drop=True)
    one_sided(patient_files, therapist_files, measures, treating, style, whole, issues)
    if len(treating) == 1:
        issues.add(
            "warning",
            "one_therapist",
            "all patients have the same therapist",
            "nothing between therapists can be estimated; check the therapist column",
        )
    met = sessions(patient_files, measures, issues)
    return {"patients": patients, "therapists": therapists, "episodes": treated, "sessions": met}


def _persons(files: list[Raw], role: str, issues: Issues) -> pd.DataFrame:
    known: list[pd.Index] = []
    covariates: dict[str, list[pd.Series]] = {}
    for raw in files:
        person = ids(raw, raw.person)
        blank = person.eq("")
        if blank.any():
            issues.add_rows("warning", "missing_id", f"the id is missing ({rows_text(person.index[blank])})",
                            "these rows are left out", person.index[blank], column=raw.person,
                            **raw.place)  # fmt: skip
        known.append(factorize(person)[1])
        where = site(raw)
        if where is not None:
            sites = pd.Series(where, index=person.index)[~blank]
            covariates.setdefault("site", []).append(pd.Series(sites.array, index=person[~blank].array))
        for name, spec in raw.spec.covariates.items():
            if spec.column in raw.frame.columns:
                values = covariate(raw, name, spec, issues)
                full = values.notna() & ~blank
                series = pd.Series(values[full].array, index=person[full].array)
                varying = series.groupby(level=0).nunique().gt(1)
                if varying.any():
                    issues.add(
                        "warning",
                        "varying_covariate",
                        f"{count(int(varying.sum()), 'person has', 'persons have')} several values",
                        "the first is used",
                        column=spec.column,
                        n=int(varying.sum()),
                        **raw.place,
                    )
                covariates.setdefault(name, []).append(series)
    persons = pd.Index([], dtype="str").append(known).unique()
    table = pd.DataFrame({role: persons[persons != ""].sort_values()}, dtype=object)
    for name, parts in covariates.items():
        series = pd.concat(parts)
        table[name] = table[role].map(series[~series.index.duplicated()])
    return table
