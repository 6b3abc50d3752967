"""The table of the five claims."""

from __future__ import annotations

import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number, p_value
from bowlby.tables.words import CLAIMS, say, verdict

COLUMNS = [
    "claim",
    "statement",
    "verdict",
    "not_tested",
    "qualified",
    "fragile",
    "estimate",
    "ci_low",
    "ci_high",
    "df",
    "p",
    "bound",
    "reasons",
    "flags",
]
HEADS = ["Claim", "Verdict", "Estimate", "95% CI", "df", "p", "Because"]
NUMBERS = ("estimate", "ci_low", "ci_high", "df", "p", "bound")


def claims_table(record: dict) -> pd.DataFrame:
    """``verdict.json``'s claims, a row each, in full precision."""
    rows = []
    for name, statement in CLAIMS.items():
        claim = record["claims"].get(name)
        if claim is None:
            continue
        low, high = claim.get("ci") or (None, None)
        row = {"claim": name, "statement": statement, "ci_low": low, "ci_high": high}
        row |= {k: claim.get(k) for k in COLUMNS if k not in row}
        rows.append(row | {k: "; ".join(claim.get(k) or []) for k in ("reasons", "flags")})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(NUMBERS, float))


def claims_sheet(number_: str, record: dict) -> Sheet:
    """The claims as printed."""
    rows = []
    for row in claims_table(record).to_dict("records"):
        claim = record["claims"][row["claim"]]
        words = verdict(claim) + (", qualified" if row["qualified"] else "") + (", fragile" if row["fragile"] else "")
        because = "; ".join(say(r) for r in [*(claim.get("reasons") or []), *(claim.get("flags") or [])])
        if claim.get("not_tested"):
            numbers = ["–"] * 4
        else:
            limits = interval(row["ci_low"], row["ci_high"])
            numbers = [number(row["estimate"]), limits, number(row["df"], 1), p_value(row["p"])]
        rows.append([f"{row['claim']}. {row['statement']}", words, *numbers, because])
    note = (
        "For C2 the estimate is the smaller of P − T and P + T, and *p* the larger of their one-sided values; for "
        "negligible effects *p* is that of the equivalence test. Estimates in *SD* of outcome per *SD* of predictor."
    )
    return Sheet(number_, "The Claims and Their Verdicts", HEADS, [(None, rows)], note)
