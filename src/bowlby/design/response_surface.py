"""Rows of a response surface: the scores of two sides on one scale, their squares and their product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.run import Block, Run
from bowlby.design.centring import Membership, membership, within_between
from bowlby.design.frame import (
    AnalysisSet,
    Patients,
    answered,
    base_rows,
    complete_rows,
    described_set,
    meaning,
    of_therapists,
    patients,
)
from bowlby.design.pair import SAME, check_pair, one_level
from bowlby.design.primary import check_comparison
from bowlby.design.requirements import TOO_FEW_THERAPISTS
from bowlby.errors import UserError, existing, problem
from bowlby.instruments.model import Instrument
from bowlby.terms import RESPONSE_SURFACE, SURFACE

FEWEST_VALUES = 3
"""Different scores that a quadratic needs."""


@dataclass(frozen=True)
class Side:
    """One side of a match: its column, label, whose scores they are, who answered, scores by person, origin, unit."""

    column: str
    label: str
    person: str
    role: str
    scores: pd.Series
    origin: float
    unit: float

    def of_persons(self, who: pd.Index) -> list[float]:
        """Distances of some who answered from the origin in units, in order of size."""
        return sorted(((self.scores.reindex(who).dropna() - self.origin) / self.unit).tolist())

    def values(self, episodes: pd.DataFrame, people: pd.Index) -> tuple[pd.Series, pd.Series]:
        """Distance from the origin in units, and its square, of every patient.

        A patient with several therapists has the weighted mean of both.
        """
        distance = (self.scores.dropna() - self.origin) / self.unit
        both = (distance, distance**2)
        if self.role == "therapist":
            both = (of_therapists(both[0], episodes), of_therapists(both[1], episodes))
        return both[0].reindex(people), both[1].reindex(people)


def response_surface_set(
    run: Run,
    scores: dict[str, pd.DataFrame],
    people: dict[str, pd.DataFrame],
    occasions: list[str],
    instrument: Callable[[str], Instrument],
    name: str,
) -> AnalysisSet:
    """Build the analysis set of one response surface.

    Parameters
    ----------
    run : Run
        With a response surface.
    scores, people, occasions
        As of :func:`bowlby.design.primary.comparison_set`.
    instrument : callable
        Gives an instrument on the study's forms by its id.
    name : str
        ``response_surface_<scale>``.

    Returns
    -------
    AnalysisSet
        ``surface_x`` and ``surface_w``: distance of both sides' scores from the midpoint of the scale's possible
        scores (or from the norms' means) in SD of the first side (or each in its norms' SD). ``surface_xx``,
        ``surface_xw``, ``surface_ww``: their squares and product. Of what is rated of patients also the parts within
        and between therapists.

    Raises
    ------
    UserError
        Where no surface can be fitted to these data; all reasons at once.
    """
    part = run.matched[0]
    asked = existing(getattr(run, part))
    if part == "pair":
        check_pair(run, scores, people["patients"])
    else:
        check_comparison(run, scores, people["patients"], occasions)
    sample, scale = patients(run, scores, people, part), name.removeprefix(RESPONSE_SURFACE)
    x, w = sides(run, sample, scores, instrument, scale)
    columns, index = {}, sample.frame.index
    for side in (x, w):
        columns[side.column], columns[f"{side.column}{side.column[-1]}"] = side.values(sample.episodes, index)
    columns["surface_xw"] = columns["surface_x"] * columns["surface_w"]
    sample = replace(sample, frame=sample.frame.assign(**{column: columns[column] for column in SURFACE}))
    needed = {"baseline": "no outcome before treatment"} if "baseline" in sample.frame else {}
    needed |= {"y": "no outcome after treatment", **{side.column: f"no {side.label}" for side in (x, w)}}
    needed |= {column: f"no {covariate}" for column, covariate in sample.covariates.items()}
    frame, episodes, dropped, flow = complete_rows(sample, needed)
    weights = membership(episodes, frame.index)
    alone = one_level(weights) and "unit" not in frame
    of_patients = [side.column for side in (x, w) if side.role != "therapist" and not alone]
    split = [*(c for c in ("baseline",) if c in frame), *sample.covariates, *of_patients]
    _check_rows(frame, weights, (x, w), len(split), alone)
    data = base_rows(frame, weights, "y").assign(**{column: frame[column].to_numpy(float) for column in SURFACE})
    parts = within_between(frame[split].to_numpy(float), weights.matrix())
    for k, column in enumerate(split):
        for level, values in zip(terms.both_levels(column), parts, strict=True):
            if not (alone and level.endswith(terms.WITHIN)):
                data[level] = values[:, k]
    design = described_set(asked, sample, weights, dropped) | {
        "one_level": alone,
        "surface": {
            "scale": scale,
            "labels": [x.label, w.label],
            "persons": [x.person, w.person],
            "roles": [x.role, w.role],
            "origins": [x.origin, w.origin],
            "units": [x.unit, w.unit],
            "standardised": bool(existing(run.response_surface).norms),
            "therapists": {
                side.column: side.of_persons(weights.columns) for side in (x, w) if side.role == "therapist"
            },
        },
    }
    meanings = pd.DataFrame([(c, *_meaning(c, x, w)) for c in data], columns=["name", "meaning", "unit", "source"])
    return AnalysisSet(data, episodes[["patient", "therapist", "weight"]], meanings, design, flow)


def sides(
    run: Run, sample: Patients, scores: dict[str, pd.DataFrame], instrument: Callable[[str], Instrument], scale: str
) -> tuple[Side, Side]:
    """Both sides of a match with their origins and units.

    Raises
    ------
    UserError
        If the scale has no midpoint and there are no norms.
    """
    names = run.matched[1:]
    blocks, norms = run.matched_blocks, existing(run.response_surface).norms
    form = instrument(blocks[0].instrument)
    if not norms and scale not in form.all_scales():
        what = f"response_surface: {blocks[0].instrument} {scale} has no lowest and highest possible score"
        raise UserError(problem(what, "name other `scales:` there, or give `response_surface.norms`"))
    scaling = sample.scaling[names[0]]
    common = float(np.mean(form.range_of(scale))) if not norms else 0.0
    unit = float(scaling.sd[scaling.scales.index(scale)])
    made = []
    for column, name, block, side in zip(("surface_x", "surface_w"), names, blocks, ("first", "second"), strict=True):
        norm = getattr(norms[scale], side) if norms else None
        role = getattr(block, "role", None) or terms.ROLES[name]
        values = answered(scores[block.instrument], role, block)[scale]
        at = (norm.mean, norm.sd) if norm else (common, unit)
        made.append(Side(column, *_labels(block, role, scale), role, values, *at))
    return made[0], made[1]


def _labels(block: Block, role: str, scale: str) -> tuple[str, str]:
    """Label of a side, and whose scores they are."""
    words, own = scale.replace("_", " "), getattr(block, "label", None)
    return (f"{own}: {words}", own) if own else (f"{role}'s {words}", f"the {role}")


def _check_rows(frame: pd.DataFrame, weights: Membership, matched: tuple[Side, Side], split: int, alone: bool) -> None:
    lines = []
    for side in matched:
        if (n := frame[side.column].round(9).nunique()) < FEWEST_VALUES:
            what = f"response_surface: {side.label} has {n} different score{'s' * (n != 1)}; a square needs at least 3"
            lines.append(problem(what, "leave that scale out of `response_surface.scales`"))
    if not lines and abs(np.corrcoef(frame["surface_x"], frame["surface_w"])[0, 1]) > SAME:
        what = f"response_surface: {matched[0].label} and {matched[1].label} hold the same values"
        lines.append(problem(what, "correct one of the two sides"))
    least = 3 + split + sum(2 for side in matched if side.role == "therapist")
    if not alone and weights.shape[1] < least:
        here = "1 therapist" if weights.shape[1] == 1 else f"{weights.shape[1]} therapists"
        what = f"{here} with complete data, but the response surface needs at least {least}"
        lines.append(problem(what, "add therapists, drop covariates, or leave `response_surface:` out"))
    if len(frame) <= (split if alone else weights.shape[1]) + len(SURFACE) + 1:
        lines.append(problem(*TOO_FEW_THERAPISTS))
    if lines:
        raise UserError(lines)


def _meaning(name: str, x: Side, w: Side) -> tuple[str, str, str]:
    """Meaning, unit and source of a column."""
    term = terms.parse(name)
    if name == "y":
        return "outcome, higher is better", "outcome units", "scores"
    if term.variable not in SURFACE:
        return meaning(name)
    what = {side.column: f"{side.label}, distance from {side.origin:g}" for side in (x, w)}
    if term.level:
        return f"{what[term.variable]}, {terms.LEVELS[term.level]}", f"{x.unit:.4g} points", "scores"
    if name in what:
        return what[name], f"{(x if name == x.column else w).unit:.4g} points", "scores"
    return f"{SURFACE[name]} of {x.label} (X) and {w.label} (W)", "product of both units", "scores"
