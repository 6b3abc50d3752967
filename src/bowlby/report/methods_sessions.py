"""What the methods text says of the model from session to session."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.results import Results

TAKEN_OUT = {
    "none": "one mean for all sessions",
    "mean": "a mean for each session (from the 13th on a straight line)",
    "patient": "a mean for each session (from the 13th on a straight line) and each patient's own straight line",
}


def session_to_session(results: Results, record: Mapping) -> str:
    """A paragraph of the model, its estimation and its rules."""
    asked = results.config.get("session_to_session") or {}
    one, other = (f"{record['labels'][name]} ({results.instrument((asked.get(name) or {}).get('instrument', name))[0]})"
                  for name in ("predictor", "outcome"))  # fmt: skip
    therapists = record["n_therapists"]
    levels = "patients and therapists" if therapists else "patients"
    anew = (
        f"After more than {record['gap']} sessions{' and with another therapist' if therapists else ''} it begins anew"
    )
    sample = f"{record['n_patients']:,} patients{f' and {therapists:,} therapists' if therapists else ''}"
    said = [
        f"Which of {one} and {other} comes first was examined from session to session with a random-intercept "
        f"cross-lagged model ([[hamaker]]): each score is the sum of a mean, intercepts of {levels}, and a process "
        "within the patient in which both scores depend on both of the session before.",
        "Paths and innovations are the same at all sessions; the covariance at which a process begins is free.",
        f"{anew}; over shorter gaps paths are multiplied.",
        f"The model has {TAKEN_OUT[record['detrend']]}; it was also fitted with the other ways of taking out trends.",
        f"The {record['n_obs']:,} sessions of {sample} were all used, by maximum likelihood; standard errors are from "
        "the observed information.",
        "Paths are in SD within patients, with standard errors by the delta method.",
        "L1 is supported if the lower 97.5% limit of the path to the next outcome lies above 0, L2 if those of its "
        "difference from the reverse path and of their sum do.",
        "The common model with predictors centred at the patient's mean is reported in addition; it is biased "
        "([[nickell]]).",
    ]
    return " ".join(said)
