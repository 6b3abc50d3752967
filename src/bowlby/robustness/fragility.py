"""Fragility of verdicts: what it would take to turn them (section 6 of the statistical design)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.robustness.imputation_summary import OUTCOME, turned
from bowlby.robustness.replicates import FAILED, absent

DECIDED = ("supported", "refuted")
FEW = 30
ELSEWHERE = 0.20
BOOTSTRAPS = {"parametric": "parametric bootstrap", "cluster": "bootstrap over therapists"}
TRIED = {
    "influence": "leaving out one therapist",
    "multiverse": "other analyses",
    "imputation": "missing values imputed",
    "tipping": "other slopes among patients without outcome",
    **BOOTSTRAPS,
}
ESTIMATES = {"C1": "P", "C3": "T", "C4": "T_A", "C5": "Z"}


def weigh(claims: dict[str, dict], tables: dict[str, pd.DataFrame], effects: dict[str, dict], delta: float) -> None:
    """Write into the claims whether they are fragile, and why.

    A decided claim gets ``fragile`` and ``fragile_because``, a list of reasons; ``loto_flips: k of J`` joins its flags
    where leaving out one therapist changes the verdict. ``fragile_not_tried`` lists what was asked for and could not be
    computed: without a reason to call the claim fragile, and with something not tried, ``fragile`` is null. An
    undecided claim is not assessed.

    Parameters
    ----------
    claims : dict of dict
        As in ``verdict.json``.
    tables : dict of DataFrame
        Replicates by kind.
    effects : dict of dict
        Contrasts of the run's fits by name: estimate, se, df.
    delta : float
        Equivalence bound.
    """
    for name, claim in claims.items():
        if claim["not_tested"]:
            continue
        flips, carried = left_out(name, claim, tables.get("influence"), effects)
        if flips:
            claim["flags"].append(f"loto_flips: {flips} of {len(tables['influence'])}")
        if claim["verdict"] not in DECIDED:
            continue
        reasons = ["the reference ratio is below 1.25"] if claim["fragile"] else []
        if carried:
            reasons.append("leaving out one therapist changes the verdict and moves its estimate by over 1 SE")
        reasons += elsewhere(name, claim, tables.get("multiverse"), delta)
        reasons += turned(name, claim, tables, delta)
        reasons += contradicted(name, claim, tables, effects, delta)
        untried = not_tried(name, claim, tables, effects, delta)
        claim["fragile"] = True if reasons else None if untried else False
        claim["fragile_because"], claim["fragile_not_tried"] = reasons, untried


def left_out(name: str, claim: dict, table: pd.DataFrame | None, effects: dict) -> tuple[int, int]:
    """Therapists whose leaving changes a verdict, and how many of them also move its estimate by over 1 SE."""
    if table is None or name not in table:
        return 0, 0
    fitted = table[table["status"] != FAILED]
    flipped = fitted[name] != claim["verdict"]
    estimate = ESTIMATES.get(name) or binding(effects)
    moved = (fitted[estimate] - effects[estimate]["estimate"]).abs() > effects[estimate]["se"]
    return int(flipped.sum()), int((flipped & moved).sum())


def not_tried(name: str, claim: dict, tables: dict, effects: dict, delta: float) -> list[str]:
    """Checks that could have turned a decided claim and gave no answer, each with the reason."""
    tests, _ = rule_tests(name, claim, effects, delta)
    concerned = {
        "influence": True,
        "multiverse": name in OUTCOME,
        "imputation": name != "C5",
        "tipping": name in OUTCOME,
        "parametric": bool(tests),
        "cluster": bool(tests),
    }
    out = []
    for kind, table in tables.items():
        if not concerned.get(kind):
            continue
        failed = int((table["status"] == FAILED).sum())
        if why := absent(kind, table):
            out.append(f"{TRIED[kind]}: {why}")
        elif kind == "influence" and failed:
            out.append(f"{TRIED[kind]}: {failed} of {len(table)} refits gave no estimate")
    return out


def binding(effects: dict) -> str:
    """The contrast on which C2 hangs: the smaller of P-T and P+T."""
    return min(("P-T", "P+T"), key=lambda name: effects[name]["estimate"])


def elsewhere(name: str, claim: dict, table: pd.DataFrame | None, delta: float) -> list[str]:
    """The sign that a verdict rests on, in the other specifications of the multiverse."""
    if table is None or name not in OUTCOME or absent("multiverse", table):
        return []
    fitted, registered = table[table["status"] != FAILED], table.iloc[0]
    if name == "C3":
        beyond = float((fitted["T"].abs() >= delta).mean())
        share, what = (beyond, "at least") if claim["verdict"] == "supported" else (1 - beyond, "less than")
        words = f"|T| is {what} the bound"
    else:
        column = {"C1": "P", "C2": "P-|T|"}[name]
        share = float((np.sign(fitted[column]) != np.sign(registered[column])).mean())
        words = f"{column} has the other sign"
    return [f"{words} in {share:.0%} of the analyses tried"] if share > ELSEWHERE else []


def contradicted(name: str, claim: dict, tables: dict, effects: dict, delta: float) -> list[str]:
    """Resampling that says otherwise by more than a factor 2 of the level and 3 Monte-Carlo standard errors."""
    tests, alpha = rule_tests(name, claim, effects, delta)
    out = []
    for kind, words in BOOTSTRAPS.items():
        table = tables.get(kind)
        if table is None or not tests or (kind == "cluster" and len(tables["influence"]) < FEW):
            continue
        if absent(kind, table):
            continue
        kept = table[table["status"] != FAILED]
        p = max(studentised_p(kept, effects, *test) for test in tests)
        error = np.sqrt(p * (1 - p) / len(kept))
        if p > 2 * alpha and p - alpha > 3 * error:
            out.append(f"the {words} gives p = {p:.3f} where the rule needs {alpha:g}")
    return out


def rule_tests(name: str, claim: dict, effects: dict, delta: float) -> tuple[list[tuple[str, float, int]], float]:
    """The one-sided tests that a verdict rests on, all of which must hold, and their level.

    Returns
    -------
    tests : list of (contrast, value, side)
        Side 1: the contrast lies above the value; -1: below it.
    alpha : float
    """
    supported = claim["verdict"] == "supported"
    if name == "C1":
        if supported:
            return [("P", 0.0, 1)], 0.025
        if claim["ci"][1] < 0:
            return [("P", 0.0, -1)], 0.025
        return [("P", -delta, 1), ("P", delta, -1)], 0.05
    if name == "C2":
        if supported:
            return [("P-T", 0.0, 1), ("P+T", 0.0, 1)], 0.025
        return [(binding(effects), 0.0, -1)], 0.0125
    if name in ("C3", "C4"):
        effect = ESTIMATES[name]
        if supported:
            return [(effect, -delta, 1), (effect, delta, -1)], 0.05
        side = 1 if effects[effect]["estimate"] > 0 else -1
        return [(effect, side * delta, side)], 0.025
    return [], 0.05


def studentised_p(table: pd.DataFrame, effects: dict, name: str, value: float, side: int) -> float:
    """p of a one-sided test: the share of replicates with ``(theta* - theta) / se*`` as large as the study's t."""
    effect = effects[name]
    t = side * (effect["estimate"] - value) / effect["se"]
    drawn = side * (table[name] - effect["estimate"]) / table[f"{name}_se"]
    return float((1 + (drawn >= t).sum()) / (1 + len(drawn)))
