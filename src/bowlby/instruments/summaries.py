"""The tables that the score stage writes about one instrument, beside its scores."""

from __future__ import annotations

import pandas as pd

from bowlby.instruments import audit, outcomes, reliability, severity, styles
from bowlby.instruments.model import Instrument

COLUMNS = {
    "reliability": reliability.COLUMNS,
    "keying_audit": audit.COLUMNS,
    "severity": severity.COLUMNS,
    "styles": styles.COLUMNS,
    "change": outcomes.COLUMNS,
}


def summarise(
    scores: pd.DataFrame,
    items: pd.DataFrame | None,
    instrument: Instrument,
    occasions: tuple[str, str],
    shareable: bool,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> dict[str, pd.DataFrame]:
    """All tables about one instrument.

    Parameters
    ----------
    scores : DataFrame
        As :func:`bowlby.instruments.scoring.score` or :func:`bowlby.instruments.scoring.given` make them.
    items : DataFrame or None
        The answers, index of their scores; None where all scores or categories were given.
    instrument : Instrument
        The key.
    occasions : tuple of str
        From and to, for change.
    shareable : bool
        Whether counts that could tell one person are hidden.
    measures : DataFrame, optional
        What the scores were made from, same index, with their files; by default the items.
    sites : dict of Series, optional
        By role, the site of each person.

    Returns
    -------
    dict of str to DataFrame
        A table for each name in ``COLUMNS``, with those columns.
    """
    none = _empty("reliability")
    return {
        "reliability": none if items is None else reliability.reliability(items, instrument, scores.loc[items.index]),
        "keying_audit": key_audit(scores, items, instrument, measures, sites),
        "severity": severity.severity(scores, items, instrument, shareable),
        "styles": styles.style_counts(scores, instrument, shareable),
        "change": outcomes.change(scores, items, instrument, occasions, shareable),
    }


def key_audit(
    scores: pd.DataFrame,
    items: pd.DataFrame | None,
    instrument: Instrument,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """The audit of an instrument's key; parameters as for :func:`summarise`."""
    if items is None:
        return audit.audit_given(scores, instrument, measures, sites)
    return audit.audit(items, instrument, scores.loc[items.index], sites)


def stack(tables: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of several instruments, one under the other; not each has every table."""
    found = {}
    for name, columns in COLUMNS.items():
        full = [t[name] for t in tables if len(t.get(name, ()))]
        found[name] = pd.concat(full, ignore_index=True)[columns] if full else _empty(name)
    return found


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=COLUMNS[name])
