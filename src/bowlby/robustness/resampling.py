"""Replicates of the fitted model: parametric bootstrap, permutation of style, check of assumptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bowlby.compare.claims import claim_more
from bowlby.design.centring import Membership, means
from bowlby.design.centring import membership as membership_of
from bowlby.effect import Effect
from bowlby.errors import UserError
from bowlby.fit.models import standardised_slope_weights
from bowlby.fit.units import with_sd_error
from bowlby.robustness.refit_claims import SLOPES, Basis, Rows, fit_c4, fit_m1
from bowlby.robustness.replicates import FAILED, OK, SINGULAR, Address, batch, share_as_large, statuses, table
from bowlby.terms import BETWEEN, T, column

BATCH = 250


def parametric(basis: Basis, first: int, last: int) -> pd.DataFrame:
    """Replicates ``first`` to ``last - 1``.

    Each draws random effects and residuals anew from M1, and from the model of C4, and refits both; a refit whose
    variance is 0 is kept like any other. Kenward-Roger standard errors are kept for the studentised p values.

    Returns
    -------
    DataFrame
        P, T, P-T, P+T and T_A, each with ``<name>_se``; variances of M1 in outcome units: ``therapist``, ``slope``,
        ``residual``.
    """
    numbers, size = np.arange(first, last), batch(len(basis.primary.data), BATCH)
    parts = [_batch(basis, numbers[at : at + size]) for at in range(0, len(numbers), size)]
    return pd.concat(parts, ignore_index=True)


def _batch(basis: Basis, numbers: np.ndarray) -> pd.DataFrame:
    addresses = [Address(basis.seed, "parametric", int(n)) for n in numbers]
    m1, c4 = fit_m1(basis.primary), fit_c4(basis.perceived)
    asked = standardised_slope_weights(basis.primary.design)
    one = _refits(m1, addresses, 0, [asked[name] for name in SLOPES])
    two = _refits(c4, addresses, 1, [{T: 1.0}])
    columns = {}
    for refits, names in ((one, SLOPES), (two, ("T_A",))):
        for k, name in enumerate(names):
            columns[name], columns[f"{name}_se"] = refits.contrasts[:, k, 0], refits.contrasts[:, k, 1]
    columns |= dict(zip(("therapist", "slope", "residual"), one.variances.T, strict=True))
    return table(addresses, statuses(one.converged & two.converged, one.singular | two.singular), columns)


def _refits(result, addresses: list[Address], part: int, contrasts: list[dict]):
    outcomes = np.vstack([result.simulate(1, a.sequence(part)) for a in addresses])
    return result.refit_many(outcomes, contrasts, kenward_roger=True)


PERMUTATIONS = 500


def permutation(basis: Basis, first: int, last: int) -> pd.DataFrame:
    """Permutations ``first`` to ``last - 1`` of therapists' style within strata; permutation 0 is the data themselves.

    What of the style the other therapist-level predictors of M1 account for stays with its therapist, and the rest
    (its residual at the level of therapists) goes to another; every therapist keeps their patients.

    Returns
    -------
    DataFrame
        P, T, P-T, P+T, each with ``_se`` and ``_df``; ``T_t``, Kenward-Roger t of T; ``C2_t``, the smaller t of P-T and
        P+T, on which claim C2 hangs; ``C2``, its verdict with this style that is nobody's.
    """
    m1 = fit_m1(basis.primary)
    residual, weights = style_residual(basis.primary)
    strata = pd.factorize(basis.strata.reindex(weights.columns), sort=True)[0]
    numbers, size = np.arange(first, last), batch(len(basis.primary.data), PERMUTATIONS)
    parts = [
        _permuted(basis, m1, residual, weights.weights, strata, numbers[at : at + size])
        for at in range(0, len(numbers), size)
    ]
    return pd.concat(parts, ignore_index=True)


def _permuted(basis: Basis, m1, residual, weights, strata, numbers) -> pd.DataFrame:
    addresses = [Address(basis.seed, "permutation", int(n)) for n in numbers]
    values = np.empty((len(addresses), weights.shape[0]))
    for k, address in enumerate(addresses):
        order = permuted(strata, address.generator()) if address.number else np.arange(len(strata))
        values[k] = weights @ residual[order]
        values[k] -= values[k].mean()
    asked = standardised_slope_weights(basis.primary.design).values()
    refits = m1.refit_many(contrasts=list(asked), kenward_roger=True, columns={T: values})
    columns: dict[str, Any] = {}
    for k, name in enumerate(SLOPES):
        columns |= dict(zip((name, f"{name}_se", f"{name}_df"), refits.contrasts[:, k].T, strict=True))
    columns["T_t"] = columns["T"] / columns["T_se"]
    columns["C2_t"] = np.minimum(columns["P-T"] / columns["P-T_se"], columns["P+T"] / columns["P+T_se"])
    errors = basis.primary.design["sd_error"]
    wider = [with_sd_error(dict(zip(SLOPES, map(tuple, row), strict=True)), errors) for row in refits.contrasts]
    columns["C2"] = [
        claim_more(Effect(*effects["P-T"]), Effect(*effects["P+T"]))["verdict"] if converged else None
        for effects, converged in zip(wider, refits.converged, strict=True)
    ]
    return table(addresses, statuses(refits.converged, refits.singular), columns)


def style_residual(rows: Rows) -> tuple[np.ndarray, Membership]:
    """Therapists' style less what the other therapist-level predictors account for, and the membership weights.

    Returns
    -------
    residual : ndarray, shape (therapists,)
        Least squares, every therapist counting once.
    weights : Membership
        Of the patients.
    """
    weights = membership_of(rows.membership, pd.Index(rows.data["patient"]))
    between = [column(c, level=BETWEEN) for c in ("baseline", *rows.design["covariates"])]
    matrix = weights.matrix()
    level = means(rows.data[[T, *between]].to_numpy(float), matrix)
    known = np.column_stack([np.ones(len(level)), level[:, 1:]])
    return level[:, 0] - known @ np.linalg.lstsq(known, level[:, 0], rcond=None)[0], weights


def permuted(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random order of therapists that keeps each within its stratum."""
    order = np.arange(len(strata))
    for stratum in range(strata.max() + 1):
        at = np.flatnonzero(strata == stratum)
        order[at] = at[rng.permutation(len(at))]
    return order


