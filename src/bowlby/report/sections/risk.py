"""Deterioration on every scale, and responses that indicate risk."""

from __future__ import annotations

from bowlby.report.harm import harm
from bowlby.report.section import Section, render
from bowlby.results import Results


def risk(results: Results) -> Section | None:
    """The table of harm; None where no scale has deterioration or risk items."""
    table = harm(results)
    if table is None:
        return None
    return Section("risk", "Deterioration and risk", render("stack.html", parts=[table], intro=None))
