"""Are the item columns in the order of the form? Items of a scale go together more than items mixed by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.parts import Finding

RANDOM_KEYS = 400
# Of few persons a true key stands out less from those at random.
QUANTILE, QUANTILE_OF_FEW, FEW = 0.99, 0.95, 100
SPLITS = 20
GROUPED = 2.3
ORDER = "compare the order of the item columns with the form, also the version of the form"


def order_check(centred: dict[str, pd.DataFrame]) -> list[Finding]:
    """One finding for a form with several scales.

    Mean size of the correlations within scales less that between them, beside the same for keys that give the items
    to scales of the same sizes at random (always the same ones). The direction of items plays no part in it. Where
    items form no groups that halves of the persons share, as in scales that hardly differ, no order can be told.

    Parameters
    ----------
    centred : dict of str to DataFrame
        Answers to the items of each scale, means of role and occasion taken out. An item in several scales counts in
        the first, one with the same answer throughout in none.
    """
    home = {c: name for name, items in reversed(centred.items()) for c in items if items[c].std() > 1e-9}
    names = [n for n in centred if sum(h == n for h in home.values()) > 1]
    columns = [c for c in home if home[c] in names]
    if len(names) < 2:
        return []
    answers = pd.concat([centred[n][[c for c in centred[n] if home.get(c) == n]] for n in names], axis=1)[columns]
    size = answers.corr().abs().to_numpy(copy=True)
    if not np.isfinite(size).all():
        return [Finding(None, None, "columns_in_order", "items that nobody answered together", "", "not_testable")]
    scale = np.array([names.index(home[c]) for c in columns])
    random = np.random.default_rng(0)
    keys = random.permuted(np.tile(scale, (RANDOM_KEYS, 1)), axis=1)
    observed, *others = _apart(size, np.vstack([scale, keys]))
    bound = float(np.quantile(others, QUANTILE if len(answers) >= FEW else QUANTILE_OF_FEW))
    # Of few possible keys the true one is often among the random ones, and is then the bound itself.
    bad = observed < bound - 1e-12
    if bad and _grouped(answers.fillna(0.0).to_numpy(float)) < GROUPED:
        return [Finding(None, None, "columns_in_order", "the scales hardly differ", "", "not_testable")]
    verdict, advice = ("suspicious", ORDER) if bad else ("ok", "")
    expected = f">= {bound:.4f}"
    return [Finding(None, None, "columns_in_order", round(observed, 4), expected, verdict, advice, not bad)]


def _grouped(answers: np.ndarray) -> float:
    """How far which items go together agrees between halves of the persons: a correlation by the root of its pairs."""
    random = np.random.default_rng(0)
    half = len(answers) // 2
    found = []
    for _ in range(SPLITS):
        order = random.permutation(len(answers))
        found.append(np.corrcoef(_pairs(answers[order[:half]]), _pairs(answers[order[half:]]))[0, 1])
    k = answers.shape[1]
    return float(np.nan_to_num(np.mean(found)) * np.sqrt(k * (k - 1) / 2))


def _pairs(answers: np.ndarray) -> np.ndarray:
    """Size of the correlation of each pair of items beyond what each of the two has with all others."""
    sd = np.maximum(answers.std(axis=0, ddof=1), 1e-12)
    size = np.abs(np.cov(answers.T) / np.outer(sd, sd))
    np.fill_diagonal(size, 0.0)
    k = len(size)
    own, all_pairs = size.sum(axis=0) / (k - 2), size.sum() / ((k - 1) * (k - 2))
    return (size - own[:, None] - own + all_pairs)[np.triu_indices(k, 1)]


def _apart(size: np.ndarray, keys: np.ndarray) -> list[float]:
    """Mean of the correlations within scales less that of those between, for keys of one make-up, a row each."""
    pairs = size - np.diag(np.diag(size))
    counts = np.bincount(keys[0])
    n, n_within = len(size) * (len(size) - 1), int((counts * (counts - 1)).sum())
    within = np.zeros(len(keys))
    for scale in range(len(counts)):
        member = (keys == scale).astype(float)
        within += np.einsum("ij,ij->i", member @ pairs, member)
    return (within / n_within - (pairs.sum() - within) / (n - n_within)).tolist()
