"""Do totals that a file brings beside its items agree with the items?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.model import Instrument
from bowlby.instruments.parts import Finding
from bowlby.instruments.scoring import item_name

SLACK = 1e-6
UNREVERSED = "the file's totals are made of items that are not reversed; do not use them"
AS_ZERO = "the file's totals leave missing items out of the sum; do not use them where items are missing"
OTHER = "find out how the file's totals were made; the items are scored by the key"


def given_totals(measures: pd.DataFrame, scores: pd.DataFrame, instrument: Instrument) -> list[Finding]:
    """Findings for each scale that is also given as a score.

    A given total agrees if it is the score that the key makes of the items, as a sum or as a mean. Where it does not,
    the advice says so if it is the score of unreversed items, or the sum with missing items left out.
    """
    rows = []
    for name, scale in instrument.all_scales().items():
        if name not in measures.columns or not pd.api.types.is_numeric_dtype(measures[name]):
            continue
        given = measures[name].to_numpy(float, na_value=np.nan)
        made = scores[name].to_numpy(float, na_value=np.nan)
        n = instrument.terms(name) if instrument.how(name) != "mean" else len(scale.items)
        there = np.isfinite(given) & np.isfinite(made)
        if not there.any():
            rows.append(Finding(name, None, "given_total", "no form with items and total", "", "not_testable"))
            continue
        own = made / n if instrument.how(name) == "sum" else made * n
        differ = min((~_same(given, kind))[there].sum() for kind in (made, own))
        advice = _reason(given, measures, instrument, scale, there, int(differ)) if differ else ""
        verdict = "ok" if not differ else "wrong" if differ > 0.05 * there.sum() else "suspicious"
        observed = f"{int(differ)} of {int(there.sum())} differ"
        rows.append(Finding(name, None, "given_total", observed, "0 differ from the items", verdict, advice))
    return rows


def _reason(given, measures: pd.DataFrame, instrument: Instrument, scale, there: np.ndarray, differ: int) -> str:
    answers = measures[[item_name(i) for i in scale.items]].to_numpy(float, na_value=np.nan)
    low, high = instrument.response
    turned = np.array([i in scale.reverse for i in scale.items])
    keyed = np.where(turned, low + high - answers, answers)
    complete = np.isfinite(answers).all(axis=1) & there
    for values, rows, reason in (
        (answers, complete, UNREVERSED if scale.reverse else ""),
        (keyed, there, AS_ZERO),
    ):
        total = np.nansum(values, axis=1)
        wrong = min((~_same(given, kind))[rows].sum() for kind in (total, total / len(scale.items)))
        if reason and rows.any() and wrong < 0.5 * differ:
            return reason
    return OTHER


def _same(given: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Equal, or equal as rounded to two decimals in the file."""
    return np.abs(given - made) <= np.where(np.abs(given * 100 - np.round(given * 100)) < SLACK, 0.005 + SLACK, SLACK)
