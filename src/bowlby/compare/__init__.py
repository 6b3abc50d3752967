"""From a fit to the answer: comparison.json and verdict.json."""

from __future__ import annotations

from bowlby import __version__
from bowlby.compare.claims import (
    ALPHA,
    decide_claims,
    not_tested,
)
from bowlby.compare.session_to_session import removes_doubt, speaks_against
from bowlby.compare.verdict_text import both_negligible, headline
from bowlby.config.run import Run
from bowlby.effect import Effect, effects_of
from bowlby.errors import existing
from bowlby.reasons import reason
from bowlby.terms import SCHEMA

FEW_THERAPISTS = 30
STYLE_SHARE = 0.8
USUAL_ICC = 0.05
FRAGILE_RATIO = 1.25
QUALIFIERS = ["same_rater", "reverse_causation_open"]


def compare(
    run: Run,
    fits: dict[str, dict],
    design: dict,
    adequacy: dict,
    estimands: dict[str, dict],
    lead: dict | None = None,
) -> tuple[dict, dict]:
    """Read the contrasts of the primary fit and decide the claims.

    Parameters
    ----------
    run : Run
        With a comparison.
    fits : dict of dict
        ``fits/<model>.json`` by model; ``primary`` and ``c4``, and ``c5`` where patient style is configured.
    design : dict
        Description of the analysis set.
    adequacy : dict
        ``adequacy.json``: what the sample could show, computed before outcomes.
    estimands : dict of dict
        ``measurement``, the comparison without errors of measurement, and ``sensitivity``, by name.
    lead : dict, optional
        Which comes first from session to session (:func:`bowlby.compare.session_to_session.decide_lead`).

    Returns
    -------
    comparison, verdict : dict
        ``comparison.json`` (E1: P, T, P-T, P+T in outcome SD per reference SD) and ``verdict.json``.
    """
    fit, delta = fits["primary"], existing(run.comparison).delta
    effects = _effects(fit)
    claims = _claims(fits, effects, delta, adequacy, run.outcome.role, removes_doubt(run, lead))
    if speaks_against(run, lead):
        claims["C1"]["flags"].append("outcome_leads")
    if "c5" in fits and design.get("own_style_rated_by_patient"):
        qualify_own_style(claims["C5"])
    corrected = {name: row and without_errors(row, delta) for name, row in estimands["measurement"]["rows"].items()}
    qualify_by_error(claims, corrected["baseline"])
    if run.outcome.after is not None:
        for name in ("C2", "C3"):
            claims[name]["reasons"].append("after_landmark")
            claims[name]["qualified"] = claims[name]["verdict"] == "supported"
    outcome = run.outcome.model_dump(include={"instrument", "scale", "domain", "pre", "post"})
    sides = {side: _name(getattr(run.comparison, side)) for side in ("perceived", "therapist_style")}
    verdict = {
        "schema": SCHEMA,
        "run": run.run,
        "version": __version__,
        "outcome": outcome,
        "primary": sides,
        "claims": claims,
        "without_errors": {name: corrected[name] for name in ("baseline", "all")},
        "flags": _flags(fit, design, estimands["sensitivity"]),
    }
    return _comparison(fit, effects, design, delta), verdict


def in_words(verdict: dict, fits: dict[str, dict], delta: float) -> dict[str, str | None]:
    """The sentences of ``verdict.json``, once the robustness checks are known.

    Parameters
    ----------
    verdict : dict
        As of :func:`decide`, with what robustness checks have added to the claims.
    fits : dict of dict
        Records by model.
    delta : float
        Equivalence bound.

    Returns
    -------
    dict
        finding, cannot_answer and grounds (None where there is nothing to say), answer, and sentence, which joins them.
    """
    claims, fit = verdict["claims"], fits["primary"]
    effects = _effects(fit)
    if "moderated" in claims["C3"]["flags"]:
        effects["T_severe"] = _effects(fits["severity"])["T_severe"]
    finding, unable, grounds = headline(effects, claims, delta, fit["groups"]["therapist"])
    if unable is None and both_negligible(effects, claims, delta):
        answer = f"{finding[0].upper()}{finding[1:]}"
    else:
        answer = f"{'On perceived attachment alone' if unable else claims['C2']['verdict'].capitalize()}: {finding}"
    sentence = " ".join(part for part in (answer, unable, grounds) if part)
    return {"finding": finding, "cannot_answer": unable, "grounds": grounds, "answer": answer, "sentence": sentence}


