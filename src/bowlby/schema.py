"""Files of a run made by an older version, with the names that terms and columns have today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bowlby.files import read_json
from bowlby.terms import BETWEEN, P_WITHIN_PATIENT, SCHEMA, WITHIN, column, error_of

SIDES = {"a": "perceived", "s": "therapist_style", "z": "patient_style", "w": "alliance", "m": "mentalizing"}
LEVELS = {"_w": WITHIN, "_b": BETWEEN}
NAMES = {"pre": "baseline", "a_now": P_WITHIN_PATIENT, "s_squared": "style_squared"}
KEYED = ("scaling", "sd_error", "reliability_from", "variables", "yardsticks", "general", "shares")
"""Entries whose keys are names."""
VALUED = ("term", "term2", "terms", "known_zero", "column")
"""Entries whose values are names."""
WHOLE_COLUMNS = ("shares", "column")
"""Those of columns that are not split by level."""
FOLDERS = ("fits/", "analysis/", "estimands/")
FILES = ("verdict.json", "robustness.json")
SAME = "/growth."
"""Files of the growth model, whose names were the same."""


def name_of_today(name: str, split: bool = True) -> str:
    """The name in schema 2 of a term, column or variable of schema 1; of a product, factor by factor.

    Parameters
    ----------
    name : str
    split : bool
        Whether names may end in ``_w`` or ``_b``, within and between therapists.

    Examples
    --------
    >>> [name_of_today(name) for name in ("a_star_w", "s_anxiety", "w_goal_w")]
    ['perceived_within', 'therapist_style_anxiety', 'alliance_goal_within']
    >>> [name_of_today(name) for name in ("pre_b", "age_b", "a")]
    ['baseline_between', 'age_between', 'perceived']
    >>> name_of_today("s_star:pre_w"), name_of_today("s_star_error"), name_of_today("arm_b", split=False)
    ('therapist_style:baseline_within', 'therapist_style_error', 'arm_b')
    """
    if ":" in name:
        return ":".join(name_of_today(part, split) for part in name.split(":"))
    if name in (whole := NAMES | SIDES):
        return whole[name]
    if name.endswith("_error"):
        return error_of(name_of_today(name.removesuffix("_error"), split))
    level = LEVELS.get(name[-2:]) if split else None
    base = name[:-2] if level else name
    side, _, scale = base.partition("_")
    if scale and side in SIDES and not (side == "s" and level):
        return column(SIDES[side], None if scale == "star" else scale, level)
    return column(NAMES.get(base, base), level=level)


def older_names(folder: Path) -> bool:
    """Whether a run's fits are of schema 1; not where it has none."""
    first = next(iter(sorted((folder / "fits").glob("*.json"))), None)
    return first is not None and read_json(first).get("schema", 1) < SCHEMA


def record_of_today(file: str, record: Any) -> Any:
    """The contents of a JSON file of schema 1 with the names of schema 2; of a file without such names, as they are."""
    if SAME in file or not (file.startswith(FOLDERS) or file in FILES):
        return record
    if file == "estimands/suppression.json":
        record = {"general": record}
        return _renamed(record)["general"]
    return _renamed(record)


def _renamed(record: Any) -> Any:
    if isinstance(record, list):
        return [_renamed(entry) for entry in record]
    if not isinstance(record, dict):
        return record
    out: dict[str, Any] = {}
    for key, value in record.items():
        split = key not in WHOLE_COLUMNS
        if isinstance(value, dict) and (key in KEYED or (key == "weights" and "estimate" in record)):
            out[key] = {name_of_today(name, split): _renamed(entry) for name, entry in value.items()}
        elif key in VALUED and isinstance(value, list):
            out[key] = [name_of_today(name, split) for name in value]
        elif key in VALUED and isinstance(value, str):
            out[key] = name_of_today(value, split)
        else:
            out[key] = _renamed(value)
    return out


def table_of_today(file: str, table: pd.DataFrame) -> pd.DataFrame:
    """A table of schema 1 with the columns, or the terms in its rows, that schema 2 has."""
    if SAME in file:
        return table
    if file.startswith("analysis/"):
        return table.rename(columns=name_of_today)
    if file.startswith("fits/") and "term" in table:
        return table.assign(term=[name_of_today(term) for term in table["term"]])
    return table
