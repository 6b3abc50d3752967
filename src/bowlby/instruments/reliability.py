"""Cronbach's alpha of every scale, by who answered and when."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bowlby.instruments.model import Instrument
from bowlby.instruments.scoring import check_items, keyed

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
]


def reliability(measures: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Alpha with Feldt's 95% interval for each scale, role and occasion.

    Uses persons with all items of the scale answered, and of a person with several sessions in one occasion
    the first, because the interval counts independent persons. Where answers about several people are in the
    file, each has its own row, named in ``scale``. What cannot be computed (one item, under 3 persons, no
    variance) is null with its N.

    Returns
    -------
    DataFrame
        Columns instrument, scale, role, occasion, coefficient, value, ci_low, ci_high, n, n_items.
    """
    check_items(measures, instrument)
    rows = []
    for (role, about, occasion), group in groups(measures):
        for name, scale in instrument.all_scales().items():
            items = keyed(group, instrument, name).dropna()
            value, low, high = alpha(items)
            label = name if about is None else f"{name} (about {about})"
            rows.append(
                (
                    instrument.id,
                    label,
                    role,
                    occasion,
                    "alpha",
                    value,
                    low,
                    high,
                    len(items),
                    len(scale.items),
                )
            )
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(
        ["scale", "role", "occasion"], kind="stable", ignore_index=True
    )


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
    for (role, about, occasion), group in measures.groupby(
        ["role", "about", "occasion"], sort=True, dropna=False
    ):
        first = group.sort_values("session", kind="stable") if "session" in group.columns else group
        yield (role, about if several else None, occasion), first.drop_duplicates("person")
