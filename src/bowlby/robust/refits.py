"""Refits of a model with one predictor exchanged, or with therapists counting several times, all side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bowlby.mixed import refits as engine
from bowlby.mixed.batch import Replicates
from bowlby.mixed.components import joined
from bowlby.mixed.crossproducts import reduce_rows, scale_outcome
from bowlby.mixed.refits import Refits, _contrast_rows, _one
from bowlby.mixed.stacks import independent_units

_Batch = getattr(engine, "_Batch", None)


def refit_swapped(result, term: str, values: np.ndarray, contrasts: list[dict]) -> Refits:
    """Refit a model with other values of one fixed effect.

    Parameters
    ----------
    result : MixedResult
        REML fit; the term has no random slope.
    term : str
        A predictor, not an interaction.
    values : ndarray, shape (n, nobs)
        One row of values a replicate.
    contrasts : list of dict

    Returns
    -------
    Refits
        With Kenward-Roger standard errors and df. A replicate's numbers do not depend on which others are asked for.
    """
    if _Batch is None:
        return result.refit_many(columns={term: values}, contrasts=contrasts, kenward_roger=True)
    rows = _contrast_rows(result, contrasts, True)
    out = Refits.empty(result.model, len(values), len(rows), True)
    stacks = independent_units(result.model)
    if stacks is None:
        for k, column in enumerate(values):
            _one(out, k, lambda column=column: _with_column(result.model, term, column).fit(), rows, True)
        return out
    batch = _Batch(result, stacks)
    for at in batch.chunks(len(values)):
        out.put(at, _swapped(result, batch, term, values[at], rows))
    return out


def _with_column(model, term: str, values: np.ndarray):
    """The model with other values of one predictor, for fits one by one."""
    at = model.frame.names.index(term)
    frame = replace(model.frame, x=[values if k == at else column for k, column in enumerate(model.frame.x)])
    other = object.__new__(type(model))
    other.spec, other.kernel = model.spec, model.kernel
    other._set(frame, reduce_rows(frame))
    return other


def _swapped(result, batch, term: str, values: np.ndarray, rows: np.ndarray) -> Refits:
    """One chunk: with ``X_k = X + d_k m'`` every cross-product changes by products of ``d_k`` alone."""
    model, data, x = result.model, batch.data, batch.x
    count, p, scaling = len(values), data.p, data.scaling
    j = model.names.index(term)
    mix = scaling.x_mix[j]
    root = 1.0 if batch.root_w is None else batch.root_w
    d = (values - model.frame.x[data.kept[j]]) / scaling.x_scale[j] * root
    y, shift, size = scale_outcome(model.frame.y, model.frame.offset, model._has_intercept, batch.root_w)
    xx = np.empty((count, p + 1, p + 1))
    xx[:] = data.xx
    for k, column in enumerate(d):
        xd, square = x.T @ column, float(column @ column)
        xx[k, :p, :p] += np.outer(xd, mix) + np.outer(mix, xd) + square * np.outer(mix, mix)
        xx[k, :p, p] += float(column @ y) * mix
        xx[k, p, :p] = xx[k, :p, p]
    z = []
    for stack, zx in zip(batch.stacks, batch.zx):
        zd = stack.arranged(stack.zt @ np.ascontiguousarray(d.T))
        whole = np.empty((count, p + 1, *zx.shape[1:]))
        whole[:, :p] = zx + mix.reshape(1, p, *(1,) * (zx.ndim - 1)) * zd[:, None]
        whole[:, p] = stack.arranged(stack.zt @ y[:, None])[0]
        z.append(whole)
    dof = np.array([data.n - p], dtype=float)
    replicates = Replicates(batch.parameters, batch.stacks, xx, z, [None] * len(z), dof, True, count)
    return batch._refits(
        replicates, np.array([data.n]), np.full(count, shift), np.full(count, size), data.logdet_weights, rows, True
    )


def parts_of(model) -> np.ndarray:
    """Part of each row: the therapists that shared patients join, numbered from 0; rows of different parts are
    independent."""
    labels = joined(model.reduced.factors, model.nobs)
    factor = model.reduced.factors[0]
    if factor.codes is not None:
        return labels[0][factor.codes]
    first = factor.weights.tocsr()
    return labels[0][first.indices[first.indptr[:-1]]]


def refit_counted(result, counts: np.ndarray, contrasts: list[dict]) -> Refits | None:
    """Refit a model with its independent parts counting several times, or not at all.

    A part that counts twice stands for two therapists (or groups of them) with the same patients: relabelled, as a
    bootstrap over therapists needs.

    Parameters
    ----------
    result : MixedResult
        REML fit with one grouping factor.
    counts : ndarray of int, shape (n, parts)
        See :func:`parts_of`.
    contrasts : list of dict

    Returns
    -------
    Refits or None
        With Kenward-Roger standard errors and df; None where nearly all therapists are joined.
    """
    if _Batch is None:
        return result.refit_clusters(counts, None, contrasts, True)
    stacks = independent_units(result.model)
    if stacks is None:
        return None
    rows = _contrast_rows(result, contrasts, True)
    out = Refits.empty(result.model, len(counts), len(rows), True)
    batch, part = _Batch(result, stacks), parts_of(result.model)
    for at in batch.chunks(len(counts)):
        out.put(at, _counted(result, batch, part, counts[at], rows))
    return out


def _counted(result, batch, part: np.ndarray, counts: np.ndarray, rows: np.ndarray) -> Refits:
    model, data, count = result.model, batch.data, len(counts)
    p, frame = data.p, model.frame
    y, shift, size = scale_outcome(frame.y, frame.offset, model._has_intercept, batch.root_w)
    whole = np.column_stack([batch.x, y])
    products = np.zeros((counts.shape[1], p + 1, p + 1))
    np.add.at(products, part, whole[:, :, None] * whole[:, None, :])
    times = counts.astype(float)
    xx = np.stack([np.tensordot(c, products, axes=1) for c in times])
    z = []
    for stack, zx in zip(batch.stacks, batch.zx):
        own = stack.arranged(stack.zt @ y[:, None])
        z.append(np.concatenate([zx, own])[None])
    sizes = np.bincount(part, minlength=counts.shape[1])
    n = counts @ sizes
    each = [np.ascontiguousarray(times[:, stack.cluster]) for stack in batch.stacks]
    replicates = Replicates(batch.parameters, batch.stacks, xx, z, each, (n - p).astype(float), True, count)
    return batch._refits(replicates, n, np.full(count, shift), np.full(count, size), 0.0, rows, True)
