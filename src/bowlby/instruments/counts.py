"""Counts of persons that may be shown: cells under five are hidden, and so is what would give them away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

FEWEST = 5
HEAD = ["role", "about", "occasion"]


def by_occasion(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Rows by role, target and occasion; of a person's several sessions in one occasion the first."""
    for key, group in table.groupby(HEAD, sort=True, dropna=False):
        yield key, one_each(group)


def one_each(rows: pd.DataFrame, last: bool = False) -> pd.DataFrame:
    """The first (or last) session of each person."""
    if "session" in rows.columns:
        rows = rows.sort_values("session", kind="stable", na_position="first")
    return rows.drop_duplicates("person", keep="last" if last else "first")


def small(count: int) -> bool:
    """Whether a count could tell one person from the others."""
    return 0 < count < FEWEST


def hide_classes(counts: Sequence[int], shareable: bool) -> list[bool]:
    """Which of some classes to hide, where they are known to add up to a total that is shown.

    Hidden are the small ones, and with them the next smallest, until at least two are hidden and they hold at least
    five persons together.
    """
    hidden = [shareable and small(n) for n in counts]
    rest = sorted((n, i) for i, n in enumerate(counts) if n and not hidden[i])
    while any(hidden) and rest and (sum(hidden) < 2 or sum(n for n, h in zip(counts, hidden) if h) < FEWEST):
        hidden[rest.pop(0)[1]] = True
    return hidden


def hide_bands(counts: Sequence[int], shareable: bool) -> list[bool]:
    """Which of some classes in order to hide: small ones together with neighbours, so that each run holds five.

    A cut-off between two classes can then be told from the classes only where both sides of it are large enough.
    """
    runs = [[i] for i in range(len(counts))]
    total = [int(n) for n in counts]
    while shareable and len(runs) > 1 and any(small(n) for n in total):
        at = next(k for k, n in enumerate(total) if small(n))
        near = [k for k in (at - 1, at + 1) if 0 <= k < len(runs)]
        # An empty neighbour adds nobody, but stands between this one and the next that does.
        other = min(near, key=lambda k: (total[k] == 0, total[k]))
        first, second = sorted((at, other))
        runs[first : second + 1] = [runs[first] + runs[second]]
        total[first : second + 1] = [total[first] + total[second]]
    hidden = [False] * len(counts)
    for run, n in zip(runs, total):
        if len(run) > 1 or (shareable and small(n)):
            for i in run:
                hidden[i] = True
    return hidden


def safe_cut(scores: np.ndarray, cut: float, known: Sequence[float], shareable: bool) -> bool:
    """Whether the number of scores from ``cut`` on may be shown beside the numbers from the ``known`` cut-offs on."""
    if not shareable:
        return True
    edges = sorted({-np.inf, *known, cut, np.inf})
    return not any(small(n) for n in np.histogram(scores, edges)[0])


def hide_totals(table: pd.DataFrame, shareable: bool) -> pd.DataFrame:
    """A table of counts with ``count`` and ``of`` hidden where ``of`` itself is small."""
    table = table.astype({"count": "Int64", "of": "Int64", "suppressed": bool})
    if shareable:
        few = table["of"].between(1, FEWEST - 1).fillna(False).astype(bool)
        table.loc[few, ["count", "of"]] = pd.NA
        table.loc[few, "suppressed"] = True
    return table
