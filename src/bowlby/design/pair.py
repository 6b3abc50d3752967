"""Rows for two predictors of any level: patients' answers within therapists, therapists' answers between them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.run import Run
from bowlby.design.centring import membership, within_between
from bowlby.design.composite import composite, far_from_reference, reference_scaling, sample_scaling, sd_error
from bowlby.design.frame import (
    AnalysisSet,
    Patients,
    answered,
    before_after,
    chosen_episodes,
    complete_rows,
    of_therapists,
    outcome_far,
    with_described,
)
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
from bowlby.errors import UserError, problem
from bowlby.terms import SIDES

SAME = 1 - 1e-9


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
        therapists of what patients answer; what therapists answer shared by membership and centred.

    Raises
    ------
    UserError
        Where the two cannot be compared with these data; all reasons at once.
    """
    pair = run.pair
    _check(run, scores, people["patients"])
    found = _patients(run, scores, people)
    needed = {"baseline": "no outcome before treatment"} if "baseline" in found.frame else {}
    needed |= {"y": "no outcome", **{side: f"no {getattr(pair, side).label}" for side in SIDES}}
    needed |= {column: f"no {name}" for column, name in found.covariates.items()}
    frame, episodes, dropped, flow = complete_rows(found, needed)
    weights = membership(episodes, frame.index)
    _check_rows(pair, frame, weights)
    w = weights.matrix()
    main = weights.columns.to_numpy()[weights.main()]
    data = pd.DataFrame({"patient": frame.index.astype(str), "therapist": main, "y": frame["y"].to_numpy(float)})
    if "unit" in frame:
        data["unit"], data["in_unit"] = frame["unit"].to_numpy(object), frame["unit"].notna().to_numpy(float)
    for column in [*(c for c in ("baseline",) if c in frame), *found.covariates]:
        data[terms.column(column, level=terms.WITHIN)], data[terms.column(column, level=terms.BETWEEN)] = (
            within_between(frame[column].to_numpy(float), w)
        )
    for side in SIDES:
        for column in [side, *(terms.column(side, scale) for scale in found.scaling[side].scales)]:
            values = frame[column].to_numpy(float)
            patient = getattr(pair, side).role == "patient"
            data[column] = within_between(values, w)[0] if patient else values - values.mean()
    design = {
        "schema": terms.SCHEMA,
        "sd_outcome": found.sd_outcome,
        "sd_error": found.sd_error,
        "reference": found.scaling["first"].origin,
        "far_from_reference": found.far,
        "n_dropped": dropped,
        "n_patients": len(data),
        "n_therapists": weights.shape[1],
        "n_switching": weights.switching(),
        "covariates": list(found.covariates),
        "baseline": "baseline" in frame,
        "roles": {side: getattr(pair, side).role for side in SIDES},
        "scaling": {
            side: {"scales": s.scales, "sd": s.sd, "correlation": s.correlation, "weights": getattr(pair, side).weights}
            for side, s in found.scaling.items()
        },
    }
    columns = pd.DataFrame([(c, *_meaning(c, pair)) for c in data], columns=["name", "meaning", "unit", "source"])
    return AnalysisSet(data, episodes[["patient", "therapist", "weight"]], columns, design, flow)


def _patients(run: Run, scores: dict, people: dict) -> Patients:
    pair, outcome = run.pair, run.outcome
    described = people["patients"].set_index("patient").sort_index()
    episodes = chosen_episodes(people["episodes"], pair.switching)
    frame = pd.DataFrame(index=described.index)
    sign = 1.0 if outcome.higher_is_better else -1.0
    pre, post = before_after(scores[outcome.instrument], outcome)
    if outcome.pre or outcome.after:
        frame["baseline"] = sign * pre.reindex(frame.index)
    frame["y"] = sign * post.reindex(frame.index)
    scaling, errors, far = {}, {}, []
    for side in SIDES:
        block = getattr(pair, side)
        found = answered(scores[block.instrument], block.role, block)
        norms = pair.reference and getattr(pair.reference, side)
        scaling[side] = scale = reference_scaling(block, norms) if norms else sample_scaling(block, found)
        if norms:
            far += far_from_reference(found[scale.scales].std(), pd.Series(scale.sd, scale.scales), block.instrument)
        own = (found[scale.scales] / scale.sd).rename(columns={s: terms.column(side, s) for s in scale.scales})
        own.insert(0, side, composite(found, block, scale))
        if not norms:
            errors[side] = sd_error(own[side])
        for name in own:
            values = of_therapists(own[name].dropna(), episodes) if block.role == "therapist" else own[name]
            frame[name] = values.reindex(frame.index)
    frame, covariates = with_described(frame, described, pair.covariates, pair.unit)
    own = frame["baseline" if "baseline" in frame else "y"]
    sd = pair.reference.outcome_sd if pair.reference else float(own.std())
    if pair.reference:
        far = [*outcome_far(outcome, pre if "baseline" in frame else post, sd), *far]
    else:
        errors["y"] = sd_error(own)
    return Patients(frame, episodes, scaling, sd, pd.Series(dtype=float), covariates, far, errors)


def _check(run: Run, scores: dict, described: pd.DataFrame) -> None:
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
    between = 1 + sum(getattr(pair, side).role == "therapist" for side in SIDES) + len(pair.covariates)
    if weights.shape[1] < between + 2:
        here = "1 therapist" if weights.shape[1] == 1 else f"{weights.shape[1]} therapists"
        what = f"{here} with complete data, but the model needs at least {between + 2}"
        raise UserError(problem(what, "add therapists or drop covariates"))
    if len(frame) <= weights.shape[1] + 3:
        raise UserError(problem(*TOO_FEW_THERAPISTS))
    if abs(np.corrcoef(frame["first"], frame["second"])[0, 1]) > SAME:
        what = f"{pair.first.label} and {pair.second.label} hold the same values"
        raise UserError(problem(what, "correct one of the two"))


def _meaning(name: str, pair) -> tuple[str, str, str]:
    """Meaning, unit and source of a column, from the parts of its name."""
    fixed = {
        "patient": ("patient", "id", "people"),
        "therapist": ("therapist with the largest share of the patient's sessions", "id", "people"),
        "unit": ("group, couple or family treated together", "id", "people"),
        "in_unit": ("1 where the patient was treated in a unit", "0 or 1", "people"),
        "y": ("outcome, higher is better", "outcome units", "scores"),
    }
    if name in fixed:
        return fixed[name]
    term = terms.parse(name)
    if term.variable in SIDES:
        block = getattr(pair, term.variable)
        level = "within therapist" if block.role == "patient" else "shared by membership, centred"
        return f"{block.label}: {term.scale or 'composite'}, {level}", "reference SD", "scores"
    earlier = term.variable == "baseline"
    what = "outcome before treatment, higher is better" if earlier else term.variable
    unit, source = ("outcome units", "scores") if earlier else ("own units", "people")
    return f"{what}, {terms.LEVELS[term.level]}", unit, source
