"""Bootstrap over therapists: therapists drawn anew with all their patients, twice drawn being two therapists."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.fit.models import slopes
from bowlby.robustness.address import Address
from bowlby.robustness.claims import SLOPES, Basis, fit_c4, fit_m1
from bowlby.robustness.parts import JOINED, undivided
from bowlby.robustness.table import FAILED, not_computed, statuses, table

KIND = "cluster"
BATCH = 250


def cluster(basis: Basis, first: int, last: int) -> pd.DataFrame:
    """Replicates ``first`` to ``last - 1``.

    Where patients switch, the therapists whom they join are drawn together. Centring again within the therapists drawn
    changes no slope (every part keeps its own means, and the shift of the grand mean goes to the intercept), so parts
    are counted in place of copied.

    Returns
    -------
    DataFrame
        P, T, P-T, P+T (M1) and T_A (model of C4), each with ``_se``; reference SDs stay those of the run. Not computed
        where one part holds more than half of the therapists: there is nothing to draw.
    """
    m1, c4, numbers = fit_m1(basis.primary), fit_c4(basis.perceived), np.arange(first, last)
    for result in (m1, c4):
        parts = result.model.clusters("therapist")
        if len(max(parts, key=len)) > JOINED * sum(map(len, parts)):
            addresses = [Address(basis.seed, KIND, int(n)) for n in numbers]
            return not_computed(addresses, undivided(basis.primary, basis.perceived))
    asked = slopes(basis.primary.design)
    models = [(m1, SLOPES, [asked[name] for name in SLOPES]), (c4, ("T_A",), [{"s_star": 1.0}])]
    return pd.concat(
        [_batch(basis, models, numbers[at : at + BATCH]) for at in range(0, len(numbers), BATCH)], ignore_index=True
    )


def _batch(basis: Basis, models: list, numbers: np.ndarray) -> pd.DataFrame:
    addresses = [Address(basis.seed, KIND, int(n)) for n in numbers]
    columns, converged, singular = {}, np.ones(len(numbers), bool), np.zeros(len(numbers), bool)
    for stream, (result, names, contrasts) in enumerate(models):
        parts = len(result.model.clusters("therapist"))
        drawn = np.stack([drawn_counts(a.generator(stream), parts) for a in addresses])
        found = result.refit_clusters(drawn, "therapist", contrasts, kenward_roger=True)
        for k, name in enumerate(names):
            for position, suffix in enumerate(("", "_se")):
                columns[name + suffix] = found.contrasts[:, k, position]
        converged &= found.converged
        singular |= found.singular
    status = statuses(converged, singular)
    for values in columns.values():
        values[status == FAILED] = np.nan
    return table(addresses, status, columns)


def drawn_counts(rng: np.random.Generator, parts: int) -> np.ndarray:
    """How often each of the parts is drawn in as many draws with replacement."""
    return np.bincount(rng.integers(0, parts, parts), minlength=parts)