def _claims(
    fits: dict[str, dict],
    effects: dict[str, Effect],
    delta: float,
    adequacy: dict,
    rater: str,
    leads: bool,
) -> dict[str, dict]:
    """The five claims with their verdicts, and what is always said with them."""
    others = {name: e for model in ("c4", "c5") if model in fits for name, e in _effects(fits[model]).items()}
    claims = {"C5": not_tested("no_patient_style")} | decide_claims(others | effects, delta)
    claims = dict(sorted(claims.items()))
    if "c5" in fits:
        claims["C5"]["parts"] = {"block": fits["c5"]["blocks"][0]}
    qualify(claims, fits.get("early"), rater, leads)
    lines = claims["C2"]["lines"] = fits["primary"]["c2_lines"]
    if lines["any_therapist_variable"]:
        claims["C2"]["flags"].append("any_therapist_variable")
    if claims["C2"]["verdict"] == "supported" and lines["reference_ratio_limit"] < FRAGILE_RATIO:
        claims["C2"]["fragile"] = True
        claims["C2"]["flags"].append("reference_ratio")
    severity = fits["severity"]["blocks"][0]
    claims["C3"]["severity"] = severity | {c["name"]: c for c in fits["severity"]["contrasts"]}
    if severity["p"] is not None and severity["p"] < ALPHA:
        claims["C3"]["flags"].append("moderated")
    largest = _usual(adequacy)["largest_possible"]
    for claim in (claims["C3"], claims["C4"]):
        if claim["verdict"] == "supported" and delta >= largest:
            rule = reason("bound_too_wide", bound=delta, largest=largest, icc=USUAL_ICC)
            claim |= {"verdict": "inconclusive", "rule": rule}
            claim["flags"].append("bound_too_wide")
    if claims["C3"]["verdict"] == "supported" and not _usual(adequacy)["can_show_equivalence"]:
        claims["C3"]["flags"].append("against_adequacy")
    return claims


def qualify(claims: dict[str, dict], early: dict | None = None, rater: str = "patient", leads: bool = False) -> None:
    """Add the reservations that apply to C1 and C2 whatever the verdict; they qualify supported claims only.

    Parameters
    ----------
    claims : dict of dict
    early : dict, optional
        The fit that adjusts for improvement up to the rating of perceived attachment; P above 0 there
        removes the doubt that improvement came first.
    rater : str
        Who rated the outcome. Where it is not the patient, perceived attachment and outcome share no rater; where it
        is the therapist, the therapist's style and outcome do, which C2 and C3 name among their reasons.
    leads : bool
        Whether attachment leads outcome from session to session (:func:`removes_doubt`). It removes the doubt that
        improvement came first where there is no early outcome; where there is one, that decides, since it adjusts P.
    """
    outlasts = leads if early is None else _effects(early)["P"].limits(0.975)[0] > 0
    lifted = {"reverse_causation_open": outlasts, "same_rater": rater != "patient"}
    qualifiers = [q for q in QUALIFIERS if not lifted[q]]
    if early is not None and not outlasts and claims["C1"]["verdict"] == "supported":
        claims["C1"]["flags"].append("early_improvement")
    for name in ("C1", "C2"):
        claims[name]["reasons"] += qualifiers
        claims[name]["qualified"] = claims[name]["verdict"] == "supported" and bool(qualifiers)
    for name in ("C2", "C3") if rater == "therapist" else ():
        claims[name]["reasons"].append("therapist_rated")


