"""The verdict card: the answer in a sentence, and the five claims."""

from __future__ import annotations

from bowlby.report.results import Results
from bowlby.report.section import Section, render
from bowlby.tables import interval, number, p_value
from bowlby.tables.numbers import MISSING
from bowlby.tables.words import CLAIMS, NOT_TESTED, RULES, say, typeset
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
    level = results.json("estimands/e3.json")
    claims = [_claim(name, record["claims"][name], level) for name in CLAIMS if name in record["claims"]]
    html = render(
        "verdict.html",
        sentence=typeset(record.get("sentence") or f"The sentence is {MISSING}."),
        claims=claims,
        delta=f"{results.comparison['delta']:g}" if results.comparison else None,
        flags=[say(f) for f in record.get("flags") or []],
    )
    return Section("verdict", "Verdict", html)


def _claim(name: str, claim: dict, level: dict | None) -> dict:
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
        "lines": _lines(claim.get("lines"), level) + _severity(claim.get("severity")),
    }


def _severity(severity: dict | None) -> list[str]:
    """What is always said with C3."""
    if not severity:
        return []
    severe = severity["T_severe"]
    return [
        f"Style by severity: p {_signed(p_value(severity['p']))}. Among the most severely ill tenth of patients T is "
        f"{number(severe['estimate'])} SD (95% CI {interval(severe['ci_low'], severe['ci_high'])})."
    ]


def _lines(lines: dict | None, level: dict | None) -> list[str]:
    """What is always said with C2."""
    if not lines:
        return []
    bound = number(lines["therapist_slope_limit"])
    said = [
        f"P surely exceeds all differences between therapists together (at most {bound} SD): C2 would hold for any "
        "characteristic of therapists and says nothing about attachment style in particular."
        if lines["any_therapist_variable"]
        else f"A characteristic of therapists could have a slope of up to {bound} SD, so C2 does not hold for any of "
        "them by arithmetic alone."
    ]
    ratio = lines["reference_ratio_limit"]
    if ratio is not None:
        said.append(
            f"C2 would cease to be supported if one SD of style were {number(ratio)} times as large as the reference "
            "SD used."
        )
    if level:
        a, s = level["perceived"], level["style"]
        said.append(
            f"Of what each could account for, perceived attachment accounts for {number(100 * a['share'], 1)}% "
            f"(95% CI {number(100 * a['ci'][0], 1)} to {number(100 * a['ci'][1], 1)}) and style for "
            f"{number(100 * s['share'], 1)}% ({number(100 * s['ci'][0], 1)} to {number(100 * s['ci'][1], 1)})."
        )
    return said


def _signed(p: str) -> str:
    return p if p == MISSING or p.startswith("<") else f"= {p}"


def _numbers(name: str, claim: dict) -> str:
    """Estimate and interval in a line."""
    limits = interval(*(claim.get("ci") or (None, None)))
    what = BLOCK.get(name)
    start = f"Estimate ({what})" if what else "Estimate"
    unit = "" if number(claim.get("estimate")) == MISSING else " SD"
    return f"{start} {number(claim.get('estimate'))}{unit}, 95% CI {limits}"
