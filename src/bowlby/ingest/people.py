"""Who took part: patients, therapists, and the episodes that link them."""

from __future__ import annotations

import pandas as pd

from bowlby.config.study import Covariate
from bowlby.ingest.cells import dates, ids, numbers, present, site, unseen, whole
from bowlby.ingest.dates import DATE
from bowlby.ingest.notices import Issues, rows_text
from bowlby.ingest.readers.ask import stem
from bowlby.ingest.readers.base import Raw


def people(raws: list[Raw], measures: dict[str, pd.DataFrame], issues: Issues) -> dict[str, pd.DataFrame]:
    """Patients, therapists and episodes; ids that stand in one kind of file only are warnings."""
    usable = [r for r in raws if present(r, r.spec.who.person)]
    patient_files = [r for r in usable if r.spec.who.role == "patient"]
    therapist_files = [r for r in usable if r.spec.who.role == "therapist"]
    patients = _persons(patient_files, "patient", issues)
    episodes = _episodes(patient_files, issues)
    order = episodes.assign(at=range(len(episodes))).sort_values(["weight", "at"], ascending=[False, True])
    main = order.drop_duplicates("patient").set_index("patient")["therapist"]
    patients.insert(1, "therapist", patients["patient"].map(main).astype(object).where(lambda s: s.notna(), None))
    therapists = _persons(therapist_files, "therapist", issues)
    treating = set(episodes["therapist"])
    extra = sorted(treating - set(therapists["therapist"]))
    therapists = pd.concat([therapists, pd.DataFrame({"therapist": extra}, dtype=object)], ignore_index=True)
    therapists = therapists.sort_values("therapist").reset_index(drop=True)
    _one_sided(patient_files, therapist_files, measures, treating, issues)
    if len(treating) == 1:
        issues.add(
            "warning",
            "one_therapist",
            "all patients have the same therapist",
            "nothing between therapists can be estimated; check the therapist column",
        )
    sessions = _sessions(patient_files, measures, issues)
    return {"patients": patients, "therapists": therapists, "episodes": episodes, "sessions": sessions}


def _persons(files: list[Raw], role: str, issues: Issues) -> pd.DataFrame:
    known: list[str] = []
    covariates: dict[str, list[pd.Series]] = {}
    for raw in files:
        person = ids(raw, raw.spec.who.person)
        blank = person.eq("")
        if blank.any():
            issues.add(
                "warning",
                "missing_id",
                f"the id is missing ({rows_text(person.index[blank])})",
                "these rows are left out",
                row=person.index[blank][0],
                column=raw.spec.who.person,
                n=int(blank.sum()),
                **raw.place,
            )
        known += person[~blank].unique().tolist()
        where = site(raw)
        if where is not None:
            sites = pd.Series(where, index=person.index)[~blank]
            covariates.setdefault("site", []).append(pd.Series(sites.array, index=person[~blank].array))
        for name, spec in raw.spec.covariates.items():
            if spec.column in raw.frame.columns:
                values = _covariate(raw, spec, issues)
                full = values.notna() & ~blank
                series = pd.Series(values[full].array, index=person[full].array)
                varying = series.groupby(level=0).nunique().gt(1)
                if varying.any():
                    issues.add(
                        "warning",
                        "varying_covariate",
                        f"{int(varying.sum())} persons have several values",
                        "the first is used",
                        column=spec.column,
                        n=int(varying.sum()),
                        **raw.place,
                    )
                covariates.setdefault(name, []).append(series)
    table = pd.DataFrame({role: sorted(set(known))}, dtype=object)
    for name, parts in covariates.items():
        series = pd.concat(parts)
        table[name] = table[role].map(series[~series.index.duplicated()])
    return table


def _covariate(raw: Raw, spec: Covariate, issues: Issues) -> pd.Series:
    cells = raw.text(spec.column).str.strip()
    cells = cells.mask(cells.eq("") | cells.isin(raw.spec.missing))
    if spec.kind == "category":
        labels = raw.labels.get(spec.column, {}) | spec.labels
        return cells.map(lambda v: labels.get(v, v), na_action="ignore").astype(object)
    if spec.kind == "checkbox":
        return _checkbox(raw, spec, issues)
    if spec.kind == "date":
        return dates(raw, spec.column, cells.index, issues)
    values, wrong = numbers(raw, spec.column, raw.spec.missing)
    if wrong.any():
        issues.add(
            "warning",
            "not_a_" + spec.kind,
            f"{int(wrong.sum())} cells are not a {spec.kind} ({rows_text(wrong.index[wrong])})",
            "set to missing",
            row=wrong.index[wrong][0],
            column=spec.column,
            n=int(wrong.sum()),
            **raw.place,
        )
    return values


