"""The methods text and its references, to paste into a paper."""

from __future__ import annotations

from bowlby.report import methods as text
from bowlby.report.section import Section, render
from bowlby.results import Results


def methods(results: Results) -> Section | None:
    """The methods; None where the run does not say how it was made."""
    if not results.manifest:
        return None
    return Section("methods", "Methods", render("methods.html", paragraphs=text.paragraphs(results)))


def references(results: Results) -> Section | None:
    """The works that the methods cite, and the sources of the questionnaires."""
    works = text.references(results) if results.manifest else []
    return Section("references", "References", render("references.html", works=works)) if works else None
