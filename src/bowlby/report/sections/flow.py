"""Who took part: the flow chart, and the answers of each questionnaire."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.disclosure import shown_count, small
from bowlby.report.drawing import figure
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import to_html


def flow(results: Results) -> Section | None:
    """Flow chart and answers; None without ``people/flow.json``."""
    record = results.json("people/flow.json")
    if not record or not record["steps"]:
        return None
    drawn, alt = results.table("figures/data/flow.csv"), "Flow chart of patients."
    if drawn is not None:
        alt = f"Flow chart: {'; '.join(_said(row) for row in drawn.to_dict('records'))}."
    caption = "The boxes show the patients from the files to the analysis, with the reasons for exclusion."
    chart = figure(results, "flow", alt=alt, caption=caption)
    answers = answers_table(record["steps"], results.shareable)
    answers["Questionnaire"] = [results.instrument(name)[0] for name in answers["Questionnaire"]]
    parts = [chart]
    if len(answers):
        note = "Small differences are not shown, so that no individual can be identified." if results.shareable else ""
        parts += [
            Markup("<h3>Answers by questionnaire</h3>"),
            Markup(to_html(answers, note, "Patients with an answer", by="Questionnaire")),
        ]
    return Section("flow", "Flow of patients", render("stack.html", parts=parts, intro=None))


def answers_table(steps: list[dict], shareable: bool) -> pd.DataFrame:
    """Patients with an answer, by questionnaire and occasion, of the steps named "questionnaire: occasion".

    Where privacy asks for it, a number below five is "fewer than 5", and one that leaves fewer than five of the
    study's patients is "all but a few".
    """
    read = [s["step"] for s in steps].index("rows read") if any(s["step"] == "rows read" for s in steps) else 0
    total = max((s["patients"] or 0 for s in steps[read:]), default=0)
    rows = []
    for step in steps:
        name, colon, occasion = str(step["step"]).partition(": ")
        if not colon or name == "without" or step["patients"] is None:
            continue
        label = "any occasion" if occasion == "answered" else occasion.replace("_", " ")
        rows.append((name, label, _count(step["patients"], total, shareable)))
    return pd.DataFrame(rows, columns=["Questionnaire", "Occasion", "Patients"])


def _count(n: int, total: int, shareable: bool) -> str:
    nearly_all = shareable and small(total - n) and not small(n)
    return "all but a few" if nearly_all else shown_count(n, shareable)


def _said(row: dict) -> str:
    n = "" if pd.isna(row["patients"]) else f" {row['patients']:.0f} patients"
    reason = "" if pd.isna(row["reason"]) or row["kind"] == "box" else f", {row['reason']}"
    return f"{row['step']}{n}{reason}"
