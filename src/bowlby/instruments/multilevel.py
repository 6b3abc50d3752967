"""How much of a scale's variance is between therapists or patients, and how reliable each level is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f

from bowlby.instruments.twolevel import FEWEST_GROUPS, fit_two_level

ALL = "all occasions"


@dataclass(frozen=True)
class OneWay:
    """Variance between and within groups, from the one-way analysis of variance.

    Attributes
    ----------
    between, within : float
        Variance components; ``between`` may be negative.
    icc : tuple of float
        Share between groups with its 95 % interval (exact where groups are of one size, else with their effective
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
        return tuple(float(np.mean(self.sizes * s / (1 + (self.sizes - 1) * s))) for s in shares)


def one_way(values, groups, level: float = 0.95) -> OneWay | None:
    """Variance components of scores in groups; None with under two groups, no repetition or no variance.

    References
    ----------
    Shrout & Fleiss (1979), Psychol Bull 86:420-428 (their ICC(1,1), and of groups of one size ICC(1,k)); Searle (1971),
    Linear models, ch. 9, for groups of several sizes.
    """
    table = pd.DataFrame({"value": np.asarray(values, dtype=float), "group": np.asarray(groups, dtype=object)}).dropna()
    found = table.groupby("group")["value"].agg(["size", "mean"])
    n, k = len(table), len(found)
    if k < 2 or n <= k:
        return None
    sizes, means = found["size"].to_numpy(), found["mean"].to_numpy()
    between = np.sum(sizes * (means - table["value"].mean()) ** 2) / (k - 1)
    whole = np.sum((table["value"] - table["value"].mean()) ** 2)
    within = (whole - between * (k - 1)) / (n - k)
    if not within > 1e-12 * max(whole, 1e-300):
        return None
    effective = (n - np.sum(sizes**2) / n) / (k - 1)
    ratio, tail = between / within, (1 - level) / 2
    limits = (ratio / f.isf(tail, k - 1, n - k), ratio * f.isf(tail, n - k, k - 1))
    icc = tuple(float((x - 1) / (x + effective - 1)) for x in (ratio, *limits))
    return OneWay(float((between - within) / effective), float(within), icc, sizes)


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
    found = one_way(scores[known], groups[known])
    if found is None:
        return []
    size = (found.n, len(found.sizes))
    rows = [
        (f"icc_{level}", *found.icc, *size),
        (f"lambda_{level}_mean", *found.mean_reliability(), *size),
    ]
    complete = items[known].dropna()
    # An item with the same answer throughout adds nothing to what the sum differs by.
    complete = complete.loc[:, complete.std() > 1e-9]
    enough = len(found.sizes) >= FEWEST_GROUPS and complete.shape[1] > 2
    fitted = fit_two_level(complete.to_numpy(float), pd.factorize(groups[complete.index])[0]) if enough else None
    if fitted is not None:
        size = (len(complete), fitted.n_groups)
        # Where groups may not differ at all, what they differ in has no reliability.
        between = fitted.between if found.icc[1] > 0 else (np.nan,) * 3
        rows += [
            (f"omega_within_{level}", *fitted.within, *size),
            (f"omega_between_{level}", *between, *size),
        ]
    return rows
