"""The comparison with errors of measurement taken out, of the baseline alone and of all three variables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bowlby.design.centring import Membership
from bowlby.effect import Effect
from bowlby.estimands.errors_in_variables import Alone, Measured, Moments, Part, corrected, moments
from bowlby.fit.clusters import clusters_of, random_effects
from bowlby.fit.models import Fitter, standardised_slope_weights
from bowlby.fit.units import with_sd_error
from bowlby.mixed.components import connected
from bowlby.terms import BASELINE, WITHIN, P, T, both_levels, error_of, parse

COLUMNS: dict[str, dict[str, str]] = {
    "baseline": {name: parse(name).level or "" for name in BASELINE},
    "perceived": {P: WITHIN},
    "therapist_style": {T: "shared"},
}
OFF = 0.05
"""How far off the baseline's reliability is assumed to be, below and above."""
LARGEST = 3_000
"""Patients joined by therapists whom they switched between, whose covariance is still inverted as one matrix."""


def measurement(result, fitter: Fitter) -> dict:
    """P, T, P-T and P+T without the errors of measurement.

    Parameters
    ----------
    result : MixedResult
        M1.
    fitter : Fitter
        Of the primary set, whose data have the columns ``<variable>_error``.

    Returns
    -------
    dict
        ``variables``: error variance, reliability and what it rests on, by variable (None where unknown). ``rows``:
        ``uncorrected``, ``baseline`` (its errors alone are taken out) and ``all``, each by contrast with estimate, se,
        df, ci, ci90 in outcome SD per reference SD, or None. ``reason``: why the baseline's row is None: ``unknown``,
        ``large_part`` or ``errors_too_large``. ``within_only``: whether the baseline's errors were taken out within
        therapists alone, because between them it varies by little else. ``reliability_off``: the baseline's row at its
        reliability less and plus 0.05.
    """
    data, design = fitter.data, fitter.design
    weights = fitter.shares
    known = {name: _measured(name, data, weights) for name in COLUMNS}
    origins = design["reliability_from"]
    out: dict[str, Any] = {
        "question": "the comparison without errors of measurement",
        "variables": {name: _described(name, error, data, origins[name]) for name, error in known.items()},
        "rows": dict.fromkeys(("uncorrected", "baseline", "all")),
        "reason": None,
        "within_only": False,
        "reliability_off": [],
    }
    cells = weights.weights.tocoo()
    group = connected(cells.row, cells.col, weights.shape)[0]
    if np.bincount(group).max() > LARGEST:
        return out | {"reason": "large_part"}
    asked = standardised_slope_weights(design)
    of = _moments(result, group, weights, data["y"].to_numpy(float))

    def row(measured: dict[str, Measured], of: Moments = of) -> dict | None:
        fit = corrected(of, measured)
        if fit is None:
            return None
        values = {name: fit.contrast(weights) for name, weights in asked.items()}
        return {name: _effect(*value) for name, value in with_sd_error(values, design["sd_error"]).items()}

    out["rows"]["uncorrected"] = row({})
    if known["baseline"] is None:
        return out | {"reason": "unknown"}
    out["rows"]["baseline"] = row({"baseline": known["baseline"]})
    if out["rows"]["baseline"] is None:
        known["baseline"] = replace(known["baseline"], columns={BASELINE[0]: WITHIN})
        out["rows"]["baseline"] = row({"baseline": known["baseline"]})
        out["within_only"] = out["rows"]["baseline"] is not None
    out["reason"] = None if out["rows"]["baseline"] else "errors_too_large"
    if len(measured := {name: one for name, one in known.items() if one is not None}) == len(known):
        out["rows"]["all"] = row(measured, _moments(result, group, weights, data["y"].to_numpy(float), slopes=False))
    before, reliability = known["baseline"], out["variables"]["baseline"]["reliability"]
    for off in (-OFF, OFF):
        if 0 < reliability + off < 1:
            moved = replace(before, sums=before.sums - off * _variance("baseline", data) * before.counts)
            out["reliability_off"].append({"reliability": reliability + off, "row": row({"baseline": moved})})
    return out


def _moments(result, group: np.ndarray, weights: Membership, y: np.ndarray, slopes: bool = True) -> Moments:
    """Moments of M1, with its covariance or that without the random slopes.

    Where errors of perceived attachment are taken out, its random slope is not in V: V would depend on these errors,
    and more would be taken out than they add (``docs/statistics.md``, "11 Measurement").
    """
    w, parts, own = weights.weights, [], _alone(result, group, weights)
    cut = clusters_of(result, np.where(own, -1, group), slopes)
    for rows, x, v in zip(cut.rows, cut.x, cut.v, strict=True):
        therapists = np.unique(w[rows].indices)
        parts.append(Part(x, y[rows], v, w[rows][:, therapists].toarray(), therapists))
    alone = None
    if own.any():
        at, model = np.flatnonzero(own), result.model
        kept, basis = random_effects(model.reduced.factors[0], at, slopes)
        x, covariance = model.frame.columns(model.reduced.kept)[at], result.covariances[0][np.ix_(kept, kept)]
        alone = Alone(x, y[at], basis, covariance, result.scale, weights.main()[at])
    return moments(cut.names, parts, COLUMNS, alone)


def _alone(result, group: np.ndarray, weights: Membership) -> np.ndarray:
    """Rows of therapists whom no patient joins with others, where therapists alone have random effects."""
    if len(result.model.reduced.factors) > 1:
        return np.zeros(len(group), bool)
    w = weights.weights
    part = np.zeros(w.shape[1], int)
    part[w.indices] = np.repeat(group, np.diff(w.indptr))
    return np.bincount(part, minlength=group.max() + 1)[group] == 1


def _measured(name: str, data: pd.DataFrame, weights: Membership) -> Measured | None:
    """The errors of one variable by therapist; None where nothing is known of them."""
    errors = data[error_of(name)]
    if name == "therapist_style":  # a therapist's own answers, once
        errors = errors[~data["therapist"].duplicated()]
    by = errors.groupby(data["therapist"])
    sums, counts = (f.reindex(weights.columns, fill_value=0).to_numpy(float) for f in (by.sum(), by.count()))
    return Measured(COLUMNS[name], sums, counts) if (counts > 0).sum() > 1 else None


def _described(name: str, measured: Measured | None, data: pd.DataFrame, origin: str | None) -> dict | None:
    """Error variance and reliability, the share of the variance of persons' values that is no error."""
    if measured is None:
        return None
    error = measured.error_variance
    return {"error_variance": error, "reliability": 1 - error / _variance(name, data), "from": origin}


def _variance(name: str, data: pd.DataFrame) -> float:
    """Variance of persons' values."""
    if name == "therapist_style":
        return float(data.drop_duplicates("therapist")[name].var())
    return float(data[both_levels(name)].sum(axis=1, skipna=False).var())


def _effect(estimate: float, se: float, df: float) -> dict:
    """As of ``comparison.json``."""
    return Effect(estimate, se, df).record()
