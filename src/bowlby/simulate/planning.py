"""Planning a study: what it could show, by closed form and by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bowlby.design.adequacy import planned_standard_error, row
from bowlby.simulate.many import studies as simulated
from bowlby.simulate.scenarios import scenario

TRUTHS = {"S0": "neither side predicts", "S1": "perceived attachment predicts, style does not", "S2": "both equally",
          "S3": "therapist style dominates"}  # fmt: skip
CLAIMS = ("C1", "C2", "C3", "C4", "C5")
ICCS = (0.02, 0.05, 0.08)
TOGETHER = 20
"""Studies between two steps of the progress bar."""


def closed_form(therapists: int, patients: float, delta: float) -> pd.DataFrame:
    """Adequacy of a design with style of SD 1: one row an intraclass correlation.

    Returns
    -------
    DataFrame
        As of :func:`bowlby.design.adequacy.row`, with J - 3 df (style and baseline between therapists).
    """
    rows = [row(planned_standard_error(therapists, patients, icc), therapists - 3, icc, delta) for icc in ICCS]
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
    todo = [(truth, range(first, min(first + TOGETHER, studies))) for truth in TRUTHS
            for first in range(0, studies, TOGETHER)]  # fmt: skip
    found: dict[str, list[pd.DataFrame]] = {truth: [] for truth in TRUTHS}
    for truth, numbers in progress(todo):
        found[truth].append(planned_studies(truth, therapists, patients, icc, switching, delta, seed, numbers))
    return pd.concat([verdict_shares(t, pd.concat(rows)) for t, rows in found.items()], ignore_index=True)
