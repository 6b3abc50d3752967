"""Findings of the audit of a key as lines for a reader."""

from __future__ import annotations

import re

import pandas as pd

from bowlby.errors import problem

CONFIDENCE = "key_confidence"
SIGNS = {"-": "−", "<=": "≤", ">=": "≥"}
PLAIN = re.compile(r"(?<![\w.])-(?=\d)|[<>]=")
WORDS = {
    "item_rest": "correlation with the rest of the scale",
    "first_loading": "loading on the first component",
    "alpha_if_dropped": "alpha without the item",
    "already_reversed": "correlation of reversed with other items",
    "two_groups": "correlation of two groups of items",
    "alpha": "alpha",
    "highest_answer": "highest answer",
    "scale_rest": "correlation with the other scales",
    "scale_relation": "correlation of the two scales",
    "norm_mean": "mean, compared with published means",
    "norm_direction": "direction, compared with published means",
    "norm_sd": "SD, compared with published SDs",
    "norm_alpha": "alpha, compared with published values",
    "columns_in_order": "agreement within scales beyond that between them",
    "straight_lining": "forms with identical responses to all items",
    "duplicate_rows": "persons with the same responses as another",
    "same_answers": "persons with identical responses",
    "between_occasions": "correlation of the scale with itself at another occasion",
    "mirrored_mean": "mean",
    "response_range": "responses that occur",
    "other_instruments": "correlation with another questionnaire",
    "given_total": "totals of the file",
}


def alarms(audit: pd.DataFrame) -> list[str]:
    """What did not pass, a line for everything that has the same remedy in the same data.

    Parameters
    ----------
    audit : DataFrame
        With the columns of ``keying_audit.csv``.
    """
    failed = audit[audit["verdict"].isin(["suspicious", "wrong"]) & audit["check"].ne(CONFIDENCE)]
    text = failed.map(lambda cell: "" if pd.isna(cell) else str(cell))
    return [
        problem(f"{instrument}{f' ({data})' if data else ''}: {found(rows).removesuffix('.')}", advice)
        for (instrument, data, advice), rows in text.groupby(["instrument", "part", "advice"], sort=False)
    ]


def found(checks: pd.DataFrame) -> str:
    """What some checks found, by scale: the check, the items, the range of what was observed, and what was expected."""
    said = []
    for scale, part in checks.groupby("scale", sort=False):
        lines = []
        for (check, expected), rows in part.groupby(["check", "expected"], sort=False):
            items = ", ".join(item for item in rows["item"] if item)
            items = f" (item{'s' if len(rows) > 1 else ''} {items})" if items else ""
            wanted = f", expected {expected}" if expected else ""
            lines.append(f"{WORDS.get(check, check.replace('_', ' '))}{items}: {_observed(rows['observed'])}{wanted}")
        said.append((f"{scale}: ".replace("_", " ") if scale else "") + "; ".join(lines))
    return PLAIN.sub(lambda sign: SIGNS[sign[0]], ". ".join(said) + ".")


def _observed(cells: pd.Series) -> str:
    """One value, or the range of several; of texts each different one."""
    values = pd.to_numeric(cells, errors="coerce")
    if values.isna().any():
        return ", ".join(dict.fromkeys(cells))
    decimals = 2 if "." in "".join(cells) else 0
    low, high = (f"{v:.{decimals}f}".replace("-", "−") for v in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"
