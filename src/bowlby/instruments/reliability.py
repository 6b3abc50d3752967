"""Reliability of every scale, by who answered and when: alpha, omega, within and between therapists or patients.

Of scales that therapists or patients share the share of variance between them is estimated, and the reliability of
each level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtri

from bowlby.instruments.cells import by_occasion, codes, rows_of
from bowlby.instruments.factor_models import Products, omega_total, products
from bowlby.instruments.item_agreement import centred
from bowlby.instruments.model import Instrument
from bowlby.instruments.scoring import check_items, item_name, keyed, keyed_items, score
from bowlby.instruments.two_level_factors import FEWEST_GROUPS, Moments, fit_two_level

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
    values, groups = np.asarray(values, dtype=float), pd.factorize(pd.Series(groups).array)[0]
    known = ~np.isnan(values) & (groups >= 0)
    values, groups = values[known], groups[known]
    sizes = np.bincount(groups)
    sizes, there = sizes[sizes > 0], sizes > 0
    n, k = len(values), len(sizes)
    if k < 2 or n <= k:
        return None
    values = values - values.mean()
    between = np.sum(np.bincount(groups, values)[there] ** 2 / sizes) / (k - 1)
    whole = np.sum(values**2)
    within = (whole - between * (k - 1)) / (n - k)
    if not within > 1e-12 * max(whole, 1e-300):
        return None
    effective = (n - np.sum(sizes**2) / n) / (k - 1)
    ratio, tail = between / within, (1 - level) / 2
    limits = (ratio / fdtri(k - 1, n - k, 1 - tail), ratio * fdtri(n - k, k - 1, 1 - tail))
    share, low, high = (float((x - 1) / (x + effective - 1)) for x in (ratio, *limits))
    return OneWay(float((between - within) / effective), float(within), (share, low, high), sizes)


def level_rows(
    scores: np.ndarray, items: list[np.ndarray], groups: np.ndarray, level: str, cells: np.ndarray | None = None
) -> list[tuple]:
    """Rows (coefficient, value, low, high, n, n_groups) about one level of grouping.

    Parameters
    ----------
    scores : ndarray, shape (n_rows,)
        Scale scores.
    items : list of ndarray, each of shape (n_rows,)
        Keyed items of the same rows.
    groups : ndarray of int, shape (n_rows,)
        Group of each row, from 0; negative where it has none.
    level : str
        ``therapist`` or ``patient``, for the names of the coefficients.
    cells : ndarray of int, shape (n_rows,), optional
        Cells whose means are taken out, from 0.
    """
    if cells is not None:
        scores = centred(scores[:, None], cells)[:, 0]
    known = groups >= 0
    components = one_way(scores[known], groups[known])
    if components is None:
        return []
    size = (components.n, len(components.sizes))
    rows = [
        (f"icc_{level}", *components.icc, *size),
        (f"lambda_{level}_mean", *components.mean_reliability(), *size),
    ]
    if len(components.sizes) < FEWEST_GROUPS or len(items) < 3:
        return rows
    moments = Moments(items, groups, cells)
    # An item with the same answer throughout adds nothing to what the sum differs by.
    fitted = fit_two_level(moments.of(moments.sd > 1e-9))
    if fitted is not None:
        size = (moments.n, fitted.n_groups)
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
    columns = [item_name(n) for n in range(1, instrument.n_items + 1)]
    person, occasions = codes(measures["person"]), codes(measures["occasion"])
    therapist = codes(measures["therapist"]) if "therapist" in measures else np.full(len(measures), -1)
    several, rows = len(measures["about"].unique()) > 1, []
    for (role, about, occasion), own in by_occasion(measures):
        answers = measures[columns].iloc[own]
        for name in instrument.all_scales():
            items = list(keyed_items(answers, instrument, name).values())
            full = products(items)
            levels = [("alpha", *alpha(full), full.n, None), ("omega_total", *omega_total(full), full.n, None)]
            if role == "patient" and therapist[own].max(initial=-1) >= 0:
                values = scores[name].to_numpy(float)[own]
                levels += level_rows(values, items, therapist[own], "therapist")
            rows += [_row(instrument, name, role, about if several else None, occasion, row) for row in levels]
    for (role, about), own in rows_of(measures, ["role", "about"]):
        if len(own) == np.count_nonzero(np.bincount(person[own])):
            continue
        answers = measures[columns] if len(own) == len(measures) else measures[columns].iloc[own]
        group = np.where(occasions[own] < 0, -1, person[own])
        for name in instrument.all_scales():
            items = list(keyed_items(answers, instrument, name).values())
            levels = level_rows(scores[name].to_numpy(float)[own], items, group, "patient", occasions[own] + 1)
            rows += [_row(instrument, name, role, about if several else None, ALL, row) for row in levels]
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


def alpha(items: Products, level: float = 0.95) -> tuple[float, float, float]:
    """Alpha and its interval from complete rows; NaN where it does not exist.

    The same number as ``pingouin.cronbach_alpha``, whose import takes longer than all else for one questionnaire.
    """
    n, _, cross = items
    k, whole = len(cross), cross.sum()
    if k < 2 or n < 3 or not whole / (n - 1) > 1e-12:
        return np.nan, np.nan, np.nan
    value = float(k / (k - 1) * (1 - np.trace(cross) / whole))
    return value, *alpha_limits(value, n, k, level)


def alpha_limits(value: float, n: int, k: int, level: float = 0.95) -> tuple[float, float]:
    """Limits of alpha of k items from n complete forms; pingouin's are the same, rounded to three decimals."""
    tail, df = (1 - level) / 2, (n - 1, (n - 1) * (k - 1))
    return float(1 - (1 - value) * fdtri(*df, 1 - tail)), float(1 - (1 - value) * fdtri(*df, tail))


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
