"""What the methods text says of the model from session to session."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.results import Results

DETRENDED = {
    "none": "one mean for all sessions",
    "mean": "a mean for each session (a straight line from the 13th session on)",
    "patient": "a mean for each session (a straight line from the 13th session on) and each patient's straight line",
}


def session_to_session(results: Results, record: Mapping) -> str:
    """A paragraph of the model, its estimation and its rules."""
    settings = results.config.get("session_to_session") or {}
    predictor, outcome = (
        f"{record['labels'][name]} ({results.instrument((settings.get(name) or {}).get('instrument', name))[0]})"
        for name in ("predictor", "outcome")
    )
    therapists = record["n_therapists"]
    levels = "patients and therapists" if therapists else "patients"
    change = " or a change of therapist" if therapists else ""
    anew = f"After a gap of more than {record['gap']} sessions{change}, a new process begins"
    sample = f"{record['n_patients']:,} patients{f' and {therapists:,} therapists' if therapists else ''}"
    sentences = [
        f"The temporal order of {predictor} and {outcome} was examined from session to session with a random-intercept "
        f"cross-lagged panel model ([[hamaker]]). Each score is the sum of a mean, intercepts of {levels}, and a "
        "process within the patient in which both scores depend on both scores of the previous session.",
        "Paths and innovations are the same at all sessions; the covariance at the start of a process is free.",
        f"{anew}; over shorter gaps the matrix of paths is raised to the power of the number of sessions.",
        f"The model has {DETRENDED[record['detrend']]}. It was also fitted with the other methods of detrending.",
        f"All {record['n_obs']:,} sessions of {sample} were included, by maximum likelihood. Standard errors are based "
        "on the observed information.",
        "Paths are standardised within patients, with standard errors by the delta method.",
        "L1 is supported if the lower 97.5% limit of the path to the next outcome lies above 0. L2 is supported if the "
        "lower 97.5% limits of the difference between this path and the reverse path, and of their sum, lie above 0.",
        "The common model with person-mean-centred predictors is also reported; it is biased ([[nickell]]).",
    ]
    return " ".join(sentences)
