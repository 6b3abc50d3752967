"""The multiverse under the null hypothesis, with a meaningless variable of therapists and with resampled ones."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass

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
    people = pd.Index(sorted(universe.people["patients"]["patient"].astype(str)))
    draws = Draws.of(addresses, strata, people)
    curves: dict[str, list[np.ndarray]] = {name: [] for name in CURVES}
    specifications = universe.specifications
    for number, spec in enumerate(specifications):
        if number % STEP == STEP - 1:
            log.info("%s: %d of %d specifications, in %d runs", KIND, number + 1, len(specifications), last - first)
        try:
            made = prepare_specification(universe, spec)
            by_curve = _curves(made, draws)
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


@dataclass(frozen=True)
class Draws:
    """What is drawn in each run, the same for all specifications; run 0 is the study itself.

    Attributes
    ----------
    null : ndarray of bool (runs,)
        Whether a run is not the study itself.
    strata : Series
        Stratum of each therapist.
    people : Index
        Of patients.
    style, perceived : ndarray (runs, therapists) and (runs, patients)
        Places in the order of a permutation.
    control : ndarray (runs, therapists)
        Normal variable.
    drawn : ndarray of int (runs, therapists)
        How often each therapist is drawn.
    """

    null: np.ndarray
    strata: pd.Series
    people: pd.Index
    style: np.ndarray
    perceived: np.ndarray
    control: np.ndarray
    drawn: np.ndarray

    @classmethod
    def of(cls, addresses: list[Address], strata: pd.Series, people: pd.Index) -> Draws:
        """The draws of some runs."""
        n = len(strata)

        def each(what: str, draw) -> np.ndarray:
            return np.stack([draw(address.generator(zlib.crc32(what.encode()))) for address in addresses])

        null = np.array([address.number > 0 for address in addresses])
        drawn = each("drawn", lambda rng: np.bincount(rng.integers(0, n, n), minlength=n))
        drawn[~null] = 1
        places = each("style", lambda rng: rng.random(n)), each("perceived", lambda rng: rng.random(len(people)))
        return cls(null, strata, people, *places, each("control", lambda rng: rng.standard_normal(n)), drawn)

    def therapists(self, weights: Membership) -> np.ndarray:
        """Positions of a specification's therapists."""
        return self.strata.index.get_indexer(weights.columns)


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


def _curves(made: PreparedSpecification, draws: Draws) -> dict[str, np.ndarray]:
    """Contrasts of one specification in every run, by curve: (runs, 4, 3)."""
    result, contrasts = made.fit(), [made.contrasts[name] for name in SLOPES]
    weights = _membership(made)
    changed = {"style": _permuted_styles(made, weights, draws), "control": _no_meaning(made, weights, draws)}
    out = {
        name: result.refit_many(contrasts=contrasts, kenward_roger=True, columns={T: values}).contrasts
        for name, values in changed.items()
    }
    outcomes = _permuted_outcomes(*_without(made, weights), made, draws)
    out["perceived"] = result.refit_many(outcomes, contrasts, kenward_roger=True).contrasts
    out["drawn"] = _drawn(result, contrasts, draws)
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


def _permuted_styles(made: PreparedSpecification, weights: Membership, draws: Draws) -> np.ndarray:
    """Style with its residual at the level of therapists permuted within strata (runs, rows); a therapist has the same
    place in the order whatever the specification leaves out."""
    between = terms.at_level((*made.fitter.base, *made.terms), terms.BETWEEN)
    level = _level(made, weights, [T, *between])
    known = np.column_stack([np.ones(len(level)), level[:, 1:]])
    residual = level[:, 0] - known @ np.linalg.lstsq(known, level[:, 0], rcond=None)[0]
    here = draws.therapists(weights)
    place, stratum = draws.style[:, here], draws.strata.to_numpy()[here]
    order = np.tile(np.arange(len(residual)), (len(place), 1))
    for one in pd.unique(stratum):
        at = np.flatnonzero(stratum == one)
        order[:, at] = at[np.argsort(place[:, at], axis=1, kind="stable")]
    order[~draws.null] = np.arange(len(residual))
    return np.stack([_shared(weights, values) for values in residual[order]])


def _shared(weights: Membership, values: np.ndarray) -> np.ndarray:
    """A variable of the therapists as their patients see it, about its mean."""
    values = weights.weights @ values
    return values - values.mean()


def _no_meaning(made: PreparedSpecification, weights: Membership, draws: Draws) -> np.ndarray:
    """A standard normal variable of the therapists, as their patients see it; in run 0 the style itself."""
    values = np.stack([_shared(weights, drawn) for drawn in draws.control[:, draws.therapists(weights)]])
    values[~draws.null] = made.fitter.data[T].to_numpy(float)
    return values


def _without(made: PreparedSpecification, weights: Membership) -> tuple[np.ndarray, np.ndarray]:
    """Outcome, and the within-therapist part of its residuals in the model without perceived attachment."""
    reduced = made.fitter.fit([t for t in made.terms if terms.parse(t).variable != "perceived"], terms.INTERCEPT)
    y = made.fitter.data["y"].to_numpy(float)
    residual = y - reduced.model.linear_predictor(reduced.params.to_numpy())
    return y, within_between(residual, weights.matrix())[0]


def _permuted_outcomes(y: np.ndarray, residual: np.ndarray, made: PreparedSpecification, draws: Draws) -> np.ndarray:
    """Outcome with residuals exchanged between the patients of a (main) therapist (runs, rows)."""
    data = made.fitter.data
    places = draws.perceived[:, draws.people.get_indexer(data["patient"].astype(str))]
    therapist = pd.factorize(data["therapist"])[0]
    # The k-th patient of a therapist gets the residual of the one with the k-th smallest place.
    slots, order = np.argsort(therapist, kind="stable"), np.empty(places.shape, int)
    order[:, slots] = [np.lexsort((place, therapist)) for place in places]
    return np.where(draws.null[:, None], y - residual + residual[order], y)


def _drawn(result, contrasts: list[dict], draws: Draws) -> np.ndarray:
    """Contrasts with therapists drawn anew; missing where patients join more than half of them."""
    parts = result.model.clusters("therapist")
    if len(max(parts, key=len)) > JOINED * sum(map(len, parts)):
        return np.full((len(draws.drawn), len(contrasts), 3), np.nan)
    first = draws.strata.index.get_indexer([part[0] for part in parts])
    return result.refit_clusters(draws.drawn[:, first], "therapist", contrasts, kenward_roger=True).contrasts
