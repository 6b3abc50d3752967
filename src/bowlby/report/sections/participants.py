"""Who took part: flow of patients, missing data, and issues in the data."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.disclosure import shown_count, small
from bowlby.figures.participants import TOLD
from bowlby.report.section import Section, drawn, figure, render
from bowlby.results import Results
from bowlby.tables import sheet_html, sheets, to_html


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
    if "sample" in (found := sheets(results)):
        parts.append(Markup(sheet_html(found["sample"][1])))
    if len(answers):
        note = "Small differences are not shown, so that no individual can be identified." if results.shareable else ""
        parts += [
            Markup("<h3>Answers by questionnaire</h3>"),
            Markup(to_html(answers, note, "Patients with an answer", by="Questionnaire")),
        ]
    return Section("flow", "Sample and flow of patients", render("stack.html", parts=parts, intro=None))


def answers_table(steps: list[dict], shareable: bool) -> pd.DataFrame:
    """Patients with an answer, by questionnaire and occasion, of the steps with an instrument.

    In shareable results a number below five is "fewer than 5", and one that leaves fewer than five of the study's
    patients is "all but a few".
    """
    read = [s["step"] for s in steps].index("rows read") if any(s["step"] == "rows read" for s in steps) else 0
    total = max((s["patients"] or 0 for s in steps[read:]), default=0)
    asked = {s["instrument"] for s in steps if s.get("instrument") and s["patients"]}  # of patients, not of therapists
    rows = []
    for step in steps:
        if (name := step.get("instrument")) not in asked or step["patients"] is None:
            continue
        label = step["occasion"].replace("_", " ") if step["occasion"] else "any occasion"
        rows.append((name, label, _count(step["patients"], total, shareable)))
    return pd.DataFrame(rows, columns=["Questionnaire", "Occasion", "Patients"])


def _count(n: int, total: int, shareable: bool) -> str:
    nearly_all = shareable and small(total - n) and not small(n)
    return "all but a few" if nearly_all else shown_count(n, shareable)


def _said(row: dict) -> str:
    n = "" if pd.isna(row["patients"]) else f" {row['patients']:.0f} patients"
    reason = "" if pd.isna(row["reason"]) or row["kind"] == "box" else f", {row['reason']}"
    return f"{row['step']}{n}{reason}"


def missing(results: Results) -> Section | None:
    """The map; None where nothing was scored."""
    table = drawn(results, "missing")
    if table is None:
        return None
    said = [
        f"{r.instrument} {r.scale}{_about(r.about)} of {r.role}s, {r.occasion}: {r.said}".replace("_", " ")
        for r in table.itertuples(index=False)
    ]
    told = table["occasion"].nunique() <= TOLD
    tile = "Each tile gives" if told else "The colour of each tile shows"
    coarse = " “Few” means one to four persons; “nearly all” means that one to four have no score."
    plot = figure(
        results,
        "missing",
        alt=f"Map of scores. {'; '.join(said)}.",
        caption=f"{tile} the share of all patients of the study (below the line, of all therapists) who have a score. "
        f"No tile: the scale was not administered on that occasion.{coarse if told and results.shareable else ''}",
    )
    return Section("missing", "Missing data", render("stack.html", parts=[plot], intro=None))


def _about(about: str | float) -> str:
    """Whom the form was about, where that must be said."""
    return f" about {about}" if isinstance(about, str) and about else ""


SHOWN = 200
ORDER = ("error", "warning", "note")
HEADS = {"file": "File", "sheet": "Sheet", "row": "Row", "column": "Column", "instrument": "Instrument"}
HEADS |= {"what": "What", "action": "Action", "n": "Cells or rows"}
TITLES = {
    "duplicate_row": "duplicate rows",
    "encoding": "text encoding",
    "first_sheet": "workbooks of several sheets",
    "formula": "formulas in a workbook",
    "hidden_sheet": "hidden sheets",
    "id_alike": "ids that look alike",
    "id_rounded": "ids rounded by a spreadsheet",
    "missing_id": "rows without an id",
    "missing_therapist": "rows without a therapist",
    "no_answers": "instruments without an answer",
    "not_a_category": "cells that are no category",
    "not_a_date": "cells that are no date",
    "not_a_number": "text in place of numbers",
    "not_a_session": "cells that are no session number",
    "not_whole": "answers between whole numbers",
    "one_sided_id": "ids on one side only",
    "one_therapist": "one therapist for all",
    "out_of_range": "values out of range",
    "session_in_conflict": "sessions that contradict each other",
    "short_row": "rows that are too short",
    "therapist_not_read": "columns of therapists that are not read",
    "unknown_therapist": "answers whose therapist is not known",
    "unseen_checkbox": "boxes that nobody may have seen",
    "user_missing": "codes that the file defines as missing",
    "varying_covariate": "several values for one person",
}


def issues(results: Results) -> Section | None:
    """The issues by code; None where the run wrote no ``issues.csv``."""
    if not (results.folder / "issues.csv").is_file():
        return None
    table = results.text_table("issues.csv")
    groups = [] if table is None else sorted((_group(*item) for item in table.groupby(["severity", "code"])), key=_rank)
    return Section("issues", "Data issues", render("issues.html", groups=groups))


def _group(key: tuple[str, str], rows: pd.DataFrame) -> dict:
    severity, code = key
    shown = rows.head(SHOWN)[list(HEADS)].rename(columns=HEADS)
    shown = shown.loc[:, (shown != "").any()]
    left = len(rows) - len(shown)
    note = f"The first {SHOWN} of {len(rows):,}; all are in issues.csv." if left else ""
    cells = int(pd.to_numeric(rows["n"], errors="coerce").fillna(1).sum())
    return {
        "severity": severity,
        "code": TITLES.get(code, code.replace("_", " ")),
        "entries": len(rows),
        "cells": cells,
        "table": Markup(to_html(shown, note, f"Issues: {TITLES.get(code, code.replace('_', ' '))}")),
    }


def _rank(group: dict) -> tuple:
    known = group["severity"] in ORDER
    return (ORDER.index(group["severity"]) if known else len(ORDER), group["code"])
