"""The comparison's estimates: the scatter of the main association and Table 1."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.drawing import drawn, figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import number, sheet_html, sheets


def estimates(results: Results) -> Section | None:
    """Scatter and Table 1; None without a comparison."""
    if not results.comparison or "primary" not in results.fits:
        return None
    table = Markup(sheet_html(sheets(results)["table1"][1]))
    parts = [_association(results), table]
    return Section("estimates", "Estimates", render("stack.html", parts=parts, intro=None))


def _association(results: Results) -> Markup:
    """The scatter of the main association."""
    table = drawn(results, "association")
    if table is None:
        return Markup("")
    line = table[table["kind"] == "line"]
    ends = [f"{number(r['y'], 1)} at {number(r['x'], 1)} SD" for r in line.iloc[[0, -1]].to_dict("records")]
    points = "means of five or more patients with similar values" if results.shareable else "single patients"
    return figure(
        results,
        "association",
        alt=f"Scatter of {table['outcome'].iloc[0]} by perceived attachment, with the model's line "
        f"from {ends[0]} to {ends[1]}.",
        caption="The line shows the outcome that the model expects by perceived attachment, as its "
        "difference from the mean of the same therapist's patients, with its 95% interval and all other terms of the "
        f"model at their means. The points are {points}, adjusted for the other terms.",
    )
