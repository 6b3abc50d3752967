"""The comparison's estimates: forest and Table 1."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.drawing import figure
from bowlby.report.section import Section, folded, render
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets
from bowlby.tables.fits import fit_sheet
from bowlby.tables.words import term

OTHERS = ("m1b", "c4", "c5")


def estimates(results: Results) -> Section | None:
    """Forest and Table 1; None without a comparison."""
    comparison = results.comparison
    if not comparison or "primary" not in results.fits:
        return None
    effects = ("P", "T", "P-T", "P+T")
    said = [f"{term(e)} {number(comparison[e]['estimate'])}, 95% CI {interval(*comparison[e]['ci'])}" for e in effects]
    delta = f"{comparison['delta']:g}"
    plot = figure(
        results,
        "forest",
        alt=f"Forest plot with the band ±{delta}. {'; '.join(said)}.",
        caption="The points show P, the slope of perceived attachment between patients of one therapist, T, the slope "
        "of the therapist's own style, their difference and their sum. P is larger than T in size if both contrasts "
        f"lie above 0. The grey band is ±{delta}, the size that was declared negligible.",
    )
    table = Markup(sheet_html(sheets(results)["table1"][1]))
    return Section("estimates", "Estimates", render("stack.html", parts=[plot, table, *_others(results)], intro=None))


def _others(results: Results) -> list[Markup]:
    """The comparison's other models, as tables without number."""
    shown = [fit_sheet("", results.fits[name]) for name in OTHERS if name in results.fits]
    tables = Markup("").join(Markup(sheet_html(sheet)) for sheet in shown)
    return [folded("Other models of the comparison", tables)] if shown else []
