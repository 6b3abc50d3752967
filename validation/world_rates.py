"""Rates of the worlds in which a claim could err: as decided, in the corrected rows, and of warnings."""

from __future__ import annotations

import pandas as pd

from validation.characteristics import COLUMNS, COVERAGE, SLACK, SUPPORT, share
from validation.worlds import WORLDS, World

WORLD_DESIGNS = ("16x36", "48x12", "100x10")

WRONG = "a decision or an interval is wrong"
ROWS = {
    "": "as decided",
    "baseline_": "corrected for error of the baseline",
    "all_": "corrected for error of all three variables",
    "sample_": "standard error with that of the SDs",
}
WARNINGS = {
    "baseline": "C1 or C2 not supported after correction for error of the baseline",
    "caseload": "P depends on caseload",
    "curve": "outcome depends on style in a curve",
    "baseline_curve": "outcome depends on the baseline in a curve",
    "spread": "residual variance depends on style",
    "leaving": "patients without outcome differ in attachment or style",
}
OFTEN, SELDOM = 0.80, 0.10
"""Bars: of studies with a wrong decision that have the world's warning, and of clean studies that have one."""


def world_characteristics(studies: pd.DataFrame) -> pd.DataFrame:
    """Rates of all worlds, as of :func:`validation.characteristics.characteristics`."""
    rows = []
    for (name, design), cell in studies.groupby(["scenario", "design"], sort=False):
        rows += [(name, design, *row) for row in world_rates(WORLDS[name], cell.dropna(axis=1, how="all"))]
    return pd.DataFrame(rows, columns=COLUMNS)


def world_rates(world: World, cell: pd.DataFrame):
    """Quantity, n, rate, 99.9% interval, bar and verdict of one world and design.

    Parameters
    ----------
    world : World
    cell : DataFrame
        Rows of studies with the columns of :class:`validation.worlds.WorldValidator`.
    """
    sampled = cell["sampled"].astype(bool)
    for prefix, row in ROWS.items():
        if prefix and f"{prefix}C1" not in cell:
            continue
        rows = cell if not prefix else cell[cell[f"{prefix}C1"].notna()]
        for name, true in zip(SUPPORT, world.claims, strict=True):
            if true or f"{prefix}{name}" not in rows:
                continue
            bar = SUPPORT[name] if prefix and name in ("C1", "C2") else None
            yield _error(f"{row}: {name} falsely supported", rows[f"{prefix}{name}"] == "supported", bar)
        for effect, value in (("P", world.p), ("T", world.t)):
            low, high = f"{prefix}{effect}_low", f"{prefix}{effect}_high"
            hit = (rows[low] <= value) & (value <= rows[high])
            yield _coverage(f"{row}: coverage {effect}", hit, bool(prefix))
    yield from _warnings(world, cell, sampled)


def _warnings(world: World, cell: pd.DataFrame, sampled: pd.Series):
    wrong = cell["wrong"].astype(bool)
    yield share(WRONG, wrong)
    given = {name: cell[f"warned_{name}"] for name in WARNINGS if f"warned_{name}" in cell}
    if "baseline_C1" in cell:
        given["baseline"] = pd.concat(
            [(cell[c] == "supported") & (cell[f"baseline_{c}"] != "supported") for c in ("C1", "C2")], axis=1
        ).any(axis=1).where(cell["baseline_C1"].notna())  # fmt: skip
    for name, values in given.items():
        known = values[values.notna() & (sampled | (name == "baseline"))].astype(bool)
        if len(known):
            hit = share(f"warning, all studies: {WARNINGS[name]}", known)
            yield _judged(hit, SELDOM, hit[3] > SELDOM) if world.clean else hit
        of_wrong = values[wrong & values.notna()].astype(bool)
        if name == world.warning and len(of_wrong) and not world.clean:
            hit = share(f"warning, wrong decisions: {WARNINGS[name]}", of_wrong)
            yield _judged(hit, OFTEN, hit[4] < OFTEN)


def _error(quantity: str, hit: pd.Series, bar: float | None):
    found = share(quantity, hit)
    return found if bar is None else _judged(found, bar, found[3] > SLACK * bar)


def _coverage(quantity: str, hit: pd.Series, judged: bool):
    found = share(quantity, hit)
    return _judged(found, 0.95, found[4] < COVERAGE[0]) if judged else found


def _judged(found: tuple, bar: float, fails: bool) -> tuple:
    return (*found[:5], bar, "fails" if fails else "ok")
