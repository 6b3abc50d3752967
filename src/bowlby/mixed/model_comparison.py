"""Likelihood-ratio tests and information criteria of models of the same rows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from bowlby.errors import refusal
from bowlby.mixed import tolerances as tol

if TYPE_CHECKING:
    from bowlby.mixed.result import MixedResult


def compare(*results: MixedResult) -> pd.DataFrame:
    """Likelihood-ratio tests between models, each against the one before it, and information criteria.

    Models fitted by REML are refitted by ML, since their restricted likelihoods are of different data where the fixed
    effects differ.

    Parameters
    ----------
    *results : MixedResult
        Two or more fits of one outcome in the same rows, in any order.

    Returns
    -------
    DataFrame
        One row a model, by number of parameters: model, n_parameters, aic, bic, llf, deviance, chi2, df, p. The test
        is missing where the model before it is not nested in it or has as many parameters. Where a variance is 0 under
        the smaller model p is too large, about twofold for one variance (Self & Liang, 1987, JASA 82:605-610).

    Raises
    ------
    UserError
        If the fits are of different rows, outcomes or weights, or a larger model fits worse than one nested in it.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from bowlby.mixed import MixedModel, compare
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"g": np.repeat(np.arange(20), 10), "x": rng.normal(size=200)})
    >>> data["y"] = data.x + rng.normal(size=20)[data.g] + rng.normal(size=200)
    >>> small, large = (MixedModel.from_formula(f"y ~ {x} + (1 | g)", data).fit() for x in ("1", "x"))
    >>> compare(small, large).df.tolist()
    [nan, 1.0]
    """
    if len(results) < 2 or not all(hasattr(r, "n_parameters") for r in results):
        raise refusal("models are compared with one another", "give two or more fits")
    for other in results[1:]:
        _check_same_data(results[0].model, other.model)
    fits = sorted((r.model.fit(reml=False) if r.reml else r for r in results), key=lambda r: r.n_parameters)
    table = pd.DataFrame(
        {
            "model": [str(f.model.spec) for f in fits],
            "n_parameters": [f.n_parameters for f in fits],
            "aic": [f.aic for f in fits],
            "bic": [f.bic for f in fits],
            "llf": [f.llf for f in fits],
            "deviance": [-2 * f.llf for f in fits],
        }
    )
    tests = [(np.nan, np.nan), *(_ratio(a, b) for a, b in pairwise(fits))]
    table["chi2"], table["df"] = np.array(tests).T
    table["p"] = chdtrc(table["df"], table["chi2"])
    return table


def _check_same_data(one, other) -> None:
    if one.spec.outcome != other.spec.outcome:
        raise refusal(
            f"the models have the outcomes '{one.spec.outcome}' and '{other.spec.outcome}'",
            "compare models of one outcome",
        )
    labels = [m.frame.labels[m.rows] for m in (one, other)]
    if one.nobs != other.nobs or not labels[0].equals(labels[1]):
        dropped = sorted({why for m in (one, other) for why in m.n_dropped})
        raise refusal(
            f"the models are fitted to different rows ({one.nobs} and {other.nobs})",
            "fit all to the rows that are complete for all" + (f" ({'; '.join(dropped)})" if dropped else ""),
        )
    if not np.array_equal(one.frame.y, other.frame.y):
        raise refusal("the outcome has other values in one of the models", "fit all to the same data")
    weights = [np.ones(m.nobs) if m.frame.weights is None else m.frame.weights for m in (one, other)]
    if not np.array_equal(weights[0], weights[1]):
        raise refusal("the models have different weights", "fit all with the same weights")


def _ratio(small, large) -> tuple[float, float]:
    """Twice the difference of log-likelihoods and of numbers of parameters; missing for models that are not nested."""
    df = large.n_parameters - small.n_parameters
    if not df or not _nested(small.model, large.model):
        return np.nan, np.nan
    ratio = 2 * (large.llf - small.llf)
    if ratio < -tol.NESTED * max(1.0, abs(large.llf)):
        raise refusal(
            f"{large.model.spec} fits worse than {small.model.spec}, which is nested in it",
            "simplify the random part, or give fit(starts=...)",
        )
    return max(ratio, 0.0), float(df)


def _nested(small, large) -> bool:
    """Whether the larger model holds the fixed columns (as linear combinations), random effects and offset."""
    if small.kernel is not None and type(small.kernel) is not type(large.kernel):
        return False
    offsets = [np.zeros(m.nobs) if m.frame.offset is None else m.frame.offset for m in (small, large)]
    return np.allclose(offsets[0], offsets[1]) and _random_nested(small, large) and _fixed_nested(small, large)


def _random_nested(small, large) -> bool:
    """Whether each block of effects that may covary lies within one of the larger model."""
    blocks = [
        [
            (f.name, {f.labels[k] for k in positions}, correlated)
            for f in m.frame.factors
            for positions, correlated in f.blocks
        ]
        for m in (small, large)
    ]
    return all(
        any(
            name == other and labels <= more and (may_covary or len(labels) == 1)
            for other, more, may_covary in blocks[1]
        )
        for name, labels, _ in blocks[0]
    )


def _fixed_nested(small, large) -> bool:
    columns = []
    for m in (small, large):
        x = m.frame.columns(m.reduced.kept)
        columns.append(x / np.abs(x).max(axis=0))
    left = columns[0] - columns[1] @ np.linalg.lstsq(columns[1], columns[0])[0]
    return bool(np.abs(left).max() < tol.RANK)
