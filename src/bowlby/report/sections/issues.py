"""What was found in the data, grouped; the value of a cell is never shown."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import to_html

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
    "unseen_checkbox": "boxes that nobody may have seen",
    "user_missing": "codes that the file declares missing",
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
