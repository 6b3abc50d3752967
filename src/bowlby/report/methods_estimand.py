"""The first sentences of the methods: what is estimated in whom, and where that was registered."""

from __future__ import annotations

from bowlby.report.methods_models import at
from bowlby.results import Results

SWITCHED = {
    "share": "of each patient's therapists in proportion to sessions",
    "first": "of the first therapist",
    "last": "of the last therapist",
    "equal": "of all therapists of a patient equally",
}
BEGUN = {
    "collection": "before data were collected",
    "access": "before the data were accessed",
    "analysis": "before the data were analysed",
}


def estimand(results: Results) -> str:
    """Population, what is compared, outcome, and how missing outcomes and changes of therapist are treated."""
    asked, outcome = results.config.get("comparison") or {}, results.config.get("outcome") or {}
    when = (
        f"as the mean of the sessions after {outcome['after']}" if outcome.get("after") else at(outcome.get("post"))
    ).strip()
    imputed = "imputation" in (results.json("robustness.json") or {})
    missing = "patients with an outcome (complete cases" + ("; imputed in a robustness check)" if imputed else ")")
    switching = (results.json("analysis/primary.design.json") or {}).get("n_switching")
    changed = f"; outcome is that {SWITCHED[asked.get('switching') or 'share']}" if switching else ""
    return (
        f"Estimands: the difference in outcome {when} per SD of perceived attachment between patients of the same "
        "therapist (P), and per SD of the therapist's own style between therapists (T), at equal outcome before "
        f"treatment, in patients treated by therapists like those of the study. They were estimated in {missing}"
        f"{changed}."
    )


def registration(results: Results) -> str:
    """Where and when the analysis was registered, with deviations; that the configuration names none."""
    named = results.config.get("registration")
    if not named:
        return "No registration of the analysis is named in the configuration."
    begun = f", {BEGUN[named['before']]}" if named.get("before") else ""
    said = f"The analysis was registered on {named['date']}{begun} ({named['address']})."
    deviations = [text.strip().rstrip(".") for text in named.get("deviations") or []]
    if deviations:
        return f"{said} Deviations from the registration: {'; '.join(deviations)}."
    return f"{said} No deviation from it is named."
