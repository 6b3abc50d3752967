"""The outcome before and after treatment, in its own units."""

from __future__ import annotations

import re
from math import ceil

import numpy as np
import pandas as pd

from bowlby.results import Results, once

NUMBER = re.compile(r"(?<=[A-Z])(?=\d+$)")


@once
def before_after(results: Results) -> pd.DataFrame | None:
    """Columns pre and post of every patient who has both, by person; None where the run has no such occasions."""
    asked = results.config.get("outcome") or {}
    table = results.scale_scores.get(asked.get("instrument", ""))
    if table is None or not (asked.get("pre") and asked.get("post")):
        return None
    scale = asked.get("scale") or "total"
    if scale not in table.columns:
        return None
    own = table[(table["role"] == "patient") & (table["about"] == "self")]
    scores = {
        name: own[own["occasion"] == asked[name]]
        .drop_duplicates("person")
        .astype({"person": "str"})
        .set_index("person")[scale]
        for name in ("pre", "post")
    }
    return pd.DataFrame(scores).dropna()


def direction(results: Results) -> int:
    """1 where a higher score is better, -1 where it is worse."""
    return 1 if (results.config.get("outcome") or {}).get("higher_is_better") else -1


def label(results: Results) -> str:
    """The outcome's name for an axis."""
    asked = results.config.get("outcome") or {}
    scale = str(asked.get("scale") or "total").replace("_", " ")
    return named(str(asked.get("instrument") or "outcome"), scale)


def named(instrument: str, scale: str = "total") -> str:
    """An instrument's scale for an axis, from their ids.

    Examples
    --------
    >>> named("wai_sr"), named("ecr_s", "avoidance"), named("phq9")
    ('WAI-SR', 'ECR-S avoidance', 'PHQ-9')
    """
    short = len(instrument) <= 12
    name = NUMBER.sub("-", instrument.replace("_", "-").upper()) if short else instrument.replace("_", " ")
    return name if scale == "total" else f"{name} {scale.replace('_', ' ')}"


def about_whom(table: pd.DataFrame) -> pd.Series:
    """Whom each row of scores is about where one role answered about several persons; empty everywhere else."""
    if "about" in table.columns and not set(table["about"].unique()) <= {"self"}:
        pairs = table[["role", "about"]].drop_duplicates().astype("str").fillna("self").drop_duplicates()
        if pairs["role"].duplicated().any():
            return table["about"].astype("str").fillna("self")
    return pd.Series("", index=table.index, dtype="category")


def persons_in(groups: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """How many different persons each group has, by the groups' numbers from 0; -1 is no group."""
    size, there = int(groups.max(initial=-1)) + 1, groups >= 0
    pairs = pd.unique(persons[there].astype(np.int64) * size + groups[there])
    return np.bincount(pairs % max(size, 1), minlength=size)


def fine_edges(low: float, high: float, about: int = 20) -> np.ndarray:
    """Edges of about that many bins of a round width that hold both ends.

    Each bin holds equally many whole numbers; where they cannot be divided so, those that are wanting are so in equal
    parts in the first and the last, each of which holds half as many as the others or more.

    Examples
    --------
    >>> fine_edges(6, 42, 16).tolist()[:3], fine_edges(6, 42, 16).tolist()[-2:]
    ([4.5, 7.5, 10.5], [40.5, 43.5])
    """
    span = max(high - low, 1e-9)
    raw = span / about
    power = 10.0 ** np.floor(np.log10(raw))
    width = next(m * power for m in (1, 2, 3, 4, 5, 10) if m * power >= raw * 0.999)
    if width < 1:
        return np.arange(np.floor(low / width) * width, high + 1.001 * width, width)
    first, last = np.floor(low), np.floor(high + 0.5)
    n = int(last - first) + 1

    def suits(w: int) -> tuple[float, float]:
        return min(1 - ceil((-n % w) / 2) / w, 2 / 3), -abs(w - width)

    wide = max(range(max(1, ceil(n / (1.6 * about))), max(1, 2 * n // about) + 1), key=suits) if width < 10 else width
    return np.arange(first - (-n % wide) // 2 - 0.5, last + wide, wide)
