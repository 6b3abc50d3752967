"""Does the key fit the data? Signs and patterns that a wrong key or file leaves; data stay as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.agreement import alphas, correlations, first_loadings, item_rest
from bowlby.instruments.evidence import middle
from bowlby.instruments.model import Instrument
from bowlby.instruments.norm_checks import norm_checks
from bowlby.instruments.order import order_check
from bowlby.instruments.patterns import form_checks
from bowlby.instruments.reliability import groups
from bowlby.instruments.scoring import item_name, keyed
from bowlby.instruments.totals import given_totals

COLUMNS = ["instrument", "scale", "item", "check", "observed", "expected", "verdict", "advice"]
FEWEST = 30
LOW_BY_DESIGN = 0.6
WRONG, SUSPICIOUS = -3.3, -2.33
CLEARLY_TURNED, GAIN, WEAK = -0.3, 0.03, 0.1
CONFIRM = "confirm against your licensed copy, or put your key in config/instruments/{id}.yaml"
TURN = "compare the reversal with your form; correct the file, or the key in config/instruments/{id}.yaml"
DONE = (
    "the reversed items look reversed already in the file; give answers as stored on the form, "
    "or a key without reversals in config/instruments/{id}.yaml"
)


def audit(measures: pd.DataFrame, instrument: Instrument, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    """Audit the key of an instrument.

    Correlations are taken within role, target and occasion, so that differences between these cannot stand in
    for agreement between items, and with one row a person in each.

    Parameters
    ----------
    measures : DataFrame
        As for :func:`bowlby.instruments.scoring.score`, values out of range included.
    instrument : Instrument
        The key.
    scores : DataFrame, optional
        The scores made of these answers, same index; without them scales are not compared with norms.

    Returns
    -------
    DataFrame
        Columns instrument, scale, item, check, observed, expected, verdict (ok, suspicious, wrong,
        not_testable), advice.
    """
    rows = [_confidence(instrument, name) for name in instrument.all_scales()]
    columns = [c for n in range(1, instrument.n_items + 1) if (c := item_name(n)) in measures.columns]
    rows += form_checks(measures, instrument, columns)
    low, high = instrument.response
    clean = measures.copy(deep=False)
    clean[columns] = measures[columns].where((measures[columns] >= low) & (measures[columns] <= high))
    parts = [group for _, group in groups(clean)]
    persons = len(set().union(*(set(p["person"]) for p in parts))) if parts else 0
    centred = {}
    for name in instrument.scales:
        items = [keyed(part, instrument, name) for part in parts]
        if items:
            centred[name] = pd.concat([i - i.mean() for i in items])
            rows += _scale(centred[name], instrument, name, persons)
    if persons >= FEWEST and len(centred) > 1:
        rows += _composite(centred, instrument, persons)
        rows += order_check(centred)
    if scores is not None:
        rows += norm_checks(scores, clean, instrument)
        rows += given_totals(measures, scores, instrument)
    return _table(rows, instrument)


def audit_given(scores: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Audit scores that were given: whether they look like the norms.

    Returns
    -------
    DataFrame
        Columns as for :func:`audit`.
    """
    return _table(norm_checks(scores, None, instrument), instrument)


def _table(rows: list[tuple], instrument: Instrument) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS[1:])
    table.insert(0, "instrument", instrument.id)
    table["item"] = table["item"].astype("Int64")
    table["advice"] = table["advice"].str.replace("{id}", instrument.id, regex=False)
    return table


def _confidence(instrument: Instrument, name: str) -> tuple:
    sure = instrument.sure(name)
    doubtful = sure == "unverified"
    return (
        name,
        None,
        "key_confidence",
        sure,
        "verified",
        "suspicious" if doubtful else "ok",
        CONFIRM if doubtful else "",
    )


