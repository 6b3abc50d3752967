"""What a run was asked for and did not compute, and why: one list for the report and for the end of ``bowlby run``."""

from __future__ import annotations

from collections.abc import Iterator

from bowlby.report.robustness_tables import KIND_LABELS
from bowlby.results import Results

ENGINES = {
    "primary": "the main model",
    "perceived": "the model of perceived attachment",
    "pair": "the model of the two predictors",
    "growth": "the growth model",
}
EFFECTS = {"intercept": "intercept", "Intercept": "intercept", "time": "slope of time"}
MEASUREMENT = {
    "unknown": "the reliability of the baseline outcome is not known: scores were given and "
    "`outcome.reliability` is empty",
    "large_part": "patients who changed therapist connect too many therapists",
    "errors_too_large": "the error variances are as large as the observed variances",
}


def not_computed(results: Results) -> list[tuple[str, str]]:
    """What was requested, and why it was not computed; empty if nothing is missing."""
    return [
        (f"{what[:1].upper()}{what[1:]}", why.strip().rstrip("."))
        for part in (_estimands, _robustness, _models, _surfaces)
        for what, why in part(results)
    ]


def _surfaces(results: Results) -> Iterator[tuple[str, str]]:
    for surface in (results.json("response_surface.json") or {}).get("surfaces", []):
        if surface["area"] is None:
            why = "with so few therapists or patients the figure could identify individuals (see `privacy`)"
            yield f"the figure of the response surface of {surface['scale'].replace('_', ' ')}", why


def _estimands(results: Results) -> Iterator[tuple[str, str]]:
    known = results.estimands
    four, measured, variance = known.get("e4") or {}, known.get("measurement") or {}, known.get("variance")
    if four and not four["estimable"]:
        yield "E4, the slopes between therapists", four["reason"]
    if measured.get("reason"):
        yield "correction for measurement error", MEASUREMENT[measured["reason"]]
    if measured.get("within_only"):
        yield ("correction for error of the baseline between therapists",
               "the variance of the baseline between therapists is hardly larger than its error variance")  # fmt: skip
    if variance and variance["icc_ci"] is None:
        yield "interval of the share of variance between therapists", "the interval does not exist for this design"


def _robustness(results: Results) -> Iterator[tuple[str, str]]:
    record = results.json("robustness.json") or {}
    for kind, check in {**record, **((results.json("pair.json") or {}).get("doubts") or {})}.items():
        label = KIND_LABELS.get(kind, kind)
        if why := check.get("not_computed"):
            yield label, why
        elif failed := check.get("failed"):
            yield f"{failed:,} replicates of {label}", "the model could not be fitted to them"
    for gone in (record.get("multiverse") or {}).get("dropped") or []:
        yield f"alternative analyses with {gone['node']}: {str(gone['level']).replace('_', ' ')}", gone["reason"]


def _models(results: Results) -> Iterator[tuple[str, str]]:
    for name, fit in results.fits.items():
        for gone in fit.get("left_out") or []:
            effect = EFFECTS.get(gone["term"], gone["term"])
            yield f"random {effect} of {gone['group']}s ({name} model)", gone["reason"]
        if not fit.get("converged", True):
            yield f"convergence of the {name} model", "the estimates may not maximise the likelihood"
    for name, words in ENGINES.items():
        if why := (results.json(f"fits/second/{name}.json") or {}).get("left_out"):
            yield f"fit of {words} with the second engine", why
