"""The table of the five claims."""

from __future__ import annotations

import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number, p_value
from bowlby.tables.words import CLAIMS, TESTS, say, term, verdict

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
    "bound",
    "test",
    "tested",
    "level",
    "test_low",
    "test_high",
    "p",
    "reasons",
    "flags",
]
HEADS = ["Claim", "Verdict", "Estimate", "CI", "p", "Test", "Qualifications"]
NUMBERS = ("estimate", "ci_low", "ci_high", "df", "bound", "level", "test_low", "test_high", "p")


def claims_table(record: dict) -> pd.DataFrame:
    """``verdict.json``'s claims, a row each, in full precision; ``p`` is that of the test that decided."""
    rows = []
    for name, statement in CLAIMS.items():
        claim = record["claims"].get(name)
        if claim is None:
            continue
        low, high = claim.get("ci") or (None, None)
        test = claim.get("test") or {}
        row = {"claim": name, "statement": statement, "ci_low": low, "ci_high": high}
        row |= {"test": test.get("kind"), "tested": test.get("of"), "level": test.get("level"), "p": test.get("p")}
        row |= dict(zip(("test_low", "test_high"), test.get("ci") or (None, None)))
        row |= {k: claim.get(k) for k in COLUMNS if k not in row}
        rows.append(row | {k: "; ".join(claim.get(k) or []) for k in ("reasons", "flags")})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(NUMBERS, float))


def decision(claim: dict) -> list[str]:
    """Estimate, interval, *p* and name of the test that decided a claim, as printed."""
    if claim.get("not_tested"):
        return ["–"] * 4
    test = claim.get("test") or {}
    limits = interval(*(test.get("ci") or (None, None)))
    level = f"{100 * test['level']:g}% " if test else ""
    name = f"{TESTS[test['kind']]} of {term(test['of']).partition(':')[0]}" if test else "–"
    return [number(test.get("estimate")), level + limits, p_value(test.get("p")), name]


def decided(claim: dict) -> str:
    """The verdict with what limits it: "supported, qualified"."""
    limits = [word for word in ("qualified", "fragile") if claim.get(word)]
    return ", ".join([verdict(claim), *limits])


def claims_sheet(number_: str, record: dict) -> Sheet:
    """The claims as printed."""
    rows = []
    for name, statement in CLAIMS.items():
        claim = record["claims"].get(name)
        if claim is None:
            continue
        reasons = [*(claim.get("reasons") or [])[0 if claim.get("not_tested") else 1 :], *(claim.get("flags") or [])]
        limits = "; ".join(say(r) for r in reasons)
        rows.append([f"{name}. {statement}", decided(claim), *decision(claim), limits])
    note = (
        "Estimates in *SD* of outcome per *SD* of predictor (C4 and C5: *SD* of perceived attachment). CI and *p* are "
        "those of the test that decided the claim, with the level of the CI. C2 is tested on the smaller of P − T and "
        "P + T."
    )
    return Sheet(number_, "The Claims and Their Verdicts", HEADS, [(None, rows)], note)
