"""The rows of the primary model: one a patient, centred, with the count of who dropped out and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby.config.run import Block, Comparison, Run
from bowlby.design.centring import membership, within_between
from bowlby.design.composite import composite, reference_scaling, sample_scaling
from bowlby.errors import UserError, problem

COLUMNS = {
    "patient": ("patient", "id", ""),
    "therapist": ("therapist with the largest share of the patient's sessions", "id", ""),
    "y": ("outcome after treatment, turned so that higher is better", "outcome units", "outcome scores"),
    "pre_w": ("outcome before treatment, within therapist", "outcome units", "outcome scores"),
    "pre_b": ("outcome before treatment, between therapists", "outcome units", "outcome scores"),
    "a_star_w": ("perceived attachment composite, within therapist", "reference SD", "perceived attachment scores"),
    "s_star": ("therapist style composite, weighted by membership, centred", "reference SD", "therapist scores"),
}


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


def at(scores: pd.DataFrame, role: str, about: str, occasion: str | None) -> pd.DataFrame:
    """Scores of one role, object and occasion, indexed by person (first administration where there are several)."""
    keep = (scores["role"] == role) & (scores["about"] == about)
    if occasion is not None:
        keep &= scores["occasion"] == occasion
    return scores[keep].drop_duplicates("person").set_index("person")


def primary_set(
    run: Run, scores: dict[str, pd.DataFrame], people: dict[str, pd.DataFrame], occasions: list[str]
) -> AnalysisSet:
    """Build the analysis set of model M1.

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

    Returns
    -------
    AnalysisSet

    Raises
    ------
    UserError
        Where the comparison cannot be made with these data; all reasons at once.
    """
    comparison, outcome = run.comparison, run.outcome
    _check_design(run, scores, occasions)
    sign = 1.0 if outcome.higher_is_better else -1.0
    table = scores[outcome.instrument]
    perceived = at(
        scores[comparison.perceived.instrument], "patient", comparison.perceived.about, comparison.perceived.occasion
    )
    style = at(
        scores[comparison.therapist_style.instrument],
        "therapist",
        comparison.therapist_style.about,
        comparison.therapist_style.occasion,
    )
    pre_scores = at(table, "patient", "self", outcome.pre)[outcome.scale]
    a_scale, s_scale, sd_y = _scalings(comparison, perceived, style, pre_scores)

    patients = people["patients"].set_index("patient").sort_index()
    episodes = chosen_episodes(people["episodes"], comparison.switching)
    frame = pd.DataFrame(index=patients.index)
    frame["pre"] = sign * pre_scores.reindex(frame.index)
    frame["y"] = sign * at(table, "patient", "self", outcome.post)[outcome.scale].reindex(frame.index)
    frame["a_star"] = pd.Series(composite(perceived, comparison.perceived, a_scale), perceived.index).reindex(
        frame.index
    )
    s_star = pd.Series(composite(style, comparison.therapist_style, s_scale), style.index).dropna()
    covered = episodes["therapist"].isin(s_star.index)
    frame["s_star"] = (
        (episodes["weight"] * episodes["therapist"].map(s_star))
        .where(covered)
        .groupby(episodes["patient"])
        .agg(lambda x: x.sum(skipna=False))
        .reindex(frame.index)
    )
    for name in comparison.covariates:
        frame[name] = pd.to_numeric(patients[name], errors="coerce")

    reasons = {
        "no therapist": ~frame.index.isin(episodes["patient"]),
        "no outcome before treatment": frame["pre"].isna(),
        "no outcome after treatment": frame["y"].isna(),
        "no perceived attachment": frame["a_star"].isna(),
        "no style of the therapist": frame["s_star"].isna(),
    }
    reasons |= {f"no {name}": frame[name].isna() for name in comparison.covariates}
    keep, flow, dropped = _flow(frame, reasons, episodes)
    frame = frame[keep]
    weights = membership(episodes, frame.index)
    _check_size(weights, frame, comparison)
    data = _centred(frame, weights, comparison)
    rows = episodes[episodes["patient"].isin(frame.index)].sort_values(["patient", "therapist"], ignore_index=True)
    therapists = weights.columns
    design = {
        "sd_outcome": sd_y,
        "reference": a_scale.origin,
        "n_dropped": dropped,
        "n_patients": len(data),
        "n_therapists": len(therapists),
        "n_switching": int((weights > 0).sum(axis=1).gt(1).sum()),
        "style_share": float(people["therapists"]["therapist"].isin(s_star.index).mean()),
        "perceived": {s: float(v) for s, v in zip(a_scale.scales, a_scale.sd)},
        "therapist_style": {s: float(v) for s, v in zip(s_scale.scales, s_scale.sd)},
    }
    described = COLUMNS | {
        f"{c}_{p}": (f"{c}, {w}", "own units", "patients")
        for c in comparison.covariates
        for p, w in (("w", "within therapist"), ("b", "between therapists"))
    }
    columns = pd.DataFrame(
        [(name, *described[name]) for name in data.columns], columns=["name", "meaning", "unit", "source"]
    )
    return AnalysisSet(data, rows[["patient", "therapist", "weight"]], columns, design, flow)


def chosen_episodes(episodes: pd.DataFrame, switching: str) -> pd.DataFrame:
    """Episodes with the weights of the configured rule; a patient's weights sum to 1."""
    episodes = episodes.dropna(subset=["therapist"]).copy()
    if switching in ("first", "last"):
        return episodes.drop_duplicates("patient", keep=switching).assign(weight=1.0)
    if switching == "equal":
        episodes["weight"] = 1.0 / episodes.groupby("patient")["therapist"].transform("size")
    return episodes


