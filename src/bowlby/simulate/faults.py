"""Answers to a questionnaire as its norms have them, and the same with one known fault: to try the audit of keys."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bowlby.instruments.evidence import in_score_units, middle
from bowlby.instruments.model import Instrument
from bowlby.instruments.scoring import item_name

R_BETWEEN, R_OF_TOTAL = 0.35, 0.6
LOADINGS = (0.5, 0.75)
SPREAD = 0.08


def answers(instrument: Instrument, seed: int, n: int = 150) -> pd.DataFrame:
    """Answers of ``n`` patients, one factor a scale.

    Item means lie around the published clinical mean (or the midpoint), an SD is a quarter of the range, loadings give
    the published alpha (or are from .50 to .75), and scales correlate as published, or in the direction of their
    meaning (.60 where they make a total, .35 where not).
    """
    random = np.random.default_rng(seed)
    low, high = instrument.response
    home = _home(instrument)
    names = list(dict.fromkeys(home.values()))
    factors = random.multivariate_normal(np.zeros(len(names)), _correlations(instrument, names), n, method="eigh")
    found = {}
    for number, scale in sorted(home.items()):
        bounds, sd = _loadings(instrument, scale), (high - low) / 4
        loading = random.uniform(*bounds)
        mean = _item_mean(instrument, scale) + random.normal(0, 0.08) * (high - low)
        latent = loading * factors[:, names.index(scale)] + np.sqrt(1 - loading**2) * random.standard_normal(n)
        answer = np.clip(np.round(mean + sd * latent), low, high)
        found[item_name(number)] = low + high - answer if number in instrument.scales[scale].reverse else answer
    for number in range(1, instrument.n_items + 1):
        if number not in home:
            found[item_name(number)] = random.integers(low, high + 1, n).astype(float)
    head = {
        "person": [f"p{i}" for i in range(n)],
        "role": "patient",
        "about": "self",
        "occasion": "intake",
        "session": pd.array([pd.NA] * n, dtype="Int64"),
    }
    return pd.DataFrame(head | dict(sorted(found.items())))


def turned(data: pd.DataFrame, instrument: Instrument, items: list[int]) -> pd.DataFrame:
    """Some items the other way round."""
    low, high = instrument.response
    return data.assign(**{c: low + high - data[c] for c in map(item_name, items)})


def turned_scale(data: pd.DataFrame, instrument: Instrument, scale: str) -> pd.DataFrame:
    """All items of a scale the other way round."""
    return turned(data, instrument, instrument.all_scales()[scale].items)


def fewer_categories(data: pd.DataFrame, instrument: Instrument, categories: int = 5) -> pd.DataFrame:
    """The answers on a form with fewer categories, counted from the same lowest one."""
    low, high = instrument.response
    columns = _items(data)
    return data.assign(**{c: np.round(low + (data[c] - low) * (categories - 1) / (high - low)) for c in columns})


def shuffled_columns(data: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The item columns in another order."""
    columns = _items(data)
    order = np.random.default_rng(seed).permutation(columns)
    return data.assign(**dict(zip(columns, data[list(order)].to_numpy().T)))


def straight_lines(data: pd.DataFrame, instrument: Instrument, seed: int, share: float = 0.05) -> pd.DataFrame:
    """Some forms with the same answer to everything."""
    random = np.random.default_rng(seed)
    found, rows = data.copy(), random.choice(len(data), max(1, round(share * len(data))), replace=False)
    low, high = instrument.response
    columns = _items(data)
    found.loc[rows, columns] = np.repeat(random.integers(low, high + 1, (len(rows), 1)), len(columns), 1).astype(float)
    return found


def copied_forms(data: pd.DataFrame, seed: int, copies: int = 2) -> pd.DataFrame:
    """Some persons with the answers of others."""
    random = np.random.default_rng(seed)
    rows = random.choice(len(data), 2 * copies, replace=False)
    found = data.copy()
    found.loc[rows[:copies], _items(data)] = data.loc[rows[copies:], _items(data)].to_numpy()
    return found


Fault = Callable[[pd.DataFrame, Instrument, int], pd.DataFrame]


def _items(data: pd.DataFrame) -> list[str]:
    return [c for c in data.columns if c[0] == "i" and c[1:].isdigit()]


def _home(instrument: Instrument) -> dict[int, str]:
    """The first scale of each item."""
    return {i: name for name, scale in reversed(instrument.scales.items()) for i in scale.items}


def _item_mean(instrument: Instrument, scale: str) -> float:
    for name in (scale, "total"):
        for norm in instrument.norm_table:
            if norm.scale == name and norm.population == "clinical" and norm.mean is not None:
                mean, _ = in_score_units(instrument, norm)
                return mean / (len(instrument.all_scales()[name].items) if instrument.how(name) == "sum" else 1)
    return sum(instrument.response) / 2


def _loadings(instrument: Instrument, scale: str) -> tuple[float, float]:
    """Lowest and highest loading of a scale's items; answers in steps lose a little, which is added."""
    k = len(instrument.scales[scale].items)
    for norm in instrument.norm_table:
        if norm.scale == scale and norm.alpha is not None and k > 1:
            alpha = middle(norm.alpha)
            loading = min(np.sqrt(alpha / (k - (k - 1) * alpha)) + 0.04, 0.95 - SPREAD)
            return loading - SPREAD, loading + SPREAD
    return LOADINGS


def _correlations(instrument: Instrument, names: list[str]) -> np.ndarray:
    sign = {"better": 1, "worse": -1}
    signs = np.array([sign.get(instrument.scales[n].higher, 0) for n in names])
    r = R_OF_TOTAL if instrument.total else R_BETWEEN
    matrix = r * np.outer(signs, signs) + (1 - r * signs**2) * np.eye(len(names))
    for relation in instrument.relations:
        if all(s in names for s in relation.scales):
            i, j = (names.index(s) for s in relation.scales)
            matrix[i, j] = matrix[j, i] = middle(relation.r)
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.maximum(values, 0.01)) @ vectors.T
