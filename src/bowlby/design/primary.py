"""Analysis sets of the comparison: for outcome, and for perceived attachment as the outcome."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.run import Run
from bowlby.design.adequacy import adequacy
from bowlby.design.centring import Membership, among, means, membership, within_between
from bowlby.design.chronology import wrong_order
from bowlby.design.dates import wrong_dates
from bowlby.design.frame import (
    SHARED,
    AnalysisSet,
    Patients,
    base_rows,
    complete_rows,
    described_set,
    meaning,
    patients,
)
from bowlby.design.missing_outcomes import missing_outcomes
from bowlby.design.requirements import (
    TOO_FEW_THERAPISTS,
    absent_norms,
    of_comparison,
    of_outcome,
    unknown_variables,
    unscored,
    unstated_occasions,
)
from bowlby.errors import UserError, existing, problem

SAME = 1 - 1e-9


def compared(run: Run, scores: dict, people: dict[str, pd.DataFrame], occasions: list[str]) -> Patients:
    """The patients of a comparison, from whom all of its analysis sets are built; UserError where there is none."""
    check_comparison(run, scores, people["patients"], occasions)
    return patients(run, scores, people)


def comparison_set(
    run: Run,
    scores: dict[str, pd.DataFrame],
    people: dict[str, pd.DataFrame],
    occasions: list[str],
    name: str,
    sample: Patients | None = None,
    described: bool = True,
) -> AnalysisSet:
    """Build one analysis set of the comparison.

    Parameters
    ----------
    run : Run
        With a comparison.
    scores : dict of DataFrame
        Scores by instrument.
    people : dict of DataFrame
        ``patients``, ``therapists``, ``episodes``.
    occasions : list of str
        The study's occasions in order.
    name : str
        ``primary``: the rows of M1 and its companions. ``perceived``: perceived attachment is the outcome ``y`` (C4,
        C5); no outcome after treatment is read. ``early``: rows with an early outcome. ``alliance``, ``mentalizing``:
        rows that have it too. ``clinical_change``: the rows of M1. ``mediation_<mediator>``: rows with the mediator
        and, where configured, the patient's style, both at both levels.
    sample : Patients, optional
        What :func:`compared` gives of these data, where it is known.
    described : bool
        As of :func:`analysis_set`.

    Returns
    -------
    AnalysisSet

    Raises
    ------
    UserError
        Where the comparison cannot be made with these data; all reasons at once.
    """
    return analysis_set(run, sample or compared(run, scores, people, occasions), people, name, described)


def analysis_set(
    run: Run, sample: Patients, people: dict[str, pd.DataFrame], name: str, described: bool = True
) -> AnalysisSet:
    """An analysis set of :func:`comparison_set`, from all patients.

    Where it is not to be described, its design lacks what the report alone says of the study
    (``missing_outcomes``, ``groups_of_therapists``, ``adequacy``).
    """
    needed = {"baseline": "no outcome before treatment"}
    if name != "perceived":
        needed["y"] = "no outcome after treatment"
    if name in terms.MEDIATION:
        needed[terms.MEDIATION[name]] = f"no {terms.IN_SENTENCES[terms.MEDIATION[name]]}"
    else:
        needed["perceived"] = "no perceived attachment"
    needed["therapist_style"] = "no style of the therapist"
    if name in ("perceived", *terms.MEDIATION) and existing(run.comparison).patient_style:
        needed["patient_style"] = "no style of the patient"
    if name == "early":
        needed["change"] = "no early outcome"
    if name in terms.OTHER_RATINGS:
        needed[name] = f"no {name}"
        scales = getattr(run.comparison, name).apart
        needed |= {terms.column(name, scale): f"no {scale} of {name}" for scale in scales}
    return _build(run, sample, people, needed, name, described)


def _levels(name: str, frame: pd.DataFrame, covariates: list[str]) -> tuple[list[str], list[str]]:
    """Columns that a set splits into within and between therapists, and those of which it keeps the within part."""
    both = ["baseline", *covariates]
    if name in ("primary", "clinical_change"):
        return [*both, "perceived"], terms.scales_of(frame, "perceived") if name == "primary" else []
    if name == "perceived":
        return [*both, *terms.columns_of(frame, "patient_style")], []
    if name == "early":
        return [*both, "change"], ["perceived"]
    if name in terms.MEDIATION:
        return [*both, terms.MEDIATION[name], *(c for c in ("patient_style",) if c in frame)], []
    return both, ["perceived", *terms.columns_of(frame, name)]


def _build(run: Run, sample: Patients, people: dict, needed: dict[str, str], name: str, described: bool) -> AnalysisSet:
    covariates = list(sample.covariates)
    outcome = "perceived" if name == "perceived" else "y"
    needed = needed | {column: f"no {name}" for column, name in sample.covariates.items()}
    frame, episodes, dropped, flow = complete_rows(sample, needed)
    weights = membership(episodes, frame.index)
    styles = terms.scales_of(frame, "patient_style") if name == "perceived" else []
    _check_size(weights, frame, [*covariates, *styles])
    w = weights.matrix()
    split, within_only = _levels(name, frame, covariates)
    levels = [*split, *within_only]
    within, between = within_between(frame[levels].to_numpy(float), w)
    parts: dict[str, np.ndarray] = {}  # joined to the rows at once: a column at a time takes pandas far longer
    for k, column in enumerate(levels):
        parts[terms.column(column, level=terms.WITHIN)] = within[:, k]
        if column in split:
            parts[terms.column(column, level=terms.BETWEEN)] = between[:, k]
    own = terms.columns_of(frame, "therapist_style")
    for column in own if name in ("primary", "perceived") else ["therapist_style"]:
        values = frame[column]
        parts[column] = values.to_numpy(float) - values.mean()
    data = pd.concat([base_rows(frame, weights, outcome), pd.DataFrame(parts)], axis=1)
    comparison = existing(run.comparison)
    design = described_set(comparison, sample, weights, dropped) | {
        "style_share": float(among(people["therapists"]["therapist"], sample.style.index).mean()),
        "subscales": getattr(comparison, name).apart if name in terms.OTHER_RATINGS else [],
    }
    if name == "primary" and described:
        design["missing_outcomes"] = _missing(sample, needed)
        if "patients" in people:  # simulated studies have scales alone
            outside = groups_of_therapists(people["patients"], episodes, sample.covariates.values())
            design["groups_of_therapists"] = outside
    if name == "perceived" and described:
        design["adequacy"] = _adequacy(run, sample, weights, frame, covariates, people)
    columns = pd.DataFrame(
        [(column, *_meaning(column, outcome)) for column in data.columns], columns=["name", "meaning", "unit", "source"]
    )
    return AnalysisSet(data, episodes[["patient", "therapist", "weight"]], columns, design, flow)


def _missing(sample: Patients, needed: dict[str, str]) -> dict:
    """Whether patients who lack nothing but the outcome differ from those who have it."""
    if sample.frame["y"].notna().all():  # imputed, or nobody left
        return {"p": None}
    others = {column: reason for column, reason in needed.items() if column != "y"}
    frame, episodes = complete_rows(sample, others)[:2]
    return missing_outcomes(frame, membership(episodes, frame.index).main())


def groups_of_therapists(patients: pd.DataFrame, episodes: pd.DataFrame, adjusted: Collection[str]) -> list[str]:
    """Patient variables outside the model, such as the site, that divide the therapists into groups.

    Parameters
    ----------
    patients : DataFrame
        ``patient``, and a column for each variable of the study.
    episodes : DataFrame
        ``patient`` and ``therapist``.
    adjusted : collection of str
        Variables in the model.

    Returns
    -------
    list of str
        Those with one value for each therapist, and on average two or more therapists for each value.
    """
    known = patients.drop(columns=[name for name in adjusted if name in patients]).set_index("patient")
    values = known.reindex(episodes["patient"]).groupby(episodes["therapist"].to_numpy()).nunique()
    return [
        name for name in known
        if (values[name] == 1).all() and 1 < known[name].reindex(episodes["patient"]).nunique() <= len(values) / 2
    ]  # fmt: skip


def _adequacy(run: Run, sample: Patients, weights: Membership, frame: pd.DataFrame, covariates, people) -> dict:
    """Adequacy of the rows before outcomes: everyone with a baseline, perceived attachment and a therapist's style."""
    w = weights.matrix()
    style = sample.style.reindex(weights.columns).to_numpy(float)
    caseload = w.sum(axis=0)
    others = means(frame[["baseline", *covariates]].to_numpy(float), w)
    root = np.sqrt(1.0 / (0.05 + 0.87 / caseload))[:, None]
    known = np.column_stack([np.ones(len(style)), others]) * root
    centred = root * (style - np.average(style, weights=root[:, 0] ** 2))[:, None]
    left = centred - known @ np.linalg.lstsq(known, centred, rcond=None)[0]
    vif = float((centred**2).sum() / (left**2).sum())
    with_style = int(among(people["therapists"]["therapist"], sample.style.index).sum())
    return adequacy(style, caseload, 2 + len(covariates), existing(run.comparison).delta, vif, with_style)


