"""Do the scales of different questionnaires go the way that their meaning says? One that is turned goes against all."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from bowlby.instruments.audit import COLUMNS
from bowlby.instruments.counts import one_each
from bowlby.instruments.model import Instrument

FEWEST = 30
AGAINST, SURE = -0.3, -3.3
SIGN = {"worse": -1.0, "better": 1.0}
CHECK = "other_instruments"
TURNED = "one of the two looks reversed as a whole; compare the direction of the answers of both with your forms"


def directed(scores: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Scales of an instrument that are better or worse when higher, all turned so that higher is better.

    Returns
    -------
    DataFrame
        Index role, occasion, person (one row each, the first); a column for each scale, of an instrument with a total
        the total only. Empty where the answers are about several people.
    """
    names = ["total"] if instrument.total else list(instrument.scales)
    scales = instrument.all_scales()
    wanted = [n for n in names if scales[n].higher in SIGN and n in scores.columns]
    if not wanted or len(scores["about"].unique()) > 1:
        return pd.DataFrame()
    parts = [one_each(group) for _, group in scores.groupby(["role", "occasion"], dropna=False)]
    first = pd.concat(parts).set_index(["role", "occasion", "person"])
    return pd.DataFrame({n: SIGN[scales[n].higher] * first[n].astype(float) for n in wanted})


def across(scales: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Pairs of scales of different instruments that the same persons answered at the same occasion.

    They may have little to do with each other; but higher being better in both, they do not go clearly against each
    other (a correlation under -.30, surely under 0).

    Parameters
    ----------
    scales : dict of DataFrame
        By instrument, from :func:`directed`.

    Returns
    -------
    DataFrame
        Columns as of :func:`bowlby.instruments.audit.audit`, one row for each pair with 30 persons: that with the most
        of the occasions.
    """
    rows = []
    for (first, a), (second, b) in combinations(sorted(scales.items()), 2):
        if a.empty or b.empty:
            continue
        both = a.add_prefix("a ").join(b.add_prefix("b "), how="inner")
        for one in a.columns:
            for other in b.columns:
                found = _largest(both[[f"a {one}", f"b {other}"]].dropna())
                if found is not None:
                    rows.append((first, one, None, CHECK, *_told(*found, f"{second} {other}")))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"item": "Int64"})


def _largest(pair: pd.DataFrame) -> tuple[str, np.ndarray] | None:
    """Role and occasion with the most persons, and their two scores."""
    groups = [(key, group.to_numpy()) for key, group in pair.groupby(level=["role", "occasion"])]
    groups = [(key, values) for key, values in groups if len(values) >= FEWEST and (values.std(axis=0) > 1e-9).all()]
    if not groups:
        return None
    (role, occasion), values = max(groups, key=lambda g: len(g[1]))
    return f"{role}{f', {occasion}' if occasion else ''}", values


def _told(where: str, values: np.ndarray, other: str) -> tuple:
    r = float(np.corrcoef(values.T)[0, 1])
    sure = np.arctanh(np.clip(r, -0.999999, 0.999999)) * np.sqrt(len(values) - 3) < SURE
    bad = r < AGAINST and sure
    verdict, advice = ("suspicious", TURNED) if bad else ("ok", "")
    return f"{r:.2f} with {other} ({where})", f"> {AGAINST:.2f}, higher being better in both", verdict, advice
