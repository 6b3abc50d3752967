"""The comparison's estimates: the main association, Table 1, the estimands and further models."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from bowlby.errors import existing
from bowlby.report.section import Section, drawn, figure, render, see
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets, with_outcome
from bowlby.tables.estimands import ADDITIVE
from bowlby.tables.fits import fit_sheet
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import absent
from bowlby.tables.words import outcome_label


def estimates(results: Results) -> Section | None:
    """Scatter and Table 1; None without a comparison."""
    if not results.comparison or "primary" not in results.fits:
        return None
    table = Markup(sheet_html(sheets(results)["table1"][1]))
    intro = Markup.escape(_points(results)) + see(results, "association")
    parts = [_association(results), table, _partition(results)]
    return Section("estimates", "Estimates", render("stack.html", parts=parts, intro=intro))


def _points(results: Results) -> str:
    """The slope of perceived attachment in points of the outcome."""
    comparison = existing(results.comparison)
    sd, p = comparison["reference"].get("outcome_sd"), comparison["P"]
    if absent(sd):
        return ""
    asked = results.config.get("outcome") or {}
    smallest = results.important_difference(asked.get("instrument", ""), asked.get("scale") or "total")
    known = f"; the smallest important difference is {number(smallest, 1)} points" if smallest else ""
    up = bool(asked.get("higher_is_better")) == (p["estimate"] >= 0)
    way = f"{'higher' if up else 'lower'} ({'better' if p['estimate'] >= 0 else 'worse'})"
    sign = 1 if p["estimate"] >= 0 else -1
    low, high = sorted(sign * limit * sd for limit in p["ci"])
    return (
        f"One SD more of perceived attachment corresponds to a score on the {outcome_label(results)} that is "
        f"{number(abs(p['estimate']) * sd, 1)} points {way}, 95% CI {interval(low, high, 1)}{known}."
    )


def _association(results: Results) -> Markup:
    """The scatter of the main association."""
    table = drawn(results, "association")
    if table is None:
        return Markup("")
    line = table[table["kind"] == "line"]
    ends = [f"{number(r['y'], 1)} at {number(r['x'], 1)} SD" for r in line.iloc[[0, -1]].to_dict("records")]
    pooled = "means of at least five patients similar on both axes"
    points = pooled if results.shareable else "single patients"
    return figure(
        results,
        "association",
        alt=f"Scatter of {table['outcome'].iloc[0]} by perceived attachment, with the model's line "
        f"from {ends[0]} to {ends[1]}.",
        caption="The line shows the score predicted from perceived attachment (deviation from the "
        f"therapist's mean), with its 95% band. The points are {points}, adjusted for the other terms.",
    )


def estimands(results: Results) -> Section | None:
    """Table of E1 to E6; None where they were not computed."""
    if not results.estimands:
        return None
    sheet, six, _ = split(results)
    table = Markup(sheet_html(replace(sheet, parts=six, note=sheet.note.replace(f" {ADDITIVE}", ""))))
    return Section("estimands", "Six ways to compare", render("stack.html", parts=[table], intro=None))


def split(results: Results) -> tuple[Sheet, list, list]:
    """The table of the estimands, its parts E1 to E6, and its other parts."""
    sheet = sheets(results)["estimands"][1]
    six = [part for part in sheet.parts if part[0] and part[0][1:2].isdigit()]
    return sheet, six, [part for part in sheet.parts if part not in six]


def _partition(results: Results) -> Markup:
    """The bars of variance, said in words for who cannot see them."""
    table = drawn(results, "partition")
    if table is None:
        return Markup("")
    share = table.set_index(["level", "part"])["share"]
    said = {
        (level, part): f"{number(100 * share[level, part], 1)}%" + " (drawn as 0)" * bool(share[level, part] < 0)
        for level, part in (
            ("total", "perceived"),
            ("total", "style"),
            ("within", "perceived"),
            ("between", "style"),
        )
    }
    below = " Shares are corrected for bias; negative shares are shown as 0."
    caption = (
        "The bars show what accounts for the variance of outcome: all of it (E2), that within therapists and that "
        "between therapists (E3). A therapist's own style can only account for variance between therapists."
    )
    return figure(
        results,
        "partition",
        alt=f"Bars of variance. Of all outcome variance, perceived attachment {said['total', 'perceived']} and style "
        f"{said['total', 'style']}; within therapists, perceived attachment {said['within', 'perceived']}; between "
        f"therapists, style {said['between', 'style']}.",
        caption=caption + (below if (share < 0).any() else ""),
    )


MODELS = ("m1b", "c4", "c5")


def models(results: Results) -> Section | None:
    """Tables of the further models; None where there are none."""
    if not results.comparison:
        return None
    sheets_ = {name: fit_sheet("", results.fits[name]) for name in MODELS if name in results.fits}
    tables = [with_outcome(sheet, results) if name == "m1b" else sheet for name, sheet in sheets_.items()]
    if results.estimands:
        sheet, _, more = split(results)
        if more:
            title = "Further Results on Both Predictors"
            further = replace(sheet, number="", title=title, parts=more, note=ADDITIVE)
            tables.append(with_outcome(further, results))
    if not tables:
        return None
    parts = [Markup(sheet_html(table)) for table in tables]
    return Section("models", "Further models", render("stack.html", parts=parts, intro=None))
