"""Rows for two predictors of any level: what is rated of patients within therapists, therapists' answers between."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.run import Run
from bowlby.design.centring import membership, within_between
from bowlby.design.frame import SHARED, AnalysisSet, base_rows, complete_rows, described_set, meaning, patients
from bowlby.design.requirements import (
    TOO_FEW_THERAPISTS,
    absent_norms,
    of_outcome,
    of_pair,
    same_sides,
    unknown_variables,
    unscored,
    unstated_occasions,
)
from bowlby.errors import UserError, existing, problem
from bowlby.terms import SIDES

SAME = 1 - 1e-9
LEAST_DF = 10
"""Residual degrees of freedom below which a regression without groups is refused."""


def pair_set(run: Run, scores: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame]) -> AnalysisSet:
    """Build the analysis set of two predictors.

    Parameters
    ----------
    run : Run
        With a pair.
    scores, people : dict of DataFrame
        As of :func:`bowlby.design.primary.comparison_set`.

    Returns
    -------
    AnalysisSet
        ``first`` and ``second`` are the composites, ``first_<scale>`` and so on their scales: the part within
        therapists of what is rated of patients; what therapists answer shared by membership and centred. Where every
        therapist has one patient (``one_level`` of the description) nothing varies within therapists, and all is
        centred at its mean.

    Raises
    ------
    UserError
        Where the two cannot be compared with these data; all reasons at once.
    """
    pair = existing(run.pair)
    check_pair(run, scores, people["patients"])
    sample = patients(run, scores, people, "pair")
    needed = {"baseline": "no outcome before treatment"} if "baseline" in sample.frame else {}
    needed |= {"y": "no outcome", **{side: f"no {getattr(pair, side).label}" for side in SIDES}}
    needed |= {column: f"no {name}" for column, name in sample.covariates.items()}
    frame, episodes, dropped, flow = complete_rows(sample, needed)
    weights = membership(episodes, frame.index)
    _check_rows(pair, frame, weights)
    w = weights.matrix()
    data = base_rows(frame, weights, "y")
    alone = one_level(weights) and pair.unit is None
    for column in [*(c for c in ("baseline",) if c in frame), *sample.covariates]:
        within, between = terms.both_levels(column)
        parts = within_between(frame[column].to_numpy(float), w)
        for name, values in ((between, parts[1]),) if alone else ((within, parts[0]), (between, parts[1])):
            data[name] = values
    roles = {side: getattr(pair, side).role for side in SIDES}
    for side, role in roles.items():
        for column in terms.columns_of(frame, side):
            values = frame[column].to_numpy(float)
            whole = alone or role == "therapist"
            data[column] = values - values.mean() if whole else within_between(values, w)[0]
    design = described_set(pair, sample, weights, dropped) | {"baseline": "baseline" in frame, "roles": roles}
    design |= {"one_level": alone}
    columns = pd.DataFrame([(c, *_meaning(c, pair)) for c in data], columns=["name", "meaning", "unit", "source"])
    return AnalysisSet(data, episodes[["patient", "therapist", "weight"]], columns, design, flow)


def check_pair(run: Run, scores: dict, described: pd.DataFrame) -> None:
    """Refuse a pair that does not fit the study's scores and variables."""
    asked = [*of_outcome(run), *of_pair(run)]
    lines = [
        *unknown_variables(run, [c for c in described.columns if c != "patient"]),
        *absent_norms(run),
        *same_sides(run),
        *unscored(asked, scores),
        *unstated_occasions(asked, scores),
    ]
    if lines:
        raise UserError(lines)


def _check_rows(pair, frame: pd.DataFrame, weights: pd.DataFrame) -> None:
    if one_level(weights) and pair.unit is None:
        least = 1 + len(SIDES) + ("baseline" in frame) + len(pair.covariates) + LEAST_DF
        if len(frame) < least:
            what = f"{len(frame)} therapists with one patient each, but the model needs at least {least}"
            raise UserError(problem(what, "add therapists or drop covariates"))
    else:
        _check_groups(pair, frame, weights)
    if abs(np.corrcoef(frame["first"], frame["second"])[0, 1]) > SAME:
        what = f"{pair.first.label} and {pair.second.label} hold the same values"
        raise UserError(problem(what, "correct one of the two"))


def one_level(weights) -> bool:
    """Whether every therapist has one patient and every patient one therapist."""
    n, therapists = weights.shape
    return n == therapists and weights.switching() == 0


def _check_groups(pair, frame: pd.DataFrame, weights) -> None:
    between = 1 + sum(getattr(pair, side).role == "therapist" for side in SIDES) + len(pair.covariates)
    if weights.shape[1] < between + 2:
        here = "1 therapist" if weights.shape[1] == 1 else f"{weights.shape[1]} therapists"
        what = f"{here} with complete data, but the model needs at least {between + 2}"
        raise UserError(problem(what, "add therapists or drop covariates"))
    if len(frame) <= weights.shape[1] + 3:
        raise UserError(problem(*TOO_FEW_THERAPISTS))


def _meaning(name: str, pair) -> tuple[str, str, str]:
    """Meaning, unit and source of a column, from the parts of its name."""
    term = terms.parse(name)
    if term.variable not in SIDES:
        return ("outcome, higher is better", "outcome units", "scores") if name == "y" else meaning(name)
    block = getattr(pair, term.variable)
    level = terms.LEVELS[terms.WITHIN] if block.role != "therapist" else SHARED
    return f"{block.label}: {term.scale or 'composite'}, {level}", "reference SD", "scores"
