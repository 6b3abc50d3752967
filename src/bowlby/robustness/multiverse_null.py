"""The multiverse under the null hypothesis, with a meaningless variable of therapists and with resampled ones."""

from __future__ import annotations

import logging
import zlib

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.compare.claims import claim_more
from bowlby.design.centring import Membership, means, within_between
from bowlby.effect import Effect
from bowlby.errors import UserError
from bowlby.robustness.cluster_robust import JOINED
from bowlby.robustness.multiverse import PreparedSpecification, StudyInputs, prepare_specification
from bowlby.robustness.refit_claims import SLOPES
from bowlby.robustness.replicates import OK, Address, table
from bowlby.terms import T

KIND = "multiverse_null"
CURVES = ("style", "perceived", "control", "drawn")
STEP = 64
log = logging.getLogger("bowlby")


def multiverse_null(universe: StudyInputs, strata: pd.Series, first: int, last: int) -> pd.DataFrame:
    """Runs ``first`` to ``last - 1`` of the curve; run 0 is the study itself.

    In each run, the same for all specifications: therapists' style permuted within strata (what the other
    therapist-level predictors account for stays); outcome residuals of the model without perceived attachment
    permuted within therapists; a normal variable of the therapists that nothing depends on, in the place of style;
    therapists drawn anew with replacement.

    Returns
    -------
    DataFrame
        ``specifications`` fitted; over them the median of T and the share with two-sided p < .05 with permuted style
        (``T_median``, ``T_significant``), the same of P with permuted residuals (``P_median``, ``P_significant``), the
        share in which C2 is supported with permuted style and with the variable of no meaning (``C2_permuted``,
        ``C2_control``), the median of P-|T| with therapists drawn anew (``drawn_median``).

    References
    ----------
    Simonsohn, Simmons & Nelson (2020), Nat Hum Behav 4:1208-1214.
    """
    seed = universe.run.seed
    addresses = [Address(seed, KIND, number) for number in range(first, last)]
    people = sorted(universe.people["patients"]["patient"].astype(str))
    curves: dict[str, list[np.ndarray]] = {name: [] for name in CURVES}
    specifications = universe.specifications
    for number, spec in enumerate(specifications):
        if number % STEP == STEP - 1:
            log.info("%s: %d of %d specifications, in %d runs", KIND, number + 1, len(specifications), last - first)
        try:
            made = prepare_specification(universe, spec)
            by_curve = _curves(made, addresses, strata, people)
        except UserError:
            continue
        for name, values in by_curve.items():
            curves[name].append(values)
    stacked = {name: np.stack(values) for name, values in curves.items()}  # (specifications, runs, contrasts, 3)
    columns = {"specifications": np.full(len(addresses), len(curves["style"]))}
    for letter, name in (("T", "style"), ("P", "perceived")):
        at = stacked[name][:, :, SLOPES.index(letter)]
        columns[f"{letter}_median"] = np.nanmedian(at[..., 0], axis=0)
        columns[f"{letter}_significant"] = np.nanmean(_two_sided(at) < 0.05, axis=0)
    for column, name in (("C2_permuted", "style"), ("C2_control", "control")):
        columns[column] = _supported(stacked[name]).mean(axis=0)
    drawn = stacked["drawn"]
    p_less_t = drawn[:, :, SLOPES.index("P"), 0] - np.abs(drawn[:, :, SLOPES.index("T"), 0])
    missing = np.isnan(p_less_t).all(axis=0)
    columns["drawn_median"] = np.where(missing, np.nan, np.nanmedian(np.where(missing, 0.0, p_less_t), axis=0))
    return table(addresses, [OK] * len(addresses), columns)


def _two_sided(values: np.ndarray) -> np.ndarray:
    """p of estimates, SE and df in the last axis."""
    from scipy.special import stdtr

    return 2 * stdtr(values[..., 2], -np.abs(values[..., 0] / values[..., 1]))


def _supported(values: np.ndarray) -> np.ndarray:
    """Whether C2 is supported (specifications, runs)."""
    minus, plus = (values[:, :, SLOPES.index(name)] for name in ("P-T", "P+T"))
    out = np.zeros(minus.shape[:2], bool)
    for at in np.ndindex(out.shape):
        if np.isfinite(minus[at]).all() and np.isfinite(plus[at]).all():
            out[at] = claim_more(Effect(*minus[at]), Effect(*plus[at]))["verdict"] == "supported"
    return out


