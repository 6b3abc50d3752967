"""Tables of the robustness checks: verdicts that change, and intervals by other methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bowlby.compare import significant
from bowlby.reasons import ALONG, say_changed
from bowlby.tables import interval, number
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import digits
from bowlby.tables.words import CLAIMS, typeset
from bowlby.tables.words import term as term_name
from bowlby.tables.words import verdict as verdict_of

EFFECTS = ("P", "T", "P-T", "P+T")
KIND_LABELS = {
    "cluster": "the bootstrap over therapists",
    "sandwich": "cluster-robust standard errors",
    "wild": "the wild cluster bootstrap",
    "influence": "leaving out one therapist at a time",
    "parametric": "the parametric bootstrap",
    "permutation": "the permutation of style",
    "assumptions": "the simulations of the model's assumptions",
    "multiverse": "the alternative analyses",
    "multiverse_null": "the alternative analyses without an effect",
    "imputation": "the imputation of missing values",
    "tipping": "the analysis of outcomes missing not at random",
}
PLURAL = ("sandwich", "assumptions", "multiverse", "multiverse_null")
SHORT = {
    "C1": "P > 0",
    "C2": "P > |T|",
    "C3": "T negligible",
    "C4": "T negligible for attachment",
    "C5": "Patient's style",
}
NOT_TRIED = "not computed"
WAYS = {
    "parametric": "Parametric bootstrap",
    "cluster": "Bootstrap of therapists",
    "sandwich": "Cluster-robust (CR2)",
    "imputation": "Missing values imputed",
}
BRACKETS = "Numbers in brackets are those of replicates or imputations."
NOTES = {
    "parametric": [BRACKETS, "Intervals of the parametric bootstrap are percentile intervals."],
    "cluster": [
        BRACKETS,
        "Intervals of the bootstrap of therapists are bias-corrected and accelerated if each therapist was also "
        "omitted, otherwise percentile intervals.",
    ],
    "imputation": [BRACKETS],
}
MEANING = {
    "Without one therapist": "Without one therapist: each therapist was omitted in turn.",
    "Alternative analyses": "Alternative analyses: the analysis was repeated with other choices (figure below).",
    "Imputed": "Imputed: missing values were multiply imputed.",
}
"""What the notes of the tables say of each row or column that is there."""


def computed_of(record: Mapping) -> dict:
    """The kinds of robustness that could be computed."""
    return {kind: check for kind, check in record.items() if not check.get("not_computed")}


def left_undone(record: Mapping) -> str:
    """Requested checks that could not be computed, one sentence for each reason; empty where there are none."""
    kinds: dict[str, list[str]] = {}
    for kind in KIND_LABELS:
        if why := record.get(kind, {}).get("not_computed"):
            kinds.setdefault(why, []).append(kind)
    return " ".join(_undone(own, why, record) for why, own in kinds.items())


def _undone(kinds: list[str], why: str, record: Mapping) -> str:
    left = [KIND_LABELS[kind] for kind in kinds]
    listed = f"{', '.join(left[:-1])} and {left[-1]}" if len(left) > 1 else left[0]
    verb = "were" if len(left) > 1 or kinds[0] in PLURAL else "was"
    apart = "parametric" not in record and not {"cluster", "sandwich", "wild"}.isdisjoint(kinds)
    instead = "; request `parametric` instead" if apart else ""
    return f"{listed[0].upper()}{listed[1:]} {verb} not computed: {why}{instead}."


def flips_sheet(verdict: Mapping, record: Mapping) -> Sheet:
    """Each tested claim: what changes its verdict, and its verdict in every other analysis."""
    wanted: dict[str, tuple[Mapping | None, Callable[..., str]]] = {
        "Without one therapist": (record.get("influence", {}).get("verdicts"), counted),
        "Alternative analyses": (record.get("multiverse", {}).get("verdicts"), _shared),
        "Imputed": (record.get("imputation", {}).get("verdicts"), _once),
    }
    tried = {head: (verdicts, words) for head, (verdicts, words) in wanted.items() if verdicts}
    rows = []
    for name in CLAIMS:
        claim = verdict["claims"].get(name)
        if claim is None or claim.get("not_tested"):
            continue
        row = [f"{name}. {SHORT[name]}", verdict_of(claim), _changed(claim)]
        rows.append([*row, *(words(verdicts.get(name), claim["verdict"]) for verdicts, words in tried.values())])
    note = (
        "The third column gives the checks that change a supported or refuted verdict by fixed rules. They show how a "
        "verdict depends on sample and analysis; they add no information beyond *p* on whether the claim is true."
    )
    note = " ".join([note, *(MEANING[head] for head in tried)])
    title = "Robustness of Each Verdict"
    return Sheet("", title, ["Claim", "Verdict", "Changed by a check?", *tried], [(None, rows)], note)


def _changed(claim: dict) -> str:
    if claim.get("fragile") is None:
        if claim["verdict"] not in ("supported", "refuted"):
            return "not applicable"
        untried = typeset("; ".join(map(say_changed, claim.get("fragile_not_tried") or [])))
        return f"not known; not computed: {untried}" if untried else NOT_TRIED
    reasons = typeset("; ".join(map(say_changed, claim.get("fragile_because") or [])))
    return f"yes: {reasons}" if claim["fragile"] else "no"


def counted(counts: dict | None, verdict: str) -> str:
    """Verdicts as counts: "supported in all 48", or how often which."""
    return _in_words(counts, verdict, lambda total: f" {total:,}", lambda n, total: f"{n:,} of {total:,}")


def _shared(verdicts: dict | None, verdict: str) -> str:
    """Verdicts as shares of the analyses."""
    return _in_words(verdicts, verdict, lambda total: "", lambda n, total: _percent(n / total))


def _in_words(counts: dict | None, verdict: str, of_all: Callable, of_some: Callable) -> str:
    """How often which verdict came, the run's own first, then the others by how often they came."""
    if not counts:
        return NOT_TRIED
    total = sum(counts.values())
    if counts.get(verdict, 0) == total:
        return f"{verdict} in all{of_all(total)}"
    kept = sorted(counts.items(), key=lambda pair: (pair[0] != verdict, -pair[1]))
    return "; ".join(f"{word} in {of_some(n, total)}" for word, n in kept if n > 0)


