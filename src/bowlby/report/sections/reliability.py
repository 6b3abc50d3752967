"""Reliability of the scales in this sample: of all answers, and at each level where answers are nested."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.disclosure import SMALLEST
from bowlby.report.section import Section, folded, render
from bowlby.results import Results
from bowlby.tables import interval, number, to_html

KEY = ["instrument", "scale", "role", "occasion"]
LEVELS = {
    "icc": "Share between (ICC)",
    "lambda": "Reliability of a mean",
    "omega_within": "Omega within",
    "omega_between": "Omega between",
}
NOTE = (
    "Alpha and omega of complete responses. Below .70, a large part of the variance is measurement error."
)
LEVEL_NOTE = (
    "Share of the variance of a score between therapists (or between patients with repeated measurements), reliability "
    "of the mean of a therapist's patients, and omega at each level."
)


def reliability(results: Results) -> Section | None:
    """Coefficients; None where no scale was scored from items."""
    table = results.text_table("reliability.csv")
    if table is None:
        return None
    overall, nested = [], []
    for key, rows in table.groupby(KEY, sort=False):
        found = {row["coefficient"]: row for row in rows.to_dict("records")}
        head = _head(results, *key)
        if "alpha" in found or "omega_total" in found:
            overall.append([*head, *_overall(found, results.shareable)])
        for level in ("therapist", "patient"):
            if f"icc_{level}" in found:
                nested.append([*head, f"{level}s", *_nested(found, level, results.shareable)])
    heads = ["Instrument", "Scale", "Answered by", "Occasion"]
    columns = [*heads, "Alpha", "95% CI", "Omega", "n", "Items"]
    parts = [Markup(to_html(pd.DataFrame(overall, columns=columns), NOTE, "Reliability", by="Instrument"))]
    if nested:
        shown = pd.DataFrame(nested, columns=[*heads, "Level", *LEVELS.values()])
        inner = Markup(to_html(shown, LEVEL_NOTE, "Reliability at each level", by="Instrument"))
        parts.append(folded("Between and within therapists", inner))
    return Section("reliability", "Reliability", render("stack.html", parts=parts, intro=None))


def _head(results: Results, instrument: str, scale: str, role: str, occasion: str) -> list[str]:
    when = occasion.replace("_", " ") or "once"
    return [results.instrument(instrument)[0], scale.replace("_", " "), role, when]


def _overall(found: dict[str, dict], shareable: bool) -> list[str]:
    first = found.get("alpha") or found["omega_total"]
    low, high = (_value(found.get("alpha"), shareable, limit) for limit in ("ci_low", "ci_high"))
    few = shareable and pd.to_numeric(first["n"], errors="coerce") < SMALLEST
    return [
        number(_value(found.get("alpha"), shareable), bounded=True),
        interval(low, high, bounded=True),
        number(_value(found.get("omega_total"), shareable), bounded=True),
        f"fewer than {SMALLEST}" if few else first["n"],
        first["n_items"],
    ]


def _nested(found: dict[str, dict], level: str, shareable: bool) -> list[str]:
    names = [f"{name}_{level}" if name != "lambda" else f"lambda_{level}_mean" for name in LEVELS]
    return [number(_value(found.get(name), shareable), bounded=True) for name in names]


def _value(row: dict | None, shareable: bool, column: str = "value") -> float | None:
    """A coefficient or a limit; None where it does not exist, or where so few answered that it must not be told."""
    if row is None or (shareable and pd.to_numeric(row["n"], errors="coerce") < SMALLEST):
        return None
    value = pd.to_numeric(row[column], errors="coerce")
    return None if pd.isna(value) else float(value)
