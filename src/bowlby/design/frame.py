"""One row a patient with everything the models draw on, and the rows that a model keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.run import Block, Comparison, Outcome, Pair, ReferenceBlock, Run
from bowlby.design.centring import Membership, among
from bowlby.design.composite import Scaling, composite, far_from_reference, reference_scaling, sample_scaling, sd_error
from bowlby.errors import UserError, existing, problem
from bowlby.instruments.styles import UNKNOWN_CODE
from bowlby.terms import STYLES

MEANINGS = {
    "patient": ("patient", "id", "people"),
    "therapist": ("therapist with the largest share of the patient's sessions", "id", "people"),
    "unit": ("group, couple or family treated together", "id", "people"),
    "in_unit": ("1 where the patient was treated in a unit", "0 or 1", "people"),
    "y": ("outcome after treatment, higher is better", "outcome units", "scores"),
}
OUTCOMES = {
    "baseline": "outcome before treatment, higher is better",
    "change": "change of the outcome up to the rating of perceived attachment, higher is better",
}
SHARED = "shared by membership, centred"
"""How values of therapists stand in the rows of their patients."""


@dataclass(frozen=True)
class AnalysisSet:
    """Rows of a model with their description.

    Attributes
    ----------
    data : DataFrame
        One row an observation.
    membership : DataFrame
        Columns patient, therapist, weight of the rows' patients.
    columns : DataFrame
        Columns name, meaning, unit, source.
    design : dict
        Reference SDs, their origin, therapists, flags.
    flow : list of dict
        Steps from the scored patients to the rows.
    """

    data: pd.DataFrame
    membership: pd.DataFrame
    columns: pd.DataFrame
    design: dict
    flow: list[dict]


@dataclass(frozen=True)
class Patients:
    """All patients of a study, before any is left out.

    Attributes
    ----------
    frame : DataFrame
        Index patient; baseline, y (higher is better), perceived, therapist_style and, where configured, patient_style,
        alliance, mentalizing; perceived_<scale> and so on; change up to the early outcome; covariates; unit where
        patients are treated together. Composites and scales in reference SD, not centred.
    episodes : DataFrame
        Columns patient, therapist, weight by the configured rule.
    scaling : dict of Scaling
        By variable: perceived, therapist_style, patient_style, alliance, mentalizing.
    sd_outcome : float
        Reference SD of the outcome.
    style : Series
        Composite of every therapist who has one, in reference SD.
    covariates : dict of str
        Column: its covariate. A number has one column, a category one for each of its values but the first.
    far : list of dict
        Reference SDs far from the sample's (:func:`bowlby.design.composite.far_from_reference`).
    sd_error : dict of dict
        By variable and for the outcome (``y``): how well the population's SD is known; empty where norms are given.
    """

    frame: pd.DataFrame
    episodes: pd.DataFrame
    scaling: dict[str, Scaling]
    sd_outcome: float
    style: pd.Series
    covariates: dict[str, str] = field(default_factory=dict)
    far: list[dict] = field(default_factory=list)
    sd_error: dict[str, dict] = field(default_factory=dict)


def at(scores: pd.DataFrame, role: str, about: str, occasion: str | None, columns: Any = None) -> pd.DataFrame:
    """Scores (all columns or some) of one role, object and occasion, indexed by person; of several the first."""
    keep = (scores["role"] == role) & (scores["about"] == about)
    if occasion is not None:
        keep &= scores["occasion"] == occasion
    own = scores if columns is None else scores[["person", *columns]]
    return own[keep].drop_duplicates("person").set_index("person")


def ratings(scores: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """Rows of the outcome's rater about whom it is about."""
    return scores[(scores["role"] == outcome.role) & (scores["about"] == outcome.whom)]


def before_after(scores: pd.DataFrame, outcome: Outcome) -> tuple[pd.Series, pd.Series]:
    """The outcome at its two occasions, or each patient's means of the sessions up to a landmark and after it."""
    if outcome.after is None:
        ends, scale = (outcome.pre, outcome.post), outcome.scale
        return tuple(at(scores, outcome.role, outcome.whom, o, [scale])[scale] for o in ends)
    own = ratings(scores, outcome)
    own = own[own["session"].ge(1).fillna(False)]
    early = (own["session"] <= outcome.after).astype(bool)
    return tuple(part.groupby("person")[outcome.scale].mean() for part in (own[early], own[~early]))


