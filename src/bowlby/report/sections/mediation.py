"""Through what styles are associated with outcome."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.report.section import Section, figure, render
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets
from bowlby.terms import IN_SENTENCES

CAUSAL = (
    "An indirect effect is causal only if the associations of style and mediator, style and outcome, and mediator and "
    "outcome have no unmeasured confounder. Neither style nor mediator was randomised."
)
BETWEEN = (
    "For the therapist's style, b is estimated from ratings by different patients of one therapist, so that it is not "
    "affected by a patient's mood. It may be confounded by other characteristics of therapists."
)


def mediation(results: Results) -> Section | None:
    """A sentence for each style and mediator, figure, table and limitations; None where it was not examined."""
    record = results.json("mediation.json")
    if not record:
        return None
    said = [sentence for one in record["mediators"] for sentence in _said(one)]
    plot = figure(
        results,
        "mediation",
        alt=f"Indirect, direct and total effects of styles. {' '.join(said)}",
        caption="The points show the association of the patient's style (between patients of one therapist) and of the "
        "therapist's style (between therapists) with outcome (indirect, direct and total effects), with 95% intervals. "
        "The direct effect of the therapist's style is the total minus the indirect effect and has no interval.",
    )
    text = Markup("").join(Markup("<p>{}</p>").format(sentence) for sentence in said)
    rho = [one["patient"]["rho"] for one in record["mediators"] if one["patient"]]
    limits = [CAUSAL, *([_confounded(record)] if rho else []), BETWEEN]
    paragraph = Markup("<h3>Limitations</h3><p>{}</p>").format(" ".join(limits))
    table = Markup(sheet_html(sheets(results)["mediation"][1]))
    return Section("mediation", "Mediation", render("stack.html", parts=[text, plot, table, paragraph], intro=None))


def _said(one: Mapping) -> list[str]:
    """What is said of each style through one mediator."""
    through = IN_SENTENCES[one["mediator"]]
    said = []
    for style, name in (("patient", "patient's own style"), ("therapist", "therapist's style")):
        effects = one[style]
        if not effects:
            continue
        if effects.get("estimable") is False:
            said.append(f"The indirect effect of the {name} through {through} is not estimable: {effects['reason']}.")
            continue
        e = effects["indirect"]
        low, high = e["ci"]
        is_0 = "" if low > 0 or high < 0 else "; the interval includes 0"
        total = number(effects["total"]["estimate"])
        said.append(f"The indirect effect of the {name} through {through} is {number(e['estimate'])} SD of outcome "
                    f"per SD (95% CI {interval(low, high)}{is_0}); its total effect is {total} SD.")  # fmt: skip
    return said


def _confounded(record: Mapping) -> str:
    """How strong a confounder of mediator and outcome has to be."""
    known = [(IN_SENTENCES[one["mediator"]], one["patient"]) for one in record["mediators"] if one["patient"]]
    sizes = "; ".join(f"{number(p['rho'])} for {name} ({number(p['rho_limit'])} until b is no longer significant)"
                      for name, p in known)  # fmt: skip
    return (
        "An unmeasured confounder of mediator and outcome would fully account for the indirect effect of the patient's "
        f"style if the errors of mediator and outcome correlated at {sizes}."
    )
