"""Reliability of the scales in this sample."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.report.results import Results
from bowlby.report.section import Section, render
from bowlby.tables import interval, number, to_html

FEWEST = 5
HEADS = ["Instrument", "Scale", "Answered by", "Occasion", "Coefficient", "Value", "95% CI", "n", "Items"]


def reliability(results: Results) -> Section | None:
    """Coefficients; None where no scale was scored from items."""
    table = results.csv("reliability.csv")
    if table is None:
        return None
    rows = [_row(results, row) for row in table.to_dict("records")]
    note = "Alpha of complete answers. Below .70, differences between patients are blurred by error of measurement."
    html = Markup(to_html(pd.DataFrame(rows, columns=HEADS), note, "Reliability", by="Instrument"))
    return Section("reliability", "Reliability", render("stack.html", parts=[html], intro=None))


def _row(results: Results, row: dict) -> list[str]:
    value, low, high, n = (pd.to_numeric(row[k], errors="coerce") for k in ("value", "ci_low", "ci_high", "n"))
    few = results.shareable and n < FEWEST
    return [
        results.instrument(row["instrument"])[0],
        row["scale"].replace("_", " "),
        row["role"],
        row["occasion"].replace("_", " ") or "once",
        row["coefficient"],
        number(None if few else float(value), bounded=True),
        interval(*((None, None) if few else (float(low), float(high))), bounded=True),
        f"fewer than {FEWEST}" if few else row["n"],
        row["n_items"],
    ]
