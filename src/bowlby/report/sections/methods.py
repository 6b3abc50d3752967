"""The methods text, to paste into a paper."""

from __future__ import annotations

from bowlby.report.methods import paragraphs, references
from bowlby.report.section import Section, render
from bowlby.results import Results


def methods(results: Results) -> Section | None:
    """Methods and references; None where the run does not say how it was made."""
    if not results.manifest:
        return None
    html = render("methods.html", paragraphs=paragraphs(results), references=references(results))
    return Section("methods", "Methods text", html)
