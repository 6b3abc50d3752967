"""The work that is timed: simulated studies from a seed, and the models fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

INSTEVAL = Path(__file__).parents[3] / "shared" / "data" / "rdatasets_subset" / "lme4_InstEval.csv"
GROWTH = "y ~ time * a_w + s_anx + (1 + time | patient) + (1 | therapist)"


def _codes(values: np.ndarray, n: int, letter: str) -> pd.Categorical:
    """Ids as R's factors and pandas' categoricals hold them."""
    return pd.Categorical.from_codes(values, categories=[f"{letter}{k}" for k in range(n)])


def sessions(rows: int, patients: int, therapists: int, switching: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Sessions of patients; a share of the patients goes to another therapist half-way."""
    rng = np.random.default_rng(seed)
    count = np.maximum(rng.poisson(rows / patients, patients), 2)
    patient = np.repeat(np.arange(patients), count)
    position = np.arange(len(patient)) - np.repeat(np.cumsum(count) - count, count)
    first = rng.permutation(np.arange(patients) % therapists)
    therapist = first[patient]
    if switching:
        moves = (rng.random(patients) < switching)[patient] & (position >= count[patient] / 2)
        therapist = np.where(moves, rng.integers(0, therapists, patients)[patient], therapist)
    time = position + 0.5 * rng.random(len(patient))
    a_w, s = rng.normal(size=patients)[patient], rng.normal(size=therapists)[therapist]
    u = rng.normal(size=(patients, 2)) @ np.array([[2.5, -0.15], [0.0, 0.35]])
    y = (
        20
        - 0.6 * time
        - 0.9 * a_w
        + 0.2 * s
        - 0.1 * time * a_w
        + u[patient, 0]
        + u[patient, 1] * time
        + 1.2 * rng.normal(size=therapists)[therapist]
        + 2.3 * rng.normal(size=len(patient))
    )
    return pd.DataFrame(
        {
            "y": y,
            "time": time,
            "a_w": a_w,
            "s_anx": s,
            "patient": _codes(patient, patients, "P"),
            "therapist": _codes(therapist, therapists, "T"),
        }
    )


def one_row_per_patient(patients: int = 576, therapists: int = 48, seed: int = 2) -> pd.DataFrame:
    """Outcome, intake score and perceived attachment within therapist, the therapist's own style."""
    rng = np.random.default_rng(seed)
    therapist = np.arange(patients) % therapists
    size = np.bincount(therapist)

    def within(values):
        return values - (np.bincount(therapist, values) / size)[therapist]

    pre, a = rng.normal(size=patients), rng.normal(size=patients)
    pre_w, a_w = within(pre), within(a)
    y = (
        0.5 * pre
        + 0.3 * a_w
        + 0.2 * rng.normal(size=therapists)[therapist]
        + 0.15 * rng.normal(size=therapists)[therapist] * a_w
        + 0.8 * rng.normal(size=patients)
    )
    return pd.DataFrame(
        {
            "y": y,
            "pre_w": pre_w,
            "pre_b": pre - pre_w,
            "a_w": a_w,
            "s_anx": rng.normal(size=therapists)[therapist],
            "therapist": _codes(therapist, therapists, "T"),
        }
    )


def many_groups(groups: int = 125_066, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rng.integers(1, 6, groups))
    x = rng.normal(size=len(group))
    y = x + rng.normal(size=groups)[group] + rng.normal(size=len(group))
    return pd.DataFrame({"y": y, "x": x, "g": _codes(group, groups, "G")})


def insteval() -> pd.DataFrame:
    """Lecturers rated by students (lme4's InstEval); its rows are not part of the repository."""
    return pd.read_csv(INSTEVAL, dtype={"s": "category", "d": "category"})[["y", "service", "s", "d"]]