def answered(scores: pd.DataFrame, role: str, block: Block) -> pd.DataFrame:
    """What a block asks for, indexed by person: of one occasion, or each person's mean of the sessions up to one."""
    if block.sessions is None:
        columns = [name for name in dict.fromkeys([*block.scales, "style"]) if name in scores]
        return asked_scales(at(scores, role, block.about, block.occasion, columns), block)
    keep = (scores["role"] == role) & (scores["about"] == block.about)
    keep &= scores["session"].between(1, block.sessions).fillna(False).astype(bool)
    if block.occasion is not None:
        keep &= scores["occasion"] == block.occasion
    return asked_scales(scores[keep], block).groupby("person")[block.scales].mean()


def asked_scales(scores: pd.DataFrame, block: Block) -> pd.DataFrame:
    """Scores with a column for each style that a block gives a weight to: 1 for those who have it, 0 for others."""
    asked = [s for s in block.weights if s in STYLES and s not in scores.columns]
    if not asked or "style" not in scores.columns:
        return scores
    known = scores["style"].notna() & (scores["style"] != UNKNOWN_CODE)
    return scores.assign(**{style: (scores["style"] == style).astype(float).where(known) for style in asked})


def patients(
    run: Run, scores: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame], analysis: str = "comparison"
) -> Patients:
    """Collect outcome, predictors and covariates of every patient.

    Parameters
    ----------
    run : Run
        With a comparison, or a pair.
    scores : dict of DataFrame
        Scores by instrument.
    people : dict of DataFrame
        ``patients``, ``therapists``, ``episodes``.
    analysis : {"comparison", "pair"}
        Whose predictors.

    Returns
    -------
    Patients
    """
    asked, outcome = getattr(run, analysis), run.outcome
    sign = 1.0 if outcome.higher_is_better else -1.0
    table = scores[outcome.instrument]
    pre, post = before_after(table, outcome)
    described = people["patients"].set_index("patient").sort_index()
    episodes = chosen_episodes(people["episodes"], asked.switching)
    frame = pd.DataFrame(index=described.index)
    if outcome.pre or outcome.after:
        frame["baseline"] = sign * pre.reindex(frame.index)
    frame["y"] = sign * post.reindex(frame.index)
    if outcome.early and "baseline" in frame:
        early = at(table, outcome.role, outcome.whom, outcome.early, [outcome.scale])[outcome.scale]
        frame["change"] = sign * early.reindex(frame.index) - frame["baseline"]
    measures = predictors(asked, scores, episodes, frame.index)
    frame, errors, far = frame.join(measures.frame), measures.errors, measures.far
    frame, covariates = with_described(frame, described, asked.covariates, asked.unit)
    measured = pre if "baseline" in frame else post
    sd = float(measured.std()) if asked.reference is None else asked.reference.outcome_sd
    if asked.reference is None:
        errors["y"] = sd_error(measured)
    else:
        far = [*_outcome_far(outcome, measured, sd), *far]
    return Patients(frame, episodes, measures.scaling, sd, measures.style, covariates, far, errors)


@dataclass(frozen=True)
class Predictors:
    """Predictors of every patient: columns of ``frame``, and the rest as in :class:`Patients`."""

    frame: pd.DataFrame
    scaling: dict[str, Scaling]
    style: pd.Series
    errors: dict[str, dict]
    far: list[dict]


