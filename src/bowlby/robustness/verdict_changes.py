"""Robustness checks that change a verdict (``docs/statistics.md``, "9 Robustness")."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.compare.claims import rests_on
from bowlby.reasons import reason
from bowlby.robustness.imputation_summary import OUTCOME, changes_from_missing_data
from bowlby.robustness.replicates import FAILED, absent

DECIDED = ("supported", "refuted")
FEW = 30
ELSEWHERE = 0.20
BOOTSTRAPS = ("parametric", "cluster")
NEARLY_AS_OFTEN = 0.5
"""Share of permutations of style that support C2, from which a support says little of attachment style."""
ESTIMATES = {"C1": "P", "C3": "T", "C4": "T_A", "C5": "Z"}


def record_verdict_changes(
    claims: dict[str, dict], tables: dict[str, pd.DataFrame], effects: dict[str, dict], delta: float
) -> None:
    """Write into the claims whether a check changes their verdict, and which.

    A decided claim gets ``fragile`` and ``fragile_because``, codes of :mod:`bowlby.reasons` with their fields;
    ``loto_flips`` joins its flags, with numbers of therapists under that key, if leaving out one therapist changes the
    verdict, and ``permuted_style`` joins those of C2 if most permutations of style support it too.
    ``fragile_not_tried`` lists requested checks that could not be computed: if nothing changes the verdict and
    something was not tried, ``fragile`` is null. An undecided claim is not assessed.

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
    permuted = tables.get("permutation")
    if permuted is not None and claims["C2"]["verdict"] == "supported":
        others = permuted[(permuted["status"] != FAILED) & (permuted["replicate"] > 0)]
        if (others["C2"] == "supported").mean() >= NEARLY_AS_OFTEN:
            claims["C2"]["flags"].append("permuted_style")
    for name, claim in claims.items():
        if claim["not_tested"]:
            continue
        flips, carried = left_out(name, claim, tables.get("influence"), effects)
        if flips:
            claim["flags"].append("loto_flips")
            claim["loto_flips"] = {"changed": flips, "therapists": len(tables["influence"])}
        if claim["verdict"] not in DECIDED:
            continue
        reasons = [reason("reference_ratio")] if claim["fragile"] else []
        if carried:
            reasons.append(reason("left_out"))
        reasons += elsewhere(name, claim, tables.get("multiverse"), delta)
        reasons += changes_from_missing_data(name, claim, tables, delta)
        reasons += contradicted(name, claim, tables, effects, delta)
        untried = not_tried(name, tables)
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


def not_tried(name: str, tables: dict) -> list[dict]:
    """Checks that could have changed a decided claim and gave no answer, each with the reason."""
    concerned = {
        "influence": True,
        "multiverse": name in OUTCOME,
        "imputation": name != "C5",
        "tipping": name in OUTCOME,
        "parametric": name != "C5",
        "cluster": name != "C5",
    }
    out = []
    for kind, table in tables.items():
        if not concerned.get(kind):
            continue
        failed = int((table["status"] == FAILED).sum())
        if why := absent(kind, table):
            out.append(reason("not_computed", check=kind, reason=why))
        elif kind == "influence" and failed:
            why = f"{failed} of {len(table)} refits gave no estimate"
            out.append(reason("not_computed", check=kind, reason=why))
    return out


def binding(effects: dict) -> str:
    """The contrast on which C2 hangs: the smaller of P-T and P+T."""
    return min(("P-T", "P+T"), key=lambda name: effects[name]["estimate"])


def elsewhere(name: str, claim: dict, table: pd.DataFrame | None, delta: float) -> list[dict]:
    """The sign that a verdict rests on, in the other specifications of the multiverse."""
    if table is None or name not in OUTCOME or absent("multiverse", table):
        return []
    fitted, registered = table[table["status"] != FAILED], table.iloc[0]
    if name == "C3":
        beyond = float((fitted["T"].abs() >= delta).mean())
        supported = claim["verdict"] == "supported"
        share, code = (beyond, "beyond_elsewhere") if supported else (1 - beyond, "within_elsewhere")
        changed = reason(code, share=share)
    else:
        column = {"C1": "P", "C2": "P-|T|"}[name]
        share = float((np.sign(fitted[column]) != np.sign(registered[column])).mean())
        changed = reason("sign_elsewhere", of=column, share=share)
    return [changed] if share > ELSEWHERE else []


def contradicted(name: str, claim: dict, tables: dict, effects: dict, delta: float) -> list[dict]:
    """Resampling that says otherwise by more than a factor 2 of the level and 3 Monte-Carlo standard errors."""
    if name == "C5":  # its slope is not among the effects resampled
        return []
    out = []
    for kind in BOOTSTRAPS:
        table = tables.get(kind)
        if table is None or (kind == "cluster" and len(tables["influence"]) < FEW):
            continue
        if absent(kind, table):
            continue
        tests, alpha = rests_on(claim, delta)
        kept = table[table["status"] != FAILED]
        p = max(studentised_p(kept, effects, *test) for test in tests)
        error = np.sqrt(p * (1 - p) / len(kept))
        if p > 2 * alpha and p - alpha > 3 * error:
            out.append(reason("resampled", check=kind, p=float(p), level=alpha))
    return out


def studentised_p(table: pd.DataFrame, effects: dict, name: str, value: float, side: int) -> float:
    """p of a one-sided test: the share of replicates with ``(theta* - theta) / se*`` as large as the study's t."""
    effect = effects[name]
    t = side * (effect["estimate"] - value) / effect["se"]
    drawn = side * (table[name] - effect["estimate"]) / table[f"{name}_se"]
    return float((1 + (drawn >= t).sum()) / (1 + len(drawn)))
