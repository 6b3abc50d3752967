"""The six estimands E1 to E6, and the models' likelihoods, each as a record of its own."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from bowlby.effect import effects_of
from bowlby.estimands.blocks import index, mover
from bowlby.estimands.likeforlike import like_for_like
from bowlby.estimands.likelihood import comparisons
from bowlby.estimands.measurement import measurement
from bowlby.estimands.partition import partition_of, rows_of, shares, style_limits
from bowlby.estimands.prediction import Fold, folds, out_of_sample
from bowlby.estimands.sensitivity import sensitivity
from bowlby.estimands.variance import exact_test, icc_interval, mixture, restricted_likelihood_ratio
from bowlby.fit.models import Fitter
from bowlby.fit.record import contrast
from bowlby.mixed.random_effect_layout import independent_units
from bowlby.mixed.refits import variance_names
from bowlby.terms import INTERCEPT, M1, M1_RANDOM, P_BETWEEN, P, T

REPLICATES = 500
FEWER = 100
"""Replicates where a model's refits cannot run side by side (crossed units of hundreds of patients who switch), and of
studies so large that their intervals are narrow."""
VERY_LARGE = 50_000
"""Patients of such a study."""
SENSITIVITY = 0.14
EXACT_UP_TO = 2000
"""Therapists beyond whom the mixture of chi-squares is as good as the exact distribution, and far cheaper."""
STAGE = {"variance": 1, "folds": 2, "exact": 3}


def estimate(data: pd.DataFrame, membership: pd.DataFrame, design: dict, fits: dict, delta: float, seed: int) -> dict:
    """Compute all estimands of a comparison.

    Parameters
    ----------
    data, membership : DataFrame
        The primary analysis set.
    design : dict
        Its description.
    fits : dict of dict
        Kept fits by model.
    delta : float
        Equivalence bound.
    seed : int
        The run's seed.

    Returns
    -------
    dict of dict
        By the names of :data:`bowlby.estimands.NAMES`.
    """
    fitter = Fitter(data, membership, design)
    m1 = fitter.fit(M1, M1_RANDOM)
    parts = _variance(fitter, m1, data, membership, fits, seed)
    return {
        "e1": estimand_e1(fits, design),
        "e2": {"question": "share of all outcome variance", **parts["total"]},
        "e3": {"question": "share of what each could account for", **parts["level"]},
        "e4": _between(data, design["sd_outcome"], fits),
        "e5": _prediction(fitter, data, membership, seed),
        "e6": {**equivalence(fits, delta), "bound": bound(data, membership, fits, design["sd_outcome"], delta)},
        "dominance": _dominance(fitter, data, membership, fits),
        "suppression": _suppression(fitter, fits, 1.0 / design["sd_outcome"]),
        "likelihood": comparisons(fits),
        "variance": _therapist_variance(fitter, seed),
        "measurement": measurement(m1, fitter),
        "sensitivity": sensitivity(m1, fitter, fits["primary"]),
    }


def _between(data: pd.DataFrame, sd_outcome: float, fits: dict) -> dict:
    """E4, and beside it the slope of therapists' mean perceived attachment as M2 has it and corrected.

    ``observed`` is M2's slope of the observed means, ``corrected`` the like-for-like one, both in outcome SD per
    reference SD of perceived attachment.
    """
    estimand = like_for_like(data, sd_outcome, _coefficient(fits["primary"], T)["estimate"])
    m2 = _coefficient(fits["m2"], P_BETWEEN)
    estimand["observed"] = {"estimate": m2["estimate"] / sd_outcome,
                            "ci": [m2["ci_low"] / sd_outcome, m2["ci_high"] / sd_outcome]}  # fmt: skip
    if estimand["estimable"]:
        ci = [x / sd_outcome for x in estimand["ci"]]
        estimand["corrected"] = {"estimate": estimand["slope"] / sd_outcome, "ci": ci}
    return estimand


def estimand_e1(fits: dict, design: dict) -> dict:
    """E1: slopes of the composites, and indices of the blocks with an approximate interval for their difference."""
    unit = 1.0 / design["sd_outcome"]
    out: dict = {"contrasts": fits["primary"]["contrasts"], "blocks": {}}
    joint = fits["m1b"]
    terms = joint["vcov"]["terms"]
    cov = np.array(joint["vcov_adjusted"]["values"])
    for block, variable in zip(joint["blocks"], ("perceived", "therapist_style"), strict=True):
        keep = [terms.index(t) for t in block["terms"]]
        gamma = np.array([_coefficient(joint, t)["estimate"] for t in block["terms"]])
        r = np.array(design["scaling"][variable]["correlation"], float)
        out["blocks"][block["name"]] = index(gamma, cov[np.ix_(keep, keep)], r, block["df_den"], unit)
    a, s = out["blocks"].values()
    out["difference"] = a["corrected"] - s["corrected"]
    known = None not in (*a["ci"], *s["ci"])
    limits = mover((a["corrected"], *a["ci"]), (s["corrected"], *s["ci"])) if known else (None, None)
    out["difference_ci"] = list(limits)
    return out


def equivalence(fits: dict, delta: float) -> dict:
    """E6: two one-sided tests of style on outcome and on perceived attachment, and the smallest bound each reaches."""
    chosen = {"outcome": ("primary", "T"), "perceived attachment": ("c4", "T_A")}
    out = {}
    for name, (model, wanted) in chosen.items():
        c = next(c for c in fits[model]["contrasts"] if c["name"] == wanted)
        effect = effects_of([c])[wanted]
        low, high = effect.limits(0.95)
        out[name] = {
            "estimate": effect.estimate,
            "ci90": [low, high],
            "smallest_bound": max(-low, high),
            "p": {str(d): effect.p_equivalence(d) for d in (delta, SENSITIVITY)},
        }
    return out


def bound(data: pd.DataFrame, membership: pd.DataFrame, fits: dict, sd_outcome: float, delta: float) -> dict:
    """What the equivalence bound means in this study.

    Returns
    -------
    dict
        points: outcome units; share_of_therapist_variance: of the variance between therapists in the model without
        either predictor, what a style with a slope of delta would account for (above 1: more than there is), None
        where that variance is estimated at 0.
    """
    terms = [f["term"] for f in fits["primary"]["fixed"] if f["term"] != "Intercept"]
    rows = rows_of(data, membership, terms)
    therapists = partition_of(fits["m0"], rows)["m"]
    own = (delta * sd_outcome) ** 2 * float(rows.phi.loc[T, T])
    share = own / therapists if therapists > 0 else None
    return {"points": delta * sd_outcome, "share_of_therapist_variance": share}


def _coefficient(fit: dict, term: str) -> dict:
    return next(f for f in fit["fixed"] if f["term"] == term)


def _variance(fitter: Fitter, m1, data, membership, fits: dict, seed: int) -> dict:
    """E2 and E3: of perceived attachment with percentile intervals of a parametric bootstrap from M1, of style with
    the interval of T inverted.

    Percentiles of style would be too short: its share is corrected for chance, and drawn from M1's estimate. A share
    corrected for chance may lie below all limits; the interval is widened to hold the estimate.
    """
    terms = [f["term"] for f in fits["primary"]["fixed"] if f["term"] != "Intercept"]
    rows = rows_of(data, membership, terms)
    base, full = partition_of(fits["m0"], rows), partition_of(fits["primary"], rows)
    point = shares(full, base)
    m0 = fitter.fit([], INTERCEPT)
    replicates = REPLICATES if independent_units(m1.model) and len(data) <= VERY_LARGE else FEWER
    y = m1.simulate(replicates, np.random.SeedSequence((seed, STAGE["variance"])))
    drawn = pd.DataFrame(
        [shares(one, none) for one, none in zip(_partitions(m1, y, rows), _partitions(m0, y, rows), strict=True)]
    ).dropna()
    limits = drawn.quantile([0.025, 0.975]).to_dict("list") | style_limits(fits["primary"], base, rows)

    def kept(names: dict[str, str]) -> dict:
        values = {new: {"share": point[old], "ci": around(point[old], limits[old])} for new, old in names.items()}
        return {**values, "replicates": len(drawn), "base": base, "full": full}

    total = kept({"perceived": "perceived_total", "style": "style_total"})
    level = kept({"perceived": "perceived_within", "style": "style_between"})
    return {"total": total, "level": level | {"difference": difference(level)}}


def difference(level: dict) -> dict:
    """Perceived attachment's share less style's, with an interval from theirs (MOVER)."""
    p, s = (level[name] for name in ("perceived", "style"))
    low, high = mover((p["share"], *p["ci"]), (s["share"], *s["ci"]))
    return {"share": p["share"] - s["share"], "ci": [low, high]}


def around(estimate: float, limits) -> list[float]:
    """Limits that hold the estimate."""
    low, high = limits
    return [min(float(low), estimate), max(float(high), estimate)]


def _partitions(result, y: np.ndarray, rows):
    """Partition of a model refitted to each simulated outcome."""
    from bowlby.estimands.partition import partition

    names = result.model.names
    terms = [t for t in names if t != "Intercept"]
    keep = [names.index(t) for t in terms]
    unscaled = result.cov_params().loc[terms, terms].to_numpy()
    se = result.bse[terms].to_numpy()
    variance_terms = [name.split(" | ")[0] for name in variance_names(result.model)[:-1]]
    refits = result.refit_many(y)
    for params, errors, variances in zip(refits.params, refits.se, refits.variances, strict=True):
        ratio = errors[keep] / se  # the covariance's shape is the fit's, its size the replicate's
        yield partition(
            params[keep],
            unscaled * np.outer(ratio, ratio),
            dict(zip(variance_terms, variances[:-1], strict=True)),
            variances[-1],
            rows,
            terms,
        )


def _prediction(fitter: Fitter, data, membership, seed: int) -> dict:
    """E5: every therapist's patients predicted by models that never saw a patient of theirs (random effects 0)."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, STAGE["folds"])))
    divisions = folds(data, membership, rng)
    every = [fold for division in divisions for fold in division]

    def errors(fold: Fold, coefficients: dict[str, pd.Series]) -> pd.DataFrame:
        rows, squared = data[fold.judged], {}
        for model, b in coefficients.items():
            predicted = b["Intercept"] + rows[[t for t in b.index if t != "Intercept"]] @ b.drop("Intercept")
            squared[model] = (rows["y"] - predicted) ** 2
        return pd.DataFrame(squared)

    found = [errors(*each) for each in zip(every, _without(fitter, membership, every), strict=True)]
    size = len(divisions[0])
    return out_of_sample([found[start : start + size] for start in range(0, len(found), size)], data["therapist"])