def predictors(asked: Any, scores: dict[str, pd.DataFrame], episodes: pd.DataFrame, people: pd.Index) -> Predictors:
    """The composites and scales that a part of the configuration names, in reference SD and not centred.

    Parameters
    ----------
    asked : Comparison, Pair or Growth
    scores : dict of DataFrame by instrument
    episodes : DataFrame of patient, therapist, weight
    people : Index of the patients wanted
    """
    columns: dict[Any, pd.Series] = {}
    scaling, style, errors, far = {}, pd.Series(dtype=float), {}, []
    for variable, role, block, norms in _predictors(asked):
        answers = answered(scores[block.instrument], role, block)
        scale = sample_scaling(block, answers) if norms is None else reference_scaling(block, norms)
        sds = _scale_sds(block, scale, answers, norms)
        if norms is not None:
            far += far_from_reference(answers[block.scales].std(), sds, block.instrument)
        own = (answers[block.scales] / sds).rename(columns={s: terms.column(variable, s) for s in block.scales})
        own.insert(0, variable, composite(answers, block, scale))
        scaling[variable] = scale
        if norms is None:
            errors[variable] = sd_error(own[variable])
        if variable == "therapist_style":
            style = own[variable].dropna()
        columns |= dict((of_therapists(own, episodes) if role == "therapist" else own).reindex(people))
    return Predictors(pd.DataFrame(columns, index=people), scaling, style, errors, far)


def _outcome_far(outcome: Outcome, before: pd.Series, sd: float) -> list[dict]:
    """Whether the outcome's SD before treatment is far from its reference SD."""
    return far_from_reference(
        pd.Series({outcome.scale: before.std()}), pd.Series({outcome.scale: sd}), outcome.instrument
    )


def _scale_sds(block: Block, scaling: Scaling, scores: pd.DataFrame, norms: ReferenceBlock | None) -> pd.Series:
    """SD of every scale that a block asks for: of its composite's, and of subscales beside it."""
    sd = pd.Series(scaling.sd, scaling.scales)
    others = [scale for scale in block.scales if scale not in sd]
    return pd.concat([sd, scores[others].std() if norms is None else pd.Series(norms.sd, dtype=float)[others]])