def _once(label: str | None, _: str) -> str:
    """The verdict of the pooled imputed data."""
    return label or NOT_TRIED


def _percent(share: float) -> str:
    """A share in whole per cent that says 0 or 100 only where it is so."""
    if share < 0.005:
        return "under 1%"
    return "over 99%" if share > 0.995 else f"{number(100 * share, 0)}%"


def intervals_sheet(comparison: Mapping, record: Mapping, estimands: Mapping) -> Sheet:
    """95% intervals of the contrasts, as in Table 1 and by every other method or assumption examined."""
    rows, notes = [["Main analysis", *(_limits(comparison[e]) for e in EFFECTS)]], []
    for kind, words in WAYS.items():
        check = record.get(kind) or {}
        effects = check.get("intervals") or check.get("contrasts") or check.get("effects") or {}
        if not effects:
            continue
        n = f" ({check['replicates']:,})" if kind != "sandwich" else ""
        notes += NOTES.get(kind, [])
        rows.append([f"{words}{n}", *(_limits(effects.get(e)) for e in EFFECTS)])
    more = _assumptions(estimands)
    rows += [[words, *(_limits(effects.get(e)) for e in EFFECTS)] for words, effects in more]
    if any(words.startswith("Corrected") for words, _ in more):
        notes.append("Intervals corrected for measurement error are from a jackknife over therapists.")
    note = " ".join(["*SD* of outcome per *SD* of predictor.", *dict.fromkeys(notes)])
    heads = ["Method", "P", "T", "P − T", "P + T"]
    return Sheet("", "95% Confidence Intervals by Other Methods", heads, [(None, rows)], note)


def _assumptions(estimands: Mapping) -> list[tuple[str, dict]]:
    """Contrasts under other assumptions, where they could be computed or matter."""
    corrected = (estimands.get("measurement") or {}).get("rows") or {}
    found = [(f"Corrected for error of {of}", corrected.get(key) or {})
             for key, of in (("baseline", "the baseline"), ("all", "all three variables"))]  # fmt: skip
    if record := estimands.get("sensitivity"):
        caseload, curve = record["caseload"], record["curved_baseline"]
        found.append(("Variance of the slope estimated", {"P": record["p_estimated"]} if record["p_estimated"] else {}))
        if significant(caseload["test"]):
            found += [(f"Average {who} (P depends on caseload)", {"P": _kept(caseload[who])})
                      for who in ("patient", "therapist")]  # fmt: skip
        if curve["matters"]:
            found.append(("With the square of the baseline", {name: _kept(curve[name]) for name in ("P", "T")}))
    return [(words, effects) for words, effects in found if effects]


def _kept(contrast: Mapping) -> dict:
    return {"ci": [contrast["ci_low"], contrast["ci_high"]]}


def robustness_values_sheet(sensitivity: Mapping) -> Sheet:
    """What a confounder would have to account for, with the covariates for comparison."""
    values = sensitivity["robustness_values"]
    of = {"value": "to bring the estimate to 0", "limit": "to bring its 95% interval to 0"}
    rows = [[words, *(number(values[e][key], bounded=True) if e in values else "–" for e in EFFECTS)]
            for key, words in of.items()]  # fmt: skip
    known = [f"{term_name(term)}, {number(of['outcome'], bounded=True)} and {number(of['predictor'], bounded=True)}"
             for term, of in sensitivity["yardsticks"].items()]  # fmt: skip
    note = (
        "Values are the partial *R*² that an unmeasured confounder would need with both outcome and predictor "
        "(Cinelli & Hazlett, 2020)."
    )
    if known:
        note += f" For comparison, partial *R*² with outcome and with the predictor: {'; '.join(known)}."
    return Sheet("", "Robustness Values", ["Confounder", "P", "T", "P − T", "P + T"], [(None, rows)], note)


