"""What of a run's wishes cannot be met, given the names or the scores that a study brings: one line each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

from bowlby.config.blocks import Block, ReferenceBlock
from bowlby.config.demands import ROLES, SIDES, Demand
from bowlby.config.run import Run
from bowlby.design.composite import reference_scaling
from bowlby.errors import problem
from bowlby.instruments.styles import STYLES

HARDLY_ANY = (
    "too few therapists have two or more patients with complete data",
    "differences between patients of the same therapist cannot be estimated; add patients, or data that are missing",
)


def unknown_variables(run: Run, brought: list[str]) -> list[str]:
    """Covariates, units and strata that are not among the patient variables that the study brings."""
    choice = f"add it to `covariates:` of a file, or choose one of {', '.join(brought)}"
    do = choice if brought else "add it to `covariates:` of a file"
    asked = [
        (f"{part}.{key}", name)
        for part in ("comparison", "pair", "growth")
        if (block := getattr(run, part))
        for key, names in (("covariates", block.covariates), ("unit", filter(None, [getattr(block, "unit", None)])))
        for name in names
    ]
    if run.robustness:
        more = run.robustness.multiverse.more_covariates
        asked += [("robustness.multiverse.more_covariates", name) for name in more]
        asked += [("robustness.strata", name) for name in run.robustness.strata]
    return [
        problem(f"{key}: the study brings no patient variable '{name}'", do)
        for key, name in asked
        if name not in brought
    ]


def absent_norms(run: Run) -> list[str]:
    """What the reference lacks: norms of a side, SDs of its scales, the SD of an other outcome."""
    lines = []
    for part, names in (("comparison", ROLES), ("pair", SIDES)):
        asked = getattr(run, part)
        if asked and asked.reference:
            for name in names:
                lines += _norms(f"{part}.reference.{name}", getattr(asked, name), getattr(asked.reference, name))
    if run.comparison and run.comparison.reference:
        lines += [
            problem(f"other_outcomes[{n}]: reference_sd is missing", "give it, or no `comparison.reference` at all")
            for n, outcome in enumerate(run.other_outcomes)
            if outcome.reference_sd is None
        ]
    return lines


def _norms(key: str, block: Block | None, norms: ReferenceBlock | None) -> list[str]:
    if block is None:
        return []
    if norms is None:
        return [problem(f"{key} is missing", "give its SDs, or no reference at all")]
    known = {*norms.sd, *block.scales}
    lines = [
        problem(f"{key}.sd has no SD of {block.instrument} {scale}", "add it")
        for scale in block.scales
        if scale not in norms.sd
    ]
    for pair in norms.correlations:
        lines += [
            problem(f"{key}.correlations: there is no SD of '{scale}'", f"use {', '.join(sorted(norms.sd))}")
            for scale in pair.scales
            if scale not in known
        ]
        if pair.scales[0] == pair.scales[1]:
            what = f"{key}.correlations: '{pair.scales[0]}' is correlated with itself"
            lines.append(problem(what, "name two scales"))
    if not lines and np.linalg.eigvalsh(reference_scaling(block, norms).correlation).min() <= 0:
        lines.append(problem(f"{key}.correlations cannot all be true at once", "correct them"))
    return lines


def same_sides(run: Run) -> list[str]:
    """Predictors that are one and the same, though they stand for different things."""
    alike = []
    for part, names in (("comparison", ROLES), ("pair", SIDES)):
        asked = getattr(run, part)
        given = {f"{part}.{name}": _what(name, side) for name in names if asked and (side := getattr(asked, name))}
        alike += [pair for pair in combinations(given, 2) if given[pair[0]] == given[pair[1]]]
    return [problem(f"{one} and {other} are the same scales", "correct one of them") for one, other in alike]


def _what(name: str, side: Block) -> tuple:
    """What a side asks for. Only about themselves do patients and therapists answer one form and mean two things."""
    role = getattr(side, "role", None) or (ROLES[name] if side.about == "self" else "")
    return role, side.instrument, side.about, side.occasion, side.sessions, frozenset(side.weights)


def unscored(asked: Iterable[Demand], scores: dict[str, pd.DataFrame]) -> list[str]:
    """Scales that have no score although the study file brings their instrument."""
    lines = []
    for demand in asked:
        table = scores.get(demand.instrument)
        known = set() if table is None else {*table.columns, *(STYLES if "style" in table else ())}
        lines += [
            problem(f"{demand.key}: there is no score '{scale}' of {demand.instrument}",
                    "sums of scales and styles are only made of scores in a questionnaire's own units; "
                    f"see `bowlby instruments show {demand.instrument}`")
            for scale in sorted(set(demand.scales) - known)
        ]  # fmt: skip
    return lines
