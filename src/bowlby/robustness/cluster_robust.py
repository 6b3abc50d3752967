"""Inference from therapists, or groups of them connected by switching patients: bootstrap, CR2, wild bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.design.centring import components
from bowlby.fit.clusters import Clusters, clusters_of
from bowlby.fit.models import standardised_slope_weights
from bowlby.fit.sandwich import cr2
from bowlby.mixed.components import connected
from bowlby.robustness.refit_claims import SLOPES, Basis, Rows, fit_c4, fit_c5, fit_m1
from bowlby.robustness.replicates import FAILED, OK, Address, not_computed, statuses, table
from bowlby.terms import T, Z

JOINED = 0.5
"""Share of the therapists in one part beyond which there are no parts to speak of."""
LARGEST = 5_000
"""Patients of a part whose covariance is still a full matrix."""
MOST = 1_000
"""Therapists of a part who are still left out one at a time: each time is three fits of their own."""


def groups(rows: Rows) -> np.ndarray:
    """Cluster of each row: a therapist, or therapists whom patients join by switching."""
    return components(rows.membership, rows.data["patient"])


def joined(rows: Rows) -> float:
    """Share of the therapists in the largest cluster."""
    members = rows.membership
    patient, therapist = (pd.factorize(members[name])[0] for name in ("patient", "therapist"))
    n, j = patient.max() + 1, therapist.max() + 1
    _, of_therapist = connected(patient, therapist, (n, j))
    return float(np.bincount(of_therapist).max() / j)


def undivided(*rows: Rows) -> str:
    """Why the analysis sets cannot be divided into independent clusters, as a message."""
    share = max(map(joined, rows))
    if share <= JOINED:
        return "patients who switched join therapists to groups that are too large"
    who = "all therapists" if share == 1 else f"{min(round(100 * share), 99)}% of the therapists"
    return f"patients who switched join {who} to one group, which leaves no separate groups to draw or to sum over"


def divisible(rows: Rows, group: np.ndarray) -> bool:
    """Whether residuals can be summed over parts: none holds most therapists, or more patients than a matrix takes."""
    return joined(rows) <= JOINED and np.bincount(group).max() <= LARGEST


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
            addresses = [Address(basis.seed, "cluster", int(n)) for n in numbers]
            return not_computed(addresses, undivided(basis.primary, basis.perceived))
    asked = standardised_slope_weights(basis.primary.design)
    models = [(m1, SLOPES, [asked[name] for name in SLOPES]), (c4, ("T_A",), [{T: 1.0}])]
    return pd.concat(
        [_batch(basis, models, numbers[at : at + BATCH]) for at in range(0, len(numbers), BATCH)], ignore_index=True
    )


def _batch(basis: Basis, models: list, numbers: np.ndarray) -> pd.DataFrame:
    addresses = [Address(basis.seed, "cluster", int(n)) for n in numbers]
    columns, converged, singular = {}, np.ones(len(numbers), bool), np.zeros(len(numbers), bool)
    for stream, (result, names, contrasts) in enumerate(models):
        parts = len(result.model.clusters("therapist"))
        drawn = np.stack([drawn_counts(a.generator(stream), parts) for a in addresses])
        refits = result.refit_clusters(drawn, "therapist", contrasts, kenward_roger=True)
        for k, name in enumerate(names):
            for position, suffix in enumerate(("", "_se")):
                columns[name + suffix] = refits.contrasts[:, k, position]
        converged &= refits.converged
        singular |= refits.singular
    status = statuses(converged, singular)
    for values in columns.values():
        values[status == FAILED] = np.nan
    return table(addresses, status, columns)


def drawn_counts(rng: np.random.Generator, parts: int) -> np.ndarray:
    """How often each of the parts is drawn in as many draws with replacement."""
    return np.bincount(rng.integers(0, parts, parts), minlength=parts)


def sandwich(basis: Basis) -> pd.DataFrame:
    """CR2 of P, T, P-T, P+T (M1) T_A (model of C4) and Z (model of C5).

    Returns
    -------
    DataFrame
        One row: each name, ``<name>_se``, ``<name>_df``, ``<name>_p``. ``failed``, and no number, where
        patients who switch leave no parts to sum over: with one part scores sum to 0, and so would every error.
    """
    address, own, perceived = [Address(basis.seed, "sandwich", 0)], groups(basis.primary), groups(basis.perceived)
    if not (divisible(basis.primary, own) and divisible(basis.perceived, perceived)):
        return not_computed(address, undivided(basis.primary, basis.perceived))
    m1 = fit_m1(basis.primary)
    columns: dict[str, np.ndarray] = {}
    asked = standardised_slope_weights(basis.primary.design).items()
    robust = cr2(clusters_of(m1, own))
    rows = [robust.contrast(name, weights) for name, weights in asked]
    rows.append(cr2(clusters_of(fit_c4(basis.perceived), perceived)).contrast("T_A", {T: 1.0}))
    if "patient_style" in basis.perceived.design["scaling"]:
        rows.append(cr2(clusters_of(fit_c5(basis.perceived.fitter), perceived)).contrast("Z", {Z: 1.0}))
    for row in rows:
        name = row["name"]
        columns |= {name: row["estimate"], f"{name}_se": row["se"], f"{name}_df": row["df"], f"{name}_p": row["p"]}
    return table(address, [OK], {k: np.array([v], float) for k, v in columns.items()})


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
    addresses, columns = [Address(basis.seed, "wild", number) for number in range(first, last)], {}
    own, perceived = groups(basis.primary), groups(basis.perceived)
    if not (divisible(basis.primary, own) and divisible(basis.perceived, perceived)):
        return not_computed(addresses, undivided(basis.primary, basis.perceived))
    m1, c4 = fit_m1(basis.primary), fit_c4(basis.perceived)
    asked = standardised_slope_weights(basis.primary.design)
    for stream, (result, group, contrasts) in enumerate(
        [(m1, own, {n: asked[n] for n in SLOPES}), (c4, perceived, {"T_A": {T: 1.0}})]
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
    scores, spreads = [], []
    for x, v, e in zip(clusters.x, clusters.v, clusters.e, strict=True):
        wx = np.linalg.solve(v, x)
        scores.append(wx.T @ (e + x @ shift))
        spreads.append(c @ m @ (wx.T @ x) @ m)
    g, k = np.array(scores), np.array(spreads)
    out = np.empty(len(weights))
    for i, w in enumerate(weights):
        moved = w @ g
        scores = w * (g @ (m @ c)) - k @ moved
        out[i] = (c @ m @ moved) / np.sqrt(scores @ scores)
    return out