def _curves(
    made: PreparedSpecification, addresses: list[Address], strata: pd.Series, people: list[str]
) -> dict[str, np.ndarray]:
    """Contrasts of one specification in every run, by curve: (runs, 4, 3)."""
    result, contrasts = made.fit(), [made.contrasts[name] for name in SLOPES]
    weights = _membership(made)
    styles = np.stack([_permuted_style(made, weights, strata, a) for a in addresses])
    control = np.stack([_no_meaning(made, weights, strata, a) for a in addresses])
    out = {
        name: result.refit_many(contrasts=contrasts, kenward_roger=True, columns={T: values}).contrasts
        for name, values in (("style", styles), ("control", control))
    }
    y, residual = _without(made, weights)
    outcomes = np.stack([_permuted_outcome(y, residual, made, people, a) for a in addresses])
    out["perceived"] = result.refit_many(outcomes, contrasts, kenward_roger=True).contrasts
    out["drawn"] = _drawn(result, contrasts, strata, addresses)
    return out


def _membership(made: PreparedSpecification) -> Membership:
    """Membership weights of the rows of a specification."""
    if made.fitter.membership:
        return made.fitter.membership["therapist"]
    return Membership.of(made.fitter.data["therapist"])


def _level(made: PreparedSpecification, weights: Membership, columns: list[str]) -> np.ndarray:
    """Therapists' own values of predictors that are shared by membership."""
    matrix = weights.matrix()
    return means(made.fitter.data[[*columns]].to_numpy(float), matrix)


def _rng(address: Address, what: str) -> np.random.Generator:
    return address.generator(zlib.crc32(what.encode()))


def _permuted_style(
    made: PreparedSpecification, weights: Membership, strata: pd.Series, address: Address
) -> np.ndarray:
    """Style with its residual at the level of therapists permuted within strata; a therapist has the same place in the
    order whatever the specification leaves out."""
    between = terms.at_level((*made.fitter.base, *made.terms), terms.BETWEEN)
    level = _level(made, weights, [T, *between])
    known = np.column_stack([np.ones(len(level)), level[:, 1:]])
    residual = level[:, 0] - known @ np.linalg.lstsq(known, level[:, 0], rcond=None)[0]
    if address.number:
        place = pd.Series(_rng(address, "style").random(len(strata)), index=strata.index).reindex(weights.columns)
        stratum = strata.reindex(weights.columns).to_numpy()
        order = np.arange(len(residual))
        for one in pd.unique(stratum):
            at = np.flatnonzero(stratum == one)
            order[at] = at[np.argsort(place.to_numpy()[at], kind="stable")]
        residual = residual[order]
    values = weights.weights @ residual
    return values - values.mean()


def _no_meaning(made: PreparedSpecification, weights: Membership, strata: pd.Series, address: Address) -> np.ndarray:
    """A standard normal variable of the therapists, as their patients see it; in run 0 the style itself."""
    if not address.number:
        return made.fitter.data[T].to_numpy(float)
    drawn = pd.Series(_rng(address, "control").standard_normal(len(strata)), index=strata.index)
    values = weights.weights @ drawn.reindex(weights.columns).to_numpy()
    return values - values.mean()


def _without(made: PreparedSpecification, weights: Membership) -> tuple[np.ndarray, np.ndarray]:
    """Outcome, and the within-therapist part of its residuals in the model without perceived attachment."""
    reduced = made.fitter.fit([t for t in made.terms if terms.parse(t).variable != "perceived"], terms.INTERCEPT)
    y = made.fitter.data["y"].to_numpy(float)
    residual = y - reduced.model.linear_predictor(reduced.params.to_numpy())
    return y, within_between(residual, weights.matrix())[0]


def _permuted_outcome(y, residual, made: PreparedSpecification, people: list[str], address: Address) -> np.ndarray:
    """Outcome with residuals exchanged between the patients of a (main) therapist."""
    if not address.number:
        return y
    data = made.fitter.data
    place = pd.Series(_rng(address, "perceived").random(len(people)), index=people)
    place = place.reindex(data["patient"].astype(str)).to_numpy()
    therapist = pd.factorize(data["therapist"])[0]
    # The k-th patient of a therapist gets the residual of the one with the k-th smallest place.
    order = np.empty(len(y), int)
    order[np.argsort(therapist, kind="stable")] = np.lexsort((place, therapist))
    return y - residual + residual[order]


def _drawn(result, contrasts: list[dict], strata: pd.Series, addresses: list[Address]) -> np.ndarray:
    """Contrasts with therapists drawn anew; missing where patients join more than half of them."""
    parts = result.model.clusters("therapist")
    if len(max(parts, key=len)) > JOINED * sum(map(len, parts)):
        return np.full((len(addresses), len(contrasts), 3), np.nan)
    first = strata.index.get_indexer([part[0] for part in parts])
    counts = np.ones((len(addresses), len(parts)), int)
    for k, address in enumerate(addresses):
        if address.number:
            times = np.bincount(_rng(address, "drawn").integers(0, len(strata), len(strata)), minlength=len(strata))
            counts[k] = times[first]
    return result.refit_clusters(counts, "therapist", contrasts, kenward_roger=True).contrasts
