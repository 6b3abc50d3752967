"""The verdict card: the answer in a sentence, and the five claims."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.compare import USUAL_ICC
from bowlby.report.section import Section, render
from bowlby.report.sections.adequacy import detectable, observed
from bowlby.results import Results
from bowlby.tables import interval, number, p_value
from bowlby.tables.numbers import MISSING
from bowlby.tables.words import CLAIMS, NOT_TESTED, RULES, WORDS, say, typeset
from bowlby.tables.words import verdict as verdict_of

SIGNS = {"supported": "✓", "refuted": "✕", "inconclusive": "?", NOT_TESTED: "–", MISSING: "–"}
BLOCK = {
    "C1": "P",
    "C2": "the smaller of P − T and P + T",
    "C3": "T",
    "C4": "T on perceived attachment",
    "C5": "patient's style on perceived attachment",
}
TESTS = {"C2": "one-sided ", "C3": "equivalence test ", "C4": "equivalence test "}


def verdict(results: Results) -> Section | None:
    """The card; None where no comparison was asked for."""
    record = results.verdict
    if not record:
        return None
    level = results.json("estimands/e3.json")
    claims = [_claim(name, record["claims"][name], level) for name in CLAIMS if name in record["claims"]]
    qualified = [claim for claim in record["claims"].values() if claim.get("qualified")]
    html = render(
        "verdict.html",
        sentence=typeset(record.get("sentence") or f"The sentence is {MISSING}."),
        expected=_expected(results),
        claims=claims,
        delta=f"{results.comparison['delta']:g}" if results.comparison else None,
        flags=[say(f) for f in record.get("flags") or []],
        fragile=_fragile(record["claims"]),
        qualifiers=list(dict.fromkeys(say(r) for claim in qualified for r in claim["reasons"] if r in WORDS)),
    )
    return Section("verdict", "Verdict", html)


def _expected(results: Results) -> str | None:
    """What the sentence's end takes for granted, and what was found of it."""
    share, planned = observed(results), results.json("adequacy.json")
    if share is None or not planned:
        return None
    line = results.json("estimands/variance.json")["adequacy"]
    after = f", at which it {detectable(line, planned['delta'])}" if line else ""
    usual = f"{number(100 * USUAL_ICC, 0)}% of outcome variance between therapists, as is usual"
    return f"{usual}. After the fact, {share} was found{after}."


def _claim(name: str, claim: dict, level: dict | None) -> dict:
    word = verdict_of(claim)
    return {
        "name": name,
        "statement": _statement(CLAIMS[name]),
        "word": word,
        "kind": word.replace(" ", "-"),
        "sign": SIGNS[word],
        "qualified": bool(claim.get("qualified")),
        "fragile": bool(claim.get("fragile")),
        "numbers": None if claim.get("not_tested") else _numbers(name, claim),
        "test": TESTS.get(name, ""),
        "p": _signed(p_value(claim.get("p"))),
        "rule": None if claim.get("not_tested") else RULES.get(name),
        "reasons": [say(r) for r in claim.get("reasons") or [] if r not in WORDS],  # a doubt is no reason
        "flags": [say(f) for f in claim.get("flags") or []],
        "lines": _lines(claim.get("lines"), level) + _severity(claim.get("severity")),
    }


def _fragile(claims: dict[str, dict]) -> list[str]:
    """Why each fragile claim is so, with its name; without doubts tried only the reference SDs can make it so."""
    return [
        f"{name} ({'; '.join(say(reason) for reason in claim.get('fragile_because') or ['reference_ratio'])})"
        for name, claim in claims.items()
        if claim.get("fragile")
    ]


def _statement(text: str) -> Markup:
    """A claim whose formula no line end parts."""
    words, bracket, formula = text.partition(" (")
    return Markup("{} <span class='whole'>({}</span>").format(words, formula) if bracket else Markup.escape(words)


def _severity(severity: dict | None) -> list[str]:
    """What is always said with C3."""
    if not severity:
        return []
    severe = severity["T_severe"]
    return [
        f"Whether T depends on severity: p {_signed(p_value(severity['p']))}. Among the most severely ill tenth T is "
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
            f"Of what each could account for, perceived attachment accounts for {_share(a)} and style for {_share(s)}."
        )
    return said


def _share(part: dict) -> str:
    """A share of variance corrected for chance; one below 0 is less than chance would give."""
    low, high = part["ci"]
    if part["share"] <= 0:
        return f"no more than chance would give (95% CI up to {number(100 * max(high, 0), 1)}%)"
    return f"{number(100 * part['share'], 1)}% (95% CI {number(100 * max(low, 0), 1)} to {number(100 * high, 1)})"


def _signed(p: str) -> str:
    return p if p == MISSING or p.startswith("<") else f"= {p}"


def _numbers(name: str, claim: dict) -> str:
    """Estimate and interval in a line."""
    limits = interval(*(claim.get("ci") or (None, None)))
    what = BLOCK.get(name)
    start = f"Estimate ({what})" if what else "Estimate"
    unit = "" if number(claim.get("estimate")) == MISSING else " SD"
    return f"{start} {number(claim.get('estimate'))}{unit}, 95% CI {limits}"
