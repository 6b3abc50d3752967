"""What claims, terms, reasons and flags are called on paper."""

from __future__ import annotations

import re

FLIPS = re.compile(r"loto_flips: (\d+) of (\d+)")
CLAIMS = {
    "C1": "Perceived attachment is associated with outcome (P > 0)",
    "C2": "Perceived attachment is associated with outcome more than the therapist's own style is (P > |T|)",
    "C3": "The therapist's own style is negligible for outcome (|T| < δ)",
    "C4": "The therapist's own style is negligible for perceived attachment",
    "C5": "The patient's own style is associated with perceived attachment",
}
RULES = {
    "C1": "Supported where the 95% CI of P lies above 0; refuted where it lies below 0, or P is surely smaller than δ.",
    "C2": "Supported where P − T and P + T both lie above 0; refuted where either lies below 0 (98.75% limit).",
    "C3": "Supported where the 90% CI of T lies within ±δ; refuted where its 95% CI lies beyond ±δ.",
    "C4": "As C3, with perceived attachment in place of outcome.",
    "C5": "As C1, with the slope of the patient's own style on perceived attachment.",
}
VERDICTS = {"supported": "supported", "refuted": "refuted", "inconclusive": "inconclusive"}
NOT_TESTED = "not tested"
TERMS = {
    "Intercept": "Intercept",
    "a_star_b": "Perceived attachment, between therapists",
    "a_star_w": "Perceived attachment, within therapist",
    "pre_b": "Outcome before treatment, between therapists",
    "pre_w": "Outcome before treatment, within therapist",
    "s_star": "Therapist's own style",
    "P": "P: perceived attachment",
    "T": "T: therapist's own style",
    "P-T": "P − T",
    "P+T": "P + T",
    "P_u": "Direction slope of perceived attachment",
    "T_u": "Direction slope of therapist's own style",
    "T_A": "T on perceived attachment",
    "Z": "Z: patient's own style on perceived attachment",
    "z_star_b": "Patient's own style, between therapists",
    "z_star_w": "Patient's own style, within therapist",
}
WORDS = {
    "against_adequacy": "supported although this sample was not expected to be able to show it",
    "after_landmark": "the baseline holds sessions the therapist had a part in already; T is what style adds later",
    "any_therapist_variable": "would hold for any characteristic of therapists",
    "reference_ratio": "hangs on the reference SD of style",
    "baseline_error": "not supported once the error of measurement of the baseline is allowed for",
    "baseline_error_not_examined": "what error of measurement in the baseline does is not known",
    "below_delta": "real, but smaller than the bound δ",
    "bound_too_wide": "the bound δ is wider than any slope a characteristic of therapists could have",
    "curved_style": "outcome goes with style in a curve, so that T is the slope of a straight line through it",
    "detectable": "the slope of style differs from 0",
    "early_improvement": "not beside the improvement that came first, of which it may be the effect",
    "far_from_reference": "a sample SD is more than twice or less than half its reference SD, so all standardised "
    "numbers may be in wrong units",
    "few_therapists": "fewer than 30 therapists",
    "no_baseline": "there is no earlier outcome to adjust for",
    "moderated": "depends on how severe the patients were",
    "reverse_causation_open": "improvement may have come first; these data cannot tell",
    "same_rater": "the patient rated both attachment and outcome",
    "sample_reference": "standardised by this sample's own SDs, because no reference SDs were given",
    "singular": "a variance is estimated at 0, the edge of what is possible",
    "slope_variance_not_modelled": "differences between therapists in the slope are not modelled",
    "therapist_rated": "the therapist rated the outcome, so that the therapist's own style shares its rater",
    "slopes_by_caseload": "P goes with caseload, so that the average therapist's P is not the average patient's",
    "style_incomplete": "style known for fewer than 80% of the therapists",
    "unequal_spread": "outcomes scatter more with some styles than with others, so that the standard error of T is off",
}
DIRECTION = (
    "Direction slope: the slope along the registered weights, with all scales of both sides in the model; where a side "
    "has one scale it is P or T."
)
INDEX = (
    "Block index: how much outcome, in SD, all scales of a side predict together, in whatever direction; the direction "
    "slope is its part along the registered weights."
)
FIXED = "\u00a0"
PRINTED = {
    " %": "%",
    "P-T": f"P{FIXED}−{FIXED}T",
    "P+T": f"P{FIXED}+{FIXED}T",
    "P-|T|": f"P{FIXED}−{FIXED}|T|",
    "T_A ": "T on perceived attachment ",
}
SIDES = {"a": "Perceived attachment", "s": "Therapist's own style", "z": "Patient's own style"}
LEVELS = {"_w": "within therapist", "_b": "between therapists"}
DF_METHODS = {
    "containment": "containment",
    "kenward-roger": "Kenward-Roger",
    "normal": "the normal distribution",
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


def say(code: str) -> str:
    """A reason or flag in words; what is not a known code is given as it is."""
    text = str(code)
    if flips := FLIPS.fullmatch(text):
        return f"the verdict changes when one therapist is left out, for {flips[1]} of {flips[2]} therapists"
    return WORDS.get(text, typeset(text) if " " in text else text.replace("_", " "))


def term(name: str, time_unit: str | None = None) -> str:
    """A term of a model in words."""
    if name == "time":
        return f"Time ({time_unit})" if time_unit else "Time"
    if name in TERMS:
        return TERMS[name]
    level = LEVELS.get(name[-2:])
    base = name[:-2] if level else name
    side = SIDES.get(base[:1]) if base[1:2] == "_" and (base[0] == "s") == (level is None) else None
    base = f"{side}: {base[2:].replace('_', ' ')}" if side else base
    return f"{base}, {level}" if level else base


def df_method(fit: dict) -> str:
    """How a fit's degrees of freedom were found."""
    return DF_METHODS.get(fit["df_method"], str(fit["df_method"]).replace("_", " "))


def verdict(claim: dict) -> str:
    """A claim's verdict, "not tested" where it was not."""
    if claim.get("not_tested"):
        return NOT_TESTED
    return VERDICTS.get(claim.get("verdict"), "not available")


def people(fit: dict) -> str:
    """How many of each group a fit has: "160 patients, 22 therapists"."""
    return ", ".join(f"{n:,} {name}{'' if n == 1 else 's'}" for name, n in fit["groups"].items())
