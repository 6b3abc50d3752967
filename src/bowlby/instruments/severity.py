"""How many persons are in each band of severity, beyond each cut-off, and in danger, by role and occasion."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import hide_bands, hide_totals, safe_cut, small
from bowlby.instruments.model import Instrument
from bowlby.instruments.occasions import by_occasion
from bowlby.instruments.scoring import item_name

COLUMNS = [
    "instrument",
    "scale",
    "role",
    "about",
    "occasion",
    "kind",
    "name",
    "class",
    "lowest",
    "count",
    "of",
    "suppressed",
    "source",
    "confidence",
    "note",
]
NO_ITEMS = "not available: scores given"


def severity(
    scores: pd.DataFrame, measures: pd.DataFrame | None, instrument: Instrument, shareable: bool = True
) -> pd.DataFrame:
    """Counts of severity bands (``band``), of cases (``caseness``) and of answers that tell of danger (``flag``).

    Parameters
    ----------
    scores : DataFrame
        As :func:`bowlby.instruments.scoring.score` gives them.
    measures : DataFrame or None
        The items, for the flags; None where scores were given.
    instrument : Instrument
        The key with its published cut-offs.
    shareable : bool
        Whether cells that could tell one person are hidden.

    Returns
    -------
    DataFrame
        One row for each role, target, occasion and class, also where nobody is in it; ``count`` of ``of`` persons
        with a score, null with ``suppressed`` where hidden.
    """
    rows = []
    if instrument.severity or instrument.caseness:
        for key, group in by_occasion(scores):
            rows += _bands(key, group, instrument, shareable)
    for name, items in instrument.item_flags.items():
        columns = [item_name(i) for i in items]
        for key, group in by_occasion(scores if measures is None else measures):
            if measures is None:
                rows.append(("", *key, "flag", name, "yes", None, None, None, False, "", "", NO_ITEMS))
                continue
            flagged = flag(group, instrument, columns)
            n, of = int(flagged.sum()), int(flagged.notna().sum())
            hidden = shareable and (small(n) or small(of - n))
            rows.append(("", *key, "flag", name, "yes", None, None if hidden else n, of, hidden, "", "", _note(items)))
    table = pd.DataFrame(rows, columns=COLUMNS[1:])
    table.insert(0, "instrument", instrument.id)
    return hide_totals(table.astype({"lowest": float}), shareable)


def flag(measures: pd.DataFrame, instrument: Instrument, columns: list[str]) -> pd.Series:
    """Whether any of some items is answered above the lowest answer; null where none is answered."""
    above = measures[columns].gt(instrument.response[0]).any(axis=1)
    return above.astype("boolean").mask(measures[columns].isna().all(axis=1))


def _note(items: list[int]) -> str:
    return f"item{'s' if len(items) > 1 else ''} {', '.join(map(str, items))} above the lowest answer"


def _bands(key: tuple, group: pd.DataFrame, instrument: Instrument, shareable: bool) -> list[tuple]:
    rows = []
    for scale in dict.fromkeys(e.scale for e in (*instrument.severity, *instrument.caseness)):
        values = group[scale].to_numpy(float, na_value=np.nan) if scale in group else np.array([])
        values = values[np.isfinite(values)]
        if scale not in group or not len(values):
            continue
        # Scores are sums of decimals; one that stands on a cut-off must not fall below it by rounding.
        values = np.round(values, 9)
        known: list[float] = []
        for entry in (e for e in instrument.severity if e.scale == scale):
            starts = [b.lowest for b in entry.bands]
            counts = np.histogram(values, [*starts, np.inf])[0]
            hidden = hide_bands(counts, shareable)
            for n, start in enumerate(starts[1:], 1):
                if hidden[n] and hidden[n - 1]:
                    continue
                # Bands of another scheme tell the number between its cut-off and this one.
                if safe_cut(values, start, known, shareable):
                    known.append(start)
                else:
                    hidden[n - 1] = hidden[n] = True
            for band, count, hide in zip(entry.bands, counts, hidden):
                head = (scale, *key, "band", entry.name, band.name, band.lowest)
                rows.append(_row(head, count, len(values), hide, entry))
        for entry in (e for e in instrument.caseness if e.scale == scale):
            worse = instrument.all_scales()[scale].higher == "worse"
            cut = entry.at if worse else np.nextafter(entry.at, np.inf)
            count = int((values >= entry.at).sum() if worse else (values <= entry.at).sum())
            safe = safe_cut(values, cut, known, shareable)
            known += [cut] if safe else []
            head = (scale, *key, "caseness", entry.name, "case", entry.at)
            rows.append(_row(head, count, len(values), not safe, entry))
    return rows


def _row(head: tuple, count: int, of: int, hidden: bool, entry) -> tuple:
    return (*head, None if hidden else int(count), of, hidden, entry.source, entry.confidence, "")
