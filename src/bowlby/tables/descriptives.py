"""Means, SDs, reliabilities and correlations of all scales of the comparison, within and between therapists."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy  # its parts are imported where they are used

from bowlby import terms
from bowlby.config.run import Block, Run
from bowlby.disclosure import SMALLEST
from bowlby.results import Results
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import number

COLUMNS = ["variable", "quantity", "other", "value", "ci_low", "ci_high", "p", "n"]
COEFFICIENTS = {"alpha": "alpha", "icc_therapist": "icc"}
LEVELS = ("within", "between")
NOTE = (
    "Patients of the main analysis. Correlations within therapists (repeated-measures correlation, Bakdash & Marusich, "
    "2017) are below the diagonal, those of therapists' means above it. ICC: share of the variance between therapists. "
    "Alpha and ICC were computed from all respondents. Scores are in their own units and directions."
)


def descriptives_table(results: Results) -> pd.DataFrame | None:
    """Descriptive statistics in full precision; None where no comparison was made.

    Returns
    -------
    DataFrame
        Columns variable, quantity (mean, sd, alpha, icc, within, between), other (of correlations), value, ci_low,
        ci_high, p, n (patients; of correlations between therapists, therapists). Numbers that rest on fewer than five
        persons are left out.
    """
    rows = results.analysis_set("primary")
    if rows is None or not results.config.get("comparison"):
        return None
    run = Run.model_validate({k: v for k, v in results.config.items() if k in Run.model_fields})
    therapist = rows.set_index("patient")["therapist"]
    scales = _scales(run, results, therapist)
    values = pd.DataFrame({label: own for label, (own, _, _) in scales.items()}, index=therapist.index)
    out: list[tuple] = []
    reliability = results.table("reliability.csv")
    for label, (own, key, role) in scales.items():
        own = own.dropna()
        n = len(own) if role == "patient" else int(therapist[own.index].nunique())
        if n < SMALLEST:
            continue
        one = own if role == "patient" else own.groupby(therapist[own.index]).first()
        out += [(label, name, None, value, None, None, None, n)
                for name, value in (("mean", one.mean()), ("sd", one.std()))]  # fmt: skip
        out += _coefficients(reliability, label, key)
    out += _correlations(values, therapist, {label for label, (_, _, role) in scales.items() if role == "patient"})
    return pd.DataFrame(out, columns=COLUMNS)


def _scales(run: Run, results: Results, therapist: pd.Series) -> dict[str, tuple[pd.Series, tuple, str]]:
    """By label: values of the patients, key of the reliability table, and who answered."""
    from bowlby.design.frame import answered, before_after

    comparison, outcome, scores = run.comparison, run.outcome, results.scale_scores
    assert comparison is not None
    name = results.instrument(outcome.instrument)[0].partition(" (")[0]
    of = () if outcome.scale == "total" else (outcome.scale.replace("_", " "),)
    out = {}
    values = before_after(scores[outcome.instrument], outcome)
    for when, own, occasion in zip(("before", "after"), values, (outcome.pre, outcome.post), strict=True):
        key = (outcome.instrument, outcome.scale, outcome.role, occasion)
        own = own.set_axis(own.index.astype("str")).reindex(therapist.index)
        out[", ".join([name, *of, f"{when} treatment"])] = (own, key, "patient")
    for variable, role in terms.ROLES.items():
        block: Block | None = getattr(comparison, variable)
        if block is None:
            continue
        own = answered(scores[block.instrument], role, block)
        own = own.set_axis(own.index.astype("str"))
        own = own.reindex(therapist.index) if role == "patient" else own.reindex(therapist).set_axis(therapist.index)
        for scale in block.scales:
            key = (block.instrument, scale, role, block.occasion)
            label = terms.PREDICTORS[variable] + ("" if scale == "total" else f", {scale.replace('_', ' ')}")
            out[label] = (own[scale].astype(float), key, role)
    return out


def _coefficients(reliability: pd.DataFrame | None, label: str, key: tuple) -> list[tuple]:
    """Alpha and the share between therapists of a scale, where they were computed."""
    if reliability is None:
        return []
    instrument, scale, role, occasion = key
    own = reliability[
        (reliability["instrument"] == instrument)
        & (reliability["scale"] == scale)
        & (reliability["role"] == role)
        & (reliability["occasion"].fillna("") == (occasion or ""))
    ]
    own = own[own["coefficient"].isin(list(COEFFICIENTS)) & (own["n"] >= SMALLEST)]
    return [(label, COEFFICIENTS[r.coefficient], None, r.value, r.ci_low, r.ci_high, None, r.n)
            for r in own.itertuples()]  # fmt: skip


def _correlations(values: pd.DataFrame, therapist: pd.Series, of_patients: set[str]) -> list[tuple]:
    """Of every pair within therapists (where both differ there) and between their means."""
    from pingouin import compute_esci, pairwise_corr

    def entry(one: str, level: str, other: str, r: float, p: float, size: int, n: int) -> tuple:
        """With its interval by Fisher's z, which the functions round to two decimals."""
        limits = compute_esci(r, size, size, eftype="r", decimals=12) if size > 3 else (None, None)
        return (one, level, other, float(r), *limits, float(p), n)

    groups = pd.factorize(therapist)[0]
    means = values.groupby(groups).mean()
    means = means.loc[:, (means.notna().sum() >= SMALLEST) & (means.std() > 1e-12)]
    every = pairwise_corr(means, list(means)).itertuples() if means.shape[1] > 1 else ()
    between = {(row.X, row.Y): row for row in every if row.n >= SMALLEST and np.isfinite(row.r)}
    out = []
    for k, one in enumerate(values):
        for other in list(values)[:k]:
            if {one, other} <= of_patients and (within := repeated_measures_correlation(values[[other, one]], groups)):
                r, p, df, n = within
                out.append(entry(one, "within", other, r, p, df + 2, n))
            if row := between.get((other, one)):
                out.append(entry(one, "between", other, row.r, row.p_unc, int(row.n), int(row.n)))
    return out


