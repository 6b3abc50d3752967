"""The verdict card: the answer in a line, the forest plot, what it rests on, and the five claims."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.compare import USUAL_ICC
from bowlby.reasons import reason, say, say_changed, say_rule
from bowlby.report.methods import occasions
from bowlby.report.methods_models import bracket, when
from bowlby.report.section import Section, drawn, figure, render, see
from bowlby.report.sections.adequacy import observed
from bowlby.report.sections.moderation import with_c3
from bowlby.results import Results
from bowlby.tables import interval, number, p_value
from bowlby.tables.claims import decision, verdict_label
from bowlby.tables.numbers import MISSING
from bowlby.tables.words import CLAIMS, DECISION_RULES, NOT_TESTED, outcome_label, outcome_name, term, typeset
from bowlby.tables.words import verdict as verdict_of

VERDICT_MARKS = {"supported": "✓", "refuted": "✕", "inconclusive": "?", NOT_TESTED: "–", MISSING: "–"}
EFFECTS = ("P", "T", "P-T", "P+T")


def verdict(results: Results) -> Section | None:
    """The card; None where no comparison was requested."""
    record = results.verdict
    if not record:
        return None
    claims = [_claim(results, name, record["claims"][name]) for name in CLAIMS if name in record["claims"]]
    qualified = [claim for claim in record["claims"].values() if claim.get("qualified")]
    html = render(
        "verdict.html",
        answer=_capital(typeset(record.get("finding") or f"The finding is {MISSING}.")),
        study=_study(results),
        rated=_rated(results.config),
        unable=typeset(record.get("cannot_answer") or ""),
        sentence=Markup.escape(typeset(record.get("grounds") or "")) + see(results, "forest"),
        forest=_forest(results),
        claims=claims,
        context=[] if record.get("cannot_answer") else _context(results, record["claims"].get("C2") or {}),
        expected=_expected(results),
        delta=f"{results.comparison['delta']:g}" if results.comparison else None,
        flags=[say(f) for f in record.get("flags") or []],
        changed=_changed(record["claims"]),
        qualifiers=list(dict.fromkeys(say(code) for claim in qualified for code in claim["reasons"])),
    )
    return Section("verdict", "Verdict", html)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _forest(results: Results) -> Markup:
    comparison = results.comparison
    if not comparison:
        return Markup("")
    said = [f"{term(e)} {number(comparison[e]['estimate'])}, 95% CI {interval(*comparison[e]['ci'])}" for e in EFFECTS]
    delta = f"{comparison['delta']:g}"
    return figure(
        results,
        "forest",
        alt=f"Forest plot with the band ±{delta}. {'; '.join(said)}.",
        caption=f"The points show the slopes of both predictors, their difference and their sum. Outcome: "
        f"{outcome_name(results)}.",
    )


def _expected(results: Results) -> str | None:
    """The power of the sample at the usual and at the observed difference between therapists."""
    share, planned = observed(results), results.json("adequacy.json")
    if share is None or not planned:
        return None
    return (
        f"Power was computed for a therapist share of {number(100 * USUAL_ICC, 0)}% of the outcome variance, a usual "
        f"value. The observed share was {share}."
    )


def _study(results: Results) -> str:
    """Whom the verdict is about, and what was measured when."""
    fit, config = results.fits.get("primary"), results.config
    if fit is None or not config.get("comparison"):
        return ""
    outcome, comparison = config.get("outcome") or {}, config["comparison"]
    before, after = occasions(outcome)
    sides = [f"{words}: {results.instrument(block['instrument'])[0]}{bracket(when(block))}"
             for name, words in (("perceived", "perceived attachment"), ("therapist_style", "therapist's own style"))
             if (block := comparison.get(name))]  # fmt: skip
    return (
        f"{fit['n_obs']:,} patients of {fit['groups']['therapist']:,} therapists; outcome: {outcome_label(results)}"
        f"{bracket(f'{before}, {after}')}; {'; '.join(sides)}."
    )


def _rated(config: dict) -> str:
    """When perceived attachment was rated, in words that a reader of causes needs."""
    outcome, comparison = config.get("outcome") or {}, config.get("comparison") or {}
    if (when := (comparison.get("perceived") or {}).get("occasion")) and when == outcome.get("pre"):
        return "perceived attachment was rated at the same occasion as the outcome before treatment"
    return "attachment was rated after treatment began"


def _claim(results: Results, name: str, claim: dict) -> dict:
    word = verdict_of(claim)
    estimate, limits, p, test = decision(claim)
    return {
        "name": name,
        "statement": _statement(CLAIMS[name]),
        "word": verdict_label(claim),
        "kind": word.replace(" ", "-"),
        "sign": VERDICT_MARKS[word],
        "numbers": (estimate, limits, p, test.replace("P + T", "P\u00a0+\u00a0T").replace("P − T", "P\u00a0−\u00a0T")),
        "rule": None if claim.get("not_tested") else DECISION_RULES.get(name),
        "here": typeset(say_rule(claim.get("rule"))),
        "flags": [say(code, claim) for code in claim.get("flags") or []],
        "lines": [*_severity(claim.get("severity")), *([*with_c3(results), *_bound(results)] if name == "C3" else [])],
    }


def _changed(claims: dict[str, dict]) -> list[str]:
    """What changes a decided verdict, by claim; without robustness checks only the reference SDs are known to."""
    return [
        f"{name} ({typeset('; '.join(map(say_changed, claim.get('fragile_because') or [reason('reference_ratio')])))})"
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
    severe, p = severity["T_severe"], p_value(severity["p"])
    return [
        f"Interaction of style with severity: p {p if p.startswith('<') or p == MISSING else f'= {p}'}. Among the most "
        f"severely ill tenth of the patients T is {number(severe['estimate'])} SD, 95% CI "
        f"{interval(severe['ci_low'], severe['ci_high'])}."
    ]


def _bound(results: Results) -> list[str]:
    """What the bound of C3 means in points and as a share of what lies between therapists."""
    size, comparison = (results.json("estimands/e6.json") or {}).get("bound"), results.comparison
    if not size or not comparison:
        return []
    outcome, share = results.config.get("outcome") or {}, size["share_of_therapist_variance"]
    smallest = results.important_difference(outcome.get("instrument", ""), outcome.get("scale", "total"))
    known = f" (smallest important difference: {number(smallest, 1)})" if smallest else ""
    said = f"δ = {comparison['delta']:g} corresponds to {number(size['points'], 1)} points of the outcome{known}"
    if share is None:
        return [f"{said}; the variance between therapists is estimated at 0."]
    explained = "more than all" if share > 1 else f"{number(100 * share, 0)}% of the"
    return [f"{said}. A style with this slope would explain {explained} variance between therapists."]


def _context(results: Results, claim: dict) -> list[str]:
    """What a support of C2 means: for a permuted style, in other analyses, for any characteristic of therapists."""
    record = results.json("robustness.json") or {}
    said = [_permuted(record), _alternatives(results, record), *_lines(claim.get("lines"))]
    return [text for text in [*said, _shares(results.json("estimands/e3.json"))] if text]


def _permuted(record: Mapping) -> str:
    permutation = record.get("permutation") or {}
    if "c2_with_permuted_style" not in permutation:
        return ""
    share = number(100 * permutation["c2_with_permuted_style"]["supported"], 0)
    permutations = f"{permutation['replicates']:,} permutations"
    return (
        f"With style permuted among therapists ({permutations}), C2 was supported in {share}%. "
        "Near 100%, almost any characteristic of therapists unrelated to outcome would support C2."
    )


def _alternatives(results: Results, record: Mapping) -> Markup | str:
    shares = ((record.get("multiverse") or {}).get("verdicts") or {}).get("C2")
    if not shares:
        return ""
    said = f"C2 was supported in {number(100 * shares.get('supported', 0), 0)}% of the alternative analyses"
    if expected := record["multiverse"].get("expected"):
        low, high = (number(100 * share, 0) for share in expected["C2"])
        own = "With the estimates of the main analysis and their own standard errors"
        said += f". {own}, {low} to {high}% would support it"
    table = drawn(results, "multiverse")
    if table is None or not table["registered"].any():
        return f"{said}."
    size = table["P-|T|"].astype(float)
    place = int((size > size[table["registered"]].iloc[0]).sum()) + 1
    said += f". By P − |T|, the main analysis ranks {place} of {len(table):,} (1: largest)."
    return Markup.escape(said) + see(results, "multiverse")


def _lines(lines: dict | None) -> list[str]:
    """How C2 depends on the differences between therapists and on the reference SD of style."""
    if not lines:
        return []
    bound, ratio = number(lines["therapist_slope_limit"]), lines["reference_ratio_limit"]
    said = [
        f"P exceeds all differences between therapists together (at most {bound} SD): C2 would be supported for any "
        "characteristic of therapists."
        if lines["any_therapist_variable"]
        else f"Outcomes vary enough between therapists for a characteristic to have a slope of up to {bound} SD (upper "
        "limit), so C2 could have been refuted."
    ]
    if ratio is not None:
        said.append(
            f"C2 would no longer be supported if the reference SD of style were {number(ratio)} times the one used."
        )
    return said


def _shares(level: dict | None) -> str:
    if not level:
        return ""
    return (
        f"Perceived attachment accounts for {_share(level['perceived'])} of the variance within therapists, style for "
        f"{_share(level['style'])} of the variance between therapists (E3)."
    )


def _share(part: dict) -> str:
    """A share of variance corrected for chance; one below 0 is less than chance would give."""
    low, high = (100 * min(max(limit, 0), 1) for limit in part["ci"])
    if part["share"] <= 0:
        return f"no more than expected by chance (95% CI up to {number(high, 1)}%)"
    return f"{number(100 * part['share'], 1)}% (95% CI [{number(low, 1)}, {number(high, 1)}])"
