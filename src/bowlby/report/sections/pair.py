"""Two predictors weighed against each other."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.reasons import say_unfair
from bowlby.report.robustness_tables import pair_doubts_sheet, pair_turned
from bowlby.report.section import Section, answer, figure, render
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets
from bowlby.tables.claims import statements
from bowlby.tables.fits import doubtful_units

QUALIFIERS = {
    "same_rater": "If the patient also rated the outcome, mood may influence both predictor and outcome.",
    "same_observer": "If the same observers also rated the outcome, their expectations may influence both.",
    "reverse_causation_open": "Change in outcome may have preceded the predictor.",
    "no_baseline": "There is no earlier outcome to adjust for.",
}


def pair(results: Results) -> Section | None:
    """Sentence, forest, table and what is unfair; None where no two predictors were named."""
    record = results.json("pair.json")
    if not record:
        return None
    names = {**record["labels"], "first-second": "difference", "first+second": "sum"}
    said = [f"{names[k]} {number(c['estimate'])}, 95% CI {interval(*c['ci'])}" for k, c in record["contrasts"].items()]
    plot = figure(
        results,
        "pair",
        alt=f"Forest plot with the band ±{record['delta']:g}. {'; '.join(said)}.",
        caption="The points show the slopes of both predictors, their difference and their sum. The first is larger in "
        f"size if both contrasts lie above 0. The grey band is ±{record['delta']:g}, the size that the configuration "
        "calls negligible.",
    )
    doubts = [*map(say_unfair, record["unfair"]), *(QUALIFIERS[q] for q in record["qualifiers"])]
    if units := doubtful_units(record):
        doubts.insert(0, units.replace("*", ""))
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in doubts)
    fair = Markup("<h3>Limitations</h3><ul>{}</ul>").format(items)
    table = Markup(sheet_html(sheets(results)["pair"][1]))
    parts = [answer(record), plot, table, *_doubts(record), fair]
    return Section("pair", "Two predictors", render("stack.html", parts=parts, intro=None))


def _doubts(record: Mapping) -> list[Markup]:
    """The slopes in other ways, and what each statement became; nothing where none was tried."""
    sheet = pair_doubts_sheet(record)
    said = [Markup("<p>{}</p>").format(line) for line in pair_turned(record, statements(record))]
    return [Markup(sheet_html(sheet)), *said] if sheet else []
