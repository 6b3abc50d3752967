"""The comparison for other outcomes than the registered one."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.drawing import figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import interval, number, p_value, sheet_html
from bowlby.tables.layout import Sheet

HEADS = ["Outcome", "P [95% CI]", "T [95% CI]", "C1", "C2", "C3"]


def domains(results: Results) -> Section | None:
    """Forest and table; None where the run names no other outcome."""
    record = results.json("domains.json")
    if not record:
        return None
    plot = figure(
        results,
        "domains",
        alt="Slopes of perceived attachment and of the therapist's own style for every outcome; the table below has "
        "the numbers.",
        caption="The points show P (circles) and T (squares) for every outcome with 95% intervals that are not "
        "adjusted for the number of outcomes. The main outcome is on top. The grey band is "
        f"±{record['delta']:g}.",
    )
    rows = [[_name(row["outcome"]), *(_effect(row, e) for e in "PT"), *(_claim(row, c) for c in ("C1", "C2", "C3"))]
            for row in record["outcomes"]]  # fmt: skip
    note = (
        "The main outcome comes first. *p* in brackets is adjusted by Holm's method across these outcomes (C3: "
        "equivalence test); verdicts and intervals are not adjusted."
    )
    table = Markup(sheet_html(Sheet("", "The Comparison for Every Outcome", HEADS, [(None, rows)], note)))
    return Section("domains", "Other outcomes", render("stack.html", parts=[plot, table], intro=None))


def _name(outcome: dict) -> str:
    return f"{outcome['domain']} ({outcome['instrument']} {outcome['scale']})"


def _effect(row: dict, name: str) -> str:
    e = row["effects"][name]
    return f"{number(e['estimate'])} {interval(*e['ci'])}"


def _claim(row: dict, name: str) -> str:
    claim = row["claims"][name]
    return f"{claim['verdict']} ({p_value(claim['p_holm'])})"
