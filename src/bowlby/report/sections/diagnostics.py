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
        caption="Above: residuals against what a normal distribution would give; grey, where 95% of normal samples "
        "lie, point by point. Below: mean and SD of residuals in groups of patients with similar fitted values; a "
        "trend means that the course is not straight, a change of length that the variance is not the same everywhere.",
    )
    said = "lies" if outside == 1 else "lie"
    intro = f"{outside} of {len(normal)} points {said} outside the band, where about 1 in 20 is expected to."
    return Section("diagnostics", "Diagnostics", render("stack.html", parts=[plot], intro=intro))
