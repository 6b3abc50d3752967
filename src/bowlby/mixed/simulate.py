"""New outcomes from a fitted model."""

from __future__ import annotations

import numpy as np

from bowlby.mixed import checks


def simulate(result, n: int, seed) -> np.ndarray:
    """Draw random effects and residuals anew.

    Parameters
    ----------
    result : MixedResult
    n : int
    seed : int or SeedSequence
        Replicate k has the k-th child of this seed: it is the same however many are drawn.

    Returns
    -------
    ndarray, shape (n, nobs)
        Outcome units, rows in the order of ``model.rows``.
    """
    from bowlby.mixed.effects import add_random

    model = result.model
    mean = model.linear_predictor(result.params.to_numpy())
    sd = np.sqrt(result.scale if model.frame.weights is None else result.scale / model.frame.weights)
    roots = [_root(c) for c in result.covariances]
    base = checks.seed_sequence(seed)
    out = np.empty((checks.whole(n, "the number of replicates"), model.nobs))
    for k in range(len(out)):
        child = np.random.SeedSequence(base.entropy, spawn_key=(*base.spawn_key, k))
        rng = np.random.default_rng(child)
        noise = rng.standard_normal(model.nobs)
        if model.kernel is not None:
            noise = model.kernel.colour(noise, result._residual_x)
        out[k] = mean + sd * noise
        for factor, root in zip(model.reduced.factors, roots):
            add_random(out[k], factor, rng.standard_normal((factor.n_levels, len(root))) @ root.T)
    return out


def _root(cov: np.ndarray) -> np.ndarray:
    """A square root of a covariance matrix that may be singular."""
    values, vectors = np.linalg.eigh(cov)
    return vectors * np.sqrt(np.maximum(values, 0.0))
