"""Rules, reasons and flags of verdicts: codes with fields, and the words for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import Any

RULE_WORDS = {
    "above_0": "the 95% interval of {of} lies above 0",
    "below_0": "the 95% interval of {of} lies below 0",
    "negligible": "the 90% interval of {of} lies within the equivalence bound: any association is negligible",
    "undecided": "the interval of {of} includes 0 and values beyond the equivalence bound",
    "both_above_0": "the lower 97.5% limits of {of[0]} and of {of[1]} lie above 0",
    "one_below_0": "the upper 98.75% limit of {of} lies below 0",
    "one_includes_0": "the lower 97.5% limits of {of[0]} and {of[1]} do not both lie above 0, and neither upper 98.75% "
    "limit lies below 0",
    "within_bound": "the 90% interval of {of} lies within the equivalence bound",
    "beyond_bound": "the 95% interval of {of} lies beyond the equivalence bound",
    "size_undecided": "the interval of {of} includes both negligible and non-negligible values",
    "not_0_size_undecided": "{of} differs from 0, but its interval includes both negligible and non-negligible values",
    "bound_too_wide": "the bound {bound:g} is wider than the largest slope that any variable of therapists could have "
    "({largest:.2f} at a therapist ICC of {icc:.2f}), so the claim would be supported whatever the data",
    "no_patient_style": "the configuration names no patient_style",
}
"""Why a claim has its verdict: the code and ``of``, the contrast or contrasts tested."""
REASONS = {
    "against_adequacy": "supported although the sample was not expected to be large enough to show it",
    "after_landmark": "the baseline includes sessions with the therapist; T is the association with later outcome only",
    "any_therapist_variable": "the claim would be supported for any characteristic of therapists",
    "reference_ratio": "the verdict depends on the reference SD of style",
    "baseline_error": "not supported after correction for measurement error in the baseline",
    "number_of_occasions": "the verdict differs if the slope is averaged over the number of occasions",
    "baseline_error_not_examined": "the influence of measurement error in the baseline was not examined",
    "below_delta": "significant, but smaller than the bound δ",
    "bound_too_wide": "the bound δ is larger than any slope that a characteristic of therapists could have",
    "curved_baseline": "the association of outcome with the baseline is curved; P and T are also reported with the "
    "square of the baseline",
    "changes_over_time": "confounders that change from session to session are not adjusted for",
    "curved_style": "the association of outcome with style is curved; T is the slope of a straight line",
    "detectable": "the slope of style differs significantly from 0",
    "detrended_otherwise": "the verdict depends on the method of detrending",
    "early_improvement": "not significant after adjustment for earlier improvement",
    "far_from_reference": "a sample SD is more than twice or less than half its reference SD, so all standardised "
    "numbers may be in wrong units",
    "few_therapists": "fewer than 30 therapists",
    "groups_of_therapists": "therapists belong to groups, such as clinics, that are not in the model; the interval of "
    "T may be too narrow",
    "loto_flips": "the verdict changes when one therapist is left out, for {changed} of {therapists} therapists",
    "no_jackknife": "the jackknife over therapists could not be computed; standard errors assume the same paths for "
    "all therapists",
    "not_stationary": "the variance within patients at first differs from that later (test of stationarity)",
    "outcome_leads": "from session to session, outcome predicts perceived attachment more strongly than the reverse",
    "permuted_style": "most random permutations of style also support the claim",
    "no_baseline": "there is no earlier outcome to adjust for",
    "missing_outcomes_differ": "patients without an outcome differ in perceived attachment or in their therapist's "
    "style, so that P and T may be biased",
    "moderated": "the association depends on the severity of the patients",
    "number_differs": "the number of a patient's occasions depends on a predictor, so that slopes may be biased",
    "reverse_causation_open": "improvement may have preceded attachment",
    "same_observer": "the same observer rated a predictor and the outcome",
    "same_rater": "the patient rated both attachment and outcome",
    "same_rater_style": "the patient rated both their own style and perceived attachment",
    "same_rater_of_both": "the same person rated both scales",
    "sample_reference": "standardised by the SDs of this sample, because no reference SDs were given",
    "singular": "a variance was estimated at 0 (boundary)",
    "therapist_rated": "the therapist rated both the outcome and the therapist's own style",
    "slopes_by_caseload": "P depends on caseload and differs between the average therapist and the average patient",
    "style_incomplete": "style is known for fewer than 80% of the therapists",
    "unequal_spread": "the variance of outcome depends on style, so that the standard error of T may be wrong",
}
"""Reasons and flags of verdicts, and of a whole comparison."""
CHECKS = {
    "influence": "leaving out one therapist",
    "multiverse": "other analyses",
    "imputation": "missing values imputed",
    "tipping": "other slopes among patients without outcome",
    "parametric": "parametric bootstrap",
    "cluster": "bootstrap over therapists",
}
ALONG = {"attachment": "perceived attachment", "style": "therapist style"}
CHANGED = {
    "reference_ratio": REASONS["reference_ratio"],
    "left_out": "leaving out one therapist changes the verdict and moves its estimate by over 1 SE",
    "beyond_elsewhere": "|T| is at least the bound in {share:.0%} of the analyses tried",
    "within_elsewhere": "|T| is less than the bound in {share:.0%} of the analyses tried",
    "sign_elsewhere": "{of} has the other sign in {share:.0%} of the analyses tried",
    "imputed": "with missing values imputed it is {verdict}",
    "outcomes_imputed": "the verdict changes when missing outcomes are imputed",
    "tipped": "it changes if the slope of {along} is {size:g} SD {way} among patients without outcome",
    "resampled": "the {check} gives p = {p:.3f}, and the rule requires at most {level:g}",
    "not_computed": "{check}: {reason}",
}
"""Robustness checks that change a verdict (``fragile_because``), or that could not be computed."""
UNFAIR = {
    "both_within": "Both predictors vary between patients of one therapist, so that neither is restricted to the "
    "differences between therapists.",
    "one_rater": "Both were rated by the same person, so that mood and response style influence both, and the outcome "
    "if that person rated it. Variance that they share is attributed to neither.",
    "levels": "{therapist} can account only for differences between therapists, usually about 5% of the outcome's "
    "variance; {patient} can account for nearly all of the variance.",
    "rater_of_one": "The person who rated {patient} may also have rated the outcome; the rater of {therapist} did not.",
    "one_observer": "Both were rated by observers, whose expectations may influence both ratings.",
    "observer_of_one": "{patient} was rated by observers of single patients, {therapist} by the therapists themselves.",
    "one_patient_each": "Every therapist has one patient, so that differences between therapists cannot be "
    "distinguished from differences between patients. A slope refers to pairs of patient and therapist, and no share "
    "of the outcome's variance can be attributed to therapists. Patients who differ may have been assigned to "
    "therapists who differ.",
    "both_between": "Both predictors vary between therapists only: the sample is as large as the number of therapists, "
    "and neither shares the rater with the outcome.",
}
"""What one of two predictors has over the other."""


def decimals(half_width: float) -> int:
    """Decimals that a number needs: two, or more where the half-width of its interval rounds to 0.00 otherwise.

    Examples
    --------
    >>> decimals(0.2), decimals(0.012), decimals(0.004), decimals(0.0)
    (2, 2, 3, 2)
    """
    return 2 if not half_width > 0 else min(max(2, -floor(log10(half_width))), 6)


def reason(code: str, **fields: Any) -> dict[str, Any]:
    """A code with its fields, as result files have it."""
    return {"code": code} | fields


def say(code: str, fields: Mapping[str, Any] | None = None) -> str:
    """A reason or flag in words; what is not a known code is given as it is, without underscores.

    Parameters
    ----------
    code : str
    fields : mapping, optional
        Where the words have numbers: a claim, which holds them under the code.

    Examples
    --------
    >>> say("few_therapists")
    'fewer than 30 therapists'
    >>> say("loto_flips", {"loto_flips": {"changed": 3, "therapists": 48}})
    'the verdict changes when one therapist is left out, for 3 of 48 therapists'
    """
    if code not in REASONS:
        return code.replace("_", " ")
    return REASONS[code].format(**(fields or {}).get(code, {}))


def say_rule(rule: Mapping[str, Any] | None, names: Mapping[str, str] | None = None) -> str:
    """The rule that decided a claim in words; empty where there is none.

    Parameters
    ----------
    rule : mapping or None
        ``code`` and its fields.
    names : mapping, optional
        What the contrasts are called; otherwise as in the files.

    Examples
    --------
    >>> say_rule({"code": "one_below_0", "of": "P+T"})
    'the upper 98.75% limit of P+T lies below 0'
    >>> say_rule({"code": "above_0", "of": "first"}, {"first": "trust"})
    'the 95% interval of trust lies above 0'
    """
    if not rule:
        return ""
    of, names = rule.get("of"), names or {}
    named = names.get(of, of) if isinstance(of, str) else [names.get(one, one) for one in of or []]
    return RULE_WORDS[rule["code"]].format(**dict(rule) | {"of": named})


def say_changed(found: Mapping[str, Any]) -> str:
    """In words, how a robustness check changes a verdict, or why it could not be computed.

    Examples
    --------
    >>> say_changed({"code": "sign_elsewhere", "of": "P-|T|", "share": 0.25})
    'P-|T| has the other sign in 25% of the analyses tried'
    """
    named = {"check": CHECKS.get(found.get("check", "")), "along": ALONG.get(found.get("along", ""))}
    return CHANGED[found["code"]].format(**dict(found) | named)


def say_unfair(found: Mapping[str, str]) -> str:
    """In words, what one of two predictors has over the other."""
    return UNFAIR[found["code"]].format(**found)
