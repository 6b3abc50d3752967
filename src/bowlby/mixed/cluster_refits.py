"""Refits to other rows: clusters drawn several times or not at all, levels left out.

A cluster is a level of the group (a therapist), or several that rows join. In a bootstrap over therapists each
replicate says how often each cluster counts. A cluster that counts k times is k clusters with effects of their own;
levels of other factors that lie within it (its patients) are copied with it, levels that reach beyond it (a site) are
not.

What is held fixed: every predictor keeps the values it has in the model, so centring and scaling are not redone.
Centring within therapists is unaffected by which other therapists are there (and so is centring by projection on the
membership weights, cluster by cluster); centring a therapist-level predictor at its grand mean moves the intercept
alone, unless the predictor is part of a product. Means and SDs of the sample that enter in another way are the
caller's to redo, with a model of its own. Where a therapist who shares patients is left out alone, those patients go
too, and the others of the therapists they shared keep the centring they had.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from bowlby.errors import refusal
from bowlby.mixed import tolerances as tol
from bowlby.mixed.components import connected_levels
from bowlby.mixed.random_effect_layout import independent_units
from bowlby.mixed.refits import Batch, Refits, contrast_rows, fill_one


def clusters(model, group: str | None = None) -> list[list]:
    """Levels of a group that rows join, directly or in a chain.

    Parameters
    ----------
    model : MixedModel
    group : str, optional
        Name of a grouping factor; may be left out where there is one.

    Returns
    -------
    list of list
        The levels of each cluster, in the order of their first.
    """
    factor = _factor(model, group)
    cluster = _cluster_of_level(model, factor)
    out: list[list] = [[] for _ in range(int(cluster.max()) + 1)]
    for level, number in zip(factor.levels, cluster, strict=True):
        if number >= 0:
            out[number].append(level)
    return out


def refit_clusters(result, counts, group: str | None = None, contrasts=None, kenward_roger: bool = False) -> Refits:
    """Refit with each cluster counted as often as asked.

    Parameters
    ----------
    result : MixedResult
    counts : array_like of int, shape (n, clusters)
        How often each of ``model.clusters(group)`` counts in each replicate.
    group, contrasts, kenward_roger
        As for :func:`clusters` and :func:`bowlby.mixed.refits.refit_many`.

    Returns
    -------
    Refits
        A replicate without residual variation or with collinear predictors has NaN.

    Raises
    ------
    UserError
        When counts do not fit the clusters, or the residuals have a structure.
    """
    model = _plain(result)
    factor = _factor(model, group)
    cluster = _cluster_of_level(model, factor)
    counts = np.asarray(counts)
    size = int(cluster.max()) + 1
    if counts.ndim != 2 or counts.shape[1] != size:
        raise refusal(f"counts have shape {counts.shape}", f"give one row of {size} per replicate")
    if not np.issubdtype(counts.dtype, np.number) or (counts < 0).any() or (counts != np.floor(counts)).any():
        raise refusal("counts are not whole numbers from 0", "say how often each cluster counts")
    rows = contrast_rows(result, contrasts, kenward_roger)
    out = Refits.empty(model, len(counts), len(rows), kenward_roger)
    of_row = _of_rows(factor, cluster)
    fitted = counts @ np.bincount(cluster[cluster >= 0], minlength=size) > 1  # one level has no variance
    stacks = independent_units(model)
    labels = connected_levels(model.reduced.factors, model.nobs)
    own = next(part for part, f in zip(labels, model.reduced.factors, strict=True) if f is factor)
    holds = np.full(1 + max(int(part.max()) for part in labels), -1)
    holds[own[factor.named]] = cluster[factor.named]
    if stacks is not None and (holds >= 0).sum() == size:
        every, component = np.where(holds < 0, 1.0, counts[:, holds]), _of_rows(factor, own)
        batch, together = Batch(result, stacks), fitted & ~_doubtful(model, every, component, labels)
        for at in batch.chunks(len(counts)):
            part = np.arange(len(counts))[at][together[at]]
            if part.size:
                out.put(part, batch.counted(every[part], component, rows, kenward_roger))
        fitted &= ~(together & out.converged)  # the others, and those that failed, have fits of their own
    for k in np.flatnonzero(fitted).tolist():
        times = np.where(of_row < 0, 1, counts[k][of_row]).astype(np.intp)
        fill_one(
            out, k, lambda times=times: _redrawn(model, factor, of_row, times).fit(result.reml), rows, kenward_roger
        )
    return out


def leave_out(result, group: str | None = None, contrasts=None, kenward_roger: bool = False) -> Refits:
    """Refit without each level of a group in turn, and without every row that loads on it.

    Returns
    -------
    Refits
        One replicate for each level, sorted, named in ``labels``.
    """
    model = _plain(result)
    factor = _factor(model, group)
    cluster = _cluster_of_level(model, factor)
    named = factor.sorted_levels
    alone = np.bincount(cluster[named])[cluster[named]] == 1
    rows = contrast_rows(result, contrasts, kenward_roger)
    out = Refits.empty(model, len(named), len(rows), kenward_roger)
    counts = np.ones((int(alone.sum()), int(cluster.max()) + 1))
    counts[np.arange(len(counts)), cluster[named[alone]]] = 0
    out.put(np.flatnonzero(alone), refit_clusters(result, counts, factor.name, contrasts, kenward_roger))
    of_row = _of_rows(factor, cluster)
    for k in np.flatnonzero(~alone).tolist():
        kept = factor.weights[:, [named[k]]].toarray()[:, 0] == 0
        fill_one(
            out,
            k,
            lambda kept=kept: _redrawn(model, factor, of_row, kept.astype(np.intp)).fit(result.reml),
            rows,
            kenward_roger,
        )
    out.labels = factor.levels[named].tolist()
    return out


def _plain(result):
    if result.model.kernel is not None:
        raise refusal("refits to other rows are not available with a residual structure", "fit the model to those rows")
    return result.model


def _factor(model, group: str | None):
    factors = {f.name: f for f in model.reduced.factors}
    if group is None and len(factors) == 1:
        return model.reduced.factors[0]
    if group not in factors:
        raise refusal(
            f"the model has no group '{group}'" if group else "the model has several groups",
            f"name one of {', '.join(factors)}",
        )
    return factors[group]


def _cluster_of_level(model, factor) -> np.ndarray:
    """Cluster number of every level, -1 for the level of rows without one."""
    (labels,) = connected_levels([factor], model.nobs)
    out = np.full(len(labels), -1)
    out[factor.named] = np.unique(labels[factor.named], return_inverse=True)[1]
    return out


def _of_rows(factor, number: np.ndarray) -> np.ndarray:
    """The number of the level each row loads on first, -1 where it loads on none."""
    if factor.codes is not None:
        return number[factor.codes]
    weights = factor.weights
    out = np.full(weights.shape[0], -1)
    some = np.diff(weights.indptr) > 0
    out[some] = number[weights.indices[weights.indptr[:-1][some]]]
    return out


def _doubtful(model, counts: np.ndarray, component: np.ndarray, labels: list[np.ndarray]) -> np.ndarray:
    """Replicates that a fit of their own may refuse, for too few levels or for columns that have become dependent.

    Parameters
    ----------
    counts : ndarray (n, components)
    component : ndarray of int (rows,)
        -1 for rows that always count once.
    labels : list of ndarray
        The component of each level, by factor.
    """
    data = model.reduced
    size = counts.shape[1]
    at, times = np.where(component < 0, size, component), np.column_stack([counts, np.ones(len(counts))])

    def products(columns) -> np.ndarray:
        """Sums over the rows of each replicate, (n, k, k)."""
        k = len(columns)
        parts = [np.bincount(at, weights=a * b, minlength=size + 1) for a in columns for b in columns]
        return (times @ np.array(parts).reshape(k * k, size + 1).T).reshape(-1, k, k)

    ones = np.ones(data.n)
    n = products([ones])[:, 0, 0]
    out = _dependent(products(model._internal_x.T))
    for factor, part in zip(data.factors, labels, strict=True):
        levels = counts @ np.bincount(part[factor.named], minlength=size)
        widest = max(len(positions) for positions, _ in factor.blocks)
        out |= (levels < 2) | (levels <= data.p) | (levels * widest >= n)
        basis = [ones if column is None else column for column in factor.basis]
        for k, column in enumerate(basis):
            for other in basis[:k]:
                out |= _dependent(products([column, other]))
            out |= products([column])[:, 0, 0] == 0
    return out


def _dependent(products: np.ndarray) -> np.ndarray:
    """Whether columns with these sums of products (..., k, k) are linearly dependent, or close to it."""
    if not products.shape[-1]:
        return np.zeros(len(products), bool)
    length = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    length = np.where(length > 0, length, 1.0)
    return np.linalg.eigvalsh(products / (length[:, :, None] * length[:, None]))[:, 0] < tol.COLLINEAR


def _redrawn(model, group, of_row: np.ndarray, times: np.ndarray):
    """The model of rows that count several times or not at all, `of_row` being the cluster of each."""
    frame = model.frame
    rows = np.repeat(np.arange(len(times)), times)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    most = int(times.max(initial=0)) + 1

    def taken(column):
        return None if column is None else column[rows]

    factors = []
    for factor in model.reduced.factors:
        row, level = _loads(factor)
        inside = np.ones(factor.n_levels, bool)
        if factor is not group:
            lowest, highest = np.full(factor.n_levels, np.inf), np.full(factor.n_levels, -np.inf)
            np.minimum.at(lowest, level, of_row[row])
            np.maximum.at(highest, level, of_row[row])
            inside = (lowest == highest) & (lowest >= 0)
        if factor.codes is not None:
            key = factor.codes[rows] * most + np.where(inside[factor.codes[rows]], copy, 0)
            kept, codes = np.unique(key, return_inverse=True)
            new = replace(factor, codes=codes, levels=factor.levels[kept // most])
        else:
            weights = factor.weights[rows].tocoo()
            key = weights.col.astype(np.int64) * most + np.where(inside[weights.col], copy[weights.row], 0)
            kept, column = np.unique(key, return_inverse=True)
            new = replace(
                factor,
                levels=factor.levels[kept // most],
                weights=sparse.csr_matrix((weights.data, (weights.row, column)), shape=(len(rows), len(kept))),
            )
        factors.append(replace(new, basis=[taken(b) for b in factor.basis]))
    return model._of_frame(
        replace(
            frame,
            rows=frame.rows[rows],
            y=frame.y[rows],
            names=list(model.names),
            factors=factors,
            x=[taken(frame.x[k]) for k in model.reduced.kept],
            level=frame.level[model.reduced.kept],
            weights=taken(frame.weights),
            offset=taken(frame.offset),
            sources={},
        )
    )


def _loads(factor) -> tuple[np.ndarray, np.ndarray]:
    """Rows and the levels they load on."""
    if factor.codes is not None:
        return np.arange(len(factor.codes)), factor.codes
    weights = factor.weights.tocoo()
    return weights.row, weights.col
