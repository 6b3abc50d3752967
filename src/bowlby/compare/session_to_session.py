"""Temporal order of two series from session to session: ``session_to_session.json``, and what follows for C1 and C2."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.compare.claims import ALPHA, claim_more, claim_slope
from bowlby.config.run import Run
from bowlby.effect import Effect, effects_of
from bowlby.errors import existing
from bowlby.reasons import say_rule
from bowlby.terms import SERIES

PARTS = ("L-R", "L+R")
TRENDS = ("none", "mean", "patient")
NAMES = {"L": "the path from predictor to outcome", "L-R": "the difference between the paths", "L+R": "their sum"}


def decide_lead(run: Run, fits: Mapping[str, dict], design: Mapping) -> dict:
    """Decide L1 and L2 by the rules of C1 and C2.

    Parameters
    ----------
    run : Run
        With ``session_to_session``.
    fits : mapping of dict
        ``lagged_none``, ``lagged_mean``, ``lagged_patient``, ``centred_outcome``, ``centred_predictor``.
    design : mapping
        Description of the rows.

    Returns
    -------
    dict
        Paths by method of detrending, the claims by the registered one with their verdicts by the others, the common
        model's paths, the test of stationarity, and a sentence.
    """
    settings = existing(run.session_to_session)
    main = fits[f"lagged_{settings.detrend}"]
    effects = {trend: effects_of(fits[f"lagged_{trend}"]["contrasts"]) for trend in TRENDS}
    decided = {trend: decide_lead_claims(own, settings.delta) for trend, own in effects.items()}
    claims = decided[settings.detrend]
    stationary = main["blocks"][0]["p"]
    for name, claim in claims.items():
        verdicts = {trend: decided[trend][name]["verdict"] for trend in TRENDS}
        settled = claim["verdict"] != "inconclusive"
        claim["detrended"] = verdicts
        claim["fragile"] = settled and verdicts["patient"] != claim["verdict"]
        claim["reasons"] = _reasons(settings)
        claim["qualified"] = claim["verdict"] == "supported"  # what changes over time is never adjusted for
        claim["flags"] += [code for code, holds in (
            ("detrended_otherwise", len(set(verdicts.values())) > 1),
            ("not_stationary", stationary < ALPHA),
            ("singular", main["singular"]),
            ("no_jackknife", main["df_method"] == "patients" and "therapist" in main["groups"]),
        ) if holds]  # fmt: skip
    return {
        "schema": 1,
        "labels": design["labels"],
        "delta": settings.delta,
        "detrend": settings.detrend,
        "gap": settings.gap,
        "interval": settings.interval,
        "n_unused_answers": design["n_unused_answers"],
        "n_obs": main["n_obs"],
        "n_patients": main["groups"]["patient"],
        "n_therapists": main["groups"].get("therapist", 0),
        "n_processes": design["n_processes"],
        "left_out": design["left_out"],
        "standard_errors": main["df_method"],
        "paths": {trend: {name: e.record() | {"p": e.p_two_sided()} for name, e in own.items()}
                  for trend, own in effects.items()},
        "centred": dict(_named_contrast(fits[f"centred_{name}"]) for name in SERIES),
        "stationary_p": stationary,
        "claims": claims,
        "finding": (said := _said(design["labels"], effects[settings.detrend], claims["L2"]))[0],
        "sentence": " ".join(said),
    }  # fmt: skip


def decide_lead_claims(effects: Mapping[str, Effect], delta: float) -> dict[str, dict]:
    """L1 (the predictor predicts the later outcome) and L2 (more than the reverse) from L, L-R and L+R."""
    return {"L1": claim_slope(effects["L"], delta, "L"), "L2": claim_more(effects["L-R"], effects["L+R"], PARTS)}


def removes_doubt(run: Run, lead: Mapping | None) -> bool:
    """Whether C1 and C2 need no qualification that improvement may have come first.

    L1 and L2 are both supported, also with the patients' own trends removed, and the series are those of the
    comparison.
    """
    if lead is None or not _of_the_comparison(run):
        return False
    verdicts = [
        claim["detrended"][trend] for claim in lead["claims"].values() for trend in (lead["detrend"], "patient")
    ]
    return set(verdicts) == {"supported"}


def speaks_against(run: Run, lead: Mapping | None) -> bool:
    """Whether outcome predicts later perceived attachment more strongly than the reverse."""
    return lead is not None and _of_the_comparison(run) and lead["claims"]["L2"]["verdict"] == "refuted"


def _of_the_comparison(run: Run) -> bool:
    """Whether the series are a scale of the comparison's perceived attachment, and its outcome."""
    settings, perceived, outcome = existing(run.session_to_session), existing(run.comparison).perceived, run.outcome
    predictor = settings.predictor
    return (
        (predictor.instrument, predictor.about, predictor.role) == (perceived.instrument, perceived.about, "patient")
        and predictor.scale in perceived.weights
        and (settings.outcome.instrument, settings.outcome.scale) == (outcome.instrument, outcome.scale)
    )


def _reasons(settings) -> list[str]:
    same = settings.predictor.role == settings.outcome.role
    return [*(["same_rater_of_both"] if same else []), "changes_over_time"]


def _named_contrast(fit: dict) -> tuple[str, dict]:
    first = fit["contrasts"][0]
    return first["name"], Effect(first["estimate"], first["se"], first["df"]).record() | {"p": first["p"]}


def _said(labels: Mapping[str, str], effects: Mapping[str, Effect], more: Mapping) -> tuple[str, str]:
    """The finding, and what it rests on."""
    predictor, outcome = labels["predictor"], labels["outcome"]
    path = f"the path from {predictor} to later {outcome}"
    conclusion = {
        "supported": f"{path} is larger than the reverse path",
        "refuted": f"{path} is not larger than the reverse path",
        "inconclusive": f"the data do not decide whether {path} is larger than the reverse path",
    }[more["verdict"]]
    because = say_rule(more["rule"], NAMES)
    return f"{more['verdict'].capitalize()}: {conclusion}.", (
        f"After a session with {predictor} 1 SD better than the patient's own mean, {outcome} at the next session was "
        f"{_size(effects['L'])}. After a session with {outcome} 1 SD better, {predictor} at the next session was "
        f"{_size(effects['R'])}. "
        f"{because[:1].upper()}{because[1:]}."
    )


def _size(effect: Effect) -> str:
    low, high = effect.limits(0.975)
    way, interval = "better" if effect.estimate >= 0 else "worse", f"{low:.2f} to {high:.2f}".replace("-", "−")
    return f"{abs(effect.estimate):.2f} SD {way} (95% CI {interval})"
