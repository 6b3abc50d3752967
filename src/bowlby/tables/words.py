"""What claims and terms are called on paper."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.terms import label

CLAIMS = {
    "C1": "Perceived attachment is associated with outcome (P > 0)",
    "C2": "Perceived attachment is more strongly associated with outcome than the therapist's own style (P > |T|)",
    "C3": "The association of the therapist's own style with outcome is negligible (|T| < δ)",
    "C4": "The association of the therapist's own style with perceived attachment is negligible",
    "C5": "The patient's own style is associated with perceived attachment",
    "G1": "Perceived attachment is associated with improvement",
    "G2": "Perceived attachment is more strongly associated with improvement than the therapist's own style",
}
DECISION_RULES = {
    "C1": "Supported if the 95% CI of P lies above 0; refuted if it lies below 0 or the 90% CI lies within ±δ.",
    "C2": "Supported if P − T and P + T are both above 0 (95% CI); refuted if either is below 0 (97.5% CI).",
    "C3": "Supported if the 90% CI of T lies within ±δ; refuted if its 95% CI lies outside ±δ.",
    "C4": "As C3, with perceived attachment as the outcome.",
    "C5": "As C1, for the slope of the patient's own style on perceived attachment.",
}
TESTS = {
    "two_sided": "two-sided test",
    "one_sided": "one-sided test",
    "one_sided_of_two": "one-sided test, corrected for two tests",
    "equivalence": "equivalence test",
    "beyond": "test against ±δ",
}
NOT_TESTED = "not tested"
TERMS = {
    "Intercept": "Intercept",
    "P": "P: perceived attachment",
    "T": "T: therapist's own style",
    "P-T": "P − T",
    "P+T": "P + T",
    "P_u": "Direction slope of perceived attachment",
    "T_u": "Direction slope of therapist's own style",
    "T_A": "T on perceived attachment",
    "Z": "Z: patient's own style on perceived attachment",
    "P_slope": "P on the slope: perceived attachment",
    "T_slope": "T on the slope: therapist's own style",
    "P_slope-T_slope": "P − T on the slope",
    "P_slope+T_slope": "P + T on the slope",
    "P_end": "P at the end of treatment",
    "T_end": "T at the end of treatment",
    "within_patient": "Perceived attachment, deviation from the patient's own mean",
}
DIRECTION = (
    "Direction slope: the slope along the weights of the configuration, in a model with all scales of both predictors; "
    "for a predictor with one scale it equals P or T."
)
INDEX = (
    "Block index: SD of outcome that all scales of a predictor predict together, in any direction; the direction slope "
    "is its part along the weights of the configuration."
)
FIXED = "\u00a0"
PRINTED = {
    " %": "%",
    "P-T": f"P{FIXED}−{FIXED}T",
    "P+T": f"P{FIXED}+{FIXED}T",
    "P-|T|": f"P{FIXED}−{FIXED}|T|",
    "T_A ": "T on perceived attachment ",
}
DF_METHODS = {
    "containment": "containment",
    "kenward-roger": "Kenward-Roger",
    "normal": "the normal distribution",
    "residual": "the residual degrees of freedom",
    "satterthwaite": "Satterthwaite",
}


def typeset(text: str) -> str:
    r"""A sentence of the verdict as it is printed.

    Examples
    --------
    >>> typeset("the lower 97.5 % limit of P-T lies above 0")
    'the lower 97.5% limit of P\xa0−\xa0T lies above 0'
    """
    for written, printed in PRINTED.items():
        text = text.replace(written, printed)
    return text


def term(name: str, time_unit: str | None = None) -> str:
    """A term of a model in words."""
    if name == "time":
        return f"Time ({time_unit})" if time_unit else "Time"
    return TERMS.get(name) or label(name)


def outcome_label(results) -> str:
    """Questionnaire and scale of the outcome; empty if the run names none."""
    asked = results.config.get("outcome") or {}
    if not asked.get("instrument"):
        return ""
    scale = "" if asked.get("scale") in (None, "total") else f", {asked['scale'].replace('_', ' ')}"
    return f"{results.instrument(asked['instrument'])[0]}{scale}"


def outcome_name(results) -> str:
    """The outcome of the comparison with its direction in the models; empty if the run names none."""
    label_ = outcome_label(results)
    better = (results.config.get("outcome") or {}).get("higher_is_better")
    return label_ and f"{label_}, {'higher is better' if better else 'multiplied by −1 so that higher is better'}"


def df_method(fit: Mapping) -> str:
    """How a fit's degrees of freedom were found."""
    return DF_METHODS.get(fit["df_method"], str(fit["df_method"]).replace("_", " "))


def verdict(claim: dict) -> str:
    """A claim's verdict, "not tested" where it was not."""
    if claim.get("not_tested"):
        return NOT_TESTED
    return claim.get("verdict") or "not available"


def people(fit: Mapping) -> str:
    """How many of each group a fit has: "160 patients, 22 therapists"."""
    return ", ".join(f"{n:,} {name}{'' if n == 1 else 's'}" for name, n in fit["groups"].items())
