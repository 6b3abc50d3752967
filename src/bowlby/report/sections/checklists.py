"""Reporting checklists, filled where the run knows the answer."""

from __future__ import annotations

from bowlby.report.checklists import CHECKLISTS, filled
from bowlby.report.section import Section, render
from bowlby.results import Results


def checklists(results: Results) -> Section | None:
    """JARS-Quant and STROBE; None where nothing was fitted."""
    if not results.fits or not results.manifest:
        return None
    lists = []
    for checklist in CHECKLISTS:
        rows = filled(checklist, results)
        parts = {row["part"]: [r for r in rows if r["part"] == row["part"]] for row in rows}
        known = sum(row["says"] is not None for row in rows)
        lists.append({"list": checklist, "parts": parts, "known": known, "n": len(rows)})
    return Section("checklists", "Reporting checklists", render("checklists.html", lists=lists))