def _limits(effect: dict | None) -> str:
    ends = (effect or {}).get("bca") or (effect or {}).get("ci")
    return interval(*ends, digits=digits(*ends)) if ends else "–"


def tipping_sheet(tipping: dict) -> Sheet:
    """Verdicts where the slopes of patients without outcome differ from those of the others, and what changes first."""
    claims = [name for name in CLAIMS if any(name in move["verdicts"] for move in tipping["moves"])]
    same: Mapping = next((move["verdicts"] for move in tipping["moves"] if not move["delta"]), {})
    parts = []
    for along, words in ALONG.items():
        moves = [move for move in tipping["moves"] if move["along"] == along or not move["delta"]]
        rows = [
            [number(move["delta"]), *(_estimated(move["effects"][e]) for e in ("P", "T")),
             *(_marked(move["verdicts"].get(name), same.get(name)) for name in claims)]
            for move in sorted(moves, key=lambda move: move["delta"])
        ]  # fmt: skip
        parts += [(f"Slope of {words}", rows)] if len(rows) > 1 else []
    note = (
        "Missing outcomes were imputed and then shifted so that the slope of the predictor among patients without "
        "outcome differs by this many *SD* of outcome per *SD* of predictor. "
        f"† differs from the verdict at a difference of 0. {_first_changes(tipping.get('tips') or {})}"
    )
    heads = ["Difference in slope (SD)", "P", "T", *claims]
    return Sheet("", "Sensitivity to Outcomes Missing Not at Random", heads, parts, note.strip())


def _estimated(effect: Mapping) -> str:
    return f"{number(effect['estimate'])} {interval(*effect['ci'])}"


def _marked(verdict: str | None, same: str | None) -> str:
    if not verdict:
        return "–"
    return f"{verdict} †" if same and verdict != same else verdict


def _first_changes(tips: Mapping) -> str:
    """The smallest difference at which each verdict of the main analysis changes."""
    changed = [f"{name} if the slope of {ALONG[at['along']]} differs by {number(at['delta'])}"
               for name, at in tips.items() if at]  # fmt: skip
    kept = [name for name, at in tips.items() if not at]
    said = (
        [f"Smallest differences that change a verdict of the main analysis: {'; '.join(changed)}."] if changed else []
    )
    return " ".join(said + ([f"No difference in this range changes {', '.join(kept)}."] if kept else []))


NAMES = ("first", "second", "first-second", "first+second")


def pair_doubts_sheet(record: Mapping) -> Sheet | None:
    """95% intervals of both slopes, their difference and their sum in other ways; None where none was tried."""
    checks, labels = record.get("doubts"), record["labels"]
    if not checks:
        return None
    rows = [["Main analysis", *(_limits(record["contrasts"][name]) for name in NAMES)]]
    drawn = checks.get("parametric", {})
    if drawn.get("intervals"):
        what = f"Parametric bootstrap ({drawn['replicates']:,})"
        rows.append([what, *(_limits(drawn["intervals"][name]) for name in NAMES)])
    for key, what in (("sandwich", "Cluster-robust (CR2)"), ("hc3", "Heteroscedasticity-robust (HC3)")):
        if robust := checks.get(key, {}).get("contrasts"):
            rows.append([what, *(_limits(robust[name]) for name in NAMES)])
    spread = checks.get("influence", {}).get("range")
    if spread:
        what = f"Without one therapist ({checks['influence']['therapists']:,}): estimates from, to"
        rows.append([what, *(f"{number(spread[name][0])} to {number(spread[name][1])}" for name in NAMES)])
    note = (
        "*SD* of outcome per *SD* of predictor; number of replicates in brackets. Bootstrap: percentile intervals. "
        "CR2 is valid if the variances differ from those of the model."
    )
    if "hc3" in checks:
        note = (
            "Intervals are in *SD* of outcome per *SD* of predictor. HC3 is also valid if the error variance differs "
            "between rows."
        )
    heads = ["Method", labels["first"], labels["second"], "difference", "sum"]
    return Sheet("", "95% Confidence Intervals by Other Methods", heads, [(None, rows)], note)


def pair_turned(record: Mapping, statements: dict[str, str]) -> list[str]:
    """What became of each statement without one therapist, and what could not be computed."""
    checks = record.get("doubts") or {}
    verdicts = checks.get("influence", {}).get("verdicts") or {}
    said = [
        f"Without any one therapist, “{statement}” was {counted(verdicts[name], record['claims'][name]['verdict'])}."
        for name, statement in statements.items()
        if name in verdicts
    ]
    return said + [text for text in [left_undone(checks)] if text]