def qualify_own_style(claim: dict) -> None:
    """Qualify a supported C5 where the patient answered both sides, so that one mood may colour both."""
    claim["reasons"].append("same_rater_style")
    claim["qualified"] = claim["verdict"] == "supported"


def without_errors(row: dict[str, dict], delta: float) -> dict[str, str]:
    """Verdicts of C1 to C3 from P, T, P-T and P+T without errors of measurement."""
    effects = {name: Effect(e["estimate"], e["se"], e["df"]) for name, e in row.items()}
    return {name: claim["verdict"] for name, claim in decide_claims(effects, delta).items()}


def qualify_by_error(claims: dict[str, dict], corrected: dict[str, str] | None) -> None:
    """Qualify C1 and C2 where they are not supported without the baseline's error of measurement.

    Parameters
    ----------
    claims : dict of dict
    corrected : dict or None
        Verdicts without the baseline's error; None where that could not be computed.
    """
    for name in ("C1", "C2"):
        if corrected is None:
            claims[name]["reasons"].append("baseline_error_not_examined")
            claims[name]["qualified"] |= claims[name]["verdict"] == "supported"
        elif claims[name]["verdict"] == "supported" and corrected[name] != "supported":
            claims[name]["reasons"].append("baseline_error")
            claims[name]["qualified"] = True


def _comparison(fit: dict, effects: dict[str, Effect], design: dict, delta: float) -> dict:
    """``comparison.json``."""
    therapist = next(
        r["variance_or_cov"] for r in fit["random"] if (r["group"], r["term"]) == ("therapist", "Intercept")
    )
    described = {name: e.record() | {"t": e.estimate / e.se, "p": e.p_two_sided()} for name, e in effects.items()}
    return described | {
        "schema": 1,
        "delta": delta,
        "standardiser": design["reference"],
        "far_from_reference": design["far_from_reference"],
        "n_obs": fit["n_obs"],
        "n_therapists": fit["groups"]["therapist"],
        "therapist_icc": therapist / (therapist + fit["scale"]),
        "reference": {
            "outcome_sd": design["sd_outcome"],
            "perceived_sd": _sds(design, "perceived"),
            "therapist_style_sd": _sds(design, "therapist_style"),
        },
    }


def _usual(adequacy: dict) -> dict:
    """What the sample could show at the literature's difference between therapists."""
    return next(line for line in adequacy["grid"] if line["icc"] == USUAL_ICC)


def _effects(fit: dict) -> dict[str, Effect]:
    return effects_of(fit["contrasts"])


def _sds(design: dict, variable: str) -> dict[str, float]:
    scaling = design["scaling"][variable]
    return dict(zip(scaling["scales"], scaling["sd"], strict=True))


def _name(block) -> dict:
    return {"instrument": block.instrument, "weights": block.weights}


def significant(test: dict | None) -> bool:
    """Whether a test was computed and has p below .05."""
    return test is not None and test.get("p") is not None and test["p"] < ALPHA


def _flags(fit: dict, design: dict, sensitivity: dict) -> list[str]:
    tests = {
        "few_therapists": fit["groups"]["therapist"] < FEW_THERAPISTS,
        "singular": fit["singular"],
        "groups_of_therapists": bool(design.get("groups_of_therapists")),
        "style_incomplete": design["style_share"] < STYLE_SHARE,
        "sample_reference": design["reference"] == "sample",
        "far_from_reference": bool(design["far_from_reference"]),
        "slopes_by_caseload": significant(sensitivity["caseload"]["test"]),
        "curved_style": significant(sensitivity["curved_style"]),
        "curved_baseline": sensitivity["curved_baseline"]["matters"],
        "unequal_spread": significant(sensitivity["unequal_spread"]),
        "missing_outcomes_differ": significant(design.get("missing_outcomes")),
    }
    return [name for name, holds in tests.items() if holds]
