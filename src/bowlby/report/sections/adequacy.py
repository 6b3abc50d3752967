"""The power of this sample, computed before outcomes were read."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.section import Section, figure, render, see
from bowlby.results import Results
from bowlby.tables import number


def adequacy(results: Results) -> Section | None:
    """The adequacy chart; None where the run has none."""
    power = results.json("adequacy.json")
    if not power:
        return None
    plot = figure(
        results,
        "adequacy",
        alt="Curves over the share of outcome variance between therapists. Above: the smallest detectable and the "
        f"largest possible slope of therapist style, and the half-width of its interval. Below: the power to detect a "
        f"slope of {power['delta']:g}, and to show that a slope of 0 is negligible.",
        caption="The curves show what the sample can detect, by the share of outcome variance that lies between "
        "therapists. If the solid curve lies above the dotted one, no possible slope of therapist style can be "
        "detected with 80% power. If the dashed curve lies above the grey band, style cannot be shown to be "
        "negligible. The lower panel gives the power of both tests. Points mark the shares that were fixed before "
        "outcomes were read; the vertical line marks the share that was estimated afterwards.",
    )
    if not plot:
        return None
    limit = power["icc_limit"]
    if limit is None:
        equivalence = "The sample cannot show style to be negligible, whatever the variance between therapists."
    elif limit >= 1:
        equivalence = "The sample can show style to be negligible, whatever the variance between therapists."
    else:
        equivalence = (
            f"Style can be shown to be negligible only if less than {number(100 * limit, 1)}% of outcome variance lies "
            "between therapists."
        )
    median = number(power["caseload"]["median"], 1).removesuffix(".0")
    intro = Markup.escape(
        f"The sample has {power['therapists']:,} therapists (median caseload {median}){_several(power)}. {equivalence} "
        "This was computed from caseloads and style scores alone, before any outcome was read."
    ) + see(results, "adequacy")
    parts = [plot, *_after(results)]
    return Section("adequacy", "Power of this sample", render("stack.html", parts=parts, intro=intro))


def _several(adequacy: dict) -> str:
    """Said only if some therapists have one patient."""
    n = adequacy["effective_therapists"]
    return "" if n == adequacy["therapists"] else f", of whom {n:,} have two or more patients"


def observed(results: Results) -> str | None:
    """How much therapists were found to differ, in words; None where it was not estimated."""
    variance = results.json("estimands/variance.json")
    if not variance or "icc" not in variance:
        return None
    if variance["icc_ci"] is None:
        return _percent(variance["icc"])
    low, high = map(_percent, variance["icc_ci"])
    return f"{_percent(variance['icc'])} (95% CI {low} to {high})"


def detectable(line: dict) -> str:
    """The smallest effect of style that a design detects, from a line of the adequacy table."""
    return f"the smallest effect of style detectable with 80% power is {number(line['minimum_detectable'])} SD"


def _after(results: Results) -> list[Markup]:
    """The same closed form at the observed variance between therapists."""
    share = observed(results)
    if share is None:
        return []
    line = results.json("estimands/variance.json")["adequacy"]
    said = f"The observed share of variance between therapists was {share}, in a model with covariates only"
    if line is None:
        said += ", which is more than the calculation covers."
    else:
        negligible = "can" if line["can_show_equivalence"] else "cannot"
        said += (
            f". At that share {detectable(line)}, and style {negligible} be shown to be negligible (half-width of the "
            f"90% CI {number(line['half_width_90'])} SD)."
        )
        verdict = results.json("verdict.json") or {}
        if verdict.get("grounds") and not verdict.get("cannot_answer"):
            said += " The value stated with the verdict uses the standard error of T in the fitted model."
    return [Markup("<p>{}</p>").format(said)]


def _percent(share: float) -> str:
    return f"{number(100 * share, 1)}%"
