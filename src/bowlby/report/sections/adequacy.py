"""What this sample could have shown, computed before outcomes were read."""

from __future__ import annotations

from bowlby.report.drawing import figure
from bowlby.report.results import Results
from bowlby.report.section import Section, render
from bowlby.tables import number


def adequacy(results: Results) -> Section | None:
    """The adequacy chart; None where the run has none."""
    found = results.json("adequacy.json")
    if not found:
        return None
    plot = figure(
        results,
        "adequacy",
        alt="Chart of the smallest detectable and the largest possible slope of therapist style, and of the half-width "
        "of its interval, at three intraclass correlations.",
        caption="Where the blue point lies above the black line, no possible effect of therapist style would have been "
        "found. Where the red diamond lies above the grey band, style could not have been shown to be negligible.",
    )
    if not plot:
        return None
    limit = found["icc_limit"]
    if limit is None:
        equivalence = "At no difference between therapists can style be shown to be negligible with this sample."
    elif limit >= 1:
        equivalence = "The sample can show style to be negligible at any difference between therapists."
    else:
        equivalence = (
            f"Style can be shown to be negligible only if less than {number(100 * limit, 1)}% of outcome variance lies "
            "between therapists."
        )
    median = number(found["caseload"]["median"], 1).removesuffix(".0")
    intro = (
        f"{found['therapists']:,} therapists with {median} patients each (median){_several(found)}. {equivalence} "
        "Computed from caseloads and style scores alone, before any outcome was read."
    )
    return Section("adequacy", "What this sample could have shown", render("stack.html", parts=[plot], intro=intro))


def _several(found: dict) -> str:
    """Said only where some therapists tell nothing of differences between their patients."""
    n = found["effective_therapists"]
    return "" if n == found["therapists"] else f", of whom {n:,} have two or more"