def _scalings(comparison: Comparison, perceived, style, pre: pd.Series):
    reference = comparison.reference
    if reference is None:
        return (
            sample_scaling(comparison.perceived, perceived),
            sample_scaling(comparison.therapist_style, style),
            float(pre.std()),
        )
    return (
        reference_scaling(comparison.perceived, reference.perceived),
        reference_scaling(comparison.therapist_style, reference.therapist_style),
        reference.outcome_sd,
    )


def _flow(frame: pd.DataFrame, reasons: dict, episodes: pd.DataFrame):
    keep = pd.Series(True, frame.index)
    main = episodes.sort_values("weight", ascending=False, kind="stable").drop_duplicates("patient")
    therapist = main.set_index("patient")["therapist"].reindex(frame.index)
    steps = [
        {
            "step": "patients in the study",
            "patients": len(frame),
            "therapists": int(therapist.nunique()),
            "rows": len(frame),
            "reason": None,
        }
    ]
    dropped = {}
    for reason, absent in reasons.items():
        lost = int((keep & absent).sum())
        keep &= ~absent
        if lost:
            dropped[reason] = lost
            steps.append(
                {
                    "step": f"without: {reason}",
                    "patients": int(keep.sum()),
                    "therapists": int(therapist[keep].nunique()),
                    "rows": int(keep.sum()),
                    "reason": reason,
                }
            )
    steps.append(
        {
            "step": "analysed",
            "patients": int(keep.sum()),
            "therapists": int(therapist[keep].nunique()),
            "rows": int(keep.sum()),
            "reason": None,
        }
    )
    return keep, steps, dropped


def _centred(frame: pd.DataFrame, weights: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    w = weights.to_numpy(float)
    data = pd.DataFrame(
        {
            "patient": frame.index.astype(str),
            "therapist": weights.columns.to_numpy()[w.argmax(axis=1)],
            "y": frame["y"].to_numpy(float),
        }
    )
    data["pre_w"], data["pre_b"] = within_between(frame["pre"].to_numpy(float), w)
    data["a_star_w"], _ = within_between(frame["a_star"].to_numpy(float), w)
    data["s_star"] = frame["s_star"].to_numpy(float) - frame["s_star"].mean()
    for name in comparison.covariates:
        data[f"{name}_w"], data[f"{name}_b"] = within_between(frame[name].to_numpy(float), w)
    return data


def _check_design(run: Run, scores: dict, occasions: list[str]) -> None:
    comparison, problems = run.comparison, []
    when = comparison.perceived.occasion
    if when is not None and occasions.index(when) >= occasions.index(run.outcome.post):
        problems.append(
            problem(
                f"perceived attachment ({when}) is not measured before the outcome ({run.outcome.post})",
                "choose an earlier comparison.perceived.occasion",
            )
        )
    if occasions.index(run.outcome.pre) >= occasions.index(run.outcome.post):
        problems.append(problem("outcome.pre is not before outcome.post", "exchange them"))
    asked: list[tuple[str, str, list[str]]] = [("outcome", run.outcome.instrument, [run.outcome.scale])]
    blocks: list[tuple[str, Block]] = [
        ("comparison.perceived", comparison.perceived),
        ("comparison.therapist_style", comparison.therapist_style),
    ]
    asked += [(key, block.instrument, list(block.weights)) for key, block in blocks]
    for key, instrument, scales in asked:
        if instrument not in scores:
            problems.append(
                problem(
                    f"{key}: the study file brings no {instrument}",
                    f"add it there, or choose one of {', '.join(sorted(scores))}",
                )
            )
            continue
        for scale in set(scales) - set(scores[instrument].columns):
            problems.append(problem(f"{key}: {instrument} has no scale '{scale}'", "see `bowlby instruments show`"))
    if comparison.reference:
        for key, block, norms in (
            ("perceived", comparison.perceived, comparison.reference.perceived),
            ("therapist_style", comparison.therapist_style, comparison.reference.therapist_style),
        ):
            for scale in set(block.weights) - set(norms.sd):
                problems.append(problem(f"comparison.reference.{key} has no SD of '{scale}'", "add it"))
    if problems:
        raise UserError(problems)


def _check_size(weights: pd.DataFrame, frame: pd.DataFrame, comparison: Comparison) -> None:
    level = 2 + len(comparison.covariates)  # s_star, pre_b and each covariate between therapists
    if weights.shape[1] < level + 2:
        raise UserError(
            problem(
                f"{weights.shape[1]} therapist(s) with complete data, but the comparison needs at least {level + 2}",
                "a therapist's style can only be weighed between therapists; add therapists or drop covariates",
            )
        )
    if np.ptp(frame["s_star"].to_numpy(float)) == 0:
        raise UserError(
            problem(
                "all therapists have the same style score", "check the therapists' questionnaire; it cannot be weighed"
            )
        )
    if len(frame) <= weights.shape[1] + 3:
        raise UserError(
            problem(
                "hardly any therapist has two patients with complete data",
                "effects within therapists need several patients each",
            )
        )
