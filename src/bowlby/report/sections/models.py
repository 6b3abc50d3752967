"""Further models of the comparison, and the estimands scale by scale."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from bowlby.report.section import Section, render
from bowlby.report.sections.estimands import split
from bowlby.results import Results
from bowlby.tables import sheet_html
from bowlby.tables.estimands import ADDITIVE
from bowlby.tables.fits import fit_sheet

MODELS = ("m1b", "c4", "c5")


def models(results: Results) -> Section | None:
    """Tables of the further models; None where there are none."""
    if not results.comparison:
        return None
    tables = [fit_sheet("", results.fits[name]) for name in MODELS if name in results.fits]
    if results.estimands:
        sheet, _, more = split(results)
        if more:
            title = "Further Results on Both Predictors"
            tables.append(replace(sheet, number="", title=title, parts=more, note=ADDITIVE))
    if not tables:
        return None
    parts = [Markup(sheet_html(table)) for table in tables]
    return Section("models", "Further models", render("stack.html", parts=parts, intro=None))
