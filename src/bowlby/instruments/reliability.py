"""Reliability of every scale, by who answered and when: alpha, omega, within and between therapists or patients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bowlby.instruments.model import Instrument
from bowlby.instruments.multilevel import ALL, level_rows
from bowlby.instruments.omega import omega_total
from bowlby.instruments.scoring import check_items, keyed, score

COLUMNS = [
    "instrument",
    "scale",
    "role",
    "occasion",
    "coefficient",
    "value",
    "ci_low",
    "ci_high",
    "n",
    "n_items",
    "n_groups",
]


def reliability(measures: pd.DataFrame, instrument: Instrument, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    """Coefficients of each scale, one row each, with 95% intervals where they are defined.

    ``alpha`` (Feldt's interval) and ``omega_total`` (one factor) use persons with all items of the scale answered,
    and of a person with several sessions in one occasion the first, because the interval counts independent persons.
    Patients in therapists add ``icc_therapist`` (share of the score's variance between therapists),
    ``lambda_therapist_mean`` (reliability of a therapist's mean, averaged over therapists), and
    ``omega_within_therapist`` and ``omega_between_therapist``; persons with several rows add the same with
    ``patient`` over all occasions, the occasions' means taken out. Where answers about several people are in the
    file, each has its own row, named in ``scale``. What cannot be computed is null with its N, or has no row where
    there are no groups.

    Returns
    -------
    DataFrame
        Columns instrument, scale, role, occasion, coefficient, value, ci_low, ci_high, n (rows), n_items, n_groups.
    """
    check_items(measures, instrument)
    scores = score(measures, instrument) if scores is None else scores
    rows = []
    for (role, about, occasion), group in groups(measures):
        for name in instrument.all_scales():
            items = keyed(group, instrument, name)
            found = [
                ("alpha", *alpha(items.dropna()), len(items.dropna()), None),
                ("omega_total", *omega_total(items.dropna()), len(items.dropna()), None),
            ]
            if role == "patient" and "therapist" in group and group["therapist"].notna().any():
                found += level_rows(scores.loc[group.index, name], items, group["therapist"], "therapist")
            rows += [_row(instrument, name, role, about, occasion, row) for row in found]
    for (role, about), group in repeated(measures):
        for name in instrument.all_scales():
            items, values = keyed(group, instrument, name), scores.loc[group.index, name]
            items, values = (x - x.groupby(group["occasion"]).transform("mean") for x in (items, values))
            found = level_rows(values, items, group["person"], "patient")
            rows += [_row(instrument, name, role, about, ALL, row) for row in found]
    return (
        pd.DataFrame(rows, columns=COLUMNS)
        .sort_values(["scale", "role", "occasion"], kind="stable", ignore_index=True)
        .astype({"n_groups": "Int64"})
    )


def _row(instrument: Instrument, name: str, role: str, about: str | None, occasion: str, found: tuple) -> tuple:
    coefficient, value, low, high, n, n_groups = found
    label = name if about is None else f"{name} (about {about})"
    n_items = len(instrument.all_scales()[name].items)
    return (instrument.id, label, role, occasion, coefficient, value, low, high, n, n_items, n_groups)


def alpha(items: pd.DataFrame, level: float = 0.95) -> tuple[float, float, float]:
    """Alpha and its interval from complete rows; NaN where it does not exist."""
    n, k = items.shape
    nothing = (np.nan, np.nan, np.nan)
    if k < 2 or n < 3 or not items.sum(axis=1).var() > 1e-12:
        return nothing
    from pingouin import cronbach_alpha
    from scipy.stats import f

    value = float(cronbach_alpha(items)[0])
    tail, df = (1 - level) / 2, (n - 1, (n - 1) * (k - 1))
    # pingouin's limits are the same, rounded to three decimals
    return value, float(1 - (1 - value) * f.isf(tail, *df)), float(1 - (1 - value) * f.isf(1 - tail, *df))


def groups(measures: pd.DataFrame) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """Rows by role, target and occasion (target None where there is one only), one row a person."""
    several = len(measures["about"].unique()) > 1
    for (role, about, occasion), group in measures.groupby(["role", "about", "occasion"], sort=True, dropna=False):
        first = group.sort_values("session", kind="stable") if "session" in group.columns else group
        yield (role, about if several else None, occasion), first.drop_duplicates("person")


def repeated(measures: pd.DataFrame) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """Rows by role and target (target None where there is one only), where some person has several."""
    several = len(measures["about"].unique()) > 1
    for (role, about), group in measures.groupby(["role", "about"], sort=True, dropna=False):
        if group["person"].duplicated().any():
            yield (role, about if several else None), group


def squared_errors(items: pd.DataFrame, instrument: Instrument, name: str) -> np.ndarray:
    """What each row says of the variance of a score's error of measurement.

    Parameters
    ----------
    items : DataFrame
        Answers of one role, about one person, at one occasion.
    instrument : Instrument
    name : str
        A scale, the total, or a composite of scales.

    Returns
    -------
    ndarray, shape (n,)
        In squared units of the score; its mean is the error variance. Missing where an item is, and for scores of one
        item.

    Notes
    -----
    Of k items with variances v and covariances c on average, the mean is ``k (v - c)``: the score's variance times
    1 - alpha. A row's part is ``k / (k - 1)`` times its sum of squares about its own mean, item means taken out, so
    that what a person or a therapist adds to all items leaves no trace. Errors of scales that are added up are
    independent (stratified alpha).
    """
    if name in instrument.composites:
        weights = instrument.composites[name].weights
        return np.sum([w**2 * squared_errors(items, instrument, scale) for scale, w in weights.items()], axis=0)
    if (parts := instrument.added(name)) and all(instrument.terms(part) > 1 for part in parts):
        return np.sum([squared_errors(items, instrument, part) for part in parts], axis=0)
    answers = keyed(items, instrument, name).to_numpy(float)
    complete, k = ~np.isnan(answers).any(axis=1), answers.shape[1]
    out, n = np.full(len(answers), np.nan), int(complete.sum())
    if k < 2 or n < 3:
        return out
    about = answers[complete] - answers[complete].mean(axis=0)
    about -= about.mean(axis=1, keepdims=True)
    out[complete] = k / (k - 1) * (about**2).sum(axis=1) * n / (n - 1)
    return out if instrument.how(name) == "sum" else out / k**2
