"""The claims and their verdicts, by their decision rules (``docs/statistics.md``, "7 Claims and rules")."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.effect import Effect
from bowlby.reasons import reason

ALPHA = 0.05


def decide_claims(effects: Mapping[str, Effect], delta: float) -> dict[str, dict]:
    """The claims that the effects decide.

    Parameters
    ----------
    effects : mapping of Effect
        P, T, P-T and P+T decide C1 to C3, T_A decides C4, Z decides C5.
    delta : float
        Equivalence bound.
    """
    claims = {}
    if "P" in effects:
        claims["C1"] = claim_slope(effects["P"], delta, "P")
        claims["C2"] = claim_more(effects["P-T"], effects["P+T"])
        claims["C3"] = claim_negligible(effects["T"], delta)
    if "T_A" in effects:
        claims["C4"] = claim_negligible(effects["T_A"], delta, "T_A")
    if "Z" in effects:
        claims["C5"] = claim_slope(effects["Z"], delta, "Z")
    return claims


def claim_slope(effect: Effect, delta: float, name: str) -> dict:
    """C1 (P) and C5 (Z): a slope within therapists lies in the registered direction, above 0.

    Parameters
    ----------
    effect : Effect
    delta : float
        Equivalence bound, same unit.
    name : str
        The effect's name in the claim.

    Returns
    -------
    dict
        The claim as ``verdict.json`` has it.
    """
    low, high = effect.limits(0.975)
    if low > 0:
        verdict, code = "supported", "above_0"
    elif high < 0:
        verdict, code = "refuted", "below_0"
    elif effect.within(delta):
        verdict, code = "refuted", "negligible"
    else:
        verdict, code = "inconclusive", "undecided"
    flags = ["below_delta"] if verdict == "supported" and effect.within(delta) else []
    p = effect.p_two_sided()
    small = low <= 0 <= high and effect.within(delta)
    decided = _equivalence(name, effect, delta) if small else _test("two_sided", name, effect, 0.95, p)
    return _claim(verdict, reason(code, of=name), effect, flags, bound=delta, p=p, test=decided)


def claim_more(minus: Effect, plus: Effect, names: tuple[str, str] = ("P-T", "P+T")) -> dict:
    """C2: P > |T|, as an intersection-union test of P - T > 0 and P + T > 0, which go by ``names`` in the claim.

    p is the larger of their two; of a refuted claim it is that of the reverse, twice the smaller of the two.
    """
    parts = dict(zip(names, (minus, plus), strict=True))
    low = {name: e.limits(0.975)[0] for name, e in parts.items()}
    high = {name: e.limits(0.9875)[1] for name, e in parts.items()}
    if all(v > 0 for v in low.values()):
        verdict, rule = "supported", reason("both_above_0", of=list(names))
    elif any(v < 0 for v in high.values()):
        verdict, rule = "refuted", reason("one_below_0", of=min(high, key=high.__getitem__))
    else:
        verdict, rule = "inconclusive", reason("one_includes_0", of=list(names))
    binding = min(parts.values(), key=lambda e: e.estimate)
    against = min(1.0, 2 * min(e.p_below(0) for e in parts.values()))  # either of two parts refutes
    p = against if verdict == "refuted" else max(e.p_above(0) for e in parts.values())
    of = min(high, key=high.__getitem__) if verdict == "refuted" else min(parts, key=lambda name: parts[name].estimate)
    kind, level = ("one_sided_of_two", 0.975) if verdict == "refuted" else ("one_sided", 0.95)
    claim = _claim(verdict, rule, binding, [], bound=0.0, p=p, test=_test(kind, of, parts[of], level, p))
    claim["parts"] = {name: e.record() | {"p_above_0": e.p_above(0)} for name, e in parts.items()}
    return claim


def claim_negligible(t: Effect, delta: float, name: str = "T") -> dict:
    """C3 and C4: the therapist's style is negligible (|T| < delta) for outcome, or for perceived attachment.

    Parameters and result are those of :func:`claim_slope`.
    """
    low, high = t.limits(0.975)
    if t.within(delta):
        verdict, code = "supported", "within_bound"
    elif low > delta or high < -delta:
        verdict, code = "refuted", "beyond_bound"
    else:
        verdict, code = "inconclusive", "not_0_size_undecided" if low > 0 or high < 0 else "size_undecided"
    flags = ["detectable"] if low > 0 or high < 0 else []
    decided = _equivalence(name, t, delta)
    if verdict == "refuted":
        decided = _test("beyond", name, t, 0.95, 2 * min(t.p_above(delta), t.p_below(-delta)))
    return _claim(verdict, reason(code, of=name), t, flags, bound=delta, p=t.p_equivalence(delta), test=decided)


def rests_on(claim: dict, delta: float) -> tuple[list[tuple[str, float, int]], float]:
    """The one-sided tests that a decided claim rests on, all of which must hold, and their level.

    Parameters
    ----------
    claim : dict
        As the functions above make it.
    delta : float
        Equivalence bound.

    Returns
    -------
    list of (str, float, int)
        Effect, value and side: 1 if the effect is to lie above the value, -1 if below it.
    float
        Level.
    """
    code, of = claim["rule"]["code"], claim["rule"]["of"]
    if code in ("above_0", "both_above_0"):
        return [(name, 0.0, 1) for name in ([of] if code == "above_0" else of)], 0.025
    if code in ("below_0", "one_below_0"):
        return [(of, 0.0, -1)], 0.025 if code == "below_0" else 0.0125
    if code == "beyond_bound":
        side = 1 if claim["estimate"] > 0 else -1
        return [(of, side * delta, side)], 0.025
    return [(of, -delta, 1), (of, delta, -1)], 0.05


def not_tested(code: str) -> dict:
    """A claim that was not tested: inconclusive, with the code of the reason as its rule."""
    return {
        "verdict": "inconclusive",
        "fragile": None,
        "qualified": False,
        "not_tested": True,
        "rule": reason(code),
        "reasons": [],
        "flags": [],
        "estimate": None,
        "ci": [None, None],
        "df": None,
        "p": None,
        "bound": None,
        "test": None,
        "parts": {},
    }


def _test(kind: str, of: str, effect: Effect, level: float, p: float) -> dict:
    """The test that decided a claim: its kind, the effect tested, the interval that it reads, and its p."""
    limits = effect.limits((1 + level) / 2)
    return {"kind": kind, "of": of, "estimate": effect.estimate, "level": level, "ci": list(limits), "p": p}


def _equivalence(name: str, effect: Effect, delta: float) -> dict:
    return _test("equivalence", name, effect, 0.90, effect.p_equivalence(delta))


def _claim(verdict: str, rule: dict, effect: Effect, flags: list[str], bound: float, p: float, test: dict) -> dict:
    return {
        "verdict": verdict,
        "fragile": None,
        "qualified": False,
        "not_tested": False,
        "rule": rule,
        "reasons": [],
        "flags": flags,
        "bound": bound,
        "p": p,
        "test": test,
        "parts": {},
    } | {k: v for k, v in effect.record().items() if k in ("estimate", "ci", "df")}
