"""The estimands: each question with its own number."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.results import Results
from bowlby.report.section import Section, render
from bowlby.tables import sheet_html


def estimands(results: Results) -> Section | None:
    """Table of E1 to E6; None where they were not computed."""
    if "estimands" not in results.sheets:
        return None
    table = Markup(sheet_html(results.sheets["estimands"]))
    intro = (
        "A predictor measured on patients and one measured on therapists can be compared in several fair ways, and no "
        "single number settles it. Where they disagree, the disagreement is the finding."
    )
    return Section("estimands", "Six ways to compare", render("stack.html", parts=[table], intro=intro))
