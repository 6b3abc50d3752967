"""Wild cluster bootstrap for few therapists: each therapist's residuals multiplied by one random number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.fit.clusters import Clusters, clusters_of
from bowlby.fit.models import slopes
from bowlby.robustness.address import Address
from bowlby.robustness.claims import SLOPES, Basis, fit_c4, fit_m1
from bowlby.robustness.parts import divisible, groups, undivided
from bowlby.robustness.table import OK, not_computed, table

KIND = "wild"
WEBB = np.sqrt([0.5, 1.0, 1.5, 0.5, 1.0, 1.5]) * [1, 1, 1, -1, -1, -1]


def wild(basis: Basis, first: int, last: int) -> pd.DataFrame:
    """Replicates ``first`` to ``last - 1``; replicate 0 is the data themselves.

    The coefficients are those of generalised least squares with the fitted model's covariance; in each replicate the
    contrast in question is 0 (restricted), so the share of replicates whose t is as large as that of replicate 0 is a
    p value.

    Returns
    -------
    DataFrame
        ``<name>_t`` of P, T, P-T, P+T and T_A: estimate over its cluster-robust standard error; ``failed``, and no
        number, where patients who switch leave no parts whose signs could be changed.

    References
    ----------
    Cameron, Gelbach & Miller (2008), Rev Econ Stat 90:414-427; weights of Webb (2014), QED working paper 1315.
    """
    addresses, columns = [Address(basis.seed, KIND, number) for number in range(first, last)], {}
    own, perceived = groups(basis.primary), groups(basis.perceived)
    if not (divisible(basis.primary, own) and divisible(basis.perceived, perceived)):
        return not_computed(addresses, undivided(basis.primary, basis.perceived))
    m1, c4 = fit_m1(basis.primary), fit_c4(basis.perceived)
    asked = slopes(basis.primary.design)
    for stream, (result, group, contrasts) in enumerate(
        [(m1, own, {n: asked[n] for n in SLOPES}), (c4, perceived, {"T_A": {"s_star": 1.0}})]
    ):
        clusters = clusters_of(result, group)
        weights = np.stack([webb(a, stream, len(clusters.x)) for a in addresses])
        for name, contrast in contrasts.items():
            c = np.array([contrast.get(n, 0.0) for n in clusters.names])
            columns[f"{name}_t"] = wild_t(clusters, c, weights)
    return table(addresses, [OK] * len(addresses), columns)


def webb(address: Address, stream: int, clusters: int) -> np.ndarray:
    """A weight for each cluster; all 1 in replicate 0."""
    if address.number == 0:
        return np.ones(clusters)
    return WEBB[address.generator(stream).integers(0, len(WEBB), clusters)]


def wild_t(clusters: Clusters, c: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """t of the contrast c in each replicate, under ``c'beta = 0``.

    Parameters
    ----------
    clusters : Clusters
    c : ndarray, shape (p,)
    weights : ndarray, shape (n, clusters)

    Returns
    -------
    ndarray, shape (n,)

    Notes
    -----
    With ``M = (X'WX)^-1`` and restricted residuals ``r_j``, ``g_j = X_j'W_j r_j``: ``b* = sum w_j g_j`` moves the
    coefficients by ``M b*``, and cluster j's score is ``w_j c'M g_j - c'M X_j'W_j X_j M b*``.
    """
    m = clusters.bread
    shift = m @ c * (c @ clusters.beta) / (c @ m @ c)  # unrestricted less restricted coefficients
    g, k = [], []
    for x, v, e in zip(clusters.x, clusters.v, clusters.e):
        wx = np.linalg.solve(v, x)
        g.append(wx.T @ (e + x @ shift))
        k.append(c @ m @ (wx.T @ x) @ m)
    g, k = np.array(g), np.array(k)
    out = np.empty(len(weights))
    for i, w in enumerate(weights):
        moved = w @ g
        scores = w * (g @ (m @ c)) - k @ moved
        out[i] = (c @ m @ moved) / np.sqrt(scores @ scores)
    return out