def _without(fitter: Fitter, membership, every: list[Fold]) -> list[dict[str, pd.Series]]:
    """Coefficients of the models of E5, fitted to all patients but the unseen ones of each fold."""
    data, models = fitter.data, {"m0": ([], INTERCEPT), "m_p": ([P], M1_RANDOM), "m_t": ([T], INTERCEPT)}
    if not fitter.together:
        fits = {model: fitter.fit(*asked) for model, asked in models.items()}
        params = _side_by_side(fitter, fits, every)
        if params and all(np.isfinite(found).all() for found in params.values()):
            names = {model: fit.params.index for model, fit in fits.items()}
            return [{model: pd.Series(params[model][k], names[model]) for model in fits} for k in range(len(every))]
    place = pd.Index(data["patient"]).get_indexer(membership["patient"])

    def alone(fold: Fold) -> dict[str, pd.Series]:
        kept = membership[(place >= 0) & ~fold.unseen[place]]
        some = Fitter(data[~fold.unseen].reset_index(drop=True), kept, fitter.design)
        return {model: some.fit(*asked).params for model, asked in models.items()}

    return [alone(fold) for fold in every]


def _side_by_side(fitter: Fitter, fits: dict, every: list[Fold]) -> dict[str, np.ndarray] | None:
    """Coefficients without each fold, by model; None where parts of therapists who share patients are left out."""
    if not fitter.membership:  # whole therapists are left out
        first = fitter.data["therapist"].drop_duplicates()
        at = first.index[pd.Index(first).get_indexer([level for (level,) in fits["m0"].model.clusters("therapist")])]
        kept = np.array([~fold.unseen[at] for fold in every], int)
        return {model: fit.refit_clusters(kept, "therapist").params for model, fit in fits.items()}
    shares = fitter.shares.weights.tocsc()
    theirs = np.split(shares.indices, shares.indptr[1:-1])
    if [np.flatnonzero(fold.unseen).tolist() for fold in every] != [sorted(rows.tolist()) for rows in theirs]:
        return None
    return {model: fit.leave_out("therapist").params for model, fit in fits.items()}


