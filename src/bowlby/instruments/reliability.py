"""Reliability of every scale, by who answered and when: alpha, omega, within and between therapists or patients.

Of scales that therapists or patients share the share of variance between them is estimated, and the reliability of
each level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtri

from bowlby.instruments.factor_models import FEWEST_GROUPS, fit_two_level, omega_total
from bowlby.instruments.model import Instrument
from bowlby.instruments.scoring import check_items, keyed, score
from bowlby.instruments.styles import by_occasion

ALL = "all occasions"
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


@dataclass(frozen=True)
class OneWay:
    """Variance between and within groups, from the one-way analysis of variance.

    Attributes
    ----------
    between, within : float
        Variance components; ``between`` may be negative.
    icc : tuple of float
        Share between groups with its 95% interval (exact where groups are of one size, else with their effective
        size).
    sizes : ndarray
        Rows of each group.
    """

    between: float
    within: float
    icc: tuple[float, float, float]
    sizes: np.ndarray

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.sizes.sum())

    def mean_reliability(self) -> tuple[float, float, float]:
        """Reliability of a group's mean, averaged over groups, with the interval that the share's implies."""
        shares = np.clip(self.icc, 0, 1)
        value, low, high = (float(np.mean(self.sizes * s / (1 + (self.sizes - 1) * s))) for s in shares)
        return value, low, high


def one_way(values, groups, level: float = 0.95) -> OneWay | None:
    """Variance components of scores in groups; None with under two groups, no repetition or no variance.

    References
    ----------
    Shrout & Fleiss (1979), Psychol Bull 86:420-428 (their ICC(1,1), and of groups of one size ICC(1,k)); Searle (1971),
    Linear models, ch. 9, for groups of several sizes.
    """
    table = pd.DataFrame({"value": np.asarray(values, dtype=float), "group": pd.Series(groups).array}).dropna()
    by_group = table.groupby("group")["value"].agg(["size", "mean"])
    n, k = len(table), len(by_group)
    if k < 2 or n <= k:
        return None
    sizes, means = by_group["size"].to_numpy(), by_group["mean"].to_numpy()
    between = np.sum(sizes * (means - table["value"].mean()) ** 2) / (k - 1)
    whole = np.sum((table["value"] - table["value"].mean()) ** 2)
    within = (whole - between * (k - 1)) / (n - k)
    if not within > 1e-12 * max(whole, 1e-300):
        return None
    effective = (n - np.sum(sizes**2) / n) / (k - 1)
    ratio, tail = between / within, (1 - level) / 2
    limits = (ratio / fdtri(k - 1, n - k, 1 - tail), ratio * fdtri(n - k, k - 1, 1 - tail))
    share, low, high = (float((x - 1) / (x + effective - 1)) for x in (ratio, *limits))
    return OneWay(float((between - within) / effective), float(within), (share, low, high), sizes)


def level_rows(scores: pd.Series, items: pd.DataFrame, groups: pd.Series, level: str) -> list[tuple]:
    """Rows (coefficient, value, low, high, n, n_groups) about one level of grouping.

    Parameters
    ----------
    scores : Series
        Scale scores.
    items : DataFrame
        Keyed items of the same rows.
    groups : Series
        Group of each row, null where it has none.
    level : str
        ``therapist`` or ``patient``, for the names of the coefficients.
    """
    known = groups.notna()
    components = one_way(scores[known], groups[known])
    if components is None:
        return []
    size = (components.n, len(components.sizes))
    rows = [
        (f"icc_{level}", *components.icc, *size),
        (f"lambda_{level}_mean", *components.mean_reliability(), *size),
    ]
    complete = items[known & items.notna().all(axis=1)]
    # An item with the same answer throughout adds nothing to what the sum differs by.
    varying = complete.std() > 1e-9
    complete = complete if varying.all() else complete.loc[:, varying]
    enough = len(components.sizes) >= FEWEST_GROUPS and complete.shape[1] > 2
    fitted = fit_two_level(complete.to_numpy(float), pd.factorize(groups[complete.index])[0]) if enough else None
    if fitted is not None:
        size = (len(complete), fitted.n_groups)
        # Where groups may not differ at all, what they differ in has no reliability.
        between = fitted.between if components.icc[1] > 0 else (np.nan,) * 3
        rows += [
            (f"omega_within_{level}", *fitted.within, *size),
            (f"omega_between_{level}", *between, *size),
        ]
    return rows


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

    Parameters
    ----------
    measures : DataFrame
        Answers: a row a person and occasion, items ``i01`` and so on, with person, role, about and occasion.
    instrument : Instrument
        Its key.
    scores : DataFrame, optional
        Scores of the same rows; by default made from the answers.

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
            full = items.dropna()
            levels = [("alpha", *alpha(full), len(full), None), ("omega_total", *omega_total(full), len(full), None)]
            if role == "patient" and "therapist" in group and group["therapist"].notna().any():
                levels += level_rows(scores.loc[group.index, name], items, group["therapist"], "therapist")
            rows += [_row(instrument, name, role, about, occasion, row) for row in levels]
    for (role, about), group in repeated(measures):
        for name in instrument.all_scales():
            items, values = keyed(group, instrument, name), scores.loc[group.index, name]
            items, values = (x - x.groupby(group["occasion"]).transform("mean") for x in (items, values))
            levels = level_rows(values, items, group["person"], "patient")
            rows += [_row(instrument, name, role, about, ALL, row) for row in levels]
    return (
        pd.DataFrame(rows, columns=COLUMNS)
        .sort_values(["scale", "role", "occasion"], kind="stable", ignore_index=True)
        .astype({"n_groups": "Int64"})
    )


def _row(instrument: Instrument, name: str, role: str, about: str | None, occasion: str, numbers: tuple) -> tuple:
    coefficient, value, low, high, n, n_groups = numbers
    label = name if about is None else f"{name} (about {about})"
    n_items = len(instrument.all_scales()[name].items)
    return (instrument.id, label, role, occasion, coefficient, value, low, high, n, n_items, n_groups)


def alpha(items: pd.DataFrame, level: float = 0.95) -> tuple[float, float, float]:
    """Alpha and its interval from complete rows; NaN where it does not exist.

    The same number as ``pingouin.cronbach_alpha``, whose import takes longer than all else for one questionnaire.
    """
    n, k = items.shape
    nothing = (np.nan, np.nan, np.nan)
    if k < 2 or n < 3 or not items.sum(axis=1).var() > 1e-12:
        return nothing
    covariance = items.cov()
    value = float(k / (k - 1) * (1 - np.trace(covariance) / covariance.sum().sum()))
    return value, *alpha_limits(value, n, k, level)


def alpha_limits(value: float, n: int, k: int, level: float = 0.95) -> tuple[float, float]:
    """Limits of alpha of k items from n complete forms; pingouin's are the same, rounded to three decimals."""
    tail, df = (1 - level) / 2, (n - 1, (n - 1) * (k - 1))
    return float(1 - (1 - value) * fdtri(*df, 1 - tail)), float(1 - (1 - value) * fdtri(*df, tail))


def groups(measures: pd.DataFrame) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """Rows by role, target and occasion (target None where there is one only), one row a person."""
    several = len(measures["about"].unique()) > 1
    for (role, about, occasion), group in by_occasion(measures):
        yield (role, about if several else None, occasion), group


def repeated(measures: pd.DataFrame) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """Rows by role and target (target None where there is one only), where some person has several."""
    several = len(measures["about"].unique()) > 1
    known = measures[["role", "about", "person"]].reset_index(drop=True)
    for (role, about), group in known.groupby(["role", "about"], sort=True, dropna=False):
        if group["person"].duplicated().any():
            rows = measures if len(group) == len(measures) else measures.iloc[group.index]
            yield (role, about if several else None), rows


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
