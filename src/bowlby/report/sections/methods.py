"""How the results were obtained: methods text, references, glossary, reporting checklists and provenance."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.report import methods as text
from bowlby.report.checklists import CHECKLISTS, filled
from bowlby.report.glossary import TERMS
from bowlby.report.not_computed import not_computed
from bowlby.report.references import cited, in_style
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import descriptives, to_html


def methods(results: Results) -> Section | None:
    """The methods; None where the run does not say how it was made."""
    if not results.manifest:
        return None
    written = (results.folder / "methods.docx").is_file()
    return Section("methods", "Methods", render("methods.html", paragraphs=text.paragraphs(results), written=written))


def references(results: Results) -> Section | None:
    """The works that the methods and the notes of tables cite, and the sources of the questionnaires."""
    works = sorted({*text.references(results), *cited(_noted(results))}, key=str.casefold) if results.manifest else []
    return Section("references", "References", render("references.html", works=map(in_style, works))) if works else None


def _noted(results: Results) -> list[str]:
    """Marks of the works that notes of tables of this report cite."""
    structure = (results.json("analysis/primary.design.json") or {}).get("structure")
    return (
        ["[[bakdash]]"] * (descriptives(results) is not None)
        + ["[[hu]]"] * bool(structure)
        + ["[[cinelli]]"] * ("sensitivity" in results.estimands)
    )


def glossary(results: Results) -> Section | None:
    """Terms of the report; None without a comparison, whose terms they are."""
    if not results.verdict:
        return None
    return Section("glossary", "Glossary", render("glossary.html", terms=TERMS))


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


def omitted(results: Results) -> Section | None:
    """What was requested and not computed; None where the run does not say how it was made."""
    if not results.manifest:
        return None
    rows = not_computed(results)
    table = pd.DataFrame(rows, columns=["Requested", "Reason"])
    parts = [Markup(to_html(table, title="Requested and Not Computed"))] if rows else []
    intro = None if rows else "Everything that was requested was computed."
    return Section("not-computed", "Not computed", render("stack.html", parts=parts, intro=intro))


def provenance(results: Results) -> Section | None:
    """Versions and checksums; None without a manifest."""
    manifest = results.manifest
    if not manifest:
        return None
    html = render(
        "provenance.html",
        run=manifest.get("run"),
        command=manifest.get("command"),
        written=(manifest.get("written") or "")[:16].replace("T", " "),
        seed=manifest.get("seed"),
        git=manifest.get("git") or {},
        versions=manifest.get("versions") or {},
        inputs=manifest.get("inputs") or {},
    )
    return Section("provenance", "Provenance", html)
