"""How the items of one scale agree with each other: all items at once."""

from __future__ import annotations

import numpy as np

LARGE = 10_000_000
"""Cells beyond which columns are taken one at a time: several copies of ten million forms would fill the memory."""


def item_rest(values: np.ndarray) -> np.ndarray:
    """Correlation of each item with the mean of the others that the same person answered.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Keyed answers; missing is NaN.

    Returns
    -------
    ndarray, shape (n_items,)
        0 for an item or a rest that does not vary.
    """
    return correlations(values, rest_means(values))


def rest_means(values: np.ndarray) -> np.ndarray:
    """Mean of the other items that the same person answered, for each item; NaN where there is none."""
    there = ~np.isnan(values)
    filled = np.where(there, values, 0.0)
    others = there.sum(axis=1)[:, None] - there
    rest = np.full(values.shape, np.nan)
    np.divide(filled.sum(axis=1)[:, None] - filled, others, out=rest, where=others > 0)
    return rest


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of each column of ``a`` with the same column of ``b``, over the rows that have both.

    0 where there are under three rows, or one of the two does not vary.
    """
    if a.size > LARGE and a.shape[1] > 1:
        return np.concatenate([correlations(a[:, k : k + 1], b[:, k : k + 1]) for k in range(a.shape[1])])
    both = np.isfinite(a) & np.isfinite(b)
    n = both.sum(axis=0)
    x, y = (_centred(values, both, n) for values in (a, b))
    sizes = np.sqrt((x**2).sum(axis=0)), np.sqrt((y**2).sum(axis=0))
    usable = (n >= 3) & (np.minimum(*sizes) > 1e-12 * np.sqrt(np.maximum(n, 1)))
    found = np.zeros(a.shape[1])
    np.divide((x * y).sum(axis=0), sizes[0] * sizes[1], out=found, where=usable)
    return np.clip(found, -1, 1)


def pairwise(values: np.ndarray) -> np.ndarray:
    """Correlation of each pair of items over the rows that have both; 0 where it does not exist.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Answers; missing is NaN.

    Returns
    -------
    ndarray, shape (n_items, n_items)
    """
    there = ~np.isnan(values)
    if there.all():
        n, filled = float(len(values)), values - values.mean(axis=0)
        there = None
    else:
        filled = np.where(there, values, 0.0)
        filled = np.where(there, filled - filled.sum(axis=0) / np.maximum(there.sum(axis=0), 1), 0.0)
        there = there.astype(float)
        n = there.T @ there
    ones = np.ones_like(filled) if there is None else there
    sums, squares = filled.T @ ones, (filled**2).T @ ones
    products = filled.T @ filled - sums * sums.T / np.maximum(n, 1)
    own = np.maximum(squares - sums**2 / np.maximum(n, 1), 0.0)
    size, found = np.sqrt(own * own.T), np.zeros_like(products)
    np.divide(products, size, out=found, where=(size > 1e-12) & (n >= 3))
    np.fill_diagonal(found, 1.0)
    return np.clip(found, -1, 1)


def centred(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Answers with the mean of their cell taken out, item by item.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Answers; missing is NaN.
    cells : ndarray of int, shape (n_rows,)
        Cell of each row, from 0.
    """
    there = ~np.isnan(values)
    filled = np.where(there, values, 0.0)
    out = np.empty_like(values)
    for k in range(values.shape[1]):
        sums, n = np.bincount(cells, filled[:, k]), np.bincount(cells, there[:, k])
        out[:, k] = values[:, k] - (sums / np.maximum(n, 1))[cells]
    return out


def alphas(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Alpha of a scale, and alpha without each of its items; NaN without variance.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Complete rows of keyed answers, at least two items; of two, alpha without one is NaN.
    """
    k = values.shape[1]
    covariance = np.cov(values.T)
    own, total = np.diag(covariance), covariance.sum()
    without = total - 2 * covariance.sum(axis=0) + own
    return float(_alpha(own.sum(), total, k)), _alpha(own.sum() - own, without, k - 1)


def first_loadings(values: np.ndarray) -> np.ndarray:
    """Loadings on the first principal component, signed so that most of them are positive.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_items)
        Complete rows of keyed answers.
    """
    roots, vectors = np.linalg.eigh(np.corrcoef(values.T))
    loadings = vectors[:, -1] * np.sqrt(max(roots[-1], 0.0))
    negative = int((loadings < 0).sum())
    flip = negative * 2 > len(loadings) or (negative * 2 == len(loadings) and loadings.sum() < 0)
    return -loadings if flip else loadings


def _centred(values: np.ndarray, both: np.ndarray, n: np.ndarray) -> np.ndarray:
    kept = np.where(both, values, 0.0)
    return np.where(both, kept - kept.sum(axis=0) / np.maximum(n, 1), 0.0)


def _alpha(own, total, k: int):
    """Alpha of k items whose variances have the sum ``own``, and whose sum has the variance ``total``."""
    total = np.asarray(total, dtype=float)
    share = np.full(total.shape, np.nan)
    if k < 2:
        return share
    np.divide(own, total, out=share, where=total > 1e-12)
    return k / (k - 1) * (1 - share)
