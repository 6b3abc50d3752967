"""Planning a study: what it could show, by closed form and by simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bowlby.design.adequacy import planned_standard_error, row
from bowlby.errors import UserError, problem
from bowlby.simulate.batched_analysis import LatentStudies
from bowlby.simulate.batched_analysis import studies as simulated
from bowlby.simulate.scenarios import scenario

TRUTHS = {"S0": "neither predicts", "S1": "perceived attachment predicts, style does not", "S2": "both equally",
          "S3": "therapist style dominates"}  # fmt: skip
CLAIMS = ("C1", "C2", "C3", "C4", "C5")
ICCS = (0.02, 0.05, 0.08)


@dataclass(frozen=True)
class StudyPlan:
    """What a planned study could show.

    Attributes
    ----------
    style : DataFrame
        Closed form for the therapist's style, one row per ICC: icc, se, df, minimum_detectable (slope found with 80%
        power), largest_possible, half_width_90 (all in SD of outcome per SD of style), can_show_equivalence,
        equivalence_power (probability of showing that style is negligible, if it does nothing).
    verdicts : DataFrame or None
        Share of each verdict over simulated studies, as of :func:`power`; None where none were simulated.
    """

    style: pd.DataFrame
    verdicts: pd.DataFrame | None


def plan_study(
    therapists: int,
    patients: float,
    icc: float = 0.05,
    switching: float = 0.0,
    delta: float = 0.10,
    studies: int = 200,
    seed: int = 1,
) -> StudyPlan:
    """Say what a study of so many therapists and patients could show, by closed form and by simulation.

    Parameters
    ----------
    therapists : int
        At least 6.
    patients : float
        Average number of patients per therapist, at least 2.
    icc : float
        Share of the outcome's variance between therapists, style included; 0 to 0.5.
    switching : float
        Share of patients who change therapist; 0 to 0.9.
    delta : float
        Equivalence bound, SD of outcome per SD of predictor; at least 0.01.
    studies : int
        Simulated studies under each of four truths (200: some seconds); 0 for the closed form alone.
    seed : int
        The same seed gives the same studies.

    Returns
    -------
    StudyPlan

    Raises
    ------
    UserError
        If a number is outside these ranges; one line each.

    Notes
    -----
    Formulas and sources: ``docs/statistics.md``, "8 What a sample can show".

    Examples
    --------
    >>> import bowlby
    >>> plan = bowlby.plan_study(therapists=48, patients=12, studies=0)
    >>> plan.style[["icc", "minimum_detectable", "equivalence_power"]].round(2)
        icc  minimum_detectable  equivalence_power
    0  0.02                0.13               0.41
    1  0.05                0.15               0.22
    2  0.08                0.16               0.07
    """
    ranges = {"therapists": (therapists, 6, np.inf), "patients": (patients, 2, np.inf), "icc": (icc, 0, 0.5),
              "switching": (switching, 0, 0.9), "delta": (delta, 0.01, np.inf), "studies": (studies, 0, np.inf),
              "seed": (seed, 0, np.inf)}  # fmt: skip
    wrong = [
        problem(
            f"{name} = {value} is not from {low} to {high}" if high < np.inf else f"{name} = {value} is below {low}",
            "correct it",
        )
        for name, (value, low, high) in ranges.items()
        if not low <= value <= high
    ]
    if wrong:
        raise UserError(wrong)
    style = closed_form(therapists, patients, delta, sorted({*ICCS, icc}))
    verdicts = power(therapists, patients, icc, switching, delta, studies, seed) if studies else None
    return StudyPlan(style, verdicts)


def closed_form(therapists: int, patients: float, delta: float, iccs=ICCS) -> pd.DataFrame:
    """Adequacy of a design with style of SD 1: one row an intraclass correlation.

    Returns
    -------
    DataFrame
        As of :func:`bowlby.design.adequacy.row`, with J - 3 df (style and baseline between therapists).
    """
    rows = [row(planned_standard_error(therapists, patients, icc), therapists - 3, icc, delta) for icc in iccs]
    return pd.DataFrame(rows)


def planned_studies(
    truth: str, therapists: int, patients: float, icc: float, switching: float, delta: float, seed: int, numbers
) -> pd.DataFrame:
    """Verdicts of some simulated studies of one design, under one truth.

    Parameters
    ----------
    truth : str
        One of :data:`TRUTHS`.
    therapists, patients, icc, switching, delta, seed
        As of :func:`power`.
    numbers : iterable of int
        Which studies; each draws from its own address, whoever simulates it.

    Returns
    -------
    DataFrame
        One row a study, with the verdict of each claim.
    """
    case = replace(scenario(truth), icc=max(icc, scenario(truth).t ** 2), switching=switching)
    return simulated(case, f"{therapists}x{patients:g}", seed, numbers, delta)


def verdict_shares(truth: str, studies: pd.DataFrame) -> pd.DataFrame:
    """Share of each verdict of each claim: truth, claim, supported, refuted, inconclusive, mc_se."""
    out = []
    for claim in CLAIMS:
        share = studies[claim].value_counts(normalize=True)
        shares = {verdict: float(share.get(verdict, 0.0)) for verdict in ("supported", "refuted", "inconclusive")}
        out.append({"truth": TRUTHS[truth], "claim": claim, **shares, "mc_se": float(np.sqrt(0.25 / len(studies)))})
    return pd.DataFrame(out)


def power(
    therapists: int, patients: float, icc: float, switching: float, delta: float, studies: int, seed: int, progress=iter
) -> pd.DataFrame:
    """Share of each verdict over simulated studies, under four truths.

    Parameters
    ----------
    therapists : int
    patients : float
        Average of a therapist.
    icc : float
        Share of outcome variance between therapists, style included.
    switching : float
        Share of patients who change therapist.
    delta : float
        Equivalence bound.
    studies : int
        Simulated studies a truth.
    seed : int
    progress : callable
        Wraps the list of batches of studies.

    Returns
    -------
    DataFrame
        truth, claim, supported, refuted, inconclusive (shares), mc_se (Monte-Carlo standard error of a share of .5).
    """
    step = max(1, int(LatentStudies.patients / (therapists * patients)))  # as many as are analysed together
    todo = [(truth, range(first, min(first + step, studies))) for truth in TRUTHS
            for first in range(0, studies, step)]  # fmt: skip
    batches: dict[str, list[pd.DataFrame]] = {truth: [] for truth in TRUTHS}
    for truth, numbers in progress(todo):
        batches[truth].append(planned_studies(truth, therapists, patients, icc, switching, delta, seed, numbers))
    return pd.concat([verdict_shares(t, pd.concat(rows)) for t, rows in batches.items()], ignore_index=True)
