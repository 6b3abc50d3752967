"""Checks of the models: residuals, and agreement with a second engine."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.report.section import Section, drawn, figure, render
from bowlby.report.sections.course import time_unit
from bowlby.results import Results
from bowlby.tables import number, to_html
from bowlby.tables.words import term


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
        caption="The upper panel compares the residuals with a normal distribution; the grey band contains 95% of "
        "normal samples (pointwise). The lower panel shows mean and SD of the residuals in groups of patients with "
        "similar fitted values. A trend indicates a non-linear association, and lines of different lengths indicate "
        "unequal residual variance.",
    )
    said = "lies" if outside == 1 else "lie"
    intro = f"{outside} of {len(normal)} points {said} outside the band; about 1 in 20 is expected by chance."
    return Section("diagnostics", "Diagnostics", render("stack.html", parts=[plot], intro=intro))


SETS = {"primary": "primary", "perceived": "c4", "pair": "pair", "growth": "growth"}
NAMES = {
    "primary": "model of the comparison",
    "c4": "model of perceived attachment",
    "pair": "model of the two predictors",
    "growth": "growth model",
}


def engines(results: Results) -> Section | None:
    """The second engine's estimates and their distance; None where there is none."""
    parts = []
    for name, model in SETS.items():
        fit, second = results.fits.get(model), results.json(f"fits/second/{name}.json")
        if not fit or not second:
            continue
        if second.get("left_out"):
            text = f"No second fit of the {NAMES[model]} ({second['engine']}): {second['left_out']}."
            parts.append(Markup("<p>{}</p>").format(text))
            continue
        own, named = {f["term"]: f for f in fit["fixed"]}, _named(results, model)
        rows = [
            (
                named.get(f["term"]) or term(f["term"], time_unit(results)),
                number(own.get(f["term"], {}).get("estimate"), 4),
                number(f["estimate"], 4),
                number(f["difference_in_se"], 3),
            )
            for f in second["fixed"]
        ]
        heads = ["Term", "This run", "Second engine", "Difference in SE"]
        design = "; ".join(second.get("differs_by_design") or [])
        note = f"Second engine: {second['engine']}." + (f" Differs by design: {design}." if design else "")
        parts.append(Markup(to_html(pd.DataFrame(rows, columns=heads), note, f"Two engines, {NAMES[model]}")))
    if not parts:
        return None
    intro = "The same data were analysed with another program. Differences are in standard errors of the main estimate."
    return Section("engines", "Second-engine agreement", render("stack.html", parts=parts, intro=intro))


def _named(results: Results, model: str) -> dict[str, str]:
    """Terms that have a name in this run only: the two predictors."""
    return (results.json("pair.json") or {}).get("labels") or {} if model == "pair" else {}
