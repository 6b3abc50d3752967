"""The growth model: the course of the outcome over time."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.drawing import figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets


def course(results: Results) -> Section | None:
    """Trajectory and table; None where no growth was asked for."""
    fit = results.fits.get("growth")
    if not fit:
        return None
    slope = next(f for f in fit["fixed"] if f["term"] == "time")
    unit = results.study.get("time_unit") or "units of time"
    said = f"{number(slope['estimate'])} a step of time, 95% CI {interval(slope['ci_low'], slope['ci_high'])}"
    plot = figure(
        results,
        "trajectory",
        alt=f"The model's mean course as a line with its interval, and observed means as points. Slope {said}.",
        caption=f"The model's mean with its 95% interval, and the observed means, over {unit}. The means are of who "
        "answered at that time; means of fewer than five patients are not shown.",
    )
    table = Markup(sheet_html(sheets(results)["growth"][1]))
    return Section("course", "Course over time", render("stack.html", parts=[plot, table], intro=None))
