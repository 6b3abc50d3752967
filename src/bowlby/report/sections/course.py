"""The growth model: the course of the outcome over time."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.drawing import figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets
from bowlby.tables.random_part import boundary, left_out


def course(results: Results) -> Section | None:
    """Trajectory and table; None where no growth was asked for."""
    fit = results.fits.get("growth")
    if not fit:
        return None
    mean = mean_change(results)
    unit = results.study.get("time_unit") or "units of time"
    plot = figure(
        results,
        "trajectory",
        alt=f"The model's mean course as a line with its interval, and observed means as points. {mean}",
        caption=f"The line shows the model's mean with its 95% interval, the diamonds the observed means, over {unit}. "
        "An observed mean is that of the patients with data at that time; means of fewer than five patients are not "
        "shown.",
    )
    table = Markup(sheet_html(sheets(results)["growth"][1]))
    intro = " ".join(sentence for sentence in (mean, *_spread(fit), boundary(fit), left_out(fit)) if sentence)
    return Section("course", "Course over time", render("stack.html", parts=[plot, table], intro=intro))


def mean_change(results: Results) -> str | None:
    """The mean slope of the growth model in a sentence; None without growth model."""
    fit = results.fits.get("growth")
    if not fit:
        return None
    slope = next(f for f in fit["fixed"] if f["term"] == "time")
    unit = results.study.get("time_unit") or "units of time"
    said = f"b = {number(slope['estimate'])}, 95% CI {interval(slope['ci_low'], slope['ci_high'])}"
    return f"Mean change of the outcome per unit of time ({unit}): {said}."


def _spread(fit: dict) -> list[str]:
    """How much slopes differ, for each group that has random slopes."""
    return [
        f"The slopes of {r['group']}s differ with an SD of {number(r['sd_or_corr'])}."
        for r in fit["random"]
        if r["term"] == "time" and not r["term2"]
    ]
