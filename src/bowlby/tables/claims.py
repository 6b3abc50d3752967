"""Tables of the claims of the comparison and of the statements on two predictors."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bowlby.reasons import say, say_changed, say_rule
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import digits, interval, number, p_value
from bowlby.tables.words import CLAIMS, TESTS, term, typeset, verdict

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
    "rule",
    "reasons",
    "flags",
]
HEADS = ["Claim", "Verdict", "Estimate", "CI", "p", "Test", "Qualifications"]
NUMBERS = ("estimate", "ci_low", "ci_high", "df", "bound", "level", "test_low", "test_high", "p")


def claims_table(record: Mapping) -> pd.DataFrame:
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
        row |= dict(zip(("test_low", "test_high"), test.get("ci") or (None, None), strict=True))
        row |= {k: claim.get(k) for k in COLUMNS if k not in row}
        codes = {k: "; ".join(claim.get(k) or []) for k in ("reasons", "flags")}
        rows.append(row | codes | {"rule": say_rule(claim.get("rule"))})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(NUMBERS, float))


def decision(claim: dict) -> list[str]:
    """Estimate, interval, *p* and name of the test that decided a claim, as printed."""
    if claim.get("not_tested"):
        return ["–"] * 4
    test = claim.get("test") or {}
    ends = test.get("ci") or (None, None)
    places = digits(*ends, 0.0, claim.get("bound") or 0.0)
    level = f"{100 * test['level']:g}% " if test else ""
    name = f"{TESTS[test['kind']]} of {term(test['of']).partition(':')[0]}" if test else "–"
    return [
        number(test.get("estimate"), places),
        level + interval(ends[0], ends[1], places),
        p_value(test.get("p")),
        name,
    ]


def verdict_label(claim: dict) -> str:
    """The verdict, and whether it is qualified: "supported, qualified"."""
    return verdict(claim) + (", qualified" if claim.get("qualified") else "")


def limits(claim: dict) -> list[str]:
    """What limits a claim in words: qualifications, flags, and the robustness checks that change it."""
    said = [say_rule(claim.get("rule"))] if claim.get("not_tested") else []
    said += [say(code, claim) for key in ("reasons", "flags") for code in claim.get(key) or []]
    changes = [reason for reason in claim.get("fragile_because") or [] if reason["code"] not in claim["flags"]]
    return said + [f"changed by a robustness check: {typeset(say_changed(reason))}" for reason in changes]


def claims_sheet(number_: str, record: Mapping) -> Sheet:
    """The claims as printed."""
    rows = []
    for name, statement in CLAIMS.items():
        claim = record["claims"].get(name)
        if claim is None:
            continue
        rows.append([f"{name}. {statement}", verdict_label(claim), *decision(claim), "; ".join(limits(claim))])
    note = (
        "Estimates in *SD* of outcome per *SD* of predictor (C4 and C5: *SD* of perceived attachment). CI and *p* are "
        "those of the test that decided the claim, with the level of the CI. C2 is tested on the smaller of P − T and "
        "P + T."
    )
    return Sheet(number_, "The Claims and Their Verdicts", HEADS, [(None, rows)], note)


PAIR_HEADS = ["", "Estimate", "SE", "df", "95% CI", "p"]
PAIR_COLUMNS = ["kind", "name", "label", "verdict", "estimate", "se", "df", "ci_low", "ci_high", "p", "rule"]


def _labels(record: Mapping) -> dict[str, str]:
    first, second = record["labels"]["first"], record["labels"]["second"]
    return {"first": first, "second": second, "first-second": "difference", "first+second": "sum"}


def statements(record: Mapping) -> dict[str, str]:
    """What is decided of two predictors, in words."""
    first, second = record["labels"]["first"], record["labels"]["second"]
    return {
        "first": f"{first} is associated with outcome",
        "second": f"{second} is associated with outcome",
        "more": f"{first} is associated with outcome more than {second} is",
        "negligible": f"{second} is negligible for outcome",
    }


def pair_table(record: Mapping) -> pd.DataFrame:
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
        rows.append(row | kept | {"rule": say_rule(claim["rule"], _labels(record))})
    return pd.DataFrame(rows).reindex(columns=PAIR_COLUMNS)


def pair_sheet(number_: str, record: Mapping) -> Sheet:
    """The slopes as printed, with the statements beneath."""
    slopes = [
        [label, number(c["estimate"], n := digits(*c["ci"])), number(c["se"], n), number(c["df"], 1),
         interval(*c["ci"], digits=n), ""]
        for name, label in _labels(record).items()
        for c in [record["contrasts"][name]]
    ]  # fmt: skip
    spoken = {name: label if name in record["labels"] else f"the {label}" for name, label in _labels(record).items()}
    decided = []
    for name, statement in statements(record).items():
        claim = record["claims"][name]
        word = verdict(claim) + (", qualified" if claim["qualified"] else "")
        places = digits(*claim["ci"], 0.0, record["delta"])
        estimate, limits_ = number(claim["estimate"], places), interval(*claim["ci"], digits=places)
        cells = [estimate, "", number(claim["df"], 1), limits_, p_value(claim["p"])]
        decided.append([f"{statement}: {word}, because {say_rule(claim['rule'], spoken)}", *cells])
    note = (
        f"*N* = {record['n_obs']:,} patients, *J* = {record['n_therapists']:,} therapists. *SD* of outcome per *SD* of "
        f"predictor, higher outcome scores are better. Negligible: within ±{record['delta']:g}; there *p* is "
        "that of the equivalence test. For “more” the estimate is the smaller of difference and sum, and *p* the "
        "larger of their one-sided values."
    )
    parts = [("Slopes", slopes), ("Statements", decided)]
    return Sheet(number_, "Two Predictors of Outcome", PAIR_HEADS, parts, note)
