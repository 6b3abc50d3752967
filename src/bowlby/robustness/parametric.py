"""Parametric bootstrap: new outcomes from the fitted models, random effects drawn anew, every refit kept."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.fit.models import slopes
from bowlby.robustness.address import Address
from bowlby.robustness.claims import SLOPES, Basis, fit_c4, fit_m1
from bowlby.robustness.table import batch, statuses, table

KIND = "parametric"
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
    addresses = [Address(basis.seed, KIND, int(n)) for n in numbers]
    m1, c4 = fit_m1(basis.primary), fit_c4(basis.perceived)
    asked = slopes(basis.primary.design)
    one = _refits(m1, addresses, 0, [asked[name] for name in SLOPES])
    two = _refits(c4, addresses, 1, [{"s_star": 1.0}])
    columns = {}
    for refits, names in ((one, SLOPES), (two, ("T_A",))):
        for k, name in enumerate(names):
            columns[name], columns[f"{name}_se"] = refits.contrasts[:, k, 0], refits.contrasts[:, k, 1]
    columns |= dict(zip(("therapist", "slope", "residual"), one.variances.T))
    return table(addresses, statuses(one.converged & two.converged, one.singular | two.singular), columns)


def _refits(result, addresses: list[Address], part: int, contrasts: list[dict]):
    outcomes = np.vstack([result.simulate(1, a.sequence(part)) for a in addresses])
    return result.refit_many(outcomes, contrasts, kenward_roger=True)
