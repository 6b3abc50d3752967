"""What a run asks for that the study's files never bring, found without looking into them."""

from __future__ import annotations

from bowlby.config import Loaded
from bowlby.config.demands import Demand, demands
from bowlby.config.run import Run
from bowlby.config.study import FILL, Measure, Study
from bowlby.design.order import wrong_orders
from bowlby.design.refusals import absent_norms, same_sides, unknown_variables
from bowlby.errors import UserError, problem
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.model import Instrument
from bowlby.instruments.styles import STYLES


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
    for asked in demands(run):
        problems += [*_unknown_occasions(asked, known), *_source(asked, study, instruments)]
    problems += unknown_variables(run, _variables(study))
    return [*problems, *wrong_orders(run, known), *absent_norms(run), *same_sides(run), *_times(run, study)]


def instruments_of(loaded: Loaded) -> dict[str, Instrument]:
    """The study's instruments by id, without those that are unknown or faulty (reading the data tells those)."""
    found = {}
    for name in sorted({m.instrument for f in loaded.study.files for m in f.measures}):
        try:
            found[name] = load_instrument(name, loaded.instruments_dir)
        except UserError:
            continue
    return found


def _unknown_occasions(asked: Demand, known: list[str]) -> list[str]:
    return [
        problem(f"{key} '{occasion}' is not an occasion of the study file", f"use one of {', '.join(known)}")
        for key, occasion in asked.occasions.items()
        if occasion is not None and occasion not in known
    ]


def _source(asked: Demand, study: Study, instruments: dict[str, Instrument]) -> list[str]:
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
    return [_no_scale(key, scale, instruments[name], scales) for scale in asked.scales if scale not in scales]


def _no_scale(key: str, scale: str, instrument: Instrument, scales: list[str]) -> str:
    choice, name = f"use one of {', '.join(scales)}", instrument.id
    if scale in instrument.all_scales():
        what = f"{key}: the study file does not bring the scale '{scale}' of {name}"
        return problem(what, f"add it there, or {choice}")
    return problem(f"{key}: {name} {'gives no style' if scale in STYLES else 'has no scale'} '{scale}'", choice)


def _scales(measure: Measure, instrument: Instrument) -> list[str]:
    """Scores that a measure can have: of its items, the scales it gives, and what follows from them."""
    if measure.coded:
        return [style for style in STYLES if style in instrument.codes.values()]
    scales = list(instrument.all_scales()) if measure.items is not None else list(measure.scored)
    made = [name for name, composite in instrument.composites.items() if set(composite.weights) <= set(scales)]
    rule = instrument.style
    given = [style for style in STYLES if rule and style in (rule.prototypes or STYLES)]
    return [*scales, *made, *(given if rule and set(rule.scales) <= set(scales) else ())]


def _variables(study: Study) -> list[str]:
    """What the study's files say of patients."""
    files = [f for f in study.files if f.who.role == "patient"]
    sites = ["site"] if any(f.who.site or f.who.site_name for f in files) else []
    return list(dict.fromkeys([*(name for f in files for name in f.covariates), *sites]))


def _times(run: Run, study: Study) -> list[str]:
    """A course needs two points in time."""
    if run.growth is None or len({o.time for o in study.occasions} - {None}) > 1:
        return []
    return [problem("growth: fewer than two occasions of the study file have a time", "give `time:` to them there")]