BOX = {"checked": 1.0, "unchecked": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


def _checkbox(raw: Raw, spec: Covariate, issues: Issues) -> pd.Series:
    """One box as 1 or 0; missing where no box of its question is ticked and the form was not seen."""
    question = [c for c in raw.frame.columns if "___" in c and stem(c) == stem(spec.column)] or [spec.column]
    boxes = pd.DataFrame({c: numbers(raw, c, raw.spec.missing, BOX)[0] for c in question})
    status = spec.seen or (raw.dictionary.status_of(spec.column) if raw.dictionary else None)
    doubtful = boxes[spec.column].eq(0) & ~boxes.gt(0).any(axis=1) & unseen(raw, status)
    if doubtful.any():
        issues.add(
            "note",
            "unseen_checkbox",
            f"{int(doubtful.sum())} rows without a tick in the question, on a form that may not have been seen",
            "set to missing" if status else "set to missing; name the form's status column with `seen:`",
            column=spec.column,
            n=int(doubtful.sum()),
            **raw.place,
        )
    return boxes[spec.column].mask(doubtful)


SESSIONS = ["patient", "therapist", "session", "date"]


def _sessions(files: list[Raw], measures: dict[str, pd.DataFrame], issues: Issues) -> pd.DataFrame:
    """Every session that a measure or a log of sessions tells of, once."""
    parts = []
    for table in measures.values():
        held = table["role"].eq("patient") & table["session"].notna()
        parts.append(table.loc[held].rename(columns={"person": "patient"})[SESSIONS])
    for raw in files:
        spec = raw.spec
        if spec.measures or not (present(raw, spec.session) or present(raw, spec.date)):
            continue
        rows = raw.frame.index
        table = pd.DataFrame({"patient": ids(raw, spec.who.person), "therapist": None}, index=rows, dtype=object)
        if present(raw, spec.who.therapist):
            table["therapist"] = ids(raw, spec.who.therapist).replace("", None)
        table["session"] = whole(raw, spec.session, rows, issues) if present(raw, spec.session) else pd.NA
        table["date"] = dates(raw, spec.date, rows, issues) if present(raw, spec.date) else None
        held = table["patient"].ne("") & (table["session"].notna() | table["date"].notna())
        parts.append(table.loc[held, SESSIONS])
    kinds = {"patient": object, "therapist": object, "session": "Int64", "date": DATE}
    full = [p.astype(kinds) for p in parts if len(p)]
    if not full:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    return pd.concat(full).drop_duplicates().sort_values(["patient", "session", "date", "therapist"], ignore_index=True)


def _episodes(files: list[Raw], issues: Issues) -> pd.DataFrame:
    explicit, implied = [], []
    for raw in files:
        person = ids(raw, raw.spec.who.person)
        for episode in raw.spec.episodes:
            if episode.therapist not in raw.frame.columns:
                continue
            sessions = pd.Series(float("nan"), index=person.index)
            if episode.sessions in raw.frame.columns:
                sessions = numbers(raw, episode.sessions, raw.spec.missing)[0]
            explicit.append(
                pd.DataFrame({"patient": person, "therapist": ids(raw, episode.therapist), "sessions": sessions})
            )
        if raw.spec.who.therapist in raw.frame.columns:
            therapist = ids(raw, raw.spec.who.therapist)
            blank = therapist.eq("") & person.ne("")
            if blank.any():
                n = person[blank].nunique()
                issues.add(
                    "warning",
                    "missing_therapist",
                    f"therapist id is missing in {int(blank.sum())} rows of {n} patients",
                    "they stay in the data without a therapist; fill it in where it is known",
                    row=blank.index[blank][0],
                    column=raw.spec.who.therapist,
                    n=int(blank.sum()),
                    **raw.place,
                )
            implied.append(pd.DataFrame({"patient": person, "therapist": therapist, "sessions": float("nan")}))
    tables = [
        t.assign(explicit=kind == 0)[t["patient"].ne("") & t["therapist"].ne("")]
        for kind, parts in enumerate((explicit, implied))
        for t in parts
    ]
    if not tables:
        return pd.DataFrame(
            {
                "patient": pd.Series(dtype=object),
                "therapist": pd.Series(dtype=object),
                "weight": pd.Series(dtype=float),
                "sessions": pd.Series(dtype=float),
            }
        )
    table = pd.concat(tables, ignore_index=True)
    told = table.loc[table["explicit"], "patient"].unique()
    table = table[table["explicit"] | ~table["patient"].isin(told)]
    groups = table.groupby(["patient", "therapist"], sort=False)
    result = groups.agg(rows=("explicit", "size"), sessions=("sessions", lambda s: s.sum(min_count=1))).reset_index()
    whole = result["sessions"].notna().groupby(result["patient"]).transform("all")
    total = result.groupby("patient")["sessions"].transform("sum")
    base = result["sessions"].where(whole & total.gt(0), result["rows"]).astype(float)
    result["weight"] = base / base.groupby(result["patient"]).transform("sum")
    result = result.sort_values("patient", kind="stable").reset_index(drop=True)
    return result[["patient", "therapist", "weight", "sessions"]]


def _one_sided(patient_files, therapist_files, measures, treating: set, issues: Issues) -> None:
    asked = {p for t in measures.values() for p in t.loc[t["role"].eq("patient"), "person"]}
    described = [r for r in patient_files if not r.spec.measures]
    listed = {p for r in described for p in ids(r, r.spec.who.person)}
    known = {p for r in therapist_files for p in ids(r, r.spec.who.person)}
    for raw in patient_files:
        person = raw.spec.who.person
        if raw in described and measures:
            _tell(raw, person, asked, "patients without questionnaires", issues)
        elif described:
            _tell(raw, person, listed, f"patients who are not in {described[0].name}", issues)
        for column in [raw.spec.who.therapist, *(e.therapist for e in raw.spec.episodes)]:
            if therapist_files and column in raw.frame.columns:
                _tell(raw, column, known, f"therapists who are not in {therapist_files[0].name}", issues)
    for raw in therapist_files:
        _tell(raw, raw.spec.who.person, treating, "therapists without patients", issues)


def _tell(raw: Raw, column: str, known: set, what: str, issues: Issues) -> None:
    found = ids(raw, column)
    lone = found[found.ne("") & ~found.isin(known)].drop_duplicates()
    if len(lone):
        issues.add(
            "warning",
            "one_sided_id",
            f"{len(lone)} {what} ({rows_text(lone.index)})",
            "check the ids; they stay in the data",
            row=lone.index[0],
            column=column,
            n=len(lone),
            **raw.place,
        )
