"""Reliable change of attachment style: larger than the error of measurement on each dimension that changed side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bowlby.instruments.clinical_significance import JT_CRITICAL, error_of_measurement
from bowlby.instruments.model import Instrument
from bowlby.instruments.outcomes import spreads
from bowlby.instruments.styles import position


def reliable_shifts(
    pre: pd.DataFrame, post: pd.DataFrame, instrument: Instrument, items: pd.DataFrame | None, before: str
) -> tuple[np.ndarray | None, dict[str, Any]]:
    """Which patients changed reliably on every dimension on which they changed side.

    Parameters
    ----------
    pre, post : DataFrame
        Scores of the same patients in the same order.
    instrument : Instrument
    items : DataFrame or None
        The answers to its items, for the reliability in this sample.
    before : str
        Occasion before treatment.

    Returns
    -------
    reliable : ndarray of bool, shape (n_patients,), or None
        False also for those who changed side on no dimension; None where it cannot be known: categories from raters or
        prototypes, or scales without SD or reliability.
    sources : dict
        By scale: SD, reliability and where they come from.

    Notes
    -----
    The position on a dimension is the mean of its scales in half ranges from the midpoint. With the standard errors of
    measurement e_s of k scales in these units, the index is the change over ``sqrt(2 sum e_s^2) / k`` (Jacobson & Truax
    1991 for k = 1); 1.96 is reliable at 5%.
    """
    rule = instrument.style
    if rule is None or rule.prototypes:
        return None, {}
    reliable, sources = np.ones(len(pre), bool), {}
    changed = np.zeros(len(pre), bool)
    for scales in (rule.anxiety, rule.avoidance or rule.closeness):
        errors = []
        for scale in scales:
            known = spreads(instrument, scale, _values(pre, scale), items, before)
            if not known:
                return None, {}
            spread = next(iter(known.values()))
            low, high = instrument.range_of(scale)
            errors.append(2 * error_of_measurement(spread.sd, spread.reliability) / (high - low))
            sources[scale] = {"sd": spread.sd, "sd_source": spread.sd_source, "reliability": spread.reliability,
                              "reliability_source": spread.reliability_source}  # fmt: skip
        one, other = (position(rows, instrument, scales) for rows in (pre, post))
        error = np.sqrt(2 * np.square(errors).sum()) / len(scales)
        crossed = np.sign(one) != np.sign(other)
        changed |= crossed
        reliable &= ~crossed | (np.abs(other - one) >= JT_CRITICAL * error)
    return reliable & changed, sources


def _values(rows: pd.DataFrame, scale: str) -> np.ndarray:
    return rows[scale].to_numpy(float, na_value=np.nan)
