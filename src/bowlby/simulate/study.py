"""A simulated study: who took part, what they answered, and what went wrong, as in life."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from bowlby.errors import UserError, problem
from bowlby.simulate import items as forms
from bowlby.simulate.latent import Latent, generator, latent_study
from bowlby.simulate.reference import by_scale, latent_alliance, phq9, reference_population
from bowlby.simulate.scenarios import Scenario
from bowlby.simulate.scenarios import scenario as find

MISSING, MISSING_THERAPIST, DROPOUT, NO_SESSION_5 = 0.02, 0.01, 0.08, 0.02
DIAGNOSES = {5: 0.08, 3: 0.18, 4: 0.14, 1: 0.35, 2: 0.25}
"""Codes of the main diagnosis and the shares of patients with them, from the least to the most depressed."""
DIAGNOSIS_SEVERITY = 0.40
"""Correlation of what stands behind the diagnosis with the latent state at intake."""


@dataclass(frozen=True)
class SimulatedStudy:
    """A study and its truth.

    Attributes
    ----------
    people : dict of DataFrame
        ``patients`` (as in the hospital's file, codes for missing included) and ``therapists``.
    latent : Latent
        Latent variables, in the order of the patients and therapists.
    items : dict of DataFrame
        ``patients`` (rows of the clinic's export) and ``therapists`` (rows of the workbook), faults included.
    truth : dict
        What ``truth.json`` holds.
    """

    people: dict[str, pd.DataFrame]
    latent: Latent
    items: dict[str, pd.DataFrame]
    truth: dict


def simulate_study(scenario: str | Scenario, seed: int, therapists: int = 48, patients: int = 12) -> SimulatedStudy:
    """Simulate a study of patients in therapists.

    Parameters
    ----------
    scenario : str or Scenario
        Id of the table of scenarios, such as ``S1``.
    seed : int
        Every stage draws from its own numbers, addressed by (seed, stage); two scenarios of one seed so
        have the same people.
    therapists, patients : int
        Number of therapists, and average number of patients of one.

    Returns
    -------
    SimulatedStudy

    Raises
    ------
    UserError
        If there is no such scenario, or the study would be too small; one line each.

    Notes
    -----
    The scenarios and what they are for: ``docs/validation.md``.

    Examples
    --------
    >>> import bowlby
    >>> study = bowlby.simulate_study("S1", seed=1, therapists=6, patients=4)
    >>> study.truth["P"], study.truth["T"]
    (0.38, 0.0)
    >>> bowlby.score(study.items["therapists"], "ecr_s", items="ecr_{n}").shape
    (6, 7)
    """
    chosen = find(scenario)
    wrong = [
        problem(f"{name} = {value} is too small", f"give at least {least}")
        for name, value, least in (("therapists", therapists, 3), ("patients", patients, 2), ("seed", seed, 0))
        if value < least
    ]
    if wrong:
        raise UserError(wrong)
    first = _sizes(seed, therapists, patients)
    n = len(first)
    people, second, share = _people(seed, first, therapists, chosen.switching)
    latent = latent_study(chosen, seed, first, second, share)
    if chosen.dropout:
        _drop_out_unwell(generator(seed, "dropout"), people, second != first, latent.outcome, chosen.dropout)
    if latent.unit is not None:
        people.insert(1, "group", [f"G{k:03}" for k in latent.unit + 1])
    people.insert(people.columns.get_loc("gender") + 1, "diagnosis", _diagnosis(seed, latent.pre))
    rows, own, faults = _answers(seed, latent, people, second)
    if chosen.dropout:
        faults["dropout"] = "likelier the worse the outcome"
    truth = {
        "schema": 1,
        "synthetic": True,
        "scenario": chosen.id,
        "what": chosen.what,
        "seed": seed,
        "therapists": therapists,
        "patients": n,
        "P": chosen.p,
        "T": chosen.t,
        "icc_outcome": chosen.icc,
        "tau2": chosen.tau2,
        "weights": {
            "perceived": {"secure": 1, "avoidant_fearful": -1, "preoccupied_merger": -1},
            "therapist_style": {"anxiety": -1, "avoidance": -1},
        },
        "claims": {f"C{k}": value for k, value in enumerate(chosen.claims, 1)},
        "covariates": {"age": 0.0, "gender": 0.0, "diagnosis": 0.0, "experience": 0.0, "alliance": 0.0},
        "reference": reference_population(chosen),
        "faults": faults,
    }
    if latent.unit is not None:
        truth["groups"] = int(latent.unit.max()) + 1
    table = {
        "patients": people.drop(columns=["therapist_id", "intake"]),
        "therapists": own[["therapist_id", "experience"]],
    }
    return SimulatedStudy(table, latent, {"patients": rows, "therapists": own}, truth)


def _sizes(seed: int, therapists: int, patients: int) -> np.ndarray:
    """Therapist of each patient: gamma-Poisson case loads, patients in random order of arrival."""
    rng = generator(seed, "size")
    load = rng.poisson(rng.gamma(6.0, patients / 6.0, therapists))
    load = np.clip(load, max(2, patients // 3), round(patients * 25 / 12))
    return rng.permutation(np.repeat(np.arange(therapists), load))


def _people(seed: int, first: np.ndarray, therapists: int, switching: float):
    rng, n = generator(seed, "people"), len(first)
    width = max(2, len(str(therapists)))
    names = np.array([f"T{j:0{width}}" for j in range(1, therapists + 1)])
    intake = np.sort(rng.integers(0, 730, n))
    sessions = np.clip(rng.poisson(15, n), 8, 30)
    out = rng.random(n) < DROPOUT
    sessions[out] = rng.integers(5, 8, out.sum())
    no_s5 = rng.random(n) < NO_SESSION_5
    age = np.clip(np.rint(rng.normal(38, 12, n)), 18, 80)
    gender = rng.choice([1, 2, 3], n, p=[0.64, 0.34, 0.02]).astype(float)
    age[rng.random(n) < 0.02] = -9
    gender[rng.random(n) < 0.015] = -9

    second, sessions_2 = first.copy(), np.full(n, np.nan)
    able = rng.permutation(np.flatnonzero(~out & ~no_s5))
    switch = [able[0], next(i for i in able[1:] if first[i] != first[able[0]])]
    if switching:
        switch = sorted(able[: round(switching * n)])
    for i in switch:
        second[i] = rng.choice(np.setdiff1d(np.arange(therapists), first[i]))
        sessions_2[i] = rng.integers(6, 13)
        sessions[i] = rng.integers(6, 13)
    share = sessions / (sessions + np.nan_to_num(sessions_2))
    switched = second != first
    people = pd.DataFrame(
        {
            "patient_id": [f"P{i:04}" for i in range(1, n + 1)],
            "age": age,
            "gender": gender,
            "therapist_1": names[first],
            "sessions_1": sessions.astype(float),
            "therapist_2": np.where(switched, names[second], ""),
            "sessions_2": sessions_2,
            "therapist_id": np.where(switched, names[second], names[first]),
            "intake": pd.Timestamp("2023-01-09") + pd.to_timedelta(intake, unit="D"),
        }
    )
    people.attrs.update(out=out, no_s5=no_s5, names=names)
    return people, second, share


def _diagnosis(seed: int, better: np.ndarray) -> np.ndarray:
    """Main diagnoses: the more severe the state at intake, the likelier a depressive one."""
    noise = generator(seed, "diagnosis").standard_normal(len(better))
    severity = -DIAGNOSIS_SEVERITY * better + np.sqrt(1 - DIAGNOSIS_SEVERITY**2) * noise
    bounds = ndtri(np.cumsum(list(DIAGNOSES.values()))[:-1])
    return np.array(list(DIAGNOSES), float)[np.searchsorted(bounds, severity)]


def _experience(seed: int, therapists: int) -> np.ndarray:
    """Years of experience, most of them under ten."""
    return np.clip(np.rint(generator(seed, "experience").gamma(2.0, 4.5, therapists)), 1, 35).astype(int)


def _drop_out_unwell(rng, people: pd.DataFrame, switched: np.ndarray, outcome: np.ndarray, slope: float) -> None:
    """Dropout that depends on the outcome not seen, instead of the one at random; who switches stays."""
    out = (rng.random(len(people)) < 1 / (1 + np.exp(1.5 + slope * outcome))) & ~switched
    kept = rng.integers(5, 8, len(people))
    early = people.attrs["out"] & ~out
    people.loc[early, "sessions_1"] = np.clip(rng.poisson(15, len(people)), 8, 30)[early]
    people.loc[out, "sessions_1"] = kept[out]
    people.attrs["out"] = out


def _answers(seed: int, latent: Latent, people: pd.DataFrame, second: np.ndarray):
    n = len(people)
    alliance = latent_alliance(generator(seed, "alliance"), latent)
    rng = generator(seed, "items")
    style = by_scale(forms.ECR_S_PATIENT, latent.patient_style)
    answered = {
        "T0": {"phq9": phq9(latent.pre, rng), "ecr": forms.answer(forms.ECR_S_PATIENT, style, rng)},
        "S5": {
            "cats": forms.answer(forms.CATS, by_scale(forms.CATS, latent.perceived), rng),
            "wai": forms.answer(forms.WAI_SR, alliance, rng),
        },
        "T2": {"phq9": phq9(latent.outcome, rng, treated=True)},
    }
    rng = generator(seed, "therapist_items")
    own = forms.answer(forms.ECR_S_THERAPIST, by_scale(forms.ECR_S_THERAPIST, latent.style), rng)
    own = pd.DataFrame({f"ecr_{k}": v for k, v in own.items()}).astype("Int64")

    rng = generator(seed, "faults")
    days = {
        "T0": np.zeros(n, int),
        "S5": 35 + rng.integers(-4, 15, n),
        "T2": np.rint(7 * (people["sessions_1"] + people["sessions_2"].fillna(0)) * 1.15).astype(int)
        + rng.integers(7, 21, n),
    }
    absent = {"T0": np.zeros(n, bool), "S5": people.attrs["no_s5"], "T2": people.attrs["out"]}
    parts = []
    for k, (when, instruments) in enumerate(answered.items()):
        values = pd.DataFrame(
            {f"{name}_{item}": v for name, given in instruments.items() for item, v in given.items()}
        ).astype("Int64")
        values = values.mask(rng.random(values.shape) < MISSING)
        head = pd.DataFrame(
            {
                "patient_id": people["patient_id"],
                "therapist_id": people["therapist_id"] if when == "T2" else people["therapist_1"],
                "timepoint": when,
                "date": (people["intake"] + pd.to_timedelta(days[when], unit="D")).dt.strftime("%Y-%m-%d"),
            }
        )
        parts.append(pd.concat([head, values], axis=1)[~absent[when]].assign(order=k))
    rows = pd.concat(parts).sort_values(["patient_id", "order"]).drop(columns="order").reset_index(drop=True)
    columns = [
        f"{name}_{i}" for name, k in (("phq9", 9), ("cats", 36), ("wai", 12), ("ecr", 12)) for i in range(1, k + 1)
    ]
    rows = rows[["patient_id", "therapist_id", "timepoint", "date", *columns]]
    own = own.mask(rng.random(own.shape) < MISSING_THERAPIST)
    own.insert(0, "therapist_id", people.attrs["names"])
    own.insert(1, "experience", _experience(seed, len(own)))
    rows, faults = _plant(rng, rows)
    faults |= {
        "missing_items": _blank(rows),
        "missing_items_therapists": int(own.isna().to_numpy().sum()),
        "no_termination": people.loc[absent["T2"], "patient_id"].tolist(),
        "no_session_5": people.loc[absent["S5"], "patient_id"].tolist(),
        "switched": people.loc[second != latent.first, "patient_id"].tolist(),
        "age_refused": int(people["age"].eq(-9).sum()),
        "gender_refused": int(people["gender"].eq(-9).sum()),
    }
    return rows, own, faults


def _plant(rng: np.random.Generator, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """One impossible value and one repeated row; rows of the file are counted with the header as 1."""
    at = int(rng.choice(np.flatnonzero(rows["timepoint"].eq("T0") & rows["phq9_5"].notna())))
    rows.loc[at, "phq9_5"] = 7
    again = int(rng.choice(np.flatnonzero(rows["timepoint"].eq("T2"))))
    rows = pd.concat([rows.iloc[: again + 1], rows.iloc[[again]], rows.iloc[again + 1 :]], ignore_index=True)
    return rows, {
        "impossible_value": {"file": "patients.csv", "row": at + 2 + (at > again), "column": "phq9_5"},
        "duplicate_row": {"file": "patients.csv", "row": again + 3, "repeats": again + 2},
    }


def _blank(rows: pd.DataFrame) -> int:
    """Empty cells among the items that were asked at each row's occasion."""
    asked = {"T0": ("phq9_", "ecr_"), "S5": ("cats_", "wai_"), "T2": ("phq9_",)}
    return sum(
        int(part[[c for c in part if c.startswith(asked[when])]].isna().to_numpy().sum())
        for when, part in rows.groupby("timepoint")
    )
