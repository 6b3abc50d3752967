"""Missing values imputed many times over, and the outcome of those who left moved away from what was imputed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from bowlby.design.centring import among, membership
from bowlby.design.composite import composite
from bowlby.design.frame import Patients, answered, patients
from bowlby.design.primary import analysis_set
from bowlby.errors import UserError, existing
from bowlby.fit.models import perceived_style, standardised, standardised_slope_weights
from bowlby.fit.units import with_sd_error
from bowlby.robustness.gibbs import IncompleteTwoLevelData, impute
from bowlby.robustness.imputation_summary import NAMES, TRACES, described
from bowlby.robustness.jobs import moves_of
from bowlby.robustness.multiverse import StudyInputs
from bowlby.robustness.refit_claims import SLOPES, Rows, fit_c4, fit_m1
from bowlby.robustness.replicates import FAILED, OK, SINGULAR, Address, statuses, table
from bowlby.terms import P_BETWEEN, PREDICTORS, ROLES, P, T, column, columns_of

KIND, TIPPING = "imputation", "tipping"
SUFFIXES = ("", "_se", "_df")
KEPT = 200_000
"""Most patients of all imputations whose fits of M1 are kept for the next kind; more take too much memory."""


@dataclass(frozen=True)
class Incomplete:
    """A study with its missing values, ready to be imputed.

    Attributes
    ----------
    universe : StudyInputs
    sample : Patients
        Those with a therapist and at least one answer.
    columns : list of str
        Columns of ``sample.frame`` that are the predictors of ``data``.
    therapists : Index
    data : IncompleteTwoLevelData
    drawn : dict
        Imputations drawn so far by number, as of :func:`complete`: several kinds of robustness use each.
    fits : dict
        Rows and fits of M1 in them, by number.
    """

    universe: StudyInputs
    sample: Patients
    columns: list[str]
    therapists: pd.Index
    data: IncompleteTwoLevelData
    drawn: dict[int, tuple[Patients, dict[str, np.ndarray]]] = field(default_factory=dict)
    fits: dict[int, tuple[Rows, Any]] = field(default_factory=dict)


def incomplete(universe: StudyInputs) -> Incomplete:
    """Collect the patients and therapists of a study with what is missing of them.

    The predictors are baseline, early change where it was measured, the scales of perceived attachment, covariates, and
    the scales of everything else that the comparison names (patient's style, alliance), which tell of what is missing;
    the therapists' variables are the scales of their style.
    """
    run = universe.run
    sample = patients(run, universe.scores, universe.people)
    asked = ["baseline", "y", *(column("perceived", scale) for scale in sample.scaling["perceived"].scales)]
    keep = among(sample.frame.index, sample.episodes["patient"]) & sample.frame[asked].notna().any(axis=1)
    frame = sample.frame[keep]
    episodes = sample.episodes[among(sample.episodes["patient"], frame.index)]
    sample = replace(sample, frame=frame, episodes=episodes)
    columns = ["baseline", *(c for c in ("change",) if c in frame), *sample.covariates]
    asked_of_patients = [name for name in sample.scaling if ROLES[name] == "patient"]
    columns += [column(name, scale) for name in asked_of_patients for scale in sample.scaling[name].scales]
    weights = membership(episodes, frame.index)
    comparison = existing(run.comparison)
    block, scaling = comparison.therapist_style, sample.scaling["therapist_style"]
    style = answered(universe.scores[block.instrument], "therapist", block)[scaling.scales]
    data = IncompleteTwoLevelData(
        frame[columns].to_numpy(float),
        frame["y"].to_numpy(float),
        style.reindex(weights.columns).to_numpy(float) / scaling.sd,
        weights.weights,
        _slope(run, sample, columns),
    )
    return Incomplete(universe, sample, columns, weights.columns, data)


def missing(of: Incomplete) -> dict:
    """Who has something missing; see :func:`bowlby.robustness.imputation_summary.described`."""
    frame = of.sample.frame
    shown = [*of.columns, *(c for c in PREDICTORS if c in frame), *columns_of(frame, "therapist_style")]
    return described(frame, list(dict.fromkeys(shown)), of.data.s)


def _slope(run, sample: Patients, columns: list[str]) -> np.ndarray:
    """Weights of the scales in the composite of perceived attachment."""
    scaling = sample.scaling["perceived"]
    w = np.array([existing(run.comparison).perceived.weights[scale] for scale in scaling.scales])
    names = [column("perceived", scale) for scale in scaling.scales]
    slope = dict(zip(names, w / np.sqrt(w @ scaling.correlation @ w), strict=True))
    return np.array([slope.get(name, 0.0) for name in columns])


def complete(of: Incomplete, imputations: Iterable[int]) -> list[tuple[Patients, dict[str, np.ndarray]]]:
    """Completed studies: composites are formed from the completed scales, nothing is centred yet.

    Returns
    -------
    list of tuple
        For each imputation the patients, and traces as of :func:`bowlby.robustness.gibbs.impute`.
    """
    run, numbers = of.universe.run, list(imputations)
    fresh = [number for number in numbers if number not in of.drawn]
    rngs = [Address(run.seed, KIND, number).generator() for number in fresh]
    chains = impute(of.data, existing(run.robustness).imputation.iterations, rngs)
    of.drawn.update({n: (_completed(of, data), traces) for n, (data, traces) in zip(fresh, chains, strict=True)})
    return [of.drawn[number] for number in numbers]


def _completed(of: Incomplete, data: IncompleteTwoLevelData) -> Patients:
    run, sample = of.universe.run, of.sample
    frame = sample.frame.copy()
    frame[of.columns], frame["y"] = data.x, data.y
    for name, scaling in sample.scaling.items():
        block, scales = getattr(run.comparison, name), [column(name, scale) for scale in scaling.scales]
        if ROLES[name] == "therapist":
            style = pd.DataFrame(data.s * scaling.sd, of.therapists, scaling.scales)
            own = composite(style, block, scaling)
            frame[name] = of.data.weights @ own
            frame[scales] = of.data.weights @ data.s
        else:
            values = pd.DataFrame(frame[scales].to_numpy() * scaling.sd, columns=scaling.scales)
            frame[name] = composite(values, block, scaling)
    return replace(sample, frame=frame, style=pd.Series(own, of.therapists))


def imputation(of: Incomplete, first: int, last: int) -> pd.DataFrame:
    """Imputations ``first`` to ``last - 1``, each from a chain of its own, and the models of the claims fitted to them.

    Returns
    -------
    DataFrame
        P, T, P-T, P+T and T_A, each with ``_se`` and ``_df`` (Kenward-Roger); ``therapist``, variance of M1 between
        therapists in outcome units; of every trace the mean of the chain's third and of its last quarter.
    """
    rows, status = [], []
    for number, (_, traces) in enumerate(complete(of, range(first, last)), first):
        row, state = _fitted(of, number)
        for name, values in traces.items():
            quarter = len(values) // 4
            row |= {f"{name}_before": values[-2 * quarter : -quarter].mean(), f"{name}_after": values[-quarter:].mean()}
        rows.append(row)
        status.append(state)
    names = [*(n + s for n in NAMES for s in SUFFIXES), "therapist"]
    names += [f"{name}_{part}" for name in TRACES for part in ("before", "after")]
    columns = pd.DataFrame(rows, columns=names, dtype=float)
    addresses = [Address(of.universe.run.seed, KIND, number) for number in range(first, last)]
    return table(addresses, status, {c: columns[c] for c in columns})


def _rows(of: Incomplete, number: int, name: str) -> Rows:
    built = analysis_set(of.universe.run, of.drawn[number][0], of.universe.people, name, described=False)
    return Rows(built.data, built.membership, built.design)


def _main_model(of: Incomplete, number: int) -> tuple[Rows, Any]:
    """Rows and fit of M1 in an imputation that was drawn."""
    if number in of.fits:
        return of.fits[number]
    rows = _rows(of, number, "primary")
    made = rows, fit_m1(rows)
    if len(of.data.y) * len(of.drawn) <= KEPT:
        of.fits[number] = made
    return made


def _fitted(of: Incomplete, number: int) -> tuple[dict, str]:
    try:
        primary, m1 = _main_model(of, number)
        perceived = _rows(of, number, "perceived")
        c4 = fit_c4(perceived)
        effects = [*standardised(m1, primary.design), *perceived_style(c4, perceived.design)]
    except UserError:
        return {}, FAILED
    row = {"therapist": m1.covariances[0][0, 0]}
    for effect in effects:
        numbers = (effect[key] for key in ("estimate", "se", "df"))
        row |= dict(zip((effect["name"] + suffix for suffix in SUFFIXES), numbers, strict=True))
    return row, SINGULAR if m1.singular else OK


def tipping(of: Incomplete, first: int, last: int) -> pd.DataFrame:
    """Outcomes of patients who have none, moved in every imputation so that their slopes differ from the others'.

    With x perceived attachment or the therapist's style, in SD from the mean, an imputed outcome is moved by
    ``delta x`` SD: among those who left, outcome then rises by ``delta`` more per SD of x than imputation at random has
    it. Row r is move ``r % k`` of the k of :func:`moves_of` in the imputation ``r // k``; imputations are those of kind
    ``imputation``.

    Returns
    -------
    DataFrame
        ``imputation``, ``along`` (``attachment`` or ``style``), ``delta``; P, T, P-T and P+T, each with ``_se`` and
        ``_df``.
    """
    moves = moves_of(existing(of.universe.run.robustness).imputation.deltas)
    k, parts = len(moves), []
    numbers = range(first // k, (last - 1) // k + 1)
    complete(of, numbers)
    for number in numbers:
        wanted = [r % k for r in range(max(first, number * k), min(last, (number + 1) * k))]
        parts.append(_tipped(of, number, [moves[m] for m in wanted], [number * k + m for m in wanted]))
    return pd.concat(parts, ignore_index=True)


def _tipped(of: Incomplete, number: int, moves: list[tuple[str, float]], replicates: list[int]) -> pd.DataFrame:
    addresses = [Address(of.universe.run.seed, TIPPING, r) for r in replicates]
    columns = {"imputation": np.full(len(moves), number), "along": np.array([along for along, _ in moves], object),
               "delta": np.array([delta for _, delta in moves], float)}  # fmt: skip
    try:
        primary, m1 = _main_model(of, number)
    except UserError:
        return table(addresses, [FAILED] * len(moves), columns)
    data = primary.data
    left = of.sample.frame["y"].isna().reindex(data["patient"]).to_numpy(float)
    sides = {"attachment": data[P] + data[P_BETWEEN], "style": data[T]}
    moved = np.array([delta * left * sides[side].to_numpy(float) for side, delta in moves]) / primary.unit
    asked = list(standardised_slope_weights(primary.design).values())
    refits = m1.refit_many(data["y"].to_numpy(float) + moved, asked, kenward_roger=True)
    errors = primary.design["sd_error"]
    effects = [with_sd_error(dict(zip(SLOPES, map(tuple, row), strict=True)), errors) for row in refits.contrasts]
    for name in SLOPES:
        columns |= dict(zip((name + s for s in SUFFIXES), np.array([row[name] for row in effects]).T, strict=True))
    return table(addresses, statuses(refits.converged, refits.singular), columns)
