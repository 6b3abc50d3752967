"""Table of attachment styles before and after treatment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from bowlby.instruments.styles import STYLES
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import interval, number

COLUMNS = ["kind", "name", "before", "after", "label", "count", "of", "estimate", "ci_low", "ci_high", "df", "note"]
KINDS = {"table": "All changes of style", "reliable": "Reliable changes alone (others count as no change)"}
SHARES = {
    "became_secure": "Patients insecure before treatment who were secure after it",
    "became_secure_reliably": "Patients insecure before treatment with a reliable shift to secure",
    "became_insecure": "Patients secure before treatment who were insecure after it",
    "shifted": "All patients whose style after treatment differed from that before it",
    "shifted_reliably": "All patients with a reliable shift to another style",
}


def transitions_table(record: Mapping) -> pd.DataFrame:
    """``style_transitions.json`` in full precision: a row for each cell of the tables, and for each share."""
    rows: list[dict] = []
    for kind, words in KINDS.items():
        for before, after, n in cells(record[kind]):
            rows.append({"kind": kind, "before": before, "after": after, "label": words, "count": n,
                         "note": "hidden" if n is None else None})  # fmt: skip
    for name, words in SHARES.items():
        if (one := record["shares"].get(name)) is None:
            continue
        low, high = one["ci"] or (None, None)
        own = {"kind": "share", "name": name, "label": words, "count": one["n"], "note": one["reason"]}
        rows.append(own | {k: one[k] for k in ("of", "estimate", "df")} | {"ci_low": low, "ci_high": high})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def cells(table: Mapping | None) -> Iterator[tuple[str, str, int | None]]:
    """Style before, style after and number of patients, in the usual order of styles; none of no table."""
    return ((a, b, table[a][b]) for a in STYLES for b in STYLES) if table else iter(())


def share_words(one: Mapping) -> str:
    """A share with its interval in percent, and how many of how many; or why there is none."""
    of = "" if one["n"] is None or one["of"] is None else f" ({one['n']:,} of {one['of']:,})"
    if one["estimate"] is None:
        return f"not shown ({one['reason']})" if one["reason"] else "–"
    if one["ci"] is None:
        return f"{number(100 * one['estimate'], 0)}%{of}, no interval ({one['reason']})"
    low, high = one["ci"]
    return f"{number(100 * one['estimate'], 0)}%{of}, 95% CI {interval(100 * low, 100 * high, 0)}"


def transitions_sheet(number_: str, record: Mapping) -> Sheet:
    """The tables as printed: rows before, columns after."""
    heads = ["Before treatment", *(style.capitalize() for style in STYLES)]
    parts: list[tuple[str | None, list[list[str]]]] = []
    for kind, words in KINDS.items():
        if record[kind] is not None:
            shown = ["hidden" if n is None else f"{n:,}" for _, _, n in cells(record[kind])]
            parts.append((words, [[a.capitalize(), *shown[4 * k : 4 * k + 4]] for k, a in enumerate(STYLES)]))
    hidden = any(n is None for kind in KINDS for _, _, n in cells(record[kind]))
    note = (
        f"*N* = {record['n_patients']:,} patients with a style at both occasions, "
        f"*J* = {record['n_therapists']:,} therapists."
    )
    if record["reliable"] is not None:
        note += (
            " A change is reliable if, on each dimension on which the patient changed side, it is larger than error of "
            "measurement (reliable change index of at least 1.96)."
        )
    if hidden:
        note += " Hidden: fewer than five patients, or a number from which fewer than five could be derived."
    return Sheet(number_, "Attachment Styles Before (Rows) and After Treatment (Columns)", heads, parts, note)
