"""Does the run fit the study? What the run's file requires of the study file, and of the scores."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bowlby.config import Loaded
from bowlby.config.moderation import unmet_interactions
from bowlby.config.run import Block, Outcome, ReferenceBlock, Run
from bowlby.config.study import FILL, Measure, Study
from bowlby.design.chronology import wrong_change, wrong_orders, wrong_times
from bowlby.design.composite import reference_scaling
from bowlby.errors import Problem, UserError, existing, problem
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.model import Instrument
from bowlby.terms import COURSE, ROLES, SERIES, SIDES, STYLES, reserved

if TYPE_CHECKING:
    import pandas as pd

TOO_FEW_THERAPISTS = (
    "too few therapists have two or more patients with complete data",
    "differences between patients of the same therapist cannot be estimated; add patients, or data that are missing",
)


@dataclass(frozen=True)
class Requirement:
    """Scales that one part of the run's file asks for.

    Attributes
    ----------
    key : str
        Where the run's file asks for them (``comparison.perceived``).
    instrument, role, about : str
        Which questionnaire, who answered it, about whom.
    scales : list of str
    occasions : dict
        Key: the occasion it names, None where it names none.
    open : str or None
        The key that has to name an occasion where there are several; None where it is settled.
    """

    key: str
    instrument: str
    role: str
    about: str
    scales: list[str]
    occasions: dict[str, str | None] = field(default_factory=dict)
    open: str | None = None


def requirements(run: Run) -> list[Requirement]:
    """All that a run asks for."""
    pairs = [*of_pair(run), *of_session_to_session(run), *of_style_transitions(run)]
    return [*of_outcome(run), *of_others(run), *of_comparison(run), *pairs, *of_growth(run)]


def of_outcome(run: Run) -> list[Requirement]:
    """What the registered outcome asks for."""
    return [_of_outcome("outcome", run.outcome, "outcome.post" if run.pair else None)] if run.outcome else []


def of_others(run: Run) -> list[Requirement]:
    """What the other outcomes ask for; these may be flagged items too."""
    return [_of_outcome(f"other_outcomes[{n}]", outcome) for n, outcome in enumerate(run.other_outcomes)]


def of_comparison(run: Run) -> list[Requirement]:
    """What the sides of the comparison ask for."""
    given = {name: getattr(run.comparison, name) for name in ROLES} if run.comparison else {}
    return [_of_block(f"comparison.{name}", ROLES[name], block) for name, block in given.items() if block is not None]


def of_pair(run: Run) -> list[Requirement]:
    """What the two predictors ask for."""
    given = {name: getattr(run.pair, name) for name in SIDES} if run.pair else {}
    return [_of_block(f"pair.{name}", side.role, side) for name, side in given.items()]


def of_session_to_session(run: Run) -> list[Requirement]:
    """What the two series of sessions ask for."""
    given = {name: getattr(run.session_to_session, name) for name in SERIES} if run.session_to_session else {}
    return [
        Requirement(f"session_to_session.{name}", series.instrument, series.role, series.about, [series.scale])
        for name, series in given.items()
    ]


def of_style_transitions(run: Run) -> list[Requirement]:
    """What changes of attachment style ask for: a style at two occasions."""
    if (asked := run.style_transitions) is None:
        return []
    occasions: dict[str, str | None] = {f"style_transitions.{key}": getattr(asked, key) for key in ("pre", "post")}
    return [Requirement("style_transitions", asked.instrument, asked.role, asked.about, ["secure"], occasions)]


def of_growth(run: Run) -> list[Requirement]:
    """What the predictors of the course ask for."""
    given = run.growth.predictors if run.growth else {}
    return [_of_block(f"growth.{name}", ROLES[name], block) for name, block in given.items()]


def unstated_occasions(required: Iterable[Requirement], tables: dict) -> list[Problem]:
    """Answers given several times where the run's file does not say which of them counts.

    Parameters
    ----------
    required : iterable of Requirement
    tables : dict of DataFrame
        Measures or scores by instrument, with person, role, about and occasion.
    """
    lines = []
    for requirement in required:
        table = tables.get(requirement.instrument)
        if requirement.open is None or table is None:
            continue
        own = table[(table["role"] == requirement.role) & (table["about"] == requirement.about)]
        when = [str(o) for o in own["occasion"].dropna().unique() if str(o)]
        if len(when) < 2 and not own["person"].duplicated().any():
            continue
        often = f"at {', '.join(when)}" if len(when) > 1 else "several times by the same persons"
        sessions = "outcome.after" if requirement.key == "outcome" else f"{requirement.key}.sessions"
        lines.append(
            problem(f"{requirement.open} is not given, and {requirement.instrument} was answered {often}",
                    f"say which counts, or give {sessions}")
        )  # fmt: skip
    return lines


def _of_outcome(key: str, outcome: Outcome, needed: str | None = None) -> Requirement:
    occasions = {f"{key}.{when}": getattr(outcome, when) for when in ("pre", "post", "early")}
    settled = outcome.post is not None or outcome.after is not None
    key_needed = None if settled else needed
    return Requirement(key, outcome.instrument, outcome.role, outcome.whom, [outcome.scale], occasions, key_needed)


def _of_block(key: str, role: str, block: Block) -> Requirement:
    where = f"{key}.occasion"
    settled = block.occasion is not None or block.sessions is not None
    return Requirement(
        key, block.instrument, role, block.about, block.scales, {where: block.occasion}, None if settled else where
    )


def unmet(run: Run, study: Study, instruments: dict[str, Instrument]) -> list[Problem]:
    """What the run requires and the study file does not have, one line each.

    Parameters
    ----------
    run : Run
    study : Study
    instruments : dict of Instrument
        By id; of one that is not there, no scale is checked.
    """
    problems, known = [], [o.id for o in study.occasions]
    for requirement in requirements(run):
        problems += _unknown_occasions(requirement, known)
        problems += _unmet_measure(requirement, study, instruments)
    if run.scores:
        named = {f"scores.{key}": getattr(run.scores, key) for key in ("pre", "post")}
        problems += _unknown_occasions(Requirement("scores", "", "", "", [], named), known)
    problems += unknown_variables(run, _variables(study)) + unmet_interactions(run, _variables(study))
    orders = [*wrong_orders(run, known), *wrong_change(run, known), *wrong_times(run, study)]
    return [*problems, *absent_norms(run), *same_sides(run), *orders]


def instruments_of(loaded: Loaded) -> dict[str, Instrument]:
    """The study's instruments by id, without those that are unknown or faulty (ingest reports these)."""
    instruments = {}
    for name in sorted({m.instrument for f in loaded.study.files for m in f.measures}):
        with suppress(UserError):
            instruments[name] = load_instrument(name, loaded.instruments_dir)
    return instruments


