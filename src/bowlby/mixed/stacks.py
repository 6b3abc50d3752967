"""Which form the random effects of a model take for many replicates: the stacks of ``blocks`` and ``linked``."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bowlby.mixed.blocks import Dense, Narrow
from bowlby.mixed.components import joined
from bowlby.mixed.linked import Linked

_ROOM = 2e7        # loadings of rows on the principal axes of one unit, beyond which they fill the memory
_MOST = 3_000_000  # operations of one evaluation of one replicate, beyond which single fits are as fast


def independent_units(model) -> list | None:
    """The stacks of a model, or None where units are so large that nothing is won.

    Levels that share no row are stacked by how many levels of each factor their component has. Where a finer factor
    meets few columns of others, or where one of several uncorrelated effects can be turned to its principal axes, all
    levels may be cheaper as one :class:`~bowlby.mixed.linked.Linked` stack.
    """
    data, parameters = model.reduced, model.parameters
    sizes = np.array([len(f.labels) for f in data.factors])
    many = sum(f.n_levels for f in data.factors[1:])
    crossed = data.links is not None and data.has_inner
    if model.kernel is not None or (crossed and (many > 200 or data.factors[0].n_levels > 2000)):
        return None
    labels = joined(data.factors, data.n)
    count = 1 + max(int(part.max()) for part in labels)
    shapes = np.stack([np.bincount(part, minlength=count) for part in labels], axis=1)
    width = (shapes[shapes.sum(axis=1) > 1] @ sizes).astype(float)
    dense = 4 * float((width**3).sum()) if parameters.count > 1 else 0.0
    rows = data.n * width.max(initial=0.0) / sum(f.n_levels for f in data.factors)
    if parameters.count == 1 and rows * width.max(initial=0.0) > _ROOM:
        return None  # each principal axis of a unit loads on all its rows
    linked = np.inf
    if crossed:
        linked = _cost(sizes[0], data.factors[0].n_levels, sizes[1:] @ [f.n_levels for f in data.factors[1:]])
    elif len(sizes) == 1 and parameters.diagonal.all() and parameters.count > 1:
        linked = _cost(1, data.factors[0].n_levels, (sizes[0] - 1) * data.factors[0].n_levels)
    if min(dense, linked) > _MOST:
        return None
    columns = _columns(model)
    if dense <= linked:
        return _by_component(columns, labels, shapes, parameters)
    return [_one_stack(columns, labels, parameters, crossed)]


def _cost(q: int, units: int, k: int) -> float:
    return 6.0 * q * units * k * k + 4.0 * k**3


def _columns(model) -> list[list]:
    """The random-effect columns of each factor and effect, internal scale, as sparse (n, levels)."""
    data, frame = model.reduced, model.frame
    root_w = None if frame.weights is None else np.sqrt(frame.weights)
    out = []
    for factor, slopes in zip(data.factors, data.scaling.slopes):
        met = factor.weights if factor.codes is None else sparse.csr_matrix(
            (np.ones(data.n), (np.arange(data.n), factor.codes)), shape=(data.n, factor.n_levels))
        out.append([(met if b is None else sparse.diags(b) @ met).tocsc() for b in slopes.columns(factor, root_w)])
    return out


def _by_component(columns, labels, shapes, parameters) -> list:
    stacks = []
    for shape in np.unique(shapes, axis=0):
        cluster = np.flatnonzero((shapes == shape).all(axis=1))
        select, picked, at = {}, [], 0
        for f, count in enumerate(shape):
            if not count:
                continue
            order = np.argsort(labels[f], kind="stable")
            level = order[np.isin(labels[f][order], cluster)].reshape(len(cluster), count)
            picked += [(c, level) for c in columns[f]]
            for b in range(len(columns[f])):
                select[f, b] = slice(at, at + count)
                at += int(count)
        if shape.sum() == 1:
            zt = sparse.vstack([c[:, level[:, 0]].T for c, level in picked], format="csr")
            stacks.append(Narrow(zt, len(picked), cluster, parameters, int(np.flatnonzero(shape)[0])))
            continue
        zt = sparse.vstack([c[:, level[j]].T for j in range(len(cluster)) for c, level in picked], format="csr")
        unit = Dense(zt, at, cluster, parameters, select)
        if parameters.count == 1:
            # With one variance the principal axes of each unit are independent.
            zt = sparse.block_diag([_axes(c) for c in unit.c], format="csr") @ zt
            unit = Narrow(zt.tocsr(), 1, np.repeat(cluster, at), parameters, parameters.items[0].factor)
        stacks.append(unit)
    return stacks


def _axes(square: np.ndarray) -> np.ndarray:
    """Principal axes as rows."""
    return np.linalg.eigh(square)[1].T


def _one_stack(columns, labels, parameters, by_factor: bool) -> Linked:
    """All levels as one stack, with the first factor, or the first effect of the only one, inside."""
    first = columns[0] if by_factor else columns[0][:1]
    zt = sparse.vstack([c.T for c in first], format="csr")
    cluster = labels[0]
    if by_factor:
        inner = {i: parameters.entries(i) for i, t in enumerate(parameters.items) if t.factor == 0}
        outer = [(f, b) for f in range(1, len(columns)) for b in range(len(columns[f]))]
    else:
        inner, outer = {0: [(0, 0)]}, [(0, b) for b in range(1, len(columns[0]))]
        order = np.argsort(cluster, kind="stable")
        zt, cluster = zt[order], cluster[order]
        bounds = np.flatnonzero(np.diff(cluster)) + 1
        turns = [_axes((part @ part.T).toarray()) for part in (
            zt[i:j] for i, j in zip([0, *bounds], [*bounds, len(cluster)]))]
        zt = (sparse.block_diag(turns, format="csr") @ zt).tocsr()
    select, at = {}, 0
    for f, b in outer:
        select[f, b] = slice(at, at + columns[f][b].shape[1])
        at = select[f, b].stop
    every = [zt, *(columns[f][b].T for f, b in outer)]
    clusters = [cluster, *(labels[f] for f, _ in outer)]
    return Linked(sparse.vstack(every, format="csr"), len(first), len(cluster), np.concatenate(clusters), parameters,
                  inner, select)
