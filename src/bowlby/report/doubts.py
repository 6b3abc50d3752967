"""Tables of the doubts: what flips, and intervals found in other ways."""

from __future__ import annotations

from bowlby.tables import interval, number
from bowlby.tables.layout import Sheet
from bowlby.tables.words import CLAIMS, say
from bowlby.tables.words import verdict as verdict_of

EFFECTS = ("P", "T", "P-T", "P+T")
SHORT = {
    "C1": "P > 0",
    "C2": "P > |T|",
    "C3": "T negligible",
    "C4": "T negligible for attachment",
    "C5": "Patient's style",
}
WAYS = {
    "parametric": "Parametric bootstrap",
    "cluster": "Bootstrap over therapists",
    "sandwich": "Cluster-robust (CR2)",
    "imputation": "Missing values imputed",
}


def flips_sheet(verdict: dict, record: dict) -> Sheet:
    """Each tested claim: whether it is fragile and why, and how often other analyses agree with it."""
    others = {
        "One therapist left out": record.get("influence", {}).get("verdicts", {}),
        "Other choices": record.get("multiverse", {}).get("verdicts", {}),
    }
    imputed = record.get("imputation", {}).get("verdicts")
    heads = ["Claim", "Verdict", "Fragile", *(head for head, found in others.items() if found)]
    heads += ["Imputed"] if imputed else []
    rows = []
    for name in CLAIMS:
        claim = verdict["claims"].get(name)
        if claim is None or claim.get("not_tested"):
            continue
        word = verdict_of(claim)
        row = [f"{name}. {SHORT[name]}", word, _fragile(claim)]
        row += [_agree(found.get(name), claim["verdict"]) for found in others.values() if found]
        row += [imputed.get(name, "–")] if imputed else []
        rows.append(row)
    note = "Shares of the refits that give the same verdict. Fragile: a decided verdict that turns too easily."
    return Sheet("", "What Flips", heads, [(None, rows)], note)


def _fragile(claim: dict) -> str:
    if claim.get("fragile") is None:
        return "undecided"
    reasons = "; ".join(say(r) for r in claim.get("fragile_because") or [])
    return f"yes: {reasons}" if claim["fragile"] else "no"


def _agree(found: dict | None, verdict: str) -> str:
    """Share of the same verdict; verdicts come as counts or as shares."""
    if not found:
        return "–"
    share = found.get(verdict, 0) / sum(found.values())
    return "all" if share == 1 else "none" if share == 0 else f"{number(100 * share, 0)}%"


def intervals_sheet(comparison: dict, record: dict) -> Sheet:
    """95 % intervals of the contrasts, as in Table 1 and by every other way that was run."""
    rows = [["As in Table 1", *(interval(*comparison[e]["ci"]) for e in EFFECTS)]]
    for kind, words in WAYS.items():
        found = record.get(kind) or {}
        effects = found.get("intervals") or found.get("contrasts") or found.get("effects") or {}
        if not effects:
            continue
        n = f" ({found['replicates']:,})" if kind != "sandwich" else ""
        rows.append([f"{words}{n}", *(_limits(effects.get(e)) for e in EFFECTS)])
    note = (
        "In SD of outcome per SD of predictor; in brackets the number of replicates. Bootstraps: percentiles, over "
        "therapists bias-corrected and accelerated where the refits without one therapist are there."
    )
    return Sheet("", "95% Intervals Found in Other Ways", ["Way", "P", "T", "P − T", "P + T"], [(None, rows)], note)


def _limits(effect: dict | None) -> str:
    return interval(*(effect.get("bca") or effect["ci"])) if effect else "–"


def tipping_sheet(found: dict) -> Sheet:
    """Verdicts with missing outcomes moved away from what was imputed."""
    claims = [name for name in CLAIMS if any(name in move["verdicts"] for move in found["moves"])]
    rows = [
        [number(move["delta"]), *(number(move["effects"][e]["estimate"]) for e in ("P", "T")),
         *(move["verdicts"].get(name, "–") for name in claims)]
        for move in found["moves"]
    ]  # fmt: skip
    note = "Outcomes that are missing are imputed and then moved by this many SD; below 0 is worse than imputed."
    heads = ["Moved by", "P", "T", *claims]
    return Sheet("", "If Those Who Did Not Answer Fared Worse", heads, [(None, rows)], note)
