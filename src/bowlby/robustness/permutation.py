"""Permutation of therapists' style: the style of another therapist of the same stratum in the place of one's own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.compare.verdict import Effect, claim_more
from bowlby.design.centring import Membership, means
from bowlby.design.centring import membership as membership_of
from bowlby.fit.models import slopes
from bowlby.fit.units import with_sd_error
from bowlby.robustness.address import Address
from bowlby.robustness.claims import SLOPES, Basis, Rows, fit_m1
from bowlby.robustness.table import batch, statuses, table

KIND = "permutation"
BATCH = 500


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
    numbers, size = np.arange(first, last), batch(len(basis.primary.data), BATCH)
    parts = [
        _batch(basis, m1, residual, weights.weights, strata, numbers[at : at + size])
        for at in range(0, len(numbers), size)
    ]
    return pd.concat(parts, ignore_index=True)


def _batch(basis: Basis, m1, residual, weights, strata, numbers) -> pd.DataFrame:
    addresses = [Address(basis.seed, KIND, int(n)) for n in numbers]
    values = np.empty((len(addresses), weights.shape[0]))
    for k, address in enumerate(addresses):
        order = permuted(strata, address.generator()) if address.number else np.arange(len(strata))
        values[k] = weights @ residual[order]
        values[k] -= values[k].mean()
    asked = slopes(basis.primary.design).values()
    refits = m1.refit_many(contrasts=list(asked), kenward_roger=True, columns={"s_star": values})
    columns = {}
    for k, name in enumerate(SLOPES):
        columns |= dict(zip((name, f"{name}_se", f"{name}_df"), refits.contrasts[:, k].T))
    columns["T_t"] = columns["T"] / columns["T_se"]
    columns["C2_t"] = np.minimum(columns["P-T"] / columns["P-T_se"], columns["P+T"] / columns["P+T_se"])
    errors = basis.primary.design["sd_error"]
    wider = [with_sd_error(dict(zip(SLOPES, map(tuple, row))), errors) for row in refits.contrasts]
    columns["C2"] = [
        claim_more(*(Effect(*effects[n]) for n in ("P-T", "P+T")))["verdict"] if converged else None
        for effects, converged in zip(wider, refits.converged)
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
    between = ["pre_b", *(f"{c}_b" for c in rows.design["covariates"])]
    matrix = weights.matrix()
    level = means(rows.data[["s_star", *between]].to_numpy(float), matrix)
    known = np.column_stack([np.ones(len(level)), level[:, 1:]])
    return level[:, 0] - known @ np.linalg.lstsq(known, level[:, 0], rcond=None)[0], weights


def permuted(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random order of therapists that keeps each within its stratum."""
    order = np.arange(len(strata))
    for stratum in range(strata.max() + 1):
        at = np.flatnonzero(strata == stratum)
        order[at] = at[rng.permutation(len(at))]
    return order