def _unknown_occasions(requirement: Requirement, known: list[str]) -> list[Problem]:
    return [
        problem(f"{key} '{occasion}' is not an occasion of the study file", f"use one of {', '.join(known)}")
        for key, occasion in requirement.occasions.items()
        if occasion is not None and occasion not in known
    ]


def _unmet_measure(required: Requirement, study: Study, instruments: dict[str, Instrument]) -> list[Problem]:
    """What is wrong with the instrument, with who answered it about whom, or else with the scales."""
    key, name = required.key, required.instrument
    measures = [(m, m.role or f.who.role) for f in study.files for m in f.measures]
    names = sorted({m.instrument for m, _ in measures})
    if name not in names:
        choice = f"choose one of {', '.join(names)}"
        if name == FILL:
            return [problem(f"{key}.instrument is still {FILL}", choice)]
        return [problem(f"{key}.instrument: the study file has no {name}", f"add it there, or {choice}")]
    own = [(m, role) for m, role in measures if m.instrument == name]
    right = [m for m, role in own if (role, m.about) == (required.role, required.about)]
    if not right:
        others = dict.fromkeys(f"{'' if role == required.role else f'of {role}s '}about {m.about}" for m, role in own)
        what = f"{key}: the study file has no {name} of {required.role}s about {required.about}"
        do = f"it has it {' and '.join(others)}; correct `about:` or `role:` in one of the two files"
        return [problem(what, do)]
    if name not in instruments:
        return []
    scales = list(dict.fromkeys(scale for m in right for scale in _scales(m, instruments[name])))
    if key.startswith("other_outcomes"):
        scales += [item for m in right if m.items is not None for item in instruments[name].flagged()]
    return [_no_scale(key, scale, instruments[name], scales) for scale in required.scales if scale not in scales]


def _no_scale(key: str, scale: str, instrument: Instrument, scales: list[str]) -> Problem:
    choice, name = f"use one of {', '.join(scales)}", instrument.id
    if scale in instrument.all_scales():
        what = f"{key}: the study file does not have the scale '{scale}' of {name}"
        return problem(what, f"add it there, or {choice}")
    if key == "style_transitions" and not set(scales) & set(STYLES):
        return problem(f"{key}: {name} has no attachment styles", "name an instrument that has them")
    return problem(f"{key}: {name} {'gives no style' if scale in STYLES else 'has no scale'} '{scale}'", choice)