def _therapist_variance(fitter: Fitter, seed: int) -> dict:
    """Whether therapists differ and by how much, in the model without either predictor: exact test and interval."""
    data, m0 = fitter.data, fitter.fit([], INTERCEPT)
    variances = m0.varcorr.set_index("group")["variance"]
    share = {"icc": float(variances["therapist"] / variances.sum()), "icc_ci": None}
    if fitter.together:  # with a second variance the exact distribution is unknown
        statistic = max(0.0, 2 * (m0.llf - fitter.fit([], []).llf))
        return share | _by_mixture(statistic)
    y = data["y"].to_numpy(float)
    known = [term for term in m0.params.index if term != "Intercept"]  # without those that say nothing beside others
    x = np.column_stack([np.ones(len(data)), data[known].to_numpy(float)])
    statistic = restricted_likelihood_ratio(m0.llf, y, x)
    rng = np.random.default_rng(np.random.SeedSequence((seed, STAGE["exact"])))
    if data["therapist"].nunique() > EXACT_UP_TO:
        return share | _by_mixture(statistic)
    z = fitter.shares.weights
    return share | {"icc_ci": icc_interval(z, x, y)} | exact_test(statistic, z, x, rng)


def _by_mixture(statistic: float) -> dict:
    p = mixture(statistic)
    return {"statistic": statistic, "p": p, "p_mc_se": None, "p_mixture": p}


