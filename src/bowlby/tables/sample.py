"""The sample: patients and therapists of the main analysis by what the study's files say of them."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bowlby.disclosure import SMALLEST, hide_classes, small
from bowlby.results import MAIN, Results, once
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import number

COLUMNS = ["who", "variable", "category", "n", "percent", "mean", "sd"]
GROUPS = {"patient": "Patients", "therapist": "Therapists"}
NOT_RECORDED = "not recorded"
NOTE = "Patients and therapists of the {of}. *n*: number with a value."
POOLED = " Categories of fewer than five persons are pooled."


@once
def sample_table(results: Results) -> pd.DataFrame:
    """Covariates, sessions and caseloads of the analysed patients and therapists, in full precision.

    Returns
    -------
    DataFrame
        Columns who (patient, therapist), variable (empty in the row of all), category (of categories), n, percent,
        mean, sd. In shareable results categories of fewer than five persons are pooled, and nothing is given of a
        variable that fewer than five persons have.
    """
    people = {name: results.table(f"people/{name}s.parquet") for name in GROUPS}
    patients = people["patient"]
    if patients is None:
        return pd.DataFrame(columns=COLUMNS)
    sets = (results.analysis_set(name) for name in MAIN)
    analysed = next((rows for rows in sets if rows is not None), patients)
    rows: list[tuple] = []
    for who, table in people.items():
        if table is None or who not in analysed:
            continue
        there = pc.is_in(pa.array(table[who]), value_set=pa.array(analysed[who].dropna()))  # isin loops over the texts
        own = table[there.to_numpy(zero_copy_only=False)].drop_duplicates(who).set_index(who)
        own = own.drop(columns="therapist", errors="ignore").assign(**_contact(results, analysed, who))
        rows.append((who, "", "", len(own), None, None, None))
        for variable, values in own.items():
            rows += [(who, variable, *row) for row in _described(values, results.shareable)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _contact(results: Results, analysed: pd.DataFrame, who: str) -> dict[str, pd.Series]:
    """Sessions of each patient, where the files have them; patients of each therapist."""
    if who == "therapist":
        return {"patients": analysed.drop_duplicates(["patient", who])[who].value_counts()}
    episodes = results.table("people/episodes.parquet")
    if episodes is None or episodes["sessions"].isna().all():
        return {}
    return {"sessions": episodes.groupby("patient")["sessions"].sum(min_count=1)}


def _described(values: pd.Series, shareable: bool) -> list[tuple]:
    """Category, n, percent, mean and SD: a row of a number, or a row of each category."""
    known, fewest = values.dropna(), SMALLEST if shareable else 1
    if len(known) < fewest:
        return []
    if pd.api.types.is_numeric_dtype(values):
        shown = None if shareable and small(len(values) - len(known)) else len(known)
        return [("", shown, None, float(known.mean()), float(known.std()))]
    counts = values.astype(object).where(values.notna(), NOT_RECORDED).value_counts().sort_index(kind="stable")
    counts = counts.sort_values(ascending=False, kind="stable")
    hidden = hide_classes(counts.tolist(), shareable)
    rows = [(str(name), int(n)) for (name, n), hide in zip(counts.items(), hidden, strict=True) if not hide]
    if pooled := sum(n for n, hide in zip(counts, hidden, strict=True) if hide):
        rows.append((f"other ({sum(hidden)} categories)", int(pooled)))
    return [(name, n, 100 * n / len(values), None, None) for name, n in rows]


def sample_sheet(number_: str, table: pd.DataFrame, of: str = "main analysis") -> Sheet:
    """The table as printed, of the main analysis or of the study."""
    parts = []
    for who, title in GROUPS.items():
        rows = []
        for r in table[(table["who"] == who) & (table["n"] != 0)].itertuples(index=False):
            variable = "patients per therapist" if (who, r.variable) == ("therapist", "patients") else str(r.variable)
            said = variable.replace("_", " ").capitalize() + (f": {r.category}" if r.category else "")
            n = "–" if pd.isna(r.n) else f"{r.n:,.0f}"
            cells = [("" if pd.isna(value) else number(value, 1)) for value in (r.percent, r.mean, r.sd)]
            rows.append([said if r.variable else "All", n, *cells])
        if rows:
            parts.append((title, rows))
    pooled = table["category"].astype(str).str.startswith("other (").any()
    heads = ["", "n", "%", "M", "SD"]
    used = [k for k in range(5) if k < 2 or any(row[k] for _, rows in parts for row in rows)]
    parts = [(title, [[row[k] for k in used] for row in rows]) for title, rows in parts]
    return Sheet(
        number_, "The Sample", [heads[k] for k in used], parts, NOTE.format(of=of) + (POOLED if pooled else "")
    )
