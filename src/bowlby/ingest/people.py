"""Who took part: patients, therapists, and the episodes that link them."""

from __future__ import annotations

import pandas as pd

from bowlby.ingest.cells import ids, present, site, therapist_columns
from bowlby.ingest.covariates import covariate
from bowlby.ingest.episodes import episodes
from bowlby.ingest.links import one_sided
from bowlby.ingest.notices import Issues, count, rows_text
from bowlby.ingest.readers.base import Raw
from bowlby.ingest.sessions import sessions


def people(
    raws: list[Raw],
    measures: dict[str, pd.DataFrame],
    occasions: list[str],
    style: str | None,
    issues: Issues,
    whole: bool = True,
) -> dict[str, pd.DataFrame]:
    """Patients, therapists, episodes and sessions; ids that stand in one kind of file only are warnings.

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
        Whether all files could be read; if not, nobody is said to stand in one kind of file only.
    """
    usable = [r for r in raws if present(r, r.spec.who.person)]
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
    table = pd.DataFrame({role: sorted(set(known))}, dtype=object)
    for name, parts in covariates.items():
        series = pd.concat(parts)
        table[name] = table[role].map(series[~series.index.duplicated()])
    return table