def repeated_measures_correlation(pair: pd.DataFrame, groups: np.ndarray) -> tuple[float, float, int, int] | None:
    """Correlation of two variables within groups (Bakdash & Marusich, 2017), as ``pingouin.rm_corr`` gives it.

    It is the correlation of the differences from the groups' means, on n minus the number of groups minus 1 df.

    Parameters
    ----------
    pair : DataFrame
        Two columns; rows with a missing value are left out.
    groups : ndarray of int
        Number of each row's group; rows of -1 are left out.

    Returns
    -------
    tuple or None
        Correlation, p, df, rows; None where under five df would be left, or a variable does not vary within groups.
    """
    columns = pair.to_numpy(float)
    complete = ~np.isnan(columns).any(axis=1) & (groups >= 0)
    groups, columns, size = groups[complete], columns[complete], np.bincount(groups[complete])
    df = len(columns) - np.count_nonzero(size) - 1
    x, y = (v - (np.bincount(groups, v) / np.maximum(size, 1))[groups] for v in columns.T)
    if df + 1 < SMALLEST or not min(np.std(x, ddof=1), np.std(y, ddof=1)) > 1e-12:
        return None
    r = float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))
    t = abs(r) * np.sqrt(df / max(1 - r * r, 1e-300))
    return r, float(2 * scipy.special.stdtr(df, -t)), int(df), len(columns)


def descriptives_sheet(number_: str, table: pd.DataFrame) -> Sheet:
    """The table as printed: one row a scale, correlations by the scales' numbers."""
    labels = list(dict.fromkeys(table["variable"]))
    single = {(r.variable, r.quantity): r for r in table[~table["quantity"].isin(LEVELS)].itertuples()}
    paired = {(r.variable, r.quantity, r.other): r.value for r in table[table["quantity"].isin(LEVELS)].itertuples()}

    def value(label: str, quantity: str, digits: int = 2, *, bounded: bool = False) -> str:
        known = single.get((label, quantity))
        return number(known.value, digits, bounded=bounded) if known and np.isfinite(known.value) else "–"

    def correlation(k: int, j: int) -> str:
        if j == k:
            return ""
        known = paired.get((labels[k], "within", labels[j]) if j < k else (labels[j], "between", labels[k]))
        return "–" if known is None else number(known, bounded=True)

    rows = [
        [f"{k + 1}. {label}", f"{single[label, 'mean'].n:,.0f}", value(label, "mean", 1), value(label, "sd", 1),
         value(label, "alpha", bounded=True), value(label, "icc", bounded=True),
         *(correlation(k, j) for j in range(len(labels)))]
        for k, label in enumerate(labels)
    ]  # fmt: skip
    heads = ["Scale", "n", "M", "SD", "Alpha", "ICC", *(str(k + 1) for k in range(len(labels)))]
    title = "Descriptive Statistics and Correlations Within and Between Therapists"
    return Sheet(number_, title, heads, [(None, rows)], NOTE)
