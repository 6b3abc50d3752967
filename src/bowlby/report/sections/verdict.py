"""The verdict card: the answer in a sentence, and the five claims."""

from __future__ import annotations

from bowlby.report.results import Results
from bowlby.report.section import Section, render
from bowlby.tables import interval, number, p_value
from bowlby.tables.numbers import MISSING
from bowlby.tables.words import CLAIMS, NOT_TESTED, RULES, say
from bowlby.tables.words import verdict as verdict_of

SIGNS = {"supported": "✓", "refuted": "✕", "inconclusive": "?", NOT_TESTED: "–", MISSING: "–"}
BLOCK = {
    "C1": "P",
    "C2": "the smaller of P − T and P + T",
    "C3": "T",
    "C4": "T on perceived attachment",
    "C5": "strongest direction",
}


def verdict(results: Results) -> Section | None:
    """The card; None where no comparison was asked for."""
    record = results.verdict
    if not record:
        return None
    claims = [_claim(name, record["claims"][name]) for name in CLAIMS if name in record["claims"]]
    html = render(
        "verdict.html",
        sentence=record.get("sentence") or f"The sentence is {MISSING}.",
        claims=claims,
        delta=f"{results.comparison['delta']:g}" if results.comparison else None,
        flags=[say(f) for f in record.get("flags") or []],
    )
    return Section("verdict", "Verdict", html)


def _claim(name: str, claim: dict) -> dict:
    word = verdict_of(claim)
    return {
        "name": name,
        "statement": CLAIMS[name].replace(" > ", "\u00a0>\u00a0").replace(" < ", "\u00a0<\u00a0"),
        "word": word,
        "kind": word.replace(" ", "-"),
        "sign": SIGNS[word],
        "qualified": bool(claim.get("qualified")),
        "fragile": bool(claim.get("fragile")),
        "numbers": None if claim.get("not_tested") else _numbers(name, claim),
        "p": _signed(p_value(claim.get("p"))),
        "rule": None if claim.get("not_tested") else RULES.get(name),
        "reasons": [say(r) for r in claim.get("reasons") or []],
        "flags": [say(f) for f in claim.get("flags") or []],
    }


def _signed(p: str) -> str:
    return p if p == MISSING or p.startswith("<") else f"= {p}"


def _numbers(name: str, claim: dict) -> str:
    """Estimate and interval in a line."""
    limits = interval(*(claim.get("ci") or (None, None)))
    what = BLOCK.get(name)
    start = f"Estimate ({what})" if what else "Estimate"
    unit = "" if number(claim.get("estimate")) == MISSING else " SD"
    return f"{start} {number(claim.get('estimate'))}{unit}, 95% CI {limits}"
