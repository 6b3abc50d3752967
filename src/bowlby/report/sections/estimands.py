"""The estimands: each question with its own number."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from bowlby.report.drawing import drawn, figure
from bowlby.report.section import Section, folded, render
from bowlby.results import Results
from bowlby.tables import number, sheet_html, sheets
from bowlby.tables.estimands import ADDITIVE


def estimands(results: Results) -> Section | None:
    """Table of E1 to E6; None where they were not computed."""
    if not results.estimands:
        return None
    sheet = sheets(results)["estimands"][1]
    six = [part for part in sheet.parts if part[0][1:2].isdigit()]
    more = [part for part in sheet.parts if part not in six]
    table = Markup(sheet_html(replace(sheet, parts=six, note=sheet.note.replace(f"{ADDITIVE} ", ""))))
    intro = (
        "A predictor measured on patients and one measured on therapists can be compared in several fair ways, and no "
        "single number settles it. Where they disagree, the disagreement is the finding."
    )
    parts = [_partition(results), table]
    if more:
        rest = replace(sheet, number="", title="More on both predictors", parts=more, note=ADDITIVE)
        parts.append(folded("Scale by scale, likelihood, differences between therapists", Markup(sheet_html(rest))))
    return Section("estimands", "Six ways to compare", render("stack.html", parts=parts, intro=intro))


def _partition(results: Results) -> Markup:
    """The bars of variance, said in words for who cannot see them."""
    table = drawn(results, "partition")
    if table is None:
        return Markup("")
    share = table.set_index(["level", "part"])["share"]
    said = {
        (level, part): f"{number(100 * share[level, part], 1)}%"
        for level, part in (
            ("total", "perceived"),
            ("total", "style"),
            ("within", "perceived"),
            ("between", "style"),
        )
    }
    below = " A share estimated below 0 is worth less than chance would give, and is drawn as 0."
    caption = (
        "What accounts for outcome: of all its variance (E2), of that within therapists and of that between them (E3). "
        "Therapist's own style can only account for variance between therapists."
    )
    return figure(
        results,
        "partition",
        alt=f"Bars of variance. Of all outcome variance, perceived attachment {said['total', 'perceived']} and style "
        f"{said['total', 'style']}; within therapists, perceived attachment {said['within', 'perceived']}; between "
        f"therapists, style {said['between', 'style']}.",
        caption=caption + (below if (share < 0).any() else ""),
    )
