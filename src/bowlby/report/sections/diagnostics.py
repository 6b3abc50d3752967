"""Whether the model's assumptions hold: its residuals."""

from __future__ import annotations

from bowlby.report.drawing import drawn, figure
from bowlby.report.section import Section, render
from bowlby.results import Results


def diagnostics(results: Results) -> Section | None:
    """Residuals against the normal distribution and against fitted values; None where they were not drawn."""
    table = drawn(results, "residuals")
    if table is None:
        return None
    normal = table[table["kind"] == "quantile"]
    outside = int(((normal["y"] < normal["low"]) | (normal["y"] > normal["high"])).sum())
    groups = table[table["kind"] == "fitted"]
    spread = (groups["high"] - groups["low"]) / 2
    plot = figure(
        results,
        "residuals",
        alt=f"Residuals. Against a normal distribution, {outside} of {len(normal)} points lie outside the 95% band. By "
        f"fitted value, their SD goes from {spread.min():.2f} to {spread.max():.2f}.",
        caption="The upper panel compares the residuals with a normal distribution; the grey band holds 95% of normal "
        "samples, point by point. The lower panel shows mean and SD of the residuals in groups of patients with "
        "similar fitted values; a trend indicates a relation that is not linear, lines of different lengths a "
        "variance that is not constant.",
    )
    said = "lies" if outside == 1 else "lie"
    intro = f"{outside} of {len(normal)} points {said} outside the band; about 1 in 20 is expected to."
    return Section("diagnostics", "Diagnostics", render("stack.html", parts=[plot], intro=intro))
