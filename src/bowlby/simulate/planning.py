"""Planning a study: what it could show, by closed form and by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bowlby.design.adequacy import planned_standard_error, row
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.testbed import Replicate, study_claims

TRUTHS = {"S0": "neither side predicts", "S1": "perceived attachment predicts, style does not", "S2": "both equally",
          "S3": "therapist style dominates"}  # fmt: skip
ICCS = (0.02, 0.05, 0.08)


def closed_form(therapists: int, patients: float, delta: float) -> pd.DataFrame:
    """Adequacy of a design with style of SD 1: one row an intraclass correlation.

    Returns
    -------
    DataFrame
        As of :func:`bowlby.design.adequacy.row`, with J - 3 df (style and baseline between therapists).
    """
    rows = [row(planned_standard_error(therapists, patients, icc), therapists - 3, icc, delta) for icc in ICCS]
    return pd.DataFrame(rows)


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
        Wraps the iterable of studies.

    Returns
    -------
    DataFrame
        truth, claim, supported, refuted, inconclusive (shares), mc_se (Monte-Carlo standard error of a share of .5).
    """
    out = []
    design = f"{therapists}x{patients:g}"
    todo = [(truth, k) for truth in TRUTHS for k in range(studies)]
    found: dict[str, list[dict]] = {truth: [] for truth in TRUTHS}
    for truth, k in progress(todo):
        case = replace(scenario(truth), icc=max(icc, scenario(truth).t ** 2), switching=switching)
        found[truth].append(study_claims(Replicate(case, design, seed, k), delta))
    for truth, rows in found.items():
        table = pd.DataFrame(rows)
        for claim in ("C1", "C2", "C3", "C4", "C5"):
            share = table[claim].value_counts(normalize=True)
            out.append(
                {
                    "truth": TRUTHS[truth],
                    "claim": claim,
                    **{v: float(share.get(v, 0.0)) for v in ("supported", "refuted", "inconclusive")},
                    "mc_se": float(np.sqrt(0.25 / studies)),
                }
            )
    return pd.DataFrame(out)