def with_described(
    frame: pd.DataFrame, described: pd.DataFrame, names: list[str], unit: str | None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The frame with columns of covariates and the unit, and by column of a covariate its name."""
    covariates: dict[str, Any] = {}
    for name in names:
        columns = covariate_columns(described[name])
        frame = frame.assign(**columns)
        covariates |= dict.fromkeys(columns, name)
    if unit:
        frame = frame.assign(unit=described[unit].astype("string").replace("", pd.NA))
    return frame, covariates


def covariate_columns(values: pd.Series) -> dict[str, pd.Series]:
    """A covariate as numbers; a category as 0 and 1 for each of its values but the first, in sorted order."""
    numbers = pd.to_numeric(values, errors="coerce")
    if not (numbers.isna() & values.notna()).any():
        return {values.name: numbers.astype(float)}
    later = sorted(values.dropna().unique())[1:]
    return {f"{values.name}_{value}": (values == value).astype(float).where(values.notna()) for value in later}


def _predictors(asked: Any) -> list[tuple[str, str, Block, ReferenceBlock | None]]:
    """Name, who answers, scales and norms of every predictor."""
    names = terms.SIDES if isinstance(asked, Pair) else terms.PREDICTORS
    given = {name: block for name in names if (block := getattr(asked, name, None)) is not None}
    return [
        (
            name,
            getattr(block, "role", None) or terms.ROLES[name],
            block,
            asked.reference and getattr(asked.reference, name),
        )
        for name, block in given.items()
    ]


def of_therapists(values: Any, episodes: pd.DataFrame) -> Any:
    """Therapists' values seen from the patient: ``sum_j w_ij x_j``; missing where one of the therapists has none."""
    seen = values.reindex(episodes["therapist"]).set_axis(episodes.index).mul(episodes["weight"], axis=0)
    return seen.groupby(episodes["patient"]).sum(skipna=False)


def chosen_episodes(episodes: pd.DataFrame, switching: str) -> pd.DataFrame:
    """Episodes with the weights of the configured rule; a patient's weights sum to 1."""
    episodes = episodes.dropna(subset=["therapist"]).copy()
    if switching in ("first", "last"):
        return episodes.drop_duplicates("patient", keep=switching).assign(weight=1.0)
    if switching == "equal":
        episodes["weight"] = 1.0 / episodes.groupby("patient")["therapist"].transform("size")
    return episodes


def complete_rows(
    sample: Patients, reasons: dict[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int], list[dict]]:
    """The patients who have everything that a model needs.

    Parameters
    ----------
    sample : Patients
    reasons : dict
        Column: why a patient without it is left out, in the order in which reasons are counted.

    Returns
    -------
    frame, episodes : DataFrame
        Of the patients kept.
    dropped : dict
        Reason: patients lost.
    flow : list of dict
        The contract of ``flow.json``.

    Raises
    ------
    UserError
        If no patient is kept; says how many each reason took.
    """
    frame, episodes = sample.frame, sample.episodes
    absent = {"no therapist": ~among(frame.index, episodes["patient"])}
    absent |= {reason: frame[column].isna().to_numpy() for column, reason in reasons.items()}
    therapist = main_therapists(episodes).reindex(frame.index)
    keep, dropped = np.ones(len(frame), bool), {}
    flow = [_step("patients in the study", therapist, keep, None)]
    for reason, lost in absent.items():
        count = int((keep & lost).sum())
        keep = keep & ~lost
        if count:
            dropped[reason] = count
            flow.append(_step(f"without: {reason}", therapist, keep, reason))
    flow.append(_step("analysed", therapist, keep, None))
    if not keep.any():
        raise UserError(_nobody(dropped))
    kept = episodes[among(episodes["patient"], frame.index[keep])]
    return frame[keep], kept.sort_values(["patient", "therapist"], ignore_index=True), dropped, flow


def _nobody(dropped: dict[str, int]) -> str:
    reasons = sorted(dropped.items(), key=lambda reason: -reason[1])
    lost = ", ".join(f"{reason}: {n:,} patient{'' if n == 1 else 's'}" for reason, n in reasons)
    what = f"no patient has everything that is needed ({lost or 'there are no patients'})"
    return problem(what, "check instrument, `about:`, occasion and ids of what is missing for most")


def _step(name: str, therapist: pd.Series, keep: np.ndarray, reason: str | None) -> dict:
    n = int(keep.sum())
    return {
        "step": name,
        "patients": n,
        "therapists": int(therapist[keep].nunique()),
        "rows": n,
        "reason": reason,
    }


def meaning(name: str) -> tuple[str, str, str]:
    """Meaning, unit and source of a column that is no predictor's."""
    if name in MEANINGS:
        return MEANINGS[name]
    term = terms.parse(name)
    level = terms.LEVELS[existing(term.level)]
    if term.variable in OUTCOMES:
        return f"{OUTCOMES[term.variable]}, {level}", "outcome units", "scores"
    return f"{term.variable}, {level}", "own units", "people"


def main_therapists(episodes: pd.DataFrame) -> pd.Series:
    """The therapist with the largest weight by patient; of equal ones the first."""
    main = episodes.sort_values("weight", ascending=False, kind="stable").drop_duplicates("patient")
    return main.set_index("patient")["therapist"]


def base_rows(frame: pd.DataFrame, weights: Membership, outcome: str) -> pd.DataFrame:
    """Patient, main therapist, outcome ``y`` and, where some were treated together, their unit."""
    main = weights.columns.to_numpy()[weights.main()]
    data = pd.DataFrame({"patient": frame.index.astype(str), "therapist": main, "y": frame[outcome].to_numpy(float)})
    if "unit" in frame:
        data["unit"], data["in_unit"] = frame["unit"].to_numpy(object), frame["unit"].notna().to_numpy(float)
    return data


def described_set(asked: Comparison | Pair, sample: Patients, weights: Membership, dropped: dict[str, int]) -> dict:
    """What every description of an analysis set says."""
    return {
        "schema": terms.SCHEMA,
        "sd_outcome": sample.sd_outcome,
        "sd_error": sample.sd_error,
        "reference": next(iter(sample.scaling.values())).origin,
        "far_from_reference": sample.far,
        "n_dropped": dropped,
        "n_patients": weights.shape[0],
        "n_therapists": weights.shape[1],
        "n_switching": weights.switching(),
        "covariates": list(sample.covariates),
        "scaling": {
            name: {"scales": s.scales, "sd": s.sd, "correlation": s.correlation,
                   "weights": getattr(asked, name).weights}
            for name, s in sample.scaling.items()
        },
    }  # fmt: skip
