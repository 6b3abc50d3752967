"""Does the key fit the data? Signs and patterns that a wrong key or file leaves; data stay as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.agreement import centred, correlations
from bowlby.instruments.directions import direction_checks
from bowlby.instruments.highest_answer import highest_answer
from bowlby.instruments.item_checks import SURE, TURN, level_of, scale_checks, sign, strength
from bowlby.instruments.model import Instrument
from bowlby.instruments.norm_checks import norm_checks
from bowlby.instruments.order import order_check
from bowlby.instruments.parts import FEWEST, Finding, Part, by_part, sample
from bowlby.instruments.patterns import form_checks, one_answer
from bowlby.instruments.scoring import item_name, keyed
from bowlby.instruments.totals import given_totals

COLUMNS = ["instrument", "part", "scale", "item", "check", "observed", "expected", "verdict", "advice"]
CONFIRM = "confirm against your licensed copy, or put your key in config/instruments/{id}.yaml"


def audit(
    measures: pd.DataFrame,
    instrument: Instrument,
    scores: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """Audit the key of an instrument.

    Items are compared within role, target and occasion, so that differences between these cannot stand in for
    agreement between items, and with one row a person in each: over all forms, and by themselves in each role,
    occasion, file and site with 30 persons. A fault that is confined to one of these is given with its name.

    Parameters
    ----------
    measures : DataFrame
        As for :func:`bowlby.instruments.scoring.score`, values out of range included.
    instrument : Instrument
        The key.
    scores : DataFrame, optional
        The scores made of these answers, same index; without them scales are not compared with norms.
    sites : dict of Series, optional
        By role, the site of each person.

    Returns
    -------
    DataFrame
        Columns instrument, part (role, occasion, file, site that the row is about; empty: all forms), scale, item,
        check, observed, expected, verdict (ok, suspicious, wrong, not_testable), advice.
    """
    columns = [c for n in range(1, instrument.n_items + 1) if (c := item_name(n)) in measures.columns]
    low, high = instrument.response
    clean = measures.copy(deep=False)
    clean[columns] = measures[columns].where((measures[columns] >= low) & (measures[columns] <= high))
    forms = sample(clean, sites)
    forms = forms[~one_answer(forms[columns].to_numpy(float, na_value=np.nan), instrument)]
    items = _item_findings(forms, instrument) if len(forms) else []
    reversed_ = any(f.check == "already_reversed" and f.alarm for _, f in items)
    rows = [("", _confidence(instrument, name)) for name in instrument.all_scales()]
    rows += [("", row) for row in form_checks(measures, instrument, columns, reversed_)]
    rows += items
    if scores is not None:
        rows += norm_checks(scores, clean, instrument)
        rows += direction_checks(forms, scores, instrument)
        rows += [("", row) for row in given_totals(measures, scores, instrument)]
    return _table(rows, instrument)


def audit_given(
    scores: pd.DataFrame,
    instrument: Instrument,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """Audit scores that were given: whether they look like the norms, and go one way in all parts.

    Parameters
    ----------
    scores : DataFrame
        From :func:`bowlby.instruments.scoring.given`.
    instrument : Instrument
        The key.
    measures : DataFrame, optional
        What the scores were taken from, same index, with their files.
    sites : dict of Series, optional
        By role, the site of each person.

    Returns
    -------
    DataFrame
        Columns as for :func:`audit`.
    """
    rows = norm_checks(scores, None, instrument)
    rows += direction_checks(sample(scores if measures is None else measures, sites), scores, instrument)
    return _table(rows, instrument)


def _table(rows: list[tuple[str, Finding]], instrument: Instrument) -> pd.DataFrame:
    table = findings_table([(instrument.id, part, row) for part, row in rows])
    table["advice"] = table["advice"].str.replace("{id}", instrument.id, regex=False)
    return table


def findings_table(rows: list[tuple[str, str, Finding]]) -> pd.DataFrame:
    """Instrument, part and finding as a table with the columns of ``keying_audit.csv``."""
    cells = [(name, ", ".join(filter(None, (part, row.where))), *row[:7]) for name, part, row in rows]
    return pd.DataFrame(cells, columns=COLUMNS).astype({"item": "Int64"})


def _confidence(instrument: Instrument, name: str) -> Finding:
    sure = instrument.sure(name)
    doubtful = sure == "unverified"
    verdict, advice = ("suspicious", CONFIRM) if doubtful else ("ok", "")
    return Finding(name, None, "key_confidence", sure, "verified", verdict, advice)


def _item_findings(forms: pd.DataFrame, instrument: Instrument) -> list[tuple[str, Finding]]:
    """What the items say, in all forms and in parts of them."""
    scales = {name: scale for name, scale in instrument.scales.items() if not instrument.of_highest(name)}
    columns = {name: [item_name(i) for i in scale.items] for name, scale in scales.items()}
    values = {name: keyed(forms, instrument, name).to_numpy(float) for name in columns}
    stored = {name: forms[own].to_numpy(float, na_value=np.nan) for name, own in columns.items()}

    def check(part: Part, tests: int) -> list[Finding]:
        own = {name: centred(table[part.rows], part.cells) for name, table in values.items()}
        found = [
            f for name in own for f in scale_checks(own[name], instrument, name, part.persons, tests, not part.label)
        ]
        if part.persons < FEWEST:
            return found
        if not part.cells.any():
            level = level_of(tests)
            found += [f for n in own for f in highest_answer(stored[n][part.rows], own[n], instrument, n, level)]
        if len(own) > 1:
            found += _composite(own, instrument, part.persons, tests)
            found += order_check({name: pd.DataFrame(own[name], columns=columns[name]) for name in own})
        return found

    return by_part(forms, check)


def _composite(own: dict[str, np.ndarray], instrument: Instrument, persons: int, tests: int) -> list[Finding]:
    """The scales of a total must agree in direction."""
    if instrument.total is None:
        return []
    scores = np.column_stack([_mean(items) for items in own.values()])
    rows = []
    for k, name in enumerate(own):
        rest = _mean(np.delete(scores, k, axis=1))
        r = float(correlations(scores[:, [k]], rest[:, None])[0])
        verdict, clear = sign(r, persons, level_of(tests)), strength(r, persons) > SURE
        rows.append(Finding(name, None, "scale_rest", r, "> 0", verdict, TURN if verdict != "ok" else "", clear))
    return rows


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean of what each row has."""
    there = ~np.isnan(values)
    n, out = there.sum(axis=1), np.full(len(values), np.nan)
    np.divide(np.where(there, values, 0.0).sum(axis=1), n, out=out, where=n > 0)
    return out
