"""Doubts tried on two predictors: outcomes drawn anew, cluster-robust errors, every therapist left out once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bowlby.compare.pair import NAMES, decide_pair_claims
from bowlby.effect import Effect
from bowlby.errors import UserError
from bowlby.fit.clusters import clusters_of
from bowlby.fit.models import standardised_slope_weights
from bowlby.fit.one_level import OneLevelResult
from bowlby.fit.sandwich import cr2
from bowlby.fit.units import with_sd_error
from bowlby.mixed.random_effect_layout import independent_units
from bowlby.robustness.cluster_robust import divisible, groups, undivided
from bowlby.robustness.refit_claims import Rows
from bowlby.robustness.replicates import Address, batch, reason
from bowlby.terms import SIDES

KIND = "pair"
REPLICATES = 1000
FEWER = 100
"""Replicates where refits cannot run side by side, and of studies so large that their intervals are narrow."""
LARGE = 50_000
"""Patients of such a study."""
BATCH = 250
LEVELS = (0.025, 0.975)


def pair_doubts(data: pd.DataFrame, membership: pd.DataFrame, design: dict, delta: float, seed: int) -> dict[str, dict]:
    """Try the slopes of two predictors in ways that assume other things.

    Parameters
    ----------
    data, membership : DataFrame
        The analysis set of :func:`bowlby.design.pair.pair_set`.
    design : dict
        Its description.
    delta : float
        Equivalence bound.
    seed : int
        The run's seed.

    Returns
    -------
    dict of dict
        - parametric: replicates, singular, failed; of every contrast mean, sd and ci (percentiles) over outcomes drawn
          anew from the fitted model, random effects too;
        - sandwich: of every contrast estimate, se (CR2), df (Satterthwaite), p and ci; or ``not_computed``,
          the reason;
        - hc3 (one patient for each therapist; the others are then absent): of every contrast estimate, se (HC3), df, p
          and ci;
        - influence: therapists, failed; of every contrast the lowest and highest estimate with one therapist and all
          their patients left out; of every statement how often it had which verdict. Absent where every refit is a fit
          of its own and therapists are more than 100.
    """
    rows = Rows(data, membership, design)
    result, asked = rows.fitter.two_predictors(), standardised_slope_weights(design, *SIDES, SIDES)
    if isinstance(result, OneLevelResult):
        return {"hc3": _heteroscedastic(result, asked)}
    side_by_side = independent_units(result.model) is not None
    replicates = REPLICATES if side_by_side and len(data) <= LARGE else FEWER
    out = {
        "parametric": _tried(lambda: _parametric(result, asked, seed, replicates)),
        "sandwich": _tried(lambda: _sandwich(result, asked, rows)),
    }
    if side_by_side or design["n_therapists"] <= FEWER:
        out["influence"] = _tried(lambda: _influence(result, asked, delta, design["sd_error"]))
    return out


def _heteroscedastic(result: OneLevelResult, asked: dict) -> dict:
    """The slopes of a regression whose errors may differ in variance."""
    rows = [[weights.get(term, 0.0) for term in result.params.index] for weights in asked.values()]
    table = result.contrasts(rows, robust=True)
    return {
        "contrasts": {
            name: {k: row[k] for k in ("estimate", "se", "df", "p")} | {"ci": [row["ci_low"], row["ci_high"]]}
            for name, row in zip(asked, table.to_dict("records"), strict=True)
        }
    }


def _tried(work: Callable[[], dict]) -> dict:
    """What some work gives, or why it cannot be computed: a check does not end a run."""
    try:
        return work()
    except (UserError, np.linalg.LinAlgError) as error:
        return {"not_computed": reason(error)}


def _parametric(result, asked: dict, seed: int, replicates: int) -> dict:
    drawn, singular, size = [], 0, batch(result.nobs, BATCH)
    for start in range(0, replicates, size):
        numbers = range(start, min(start + size, replicates))
        y = np.vstack([result.simulate(1, Address(seed, KIND, number).sequence(0)) for number in numbers])
        refits = result.refit_many(y, list(asked.values()))
        drawn.append(np.where(refits.converged[:, None], refits.contrasts[:, :, 0], np.nan))
        singular += int((refits.singular & refits.converged).sum())
    values = np.concatenate(drawn)
    kept = values[np.isfinite(values).all(axis=1)]
    intervals = {
        name: {"mean": own.mean(), "sd": own.std(ddof=1), "ci": np.quantile(own, LEVELS).tolist()}
        for name, own in zip(asked, kept.T, strict=True)
        if len(own) > 1
    }
    return {"replicates": replicates, "singular": singular, "failed": replicates - len(kept), "intervals": intervals}


def _sandwich(result, asked: dict, rows: Rows) -> dict:
    group = groups(rows)
    if not divisible(rows, group):
        return {"not_computed": undivided(rows)}
    robust, out = cr2(clusters_of(result, group)), {}
    for name, weights in asked.items():
        c = robust.contrast(name, weights)
        half = stdtrit(c["df"], LEVELS[1]) * c["se"]
        out[name] = {k: c[k] for k in ("estimate", "se", "df", "p")} | {
            "ci": [c["estimate"] - half, c["estimate"] + half]
        }
    return {"contrasts": out}


def _influence(result, asked: dict, delta: float, errors: dict) -> dict:
    """Refits without each therapist; slopes keep their meaning, every predictor being centred within or between."""
    left = result.leave_out("therapist", list(asked.values()), kenward_roger=True)
    good = left.converged & np.isfinite(left.contrasts).all(axis=(1, 2))
    if not good.any():
        return {"not_computed": "no refit without one therapist is possible"}
    verdicts: dict[str, dict[str, int]] = {}
    for row in left.contrasts[good]:
        values = with_sd_error(dict(zip(NAMES, map(tuple, row), strict=True)), errors)
        for name, claim in decide_pair_claims({n: Effect(*v) for n, v in values.items()}, delta).items():
            counts = verdicts.setdefault(name, {})
            counts[claim["verdict"]] = counts.get(claim["verdict"], 0) + 1
    estimates = left.contrasts[good, :, 0]
    range_ = {name: [own.min(), own.max()] for name, own in zip(asked, estimates.T, strict=True)}
    return {"therapists": len(good), "failed": int((~good).sum()), "range": range_, "verdicts": verdicts}