@dataclass(frozen=True)
class Case:
    """One row of the speed table.

    Attributes
    ----------
    goal : float
        At least how many times faster than lme4; 0 for goals in seconds.
    lme4 : {"yes", "full", "no"}
        Run with every run, only with ``--full``, or never.
    work : {"fit", "kenward-roger", "refits"}
        What is timed: model set-up and fit; df and SEs of all coefficients; refits to new outcomes.
    """

    name: str
    what: str
    make: object
    formula: str
    options: dict = field(default_factory=dict)
    reml: bool = True
    repeats: int = 3
    goal: float = 0.0
    seconds: float = 0.0
    refits_per_second: float = 0.0
    gib: float = 0.0
    lme4: str = "yes"
    work: str = "fit"
    with_df: bool = False

    def data(self) -> pd.DataFrame:
        return self.make(**self.options)


ANCOVA = "y ~ pre_w + pre_b + a_w + s_anx + "
SMALL = {"rows": 4_600, "patients": 450, "therapists": 30}
CROSSED = {"rows": 6_000, "patients": 600, "therapists": 40, "switching": 0.2}
PLATFORM = {"rows": 10_000_000, "patients": 1_000_000, "therapists": 25_000}

CASES = [
    Case("sessions", "4.6k rows, 450 patients, 30 therapists", sessions, GROWTH, SMALL, repeats=30, goal=10),
    Case(
        "switching",
        "6k rows, 600 patients, 20% switching among 40 therapists",
        sessions,
        GROWTH,
        CROSSED,
        repeats=30,
        goal=10,
    ),
    Case(
        "service",
        "170k rows, 20,000 patients, 500 therapists",
        sessions,
        GROWTH,
        {"rows": 170_000, "patients": 20_000, "therapists": 500},
        goal=30,
    ),
    Case(
        "ancova",
        "576 patients, 48 therapists, (1 | therapist)",
        one_row_per_patient,
        ANCOVA + "(1 | therapist)",
        repeats=200,
        goal=10,
    ),
    Case(
        "ancova-refits",
        "the same, refits to new outcomes",
        one_row_per_patient,
        ANCOVA + "(1 | therapist)",
        work="refits",
        refits_per_second=2_000,
    ),
    Case(
        "m1",
        "576 patients, 48 therapists, (1 + a_w || therapist)",
        one_row_per_patient,
        ANCOVA + "(1 + a_w || therapist)",
        repeats=200,
        goal=10,
    ),
    Case(
        "m1-refits",
        "the same, refits to new outcomes",
        one_row_per_patient,
        ANCOVA + "(1 + a_w || therapist)",
        work="refits",
        refits_per_second=1_000,
    ),
    Case(
        "insteval",
        "InstEval, 73k rows, crossed 2,972 x 1,128, ML",
        insteval,
        "y ~ service + (1 | s) + (1 | d)",
        reml=False,
        goal=2,
    ),
    Case(
        "kenward-roger",
        "Kenward-Roger of all coefficients, 4.6k rows",
        sessions,
        GROWTH,
        SMALL,
        goal=1_000,
        work="kenward-roger",
    ),
    Case(
        "kenward-roger-switching",
        "Kenward-Roger of all coefficients, 6k crossed rows",
        sessions,
        GROWTH,
        CROSSED,
        goal=1_000,
        work="kenward-roger",
        lme4="full",
    ),
    Case("many-groups", "125,066 groups, one random intercept", many_groups, "y ~ x + (1 | g)", goal=5),
    Case(
        "network",
        "850k rows, 100,000 patients, 2,500 therapists",
        sessions,
        GROWTH,
        {"rows": 850_000, "patients": 100_000, "therapists": 2_500},
        repeats=2,
        goal=30,
        lme4="full",
    ),
    Case(
        "platform",
        "10 million rows, 1 million patients, 25,000 therapists, with Kenward-Roger",
        sessions,
        GROWTH,
        PLATFORM,
        repeats=1,
        seconds=60,
        gib=12,
        lme4="no",
        with_df=True,
    ),
    Case(
        "platform-switching",
        "the same, 5 % switching",
        sessions,
        GROWTH,
        {**PLATFORM, "switching": 0.05},
        repeats=1,
        seconds=60,
        gib=12,
        lme4="no",
        with_df=True,
    ),
]
BY_NAME = {case.name: case for case in CASES}
