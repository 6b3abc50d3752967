"""What is there and what is missing: scales by occasions."""

from __future__ import annotations

from bowlby.report.drawing import drawn, figure
from bowlby.report.section import Section, render
from bowlby.results import Results


def missing(results: Results) -> Section | None:
    """The map; None where nothing was scored."""
    table = drawn(results, "missing")
    if table is None:
        return None
    said = [
        f"{r.instrument} {r.scale}{_about(r.about)} of {r.role}s, {r.occasion}: {r.said}".replace("_", " ")
        for r in table.itertuples(index=False)
    ]
    coarse = " One to four persons are “few”, all but one to four “nearly all”." if results.shareable else ""
    plot = figure(
        results,
        "missing",
        alt=f"Map of scores. {'; '.join(said)}.",
        caption="Each tile gives the share of all patients of the study (below the line, of all therapists) who have a "
        f"score. A scale without a tile was not asked at that occasion.{coarse}",
    )
    return Section("missing", "Missing data", render("stack.html", parts=[plot], intro=None))


def _about(about: str | float) -> str:
    """Whom the form was about, where that must be said."""
    return f" about {about}" if isinstance(about, str) and about else ""
