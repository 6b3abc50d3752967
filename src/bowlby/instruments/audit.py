"""Does the key fit the data? Signs and patterns that a wrong key or file leaves; data stay as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.model import Instrument
from bowlby.instruments.patterns import form_checks
from bowlby.instruments.reliability import groups
from bowlby.instruments.scoring import item_name, keyed

COLUMNS = ["instrument", "scale", "item", "check", "observed", "expected", "verdict", "advice"]
FEWEST = 30
WRONG, SUSPICIOUS = -3.3, -2.33
CONFIRM = "confirm against your licensed copy, or put your key in config/instruments/{id}.yaml"
TURN = "compare the reversal with your form; correct the file, or the key in config/instruments/{id}.yaml"
DONE = (
    "the reversed items look reversed already in the file; give answers as stored on the form, "
    "or a key without reversals in config/instruments/{id}.yaml"
)
ORDER = "compare the order of the item columns with the form, also the version of the form"


def audit(measures: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Audit the key of an instrument.

    Correlations are taken within role, target and occasion, so that differences between these cannot stand in
    for agreement between items, and with one row a person in each.

    Parameters
    ----------
    measures : DataFrame
        As for :func:`bowlby.instruments.scoring.score`, values out of range included.
    instrument : Instrument
        The key.

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
        if not instrument.overlap_ok:
            rows += _order(centred)
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
    numbers = scale.items
    usable = persons >= FEWEST and len(numbers) > 1 and len(items.dropna()) >= FEWEST
    if not usable or bool((items.std() < 1e-9).any()):
        why = (
            "one item"
            if len(numbers) == 1
            else f"fewer than {FEWEST} persons, or an item with one answer only"
        )
        return [
            (name, None, check, why, "", "not_testable", "")
            for check in ("item_rest", "first_loading", "alpha_if_dropped", "already_reversed")
        ]
    rows = []
    rest = {n: _r(items[item_name(n)], items.drop(columns=item_name(n)).mean(axis=1)) for n in numbers}
    verdicts = {n: _sign(r, persons) for n, r in rest.items()}
    loadings = dict(zip(numbers, first_loadings(items)))
    complete = items.dropna()
    whole = _alpha(complete)
    for n in numbers:
        turned = TURN if verdicts[n] != "ok" else ""
        rows.append((name, n, "item_rest", rest[n], "> 0", verdicts[n], turned))
        by_loading = verdicts[n] if loadings[n] < 0 else "ok"
        if loadings[n] < -0.3 and by_loading == "ok":
            by_loading = "suspicious"
        rows.append(
            (name, n, "first_loading", loadings[n], "> 0", by_loading, TURN if by_loading != "ok" else "")
        )
        if len(numbers) > 2:
            without = _alpha(complete.drop(columns=item_name(n)))
            better = without > whole + 0.03 and rest[n] < 0.1
            rows.append(
                (
                    name,
                    n,
                    "alpha_if_dropped",
                    without,
                    f"<= {whole + 0.03:.3f}",
                    "suspicious" if better else "ok",
                    TURN if better else "",
                )
            )
    return [*rows, _already(items, scale, name, persons)]


def _already(items: pd.DataFrame, scale, name: str, persons: int) -> tuple:
    turned = [item_name(n) for n in scale.reverse]
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


def _order(centred: dict[str, pd.DataFrame]) -> list[tuple]:
    """Items that follow another scale clearly more than their own; many of them: columns in another order."""
    scores = pd.DataFrame({name: items.mean(axis=1) for name, items in centred.items()})
    rows = []
    for name, items in centred.items():
        if items.shape[1] < 2:
            continue
        away = 0
        for column in items:
            own = _r(items[column], items.drop(columns=column).mean(axis=1))
            others = [abs(_r(items[column], scores[other])) for other in scores if other != name]
            away += max(others) > own + 0.2
        share = away / items.shape[1]
        rows.append(
            (
                name,
                None,
                "columns_in_order",
                share,
                "< 0.33",
                "suspicious" if share >= 0.33 else "ok",
                ORDER if share >= 0.33 else "",
            )
        )
    return rows


def first_loadings(items: pd.DataFrame) -> np.ndarray:
    """Loadings on the first principal component, signed so that most of them are positive."""
    matrix = items.corr().fillna(0.0).to_numpy(copy=True)
    np.fill_diagonal(matrix, 1.0)
    values, vectors = np.linalg.eigh(matrix)
    loadings = vectors[:, -1] * np.sqrt(max(values[-1], 0.0))
    negative = int((loadings < 0).sum())
    flip = negative * 2 > len(loadings) or (negative * 2 == len(loadings) and loadings.sum() < 0)
    return -loadings if flip else loadings


def _alpha(items: pd.DataFrame) -> float:
    k = items.shape[1]
    total = items.sum(axis=1).var()
    return float(k / (k - 1) * (1 - items.var().sum() / total)) if total > 1e-12 else np.nan


def _r(a: pd.Series, b: pd.Series) -> float:
    both = a.notna() & b.notna()
    x, y = a[both].to_numpy(float), b[both].to_numpy(float)
    if len(x) < 3 or x.std() < 1e-12 or y.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _sign(r: float, persons: int) -> str:
    z = np.arctanh(np.clip(r, -0.999999, 0.999999)) * np.sqrt(persons - 3)
    return "wrong" if z < WRONG else "suspicious" if z < SUSPICIOUS else "ok"
