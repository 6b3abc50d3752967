"""What a run asks for that the study's files never bring, found without looking into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bowlby.config import Loaded
from bowlby.config.blocks import Block
from bowlby.config.run import Outcome, Run
from bowlby.config.study import FILL, Measure, Study
from bowlby.design.order import wrong_order
from bowlby.errors import UserError, problem
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.model import Instrument
from bowlby.instruments.styles import STYLES

ROLES = {
    "perceived": "patient",
    "therapist_style": "therapist",
    "patient_style": "patient",
    "alliance": "patient",
    "mentalizing": "patient",
}


@dataclass(frozen=True)
class _Asked:
    """Scales that one part of the run's file asks for."""

    key: str
    instrument: str
    role: str
    about: str
    scales: list[str]
    occasions: dict[str, str | None]


def not_brought(run: Run, study: Study, instruments: dict[str, Instrument]) -> list[str]:
    """What the run asks for and the study file does not bring, one line each.

    Parameters
    ----------
    run : Run
    study : Study
    instruments : dict of Instrument
        By id; of one that is not there, no scale is checked.
    """
    problems, known = [], [o.id for o in study.occasions]
    for asked in _all(run):
        problems += [*_unknown_occasions(asked, known), *_source(asked, study, instruments)]
    return [*problems, *_variables(run, study), *_orders(run, known)]


def instruments_of(loaded: Loaded) -> dict[str, Instrument]:
    """The study's instruments by id, without those that are unknown or faulty (reading the data tells those)."""
    found = {}
    for name in sorted({m.instrument for f in loaded.study.files for m in f.measures}):
        try:
            found[name] = load_instrument(name, loaded.instruments_dir)
        except UserError:
            continue
    return found


def _all(run: Run) -> Iterator[_Asked]:
    yield _of_outcome("outcome", run.outcome)
    for number, outcome in enumerate(run.other_outcomes):
        yield _of_outcome(f"other_outcomes[{number}]", outcome)
    for name, role in ROLES.items() if run.comparison else ():
        block = getattr(run.comparison, name)
        if block is not None:
            yield _of_block(f"comparison.{name}", role, block)
    for name in ("first", "second") if run.pair else ():
        side = getattr(run.pair, name)
        yield _of_block(f"pair.{name}", side.role, side)


def _of_outcome(key: str, outcome: Outcome) -> _Asked:
    occasions = {f"{key}.{when}": getattr(outcome, when) for when in ("pre", "post", "early")}
    return _Asked(key, outcome.instrument, "patient", "self", [outcome.scale], occasions)


def _of_block(key: str, role: str, block: Block) -> _Asked:
    return _Asked(key, block.instrument, role, block.about, list(block.weights), {f"{key}.occasion": block.occasion})


def _unknown_occasions(asked: _Asked, known: list[str]) -> list[str]:
    return [
        problem(f"{key} '{occasion}' is not an occasion of the study file", f"use one of {', '.join(known)}")
        for key, occasion in asked.occasions.items()
        if occasion is not None and occasion not in known
    ]


def _source(asked: _Asked, study: Study, instruments: dict[str, Instrument]) -> list[str]:
    """What is wrong with the instrument, with who answered it about whom, or else with the scales."""
    key, name = asked.key, asked.instrument
    brought = [(m, m.role or f.who.role) for f in study.files for m in f.measures]
    names = sorted({m.instrument for m, _ in brought})
    if name not in names:
        choice = f"choose one of {', '.join(names)}"
        if name == FILL:
            return [problem(f"{key}.instrument is still {FILL}", choice)]
        return [problem(f"{key}.instrument: the study file brings no {name}", f"add it there, or {choice}")]
    own = [(m, role) for m, role in brought if m.instrument == name]
    right = [m for m, role in own if (role, m.about) == (asked.role, asked.about)]
    if not right:
        there = dict.fromkeys(
            f"about {m.about}" if role == asked.role else f"of {role}s about {m.about}" for m, role in own
        )
        what = f"{key}: the study file brings no {name} of {asked.role}s about {asked.about}"
        do = f"it brings it {' and '.join(there)}; correct `about:` or `role:` in one of the two files"
        return [problem(what, do)]
    if name not in instruments:
        return []
    scales = list(dict.fromkeys(scale for m in right for scale in _scales(m, instruments[name])))
    return [
        problem(f"{key}: {name} has no scale '{scale}'", f"use one of {', '.join(scales)}")
        if scale not in instruments[name].all_scales()
        else problem(f"{key}: the study file does not bring the scale '{scale}' of {name}",
                     f"add it there, or use one of {', '.join(scales)}")
        for scale in asked.scales
        if scale not in scales
    ]  # fmt: skip


def _scales(measure: Measure, instrument: Instrument) -> list[str]:
    """Scores that a measure can have: of its items, the scales it gives, and what follows from them."""
    if measure.coded:
        return list(STYLES)
    scales = list(instrument.all_scales()) if measure.items is not None else list(measure.scored)
    made = [name for name, composite in instrument.composites.items() if set(composite.weights) <= set(scales)]
    rule = instrument.style
    return [*scales, *made, *(STYLES if rule and set(rule.scales) <= set(scales) else ())]


def _variables(run: Run, study: Study) -> list[str]:
    """Covariates and units that no file says of patients."""
    files = [f for f in study.files if f.who.role == "patient"]
    sites = ["site"] if any(f.who.site or f.who.site_name for f in files) else []
    brought = list(dict.fromkeys([*(name for f in files for name in f.covariates), *sites]))
    choice = f"add it to `covariates:` of a file, or choose one of {', '.join(brought)}"
    do = choice if brought else "add it to `covariates:` of a file"
    asked = [
        (f"{part}.{key}", name)
        for part in ("comparison", "pair")
        if (block := getattr(run, part))
        for key, names in (("covariates", block.covariates), ("unit", [block.unit] if block.unit else []))
        for name in names
    ]
    return [
        problem(f"{key}: the study brings no patient variable '{name}'", do)
        for key, name in asked
        if name not in brought
    ]


def _orders(run: Run, known: list[str]) -> list[str]:
    """What was not asked in time, for each outcome whose occasions are the study's."""
    if run.comparison is None:
        return []
    problems = []
    for number, outcome in enumerate([run.outcome, *run.other_outcomes]):
        where = f"other_outcomes[{number - 1}]: " if number else ""
        if not (outcome.after or (outcome.pre and outcome.post)):
            problems.append(problem(f"{where}the comparison needs pre and post", "add both"))
            continue
        asked = {outcome.pre, outcome.post, outcome.early, run.comparison.perceived.occasion} - {None}
        if asked <= set(known):
            lines = wrong_order(run.model_copy(update={"outcome": outcome}), known)
            problems += [where + line for line in lines if line not in problems]
    return problems
