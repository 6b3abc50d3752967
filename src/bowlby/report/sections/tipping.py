"""Verdicts if outcomes are missing not at random."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.doubts import computed_of, tipping_sheet
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import sheet_html


def tipping(results: Results) -> Section | None:
    """The table of other slopes among patients without outcome; None where it was not computed."""
    found = computed_of(results.json("robustness.json") or {}).get("tipping")
    if not found or not results.verdict:
        return None
    table = Markup(sheet_html(tipping_sheet(found)))
    return Section("tipping", "Outcomes missing not at random", render("stack.html", parts=[table], intro=None))