def _scales(measure: Measure, instrument: Instrument) -> list[str]:
    """Scores that a measure can have: of its items, the scales it gives, and what follows from them."""
    if measure.coded:
        return [style for style in STYLES if style in instrument.codes.values()]
    scales = list(instrument.all_scales() if measure.items is not None else existing(measure.scored))
    composites = [name for name, composite in instrument.composites.items() if set(composite.weights) <= set(scales)]
    rule = instrument.style
    styles = [style for style in STYLES if rule and style in (rule.prototypes or STYLES)]
    return [*scales, *composites, *(styles if rule and set(rule.scales) <= set(scales) else ())]


def _variables(study: Study) -> list[str]:
    """Patient variables that the study file names."""
    files = [f for f in study.files if f.who.role == "patient"]
    sites = ["site"] if any(f.who.site or f.who.site_name for f in files) else []
    return list(dict.fromkeys([*(name for f in files for name in f.covariates), *sites]))


def unknown_variables(run: Run, available: list[str]) -> list[Problem]:
    """Covariates, units and strata that are not among the patient variables of the study, or whose names are taken."""
    choice = f"add it to `covariates:` of a file, or choose one of {', '.join(available)}"
    do = choice if available else "add it to `covariates:` of a file"
    named = [
        (f"{part}.{key}", name)
        for part in ("comparison", "pair", "growth")
        if (block := getattr(run, part))
        for key, names in (
            ("covariates", block.covariates),
            ("slopes", getattr(block, "slopes", [])),
            ("unit", filter(None, [getattr(block, "unit", None)])),
        )
        for name in names
    ]
    if run.robustness:
        more = run.robustness.multiverse.more_covariates
        named += [("robustness.multiverse.more_covariates", name) for name in more]
        named += [("robustness.strata", name) for name in run.robustness.strata]
    absent = [(key, name) for key, name in named if name not in available]
    taken = [
        (k, name) for k, name in named if k.endswith(("covariates", "slopes")) and reserved(name, k.partition(".")[0])
    ]
    return [
        *(problem(f"{key}: the study has no patient variable '{name}'", do) for key, name in absent),
        *(problem(f"{key}: '{name}' is a name of the models' own columns",
                  f"give it another name in the study file, such as `covariates: {{own_{name}: {name}}}`")
          for key, name in taken),
    ]  # fmt: skip


def absent_norms(run: Run) -> list[Problem]:
    """What the reference lacks: norms of a side, SDs of its scales, the SD of an other outcome."""
    lines = []
    for part, names in (("comparison", ROLES), ("pair", SIDES), ("growth", COURSE)):
        block = getattr(run, part)
        if block and block.reference:
            for name in names:
                lines += _norms(f"{part}.reference.{name}", getattr(block, name), getattr(block.reference, name))
    if run.comparison and run.comparison.reference:
        lines += [
            problem(f"other_outcomes[{n}]: reference_sd is missing", "give it, or no `comparison.reference` at all")
            for n, outcome in enumerate(run.other_outcomes)
            if outcome.reference_sd is None
        ]
    return lines


def _norms(key: str, block: Block | None, norms: ReferenceBlock | None) -> list[Problem]:
    if block is None:
        return []
    if norms is None:
        return [problem(f"{key} is missing", "give its SDs, or no reference at all")]
    known = {*norms.sd, *block.scales}
    absent = [scale for scale in block.scales if scale not in norms.sd]
    lines = [problem(f"{key}.sd has no SD of {block.instrument} {scale}", "add it") for scale in absent]
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


def same_sides(run: Run) -> list[Problem]:
    """Predictors with different names that are the same measure."""
    alike = []
    for part, names in (("comparison", ROLES), ("pair", SIDES), ("growth", COURSE)):
        block = getattr(run, part)
        given = {f"{part}.{name}": _what(name, side) for name in names if block and (side := getattr(block, name))}
        alike += [pair for pair in combinations(given, 2) if given[pair[0]] == given[pair[1]]]
    return [problem(f"{one} and {other} are the same scales", "correct one of them") for one, other in alike]


def _what(name: str, side: Block) -> tuple:
    """What a side asks for. Only about themselves do patients and therapists answer one form and mean two things."""
    role = getattr(side, "role", None) or (ROLES[name] if side.about == "self" else "")
    return role, side.instrument, side.about, side.occasion, side.sessions, frozenset(side.weights)


def unscored(required: Iterable[Requirement], scores: dict[str, pd.DataFrame]) -> list[Problem]:
    """Scales without a score although the study file has their instrument."""
    lines = []
    for requirement in required:
        table = scores.get(requirement.instrument)
        known = set() if table is None else {*table.columns, *(STYLES if "style" in table else ())}
        lines += [
            problem(f"{requirement.key}: there is no score '{scale}' of {requirement.instrument}",
                    "sums of scales and styles are only made of scores in a questionnaire's own units; "
                    f"see `bowlby instruments show {requirement.instrument}`")
            for scale in sorted(set(requirement.scales) - known)
        ]  # fmt: skip
    return lines
