"""Table of indirect, direct and total effects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number
from bowlby.terms import IN_SENTENCES

HEADS = ["", "Estimate", "95% CI"]
COLUMNS = ["mediator", "style", "quantity", "label", "estimate", "se", "df", "ci_low", "ci_high", "note"]
STYLES = {"patient": "patient's style", "therapist": "therapist's style"}
QUANTITIES = {
    "a": "Style → mediator (a)",
    "b": "Mediator → outcome (b)",
    "covariance": "Covariance of a and b between therapists",
    "indirect": "Indirect effect",
    "direct": "Direct effect",
    "total": "Total effect",
    "rho": "Correlation of errors at which the indirect effect is 0",
    "rho_limit": "Correlation of errors at which path b is no longer significant",
}


def _effects(record: Mapping) -> Iterator[tuple[str, str, Mapping]]:
    return ((one["mediator"], style, one[style]) for one in record["mediators"] for style in STYLES if one[style])


def _rows(effects: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Quantities that there are; a correlation and a covariance have no interval."""
    for name in QUANTITIES:
        value = effects.get(name)
        if value is not None:
            yield name, value if isinstance(value, Mapping) else {"estimate": value}


def mediation_table(record: Mapping) -> pd.DataFrame:
    """``mediation.json`` in full precision: a row for each mediator, style and quantity."""
    rows = []
    for mediator, style, effects in _effects(record):
        head = {"mediator": mediator, "style": style}
        for name, value in _rows(effects):
            low, high = value.get("ci") or (None, None)
            kept = {k: value.get(k) for k in ("estimate", "se", "df")} | {"note": value.get("reason")}
            rows.append(head | kept | {"quantity": name, "label": QUANTITIES[name], "ci_low": low, "ci_high": high})
        if effects.get("estimable") is False:
            label = QUANTITIES["indirect"]
            rows.append({**head, "quantity": "indirect", "label": label, "note": f"not estimable: {effects['reason']}"})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def mediation_sheet(number_: str, record: Mapping) -> Sheet:
    """The effects as printed, by mediator and style."""
    parts = []
    for mediator, style, effects in _effects(record):
        rows = []
        for name, value in _rows(effects):
            label = QUANTITIES[name] + (f" ({value['reason']})" if value.get("reason") else "")
            rows.append([label, number(value["estimate"]), interval(*value["ci"]) if value.get("ci") else ""])
        if effects.get("estimable") is False:
            rows.insert(1, [f"{QUANTITIES['indirect']}: not estimable ({effects['reason']})", "–", ""])
        parts.append((f"{STYLES[style].capitalize()} through {IN_SENTENCES[mediator]}", rows))
    first = record["mediators"][0]
    note = (
        f"*N* = {first['n_obs']:,} patients, *J* = {first['n_therapists']:,} therapists. *SD* of outcome per *SD* of "
        "style, higher outcome scores are better; a in *SD* of the mediator. The patient's style within therapists: "
        "paths from two models with random slopes, interval from 20,000 draws. The therapist's style between "
        "therapists: b from the answers of different patients of a therapist; interval from the joint test of both "
        "paths."
    )
    return Sheet(number_, "Indirect Effects of Attachment Styles", HEADS, parts, note)
