"""The table of two predictors: slopes, contrasts, and what is decided of them."""

from __future__ import annotations

import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number, p_value
from bowlby.tables.words import say, verdict

HEADS = ["", "Estimate", "SE", "df", "95% CI", "p"]
COLUMNS = ["kind", "name", "label", "verdict", "estimate", "se", "df", "ci_low", "ci_high", "p", "reasons"]


def _labels(record: dict) -> dict[str, str]:
    first, second = record["labels"]["first"], record["labels"]["second"]
    return {"first": first, "second": second, "first-second": "difference", "first+second": "sum"}


def statements(record: dict) -> dict[str, str]:
    """What is decided of two predictors, in words."""
    first, second = record["labels"]["first"], record["labels"]["second"]
    return {
        "first": f"{first} is associated with outcome",
        "second": f"{second} is associated with outcome",
        "more": f"{first} is associated with outcome more than {second} is",
        "negligible": f"{second} is negligible for outcome",
    }


def pair_table(record: dict) -> pd.DataFrame:
    """``pair.json`` in full precision: a row for each contrast and each statement."""
    rows = []
    for name, label in _labels(record).items():
        c = record["contrasts"][name]
        rows.append({"kind": "slope", "name": name, "label": label, "ci_low": c["ci"][0], "ci_high": c["ci"][1]} | c)
    for name, statement in statements(record).items():
        claim = record["claims"][name]
        low, high = claim["ci"]
        kept = {k: claim[k] for k in ("verdict", "estimate", "df", "p")}
        row = {"kind": "statement", "name": name, "label": statement, "ci_low": low, "ci_high": high}
        rows.append(row | kept | {"reasons": "; ".join(claim["reasons"])})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def pair_sheet(number_: str, record: dict) -> Sheet:
    """The slopes as printed, with the statements beneath."""
    slopes = [
        [label, number(c["estimate"]), number(c["se"]), number(c["df"], 1), interval(*c["ci"]), ""]
        for name, label in _labels(record).items()
        for c in [record["contrasts"][name]]
    ]
    decided = []
    for name, statement in statements(record).items():
        claim = record["claims"][name]
        word = verdict(claim) + (", qualified" if claim["qualified"] else "")
        cells = [number(claim["estimate"]), "", number(claim["df"], 1), interval(*claim["ci"]), p_value(claim["p"])]
        decided.append([f"{statement}: {word}, because {say(claim['reasons'][0])}", *cells])
    note = (
        f"*N* = {record['n_obs']:,} patients, *J* = {record['n_therapists']:,} therapists. *SD* of outcome per *SD* of "
        f"predictor, higher outcome scores are better. Negligible: within ±{record['delta']:g}; there *p* is "
        "that of the equivalence test. For “more” the estimate is the smaller of difference and sum, and *p* the "
        "larger of their one-sided values."
    )
    parts = [("Slopes", slopes), ("Statements", decided)]
    return Sheet(number_, "Two Predictors of Outcome", HEADS, parts, note)
