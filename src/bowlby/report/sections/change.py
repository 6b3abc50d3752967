"""Reliable change: the plot of scores before and after treatment, and counts by every method."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.disclosure import SMALLEST
from bowlby.report.drawing import drawn, figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import number, to_html

METHODS = {
    "published": "Published points",
    "jacobson_truax": "Jacobson and Truax",
    "hageman_arrindell": "Hageman and Arrindell",
}
CLASSES = ("recovered", "improved", "unchanged", "deteriorated", "started on the functional side")


def change(results: Results) -> Section | None:
    """Plot and counts of the outcome; None where the run has neither."""
    counts = _counts(results)
    table = drawn(results, "change")
    if counts is None and table is None:
        return None
    parts = [_plot(results, table)] if table is not None else []
    if counts is not None:
        note = (
            "Patients with a score before and after treatment. Recovered: reliably improved and on the functional "
            "side of the cut-off. Patients already on that side at intake cannot recover."
        )
        if results.shareable:
            note += " Hidden: fewer than five patients, or a number from which fewer than five could be derived."
        parts.append(Markup(to_html(counts, note, "Patients by Class of Change")))
    return Section("change", "Reliable change", render("stack.html", parts=parts, intro=None))


def _plot(results: Results, table: pd.DataFrame) -> Markup:
    first = table.iloc[0]
    better, reliable = first["direction"] > 0, pd.to_numeric(first["reliable"])
    side = "above" if better else "below"
    band = (
        f"The grey band holds changes of up to {number(reliable, 1)} points, which errors of measurement alone may "
        f"explain; a point {side} it is a reliable improvement. "
        if pd.notna(reliable)
        else ""
    )
    cut = f"Dotted lines mark the cut-off {first['cut']:g}. " if pd.notna(first["cut"]) else ""
    pooled = (table["n"] >= SMALLEST).all()
    points = "the mean of five or more patients with similar scores" if pooled else "the patients with these scores"
    return figure(
        results,
        "change",
        alt=f"Scores after treatment against scores before it, {table['n'].sum():,} patients in {len(table)} points.",
        caption=f"Each point is {points}. On the diagonal line the score did not change. {band}{cut}",
    )


def _counts(results: Results) -> pd.DataFrame | None:
    """Counts of the outcome's own scale, in words."""
    table = results.text_table("change.csv")
    asked = results.config.get("outcome") or {}
    if table is None:
        return None
    own = table[
        (table["instrument"] == asked.get("instrument"))
        & (table["scale"] == (asked.get("scale") or "total"))
        & (table["role"] == "patient")
    ]
    if own.empty:
        return None
    rows = []
    for (method, criterion), part in own.groupby(["method", "criterion"], sort=False):
        said = dict(zip(part["class"], (_count(r) for r in part.to_dict("records"))))
        rule = METHODS.get(method, method) + (f" ({criterion})" if criterion else "")
        rows.append([rule, *(said.get(name, "–") for name in CLASSES)])
    return pd.DataFrame(rows, columns=["Method", *(name.capitalize() for name in CLASSES)])


def _count(row: dict) -> str:
    if row["suppressed"] == "True" or row["count"] == "":
        return "hidden"
    n, of = float(row["count"]), pd.to_numeric(row["of"], errors="coerce")
    return f"{n:,.0f} ({100 * n / of:.0f}%)" if of > 0 else f"{n:,.0f}"
