"""Random effects of each level: conditional means and covariances, and their part in the rows."""

from __future__ import annotations

import numpy as np

from bowlby.mixed.criterion import State, unit_product
from bowlby.mixed.crossproducts import Reduced
from bowlby.mixed.derivatives import outer_complement, unit_scores


def blups(data: Reduced, state: State) -> list[np.ndarray]:
    """D Z'P y of each factor, (levels, q), user units (outcome per predictor unit)."""
    t, tb = unit_scores(data, state)
    scores = [] if t is None else [t[:, -1].T]
    scores += [np.stack([tb[:, columns, -1].ravel()[place] for columns in factor], axis=1)
               for factor, place in zip(data.select, data.place)]
    return [data.scaling.y_scale * (score @ d) @ s.to_user.T
            for score, d, s in zip(scores, state.d, data.scaling.slopes)]


def conditional_covariances(data: Reduced, state: State, fixed_uncertainty: bool) -> list[np.ndarray]:
    """Var(u | y) / sigma^2 of each level, (levels, q, q), user units; with the fixed effects' part if asked.

    D - D M D with M = Z'V0^-1 Z, or Z'P0 Z for the prediction error.
    """
    t, tb = unit_scores(data, state)
    middles = []
    if t is not None:
        m = unit_product(state.g, data.s)
        if data.links is not None:
            m = m - data.links.sandwich(state.f, state.k)
        m = np.moveaxis(m, -1, 0)
        middles.append(m - _explained(np.moveaxis(t, -1, 0), state.phi) if fixed_uncertainty else m)
    if data.links is not None:
        for factor, place, m in zip(data.select, data.place, _outer_middles(data, state)):
            if fixed_uncertainty:
                scores = np.stack([tb[:, c].reshape(-1, tb.shape[2])[place] for c in factor], axis=1)
                m = m - _explained(scores, state.phi)
            middles.append(m)
    return [s.covariance(d - d @ m @ d) for m, d, s in zip(middles, state.d, data.scaling.slopes)]


def _outer_middles(data: Reduced, state: State) -> list[np.ndarray]:
    """Blocks (levels, q, q) of Z_o'V0^-1 Z_o, of each outer factor."""
    if not isinstance(state.k, np.ndarray):
        from bowlby.mixed.wide import level_middles

        return level_middles(state.c, state.k, data.select)
    _, mbb = outer_complement(data, state)
    out = []
    for factor, place in zip(data.select, data.place):
        q = len(factor)
        m = np.empty((len(place), q, q))
        for a in range(q):
            for b in range(q):
                m[:, a, b] = np.diagonal(mbb[:, factor[a], factor[b]], axis1=1, axis2=2).ravel()[place]
        out.append(m)
    return out


def _explained(scores: np.ndarray, phi: np.ndarray) -> np.ndarray:
    x = scores[:, :, :-1]
    return x @ phi @ x.transpose(0, 2, 1)


def add_random(out: np.ndarray, factor, u: np.ndarray) -> None:
    """Add Z u of one factor to the rows of `out` in place."""
    for column, effect in zip(factor.basis, u.T):
        part = effect[factor.codes] if factor.codes is not None else factor.weights @ effect
        out += part if column is None else part * column
