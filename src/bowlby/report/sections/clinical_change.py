"""Who improved or recovered: probabilities by perceived attachment and by the therapist's style."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.disclosure import SMALLEST
from bowlby.report.section import Section, figure, render
from bowlby.results import Results
from bowlby.tables import number, p_statement, sheet_html, sheets
from bowlby.tables.clinical_change import model_names, percent_interval
from bowlby.terms import EVENTS

BELOW = {
    "perceived": "perceived attachment was 1 SD below the mean of the therapist's patients",
    "therapist_style": "the therapist's own style was 1 SD below the mean",
}
VERBS = {"improved": "improve or recover", "recovered": "recover"}
LOST = (
    "Classes of change discard information: two patients who differ by one point may be in different classes, and "
    "power is lower than in the main analysis. The verdict is based on the scores."
)
ASSOCIATED = "Differences between probabilities are associations; neither predictor was randomised."


def clinical_change(results: Results) -> Section | None:
    """A sentence for each predictor, figure, table and limitations; None where it was not examined."""
    record = results.json("clinical_change.json")
    if not record:
        return None
    said, parts = _said(record), []
    parts.append(Markup("").join(Markup("<p>{}</p>").format(sentence) for sentence in said))
    if any(record["models"][name]["estimable"] for name in EVENTS if name in record["models"]):
        parts.append(figure(
            results,
            "clinical_change",
            alt=f"Expected shares of patients by predictor. {' '.join(said)}",
            caption="The points show the expected percentage of patients with each event at 1 SD above (filled) and "
            "1 SD below (hollow) the mean of the predictor, with 95% intervals.",
        ))  # fmt: skip
    parts.append(Markup(sheet_html(sheets(results)["clinical_change"][1])))
    parts.append(Markup("<h3>Limitations</h3><p>{}</p>").format(" ".join(_limits(record))))
    title = "Predictors of clinical change"
    return Section("clinical-change", title, render("stack.html", parts=parts, intro=None))


def _said(record: Mapping) -> list[str]:
    """What is said of both predictors for the configured event."""
    model, event = record["models"][record["event"]], EVENTS[record["event"]]
    if not model["estimable"]:
        return [f"The probability of the event “{event}” was not modelled: {model['reason']}."]
    n, events = model["n_obs"], model["n_events"]
    who = " on the dysfunctional side of the cut-off at intake" if record["event"] == "recovered" else ""
    said = [] if n is None or events is None else [
        f"Of {n:,} patients{who}, {events:,} ({number(100 * events / n, 0)}%) {event}."
    ]  # fmt: skip
    for one in model["differences"]:
        low, high = (next(p for p in model["probabilities"] if (p["predictor"], p["at"]) == (one["predictor"], at))
                     for at in (-1, 1))  # fmt: skip
        below = BELOW[one["predictor"]]
        said.append(
            f"If {below}, {_share(low)} of the patients would be expected to {VERBS[record['event']]}; if it was 1 SD "
            f"above the mean, {_share(high)} (difference {number(100 * one['estimate'], 0)} percentage points, 95% CI "
            f"{percent_interval(one['ci'])}, {p_statement(one['p'])})."
        )
    return said


def _share(probability: Mapping) -> str:
    return f"{number(100 * probability['estimate'], 0)}% (95% CI {percent_interval(probability['ci'])})"


def _limits(record: Mapping) -> list[str]:
    """What limits the models of this run, and what limits all of them."""
    began = record["began_functional"]
    limits = []
    if record["cut"] is None:
        limits.append("No cut-off is known for this scale, so that recovery could not be examined.")
    elif began is None:
        limits.append(
            "The number of patients already on the functional side of the cut-off at intake is not shown, because "
            f"fewer than {SMALLEST} patients could be identified."
        )
    elif began:
        limits.append(f"{began:,} patients were already on the functional side of the cut-off at intake. They cannot "
                      "recover and were not included in the models of recovery and of all classes.")  # fmt: skip
    for name, words in model_names(record).items():
        model = record["models"][name]
        for warning in model.get("warnings", []):
            limits.append(f"{words}: {warning}.")
        if name == "ordinal" and any(" or " in kind for kind in model.get("classes", [])):
            merged = " and ".join(f"“{kind}”" for kind in model["classes"] if " or " in kind)
            limits.append(f"The model of all classes treats {merged} as one class, because one of them had too few "
                          "patients.")  # fmt: skip
    return [*limits, LOST, ASSOCIATED]
