"""Which of two predictors is associated more with outcome: ``pair.json``."""

from __future__ import annotations

from bowlby.compare.claims import claim_more, claim_negligible, claim_slope
from bowlby.config.run import Run
from bowlby.effect import Effect, effects_of
from bowlby.errors import existing
from bowlby.reasons import reason, say_rule

NAMES = ("first", "second", "first-second", "first+second")
OF_LEVELS = ("levels", "both_within", "both_between")
"""What is said only where patients are nested in therapists."""
CONTRASTS = {"first-second": "the difference", "first+second": "the sum"}


def compare_pair(run: Run, fit: dict, design: dict) -> dict:
    """Decide what is said of two predictors, by the rules of the claims C1 to C3.

    Parameters
    ----------
    run : Run
        With a pair.
    fit : dict
        ``fits/pair.json``.
    design : dict
        Description of its rows.

    Returns
    -------
    dict
        The contrasts, the claims (first, second: predicts in the registered direction; more: first > |second|;
        negligible: |second| < delta), what is unfair about the comparison, qualifiers, and a sentence.
    """
    pair = existing(run.pair)
    effects = effects_of(fit["contrasts"])
    claims = decide_pair_claims(effects, pair.delta)
    qualifiers = _qualifiers(run, design)
    for name in ("first", "second", "more"):
        claims[name]["qualified"] = claims[name]["verdict"] == "supported" and bool(qualifiers)
    return {
        "schema": 1,
        "labels": {"first": pair.first.label, "second": pair.second.label},
        "roles": design["roles"],
        "delta": pair.delta,
        "standardiser": design["reference"],
        "far_from_reference": design["far_from_reference"],
        "n_obs": fit["n_obs"],
        "n_therapists": design["n_therapists"],
        "one_level": design.get("one_level", False),
        "contrasts": {name: effect.record() for name, effect in effects.items()},
        "claims": claims,
        "unfair": unfair(pair, design["roles"], design.get("one_level", False)),
        "qualifiers": qualifiers,
        "finding": (finding := _finding(pair, claims["more"], qualifiers)),
        "sentence": f"{finding} {_grounds(pair, effects, claims['more'])}",
    }


def decide_pair_claims(effects: dict[str, Effect], delta: float) -> dict[str, dict]:
    """The statements that two slopes, their difference and their sum decide."""
    return {
        "first": claim_slope(effects["first"], delta, "first"),
        "second": claim_slope(effects["second"], delta, "second"),
        "more": claim_more(effects["first-second"], effects["first+second"], ("first-second", "first+second")),
        "negligible": claim_negligible(effects["second"], delta, "second"),
    }


def unfair(pair, roles: dict[str, str], one_level: bool = False) -> list[dict]:
    """Asymmetries between the two predictors that no statistic can remove: codes with the labels of both."""
    if one_level:
        raters = [one for one in unfair(pair, roles) if one["code"] not in OF_LEVELS]
        return [reason("one_patient_each"), *raters]
    labels = {role: getattr(pair, side).label for side, role in roles.items()}
    if set(labels) == {"therapist"}:
        return [reason("both_between")]
    if len(labels) == 1:
        return [reason("both_within"), reason("one_rater" if "patient" in labels else "one_observer")]
    if "therapist" not in labels:
        raters = reason("rater_of_one", patient=labels["patient"], therapist=labels["observer"])
        return [reason("both_within"), raters]
    own = next(role for role in labels if role != "therapist")
    sides = {"patient": labels[own], "therapist": labels["therapist"]}
    return [reason("levels", **sides), reason("rater_of_one" if own == "patient" else "observer_of_one", **sides)]


def _qualifiers(run: Run, design: dict) -> list[str]:
    roles = design["roles"].values()
    qualifiers = ["same_rater"] if "patient" in roles else []
    if run.outcome.role == "observer" and "observer" in roles:
        qualifiers.append("same_observer")
    return [*qualifiers, "reverse_causation_open", *([] if design["baseline"] else ["no_baseline"])]


def _finding(pair, more: dict, qualifiers: list[str]) -> str:
    words = {
        "supported": f"{pair.first.label} is associated with outcome more than {pair.second.label} is",
        "refuted": f"{pair.first.label} is not associated with outcome more than {pair.second.label} is",
        "inconclusive": "these data do not decide which of the two is associated more with outcome",
    }[more["verdict"]]
    doubts = {
        "same_rater": "one rater",
        "same_observer": "one observer",
        "reverse_causation_open": "the outcome may come first",
        "no_baseline": "no earlier outcome to adjust for",
    }
    qualified = f" (qualified: {', '.join(doubts[q] for q in qualifiers)})" if more["verdict"] == "supported" else ""
    return f"{more['verdict'].capitalize()}: {words}{qualified}."


def _grounds(pair, effects: dict[str, Effect], more: dict) -> str:
    said = [f"1 SD more of {side.label} went with an outcome {_size(effects[name])}"
            for side, name in ((pair.first, "first"), (pair.second, "second"))]  # fmt: skip
    because = say_rule(more["rule"], CONTRASTS)
    return f"{said[0]}; {said[1]}. {because[:1].upper()}{because[1:]}."


def _size(effect: Effect) -> str:
    low, high = effect.limits(0.975)
    way = "better" if effect.estimate >= 0 else "worse"
    interval = f"{low:.2f} to {high:.2f}".replace("-", "−")
    return f"{abs(effect.estimate):.2f} SD {way} (95% CI {interval}, higher is better)"
