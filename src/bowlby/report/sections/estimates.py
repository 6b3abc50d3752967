"""The comparison's estimates: Table 1."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import sheet_html, sheets


def estimates(results: Results) -> Section | None:
    """Table 1; None without a comparison."""
    if not results.comparison or "primary" not in results.fits:
        return None
    table = Markup(sheet_html(sheets(results)["table1"][1]))
    return Section("estimates", "Estimates", render("stack.html", parts=[table], intro=None))