def _scale(items: pd.DataFrame, instrument: Instrument, name: str, persons: int) -> list[tuple]:
    scale = instrument.scales[name]
    varied = items.std() > 1e-9
    why = _untestable(items.loc[:, varied], instrument, name, persons)
    if why:
        return [
            (name, None, check, why, "", "not_testable", "")
            for check in ("item_rest", "first_loading", "alpha_if_dropped", "already_reversed")
        ]
    numbers = [n for n in scale.items if varied[item_name(n)]]
    constant = [n for n in scale.items if not varied[item_name(n)]]
    alike = [(name, n, "item_rest", "all answers are the same", "> 0", "not_testable", "") for n in constant]
    items = items.loc[:, varied]
    already = _already(items, scale, name, persons)
    # Items of a form that was reversed before look wrong one by one; what to do about them is the same.
    turn = DONE if already[5] in ("suspicious", "wrong") else TURN
    values, turned = items.to_numpy(float), {"ok": ""}
    complete = values[~np.isnan(values).any(axis=1)]
    rest, loadings = item_rest(values), first_loadings(complete)
    rows = []
    for n, r, loading in zip(numbers, rest.tolist(), loadings.tolist()):
        verdict = _sign(r, persons)
        rows.append((name, n, "item_rest", r, "> 0", verdict, turned.get(verdict, turn)))
        by_loading = verdict if loading < 0 else "ok"
        if by_loading == "ok" and loading < CLEARLY_TURNED and _sign(loading, persons) != "ok":
            by_loading = "suspicious"
        rows.append((name, n, "first_loading", loading, "> 0", by_loading, turned.get(by_loading, turn)))
    if len(numbers) > 2:
        rows += _dropped(name, numbers, complete, rest, persons, turn)
    return [*rows, *alike, already]


def _dropped(name: str, numbers: list[int], complete, rest: np.ndarray, persons: int, turn: str) -> list[tuple]:
    """Items without which the others agree clearly better, and that agree with them weakly at most."""
    whole, without = alphas(complete)
    highest = np.tanh(np.arctanh(np.clip(rest, -0.999999, 0.999999)) + 1.645 / np.sqrt(persons - 3))
    rows = []
    for n, value, r in zip(numbers, without.tolist(), highest.tolist()):
        better = value > whole + GAIN and r < WEAK
        verdict, advice = ("suspicious", turn) if better else ("ok", "")
        rows.append((name, n, "alpha_if_dropped", value, f"<= {whole + GAIN:.3f}", verdict, advice))
    return rows


def _untestable(items: pd.DataFrame, instrument: Instrument, name: str, persons: int) -> str:
    """Why agreement between the items of a scale says nothing about its key; empty where it does."""
    if len(instrument.scales[name].items) == 1:
        return "one item"
    published = [middle(n.alpha) for n in instrument.norm_table if n.scale == name and n.alpha is not None]
    if published and max(published) < LOW_BY_DESIGN:
        return f"published alpha is {max(published):.2f}"
    complete = items.dropna()
    if persons < FEWEST or len(complete) < FEWEST or items.shape[1] < 2 or not (complete.std() > 1e-9).all():
        return f"fewer than {FEWEST} persons with all items, or items with one answer only"
    return ""


def _already(items: pd.DataFrame, scale, name: str, persons: int) -> tuple:
    turned = [c for n in scale.reverse if (c := item_name(n)) in items]
    plain = [c for c in items.columns if c not in turned]
    if not turned or not plain:
        return (name, None, "already_reversed", "no mixed directions", "", "not_testable", "")
    r = _r(items[turned].mean(axis=1), items[plain].mean(axis=1))
    verdict = _sign(r, persons)
    return (name, None, "already_reversed", r, "> 0", verdict, DONE if verdict != "ok" else "")


def _composite(centred: dict[str, pd.DataFrame], instrument: Instrument, persons: int) -> list[tuple]:
    """The scales of a total must agree in direction."""
    if instrument.total is None:
        return []
    scores = pd.DataFrame({name: items.mean(axis=1) for name, items in centred.items()})
    rows = []
    for name in scores:
        r = _r(scores[name], scores.drop(columns=name).mean(axis=1))
        verdict = _sign(r, persons)
        rows.append((name, None, "scale_rest", r, "> 0", verdict, TURN if verdict != "ok" else ""))
    return rows


def _r(a: pd.Series, b: pd.Series) -> float:
    return float(correlations(a.to_numpy(float)[:, None], b.to_numpy(float)[:, None])[0])


def _sign(r: float, persons: int) -> str:
    z = np.arctanh(np.clip(r, -0.999999, 0.999999)) * np.sqrt(persons - 3)
    return "wrong" if z < WRONG else "suspicious" if z < SUSPICIOUS else "ok"