def _meaning(name: str, outcome: str) -> tuple[str, str, str]:
    """Meaning, unit and source of a column, from the parts of its name."""
    if name == "y" and outcome != "y":
        return "perceived attachment composite", "reference SD", "scores"
    term = terms.parse(name)
    if term.variable not in terms.PREDICTORS:
        return meaning(name)
    level = terms.LEVELS[term.level] if term.level else SHARED
    what = terms.PREDICTORS[term.variable].lower()
    return f"{what}: {term.scale or 'composite'}, {level}", "reference SD", "scores"


def check_comparison(run: Run, scores: dict, described: pd.DataFrame, occasions: list[str]) -> None:
    """Refuse a comparison that does not fit the study's scores and variables."""
    asked = [*of_outcome(run), *of_comparison(run)]
    lines = [
        *unknown_variables(run, [c for c in described.columns if c != "patient"]),
        *wrong_order(run, occasions),
        *absent_norms(run),
        *unscored(asked, scores),
        *unstated_occasions(asked, scores),
    ]
    if lines or (lines := wrong_dates(run, scores)):
        raise UserError(lines)


def _check_size(weights: Membership, frame: pd.DataFrame, others: list[str]) -> None:
    level = 2 + len(others)  # therapist_style, baseline_between and every other variable between therapists
    if weights.shape[1] < level + 2:
        here = "1 therapist" if weights.shape[1] == 1 else f"{weights.shape[1]} therapists"
        raise UserError(
            problem(
                f"{here} with complete data, but the comparison needs at least {level + 2}",
                "style can only be weighed between therapists; add therapists, or drop covariates or patient_style",
            )
        )
    if "unit" in frame and frame["unit"].value_counts().max() < 2:
        raise UserError(
            problem("no two patients with complete data share a unit", "correct comparison.unit, or leave it out")
        )
    if len(frame) > 2 and abs(np.corrcoef(frame["perceived"], frame["therapist_style"])[0, 1]) > SAME:
        raise UserError(
            problem("perceived attachment and therapist style hold the same values", "correct one of the two blocks")
        )
    if np.ptp(frame["therapist_style"].to_numpy(float)) == 0:
        raise UserError(
            problem(
                "all therapists have the same style score",
                "check the therapists' questionnaire; without variance it is no predictor",
            )
        )
    if len(frame) <= weights.shape[1] + 3:
        raise UserError(problem(*TOO_FEW_THERAPISTS))