POINTS = 99
FEWEST = 5
STATISTICS = ("skewness", "kurtosis", "spread")


def assumptions(basis: Basis, first: int, last: int) -> pd.DataFrame:
    """Simulations ``first`` to ``last - 1`` from M1, refitted; number 0 is the study itself.

    Predicted effects of therapists are shrunken, so they look normal whatever they are: only effects that went through
    the same shrinking, those of simulated studies, say how far they may lie apart.

    Returns
    -------
    DataFrame
        ``u_01`` and so on: quantiles of therapists' predicted intercepts (SD of the outcome); ``r_01`` and so on: of
        the residuals given therapists (residual SD); ``skewness`` and ``kurtosis`` of the residuals (a normal
        distribution has 0 and 0); ``spread``: SD over therapists of the logarithm of their patients' residual SD,
        therapists of five patients or more.
    """
    m1, unit = fit_m1(basis.primary), basis.primary.unit
    therapist = basis.primary.data["therapist"].to_numpy()
    rows: list[dict] = []
    status, addresses = [], []
    for number in range(first, last):
        address = Address(basis.seed, "assumptions", number)
        addresses.append(address)
        try:
            refit = m1.refit(m1.simulate(1, address.sequence())[0]) if number else m1
        except UserError:
            rows.append({})
            status.append(FAILED)
            continue
        rows.append(described(refit, unit, therapist))
        status.append(SINGULAR if refit.singular else OK)
    columns = pd.DataFrame(rows, columns=described(m1, unit, therapist).keys(), dtype=float)
    return table(addresses, status, {c: columns[c] for c in columns})


def described(result, unit: float, therapist: np.ndarray) -> dict[str, float]:
    """What :func:`assumptions` keeps of a fit.

    Parameters
    ----------
    result : MixedResult
        With a random intercept of therapists.
    unit : float
        1 / reference SD of the outcome.
    therapist : ndarray, shape (n,)
        Main therapist of every row.
    """
    effects = result.random_effects["therapist"].iloc[:, 0].to_numpy(float) * unit
    residual = np.asarray(result.resid, float) / np.sqrt(result.scale)
    centred = residual - residual.mean()
    variance = float((centred**2).mean())
    out = {f"u_{k:02}": q for k, q in enumerate(quantiles(effects), 1)}
    out |= {f"r_{k:02}": q for k, q in enumerate(quantiles(residual), 1)}
    groups = pd.Series(residual).groupby(therapist)
    own = groups.std()[groups.size() >= FEWEST]
    return out | {
        "skewness": float((centred**3).mean()) / variance**1.5,
        "kurtosis": float((centred**4).mean()) / variance**2 - 3,
        "spread": float(np.log(own[own > 0]).std()) if len(own) > 1 else np.nan,
    }


def quantiles(values: np.ndarray) -> np.ndarray:
    """All values in order, or 99 quantiles of more."""
    count = min(len(values), POINTS)
    return np.quantile(values, (np.arange(count) + 0.5) / count)


def judged(table: pd.DataFrame) -> dict:
    """The study among its simulations.

    Returns
    -------
    dict
        ``therapists``, ``residuals``: share of the points outside the envelope in which 95% of the simulations lie at
        that point, and the p of the largest distance from the simulations' mean in their SD, over all points;
        ``skewness``, ``kurtosis`` (two-sided) and ``spread`` (larger than expected): value and p.
    """
    kept = table[table["status"] != FAILED]
    out = {}
    for name, letter in (("therapists", "u_"), ("residuals", "r_")):
        points = kept[[c for c in kept if c.startswith(letter)]].to_numpy(float)
        low, high = np.quantile(points[1:], [0.025, 0.975], axis=0)
        sd = points[1:].std(axis=0, ddof=1)
        off = np.abs(points - points[1:].mean(axis=0)) / np.where(sd > 0, sd, np.inf)
        out[name] = {"outside": float(((points[0] < low) | (points[0] > high)).mean()),
                     "p": share_as_large(off.max(axis=1))}  # fmt: skip
    for name in STATISTICS:
        values = kept[name].to_numpy(float)
        if np.isfinite(values).all():
            distance = values if name == "spread" else np.abs(values - values[1:].mean())
            out[name] = {"value": float(values[0]), "p": share_as_large(distance)}
    return out