def _suppression(fitter: Fitter, fits: dict, unit: float) -> dict:
    """Each perceived scale alone and beside the others: a slope that grows beside them was suppressed.

    Returns
    -------
    dict
        By scale: separate and joint, each estimate, ci, p in outcome SD per reference SD (style composite in all).
    """
    out = {}
    for term in fitter.block("perceived"):
        alone = contrast(fitter.fit([term, T], M1_RANDOM), term, {term: unit})
        joint = _coefficient(fits["m1b"], term)
        out[term] = {
            "separate": {"estimate": alone["estimate"], "ci": [alone["ci_low"], alone["ci_high"]], "p": alone["p"]},
            "joint": {
                "estimate": unit * joint["estimate"],
                "ci": [unit * joint["ci_low"], unit * joint["ci_high"]],
                "p": joint["p"],
            },
        }
    return out


def _dominance(fitter: Fitter, data, membership, fits: dict) -> dict:
    """General dominance of the perceived scales and of the style block in explained outcome variance.

    ``D_k = mean over sizes m of mean over subsets s of size m of R2(s + k) - R2(s)``, R2 the variance of the fixed
    part over M0's total; covariates stand in every subset.
    """
    units = {t: [t] for t in fitter.block("perceived")} | {"therapist style": fitter.block("therapist_style")}
    every = [*fitter.base, *(t for block in units.values() for t in block)]
    phi = data[every].astype(float).cov()
    rows = rows_of(data, membership, [f["term"] for f in fits["primary"]["fixed"] if f["term"] != "Intercept"])
    total = partition_of(fits["m0"], rows)["total"]
    r2 = {}
    for size in range(len(units) + 1):
        for chosen in combinations(units, size):
            b = fitter.fit([t for u in chosen for t in units[u]], M1_RANDOM).params.drop("Intercept")
            r2[frozenset(chosen)] = float(b @ phi.loc[b.index, b.index] @ b) / total
    p = len(units)
    general = {}
    for unit in units:
        others = [s for s in r2 if unit not in s]
        general[unit] = sum((r2[s | {unit}] - r2[s]) / comb(p - 1, len(s)) for s in others) / p
    full, none = r2[frozenset(units)], r2[frozenset()]
    return {"general": general, "r2_covariates": none, "r2_full": full}
