"""Whether perceived attachment predicts improvement, and more than the therapist's style does: ``growth.json``."""

from __future__ import annotations

from bowlby.compare import FEW_THERAPISTS
from bowlby.compare.claims import ALPHA, claim_more, claim_slope
from bowlby.compare.verdict_text import difference
from bowlby.config.run import Run
from bowlby.effect import Effect, effects_of
from bowlby.errors import existing
from bowlby.reasons import say, say_rule
from bowlby.terms import P_SLOPE, T_SLOPE

MORE = (f"{P_SLOPE}-{T_SLOPE}", f"{P_SLOPE}+{T_SLOPE}")
NAMES = {
    P_SLOPE: "the slope of perceived attachment",
    T_SLOPE: "the slope of style",
    MORE[0]: "the difference between the slopes",
    MORE[1]: "their sum",
}
"""What the contrasts are called in a sentence."""


def decide_growth_claims(effects: dict[str, Effect], delta: float) -> dict[str, dict]:
    """G1, perceived attachment predicts improvement, and G2, more than style; by the rules of C1 and C2."""
    claims = {}
    if P_SLOPE in effects:
        claims["G1"] = claim_slope(effects[P_SLOPE], delta, P_SLOPE)
    if MORE[0] in effects:
        claims["G2"] = claim_more(effects[MORE[0]], effects[MORE[1]], MORE)
    return claims


def compare_growth(run: Run, fit: dict, between: dict | None, design: dict, within: dict | None = None) -> dict:
    """Decide the claims on the predictors of the course.

    Parameters
    ----------
    run : Run
        With predictors of growth.
    fit, between : dict
        ``fits/growth.json`` and, where there is one, ``fits/growth_between.json``.
    design : dict
        Description of their rows.
    within : dict, optional
        ``fits/growth_within.json``.

    Returns
    -------
    dict
        claims (G1, G2), contrasts (SD of outcome at the end per SD of predictor), ``between``: the same where the
        therapists' means of perceived attachment are in the model, ``within``: the association with the patient's own
        deviations in perceived attachment (no claim), ``averaged``: P on the slope averaged over the
        number of occasions, ``number``: what the number of occasions depends on, flags, and a
        sentence.
    """
    growth = existing(run.growth)
    effects = effects_of(fit["contrasts"])
    claims = decide_growth_claims(effects, growth.delta)
    reasons = ["same_rater"] if run.outcome.role == "patient" else []
    reasons.append("reverse_causation_open")  # the mean up to a landmark does not hold the rate of change until then
    reasons += [] if growth.landmark is None else ["baseline_error_not_examined"]
    averaged = effects_of([fit["averaged"]])["P_averaged"] if fit.get("averaged") else None
    for name, claim in claims.items():
        claim["reasons"] = list(reasons)
        if name == "G1" and averaged and claim_slope(averaged, growth.delta, P_SLOPE)["verdict"] != claim["verdict"]:
            claim["reasons"].append("number_of_occasions")
        claim["qualified"] = claim["verdict"] == "supported"
    number = fit["number"]
    differs = bool(number) and any(c["p"] < ALPHA for c in number["contrasts"])
    flags = {
        "number_differs": differs,
        "few_therapists": fit["groups"]["therapist"] < FEW_THERAPISTS,
        "sample_reference": design["reference"] == "sample",
        "far_from_reference": bool(design["far_from_reference"]),
        "singular": fit["singular"],
    }
    return {
        "schema": 1,
        "delta": growth.delta,
        "time_unit": design["time_unit"],
        "landmark": design["landmark"],
        "start": design["start"],
        "end": design["end"],
        "end_of": design["end_of"],
        "shape": design["shape"],
        "standardiser": design["reference"],
        "n_obs": fit["n_obs"],
        "n_patients": fit["groups"]["patient"] if "patient" in fit["groups"] else design["n_patients"],
        "n_therapists": fit["groups"]["therapist"],
        "contrasts": {name: effect.record() for name, effect in effects.items()},
        "between": {name: effect.record() for name, effect in effects_of((between or fit)["contrasts"]).items()},
        "averaged": averaged and averaged.record(),
        "within": within
        and {
            **effects_of(within["contrasts"])["within_patient"].record(),
            "n_obs": within["n_obs"],
            "n_patients": within["groups"]["patient"],
        },
        "number": number,
        "claims": claims,
        "flags": [flag for flag, given in flags.items() if given],
        "finding": (sentences := _sentences(effects, claims, design))[0],
        "sentence": " ".join(part for part in sentences if part),
    }


def _sentences(effects: dict[str, Effect], claims: dict[str, dict], design: dict) -> tuple[str, str]:
    """The verdicts, and what they rest on."""
    interval = _interval(design)
    by, improved = f"{interval}, patients", "had improved" if interval.startswith("By") else "improved"
    parts = []
    if P_SLOPE in effects:
        who = "who felt 1 SD more securely attached to their therapist than other patients of the same therapist"
        parts.append(f"{by} {who} {improved} {_more(effects[P_SLOPE])}.")
    if T_SLOPE in effects:
        who = "of therapists whose own attachment was 1 SD more secure"
        parts.append(f"{by} {who} {improved} {_more(effects[T_SLOPE])}.")
    statements = {
        "G1": "that perceived attachment is associated with improvement",
        "G2": "that it is more strongly associated with improvement than the therapist's own style",
    }
    words = {
        "supported": "The data support",
        "refuted": "The data refute",
        "inconclusive": "The data neither support nor refute",
    }
    finding = [f"{words[claim['verdict']]} the claim {statements[name]} ({name})." for name, claim in claims.items()]
    parts += [f"{name}: {say_rule(claim['rule'], NAMES)}." for name, claim in claims.items()]
    if doubts := dict.fromkeys(
        say(code) for claim in claims.values() if claim["qualified"] for code in claim["reasons"]
    ):
        parts.append(f"Support is qualified: {'; '.join(doubts)}.")
    return " ".join(finding), " ".join(parts)


def _interval(design: dict) -> str:
    """From when to when an improvement is counted."""
    first, last, unit = f"{design['start']:.3g}", f"{design['end']:.3g}", design["time_unit"]
    if design["landmark"] is not None:
        return f"By {last} {unit} after the landmark"
    if unit == "sessions":
        return f"From session {first} to session {last}"
    return f"From {first} to {last} {unit}" if design["start"] else f"By {last} {unit}"


def _more(effect: Effect) -> str:
    """A difference in improvement with its interval."""
    said = difference(effect).replace("neither better nor worse", "to the same degree")
    return said.replace("better", "more").replace("worse", "less")
