"""Whether outcome is best if patient and therapist match on a scale of their style."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.report.section import Section, answer, figure, render
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets

FLAGS = {
    "few_therapists": "With {n_therapists} therapists, a square and a product of the therapists' scores rest on "
    "{n_therapists} values; congruence can rarely be shown with so few.",
    "two_groups": "The therapists' scores are in two groups, so that their square is almost constant and b5 is poorly "
    "estimated.",
    "incongruence_outside": "The line of incongruence lies within the data only {incongruence}; beyond this, a3 and a4 "
    "are extrapolated.",
    "congruence_outside": "The line of congruence lies within the data only {congruence}; beyond this, a1 and a2 are "
    "extrapolated.",
    "rare_pairs": "Some kinds of pairs are rare ({pairs}), so that the surface there is based on few patients.",
    "singular": "A variance between therapists was estimated at 0 (boundary).",
    "sample_reference": "The unit is the SD of this sample, because no reference SDs were given; it is treated "
    "as known.",
}
NOT_DRAWN = (
    "A surface is drawn only if its area shows no individual: there have to be at least ten therapists, and enough "
    "patients for several groups of five. The setting `privacy: internal` draws it in any case."
)
OBSERVED = "Matches were not randomised; a match may be associated with other characteristics of {}."
LINES = (
    "On the line of congruence both scores are equal; on the line of incongruence they are equally far from the "
    "midpoint of the scale, on opposite sides."
)


def response_surface(results: Results) -> Section | None:
    """Findings, figure, table and limitations; None where no surface was requested."""
    record = results.json("response_surface.json")
    if not record:
        return None
    surfaces = record["surfaces"]
    said = [f"{_name(s)}: a3 {_estimate(s, 'a3')}; a4 {_estimate(s, 'a4')}; a5 {_estimate(s, 'a5')}" for s in surfaces]
    both = any(s["therapists"] for s in surfaces)
    of = (
        f"means of groups of at least five patients{' and five therapists' * both}"
        if results.shareable
        else "all pairs"
    )
    plot = figure(
        results,
        "response_surface",
        alt=f"Contour plots of the predicted outcome by both scores. {'. '.join(said)}.",
        caption=f"Darker areas show a better predicted outcome. {LINES} The surface is shown only within the convex "
        f"hull of the data ({of})." + " Bars show the therapists by their score." * both,
    )
    hidden = [Markup("<p>{}</p>").format(NOT_DRAWN)] * any(s["area"] is None for s in surfaces)
    table = Markup(sheet_html(sheets(results)["response_surface"][1]))
    limits = dict.fromkeys(line for s in surfaces for line in _warnings(s, len(surfaces) > 1))
    limits[OBSERVED.format("patients or therapists" if both else "patients")] = None
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in limits)
    parts = [*map(answer, surfaces), plot, *hidden, table, Markup("<h3>Limitations</h3><ul>{}</ul>").format(items)]
    title = "Match of patient and therapist" if both else "Match of the two predictors"
    return Section("response-surface", title, render("stack.html", parts=parts, intro=None))


def _name(surface: Mapping) -> str:
    return str(surface["scale"]).replace("_", " ")


def _estimate(surface: Mapping, name: str) -> str:
    one = surface["contrasts"][name]
    return f"{number(one['estimate'])}, 95% CI {interval(*one['ci'])}"


def _warnings(surface: Mapping, several: bool) -> list[str]:
    """What these data give reason to say; with the scale where it is about one of several."""
    x, w = surface["labels"]
    kinds = {"first_higher": f"{x} higher", "match": "both similar", "second_higher": f"{w} higher"}
    shares = [f"{kinds[k]}: {'hidden' if v is None else f'{100 * v:.0f}%'}" for k, v in surface["pairs"].items()]
    values = {
        "n_therapists": surface["n_therapists"],
        "pairs": "; ".join(shares),
        **{line: _from_to(extent) for line, extent in surface["inside"].items()},
    }
    own = {"incongruence_outside", "congruence_outside", "rare_pairs", "two_groups"}
    return [
        (f"{_name(surface).capitalize()}: {text[0].lower()}{text[1:]}" if several and flag in own else text)
        for flag in surface["flags"]
        if (text := FLAGS[flag].format(**values))
    ]


def _from_to(extent) -> str:
    if extent is None:
        return "at no point"
    return f"from X = {number(extent[0], 1)} to {number(extent[1], 1)} SD from the midpoint"
