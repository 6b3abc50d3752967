"""Registered composites: one number for each side of the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bowlby.config.run import Block, ReferenceBlock
from bowlby.errors import UserError, problem

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 3
"""Persons below whom no correlation is estimated: of two it is always 1 or -1. Such a study is refused for its size."""
FAR = 2.0
"""Factor between a sample's SD and the reference SD from which on they hardly are of the same scale."""


@dataclass(frozen=True)
class Scaling:
    """SDs and correlations by which a block of scales is put on one footing.

    Attributes
    ----------
    scales : list of str
    sd : ndarray, shape (k,)
        In the scales' own units.
    correlation : ndarray, shape (k, k)
    origin : str
        ``reference`` (from the configuration) or ``sample``.
    """

    scales: list[str]
    sd: np.ndarray
    correlation: np.ndarray
    origin: str


def reference_scaling(block: Block, reference: ReferenceBlock) -> Scaling:
    """Scaling from the configuration's norms; pairs without a correlation count as uncorrelated."""
    scales = list(block.weights)
    correlation = np.eye(len(scales))
    for pair in reference.correlations:
        if set(pair.scales) <= set(scales):
            i, j = (scales.index(s) for s in pair.scales)
            correlation[i, j] = correlation[j, i] = pair.r
    return Scaling(scales, np.array([reference.sd[s] for s in scales]), correlation, "reference")


def sample_scaling(block: Block, scores: pd.DataFrame) -> Scaling:
    """Scaling from the sample: SDs (n - 1) and correlations of the persons given."""
    scales = list(block.weights)
    complete = scores[scales].dropna().to_numpy(float)
    spread = np.ptp(complete, axis=0) if len(complete) else np.ones(len(scales))
    flat = [scale for scale, width in zip(scales, spread, strict=True) if width == 0]
    if flat:
        do = "without variance it is no predictor; check the answers"
        raise UserError([problem(f"{block.instrument} {scale} is the same for everyone", do) for scale in flat])
    if len(complete) < 2:  # nobody can be weighed: everyone's composite is missing, and the rows say so
        return Scaling(scales, np.full(len(scales), np.nan), np.eye(len(scales)), "sample")
    correlation = np.eye(len(scales))
    if len(complete) >= FEWEST:
        correlation = np.atleast_2d(np.corrcoef(complete.T))
        weights = np.array([block.weights[s] for s in scales])
        if weights @ correlation @ weights < 1e-12:
            what = f"the composite of {block.instrument} ({', '.join(scales)}) is the same for everyone"
            raise UserError(problem(what, "its scales cancel out; choose other weights"))
    return Scaling(scales, complete.std(axis=0, ddof=1), correlation, "sample")


def far_from_reference(sample: pd.Series, reference: pd.Series, of: str) -> list[dict]:
    """Reference SDs from which the sample's are further than a factor of 2: scale, sample SD and reference SD.

    Parameters
    ----------
    sample, reference : Series
        SD by scale, in the scales' own units.
    of : str
        The instrument.
    """
    known = sample.dropna()
    return [
        {"scale": f"{of} {scale}", "sample_sd": float(sd), "reference_sd": float(reference[scale])}
        for scale, sd in known[known > 0].items()
        if not 1 / FAR <= sd / reference[scale] <= FAR
    ]


def sd_error(values: pd.Series) -> dict:
    """How well the SD of a population is known from a sample.

    Parameters
    ----------
    values : Series
        Missing values are left out.

    Returns
    -------
    dict
        ``variance`` of the logarithm of the SD, ``(k - (n - 3) / (n - 1)) / 4n`` with the sample's kurtosis k (3 for a
        normal variable, where this is 1 / 2(n - 1)), and ``df`` n - 1.
    """
    n = int(values.count())
    if n < 2:  # nobody can be analysed, and the rows say so
        return {"variance": 0.0, "df": 1.0}
    kurtosis = 3 + float(values.kurt()) if n > 3 else 3.0
    return {"variance": max(kurtosis - (n - 3) / (n - 1), 0.0) / (4 * n), "df": float(n - 1)}


def composite(scores: pd.DataFrame, block: Block, scaling: Scaling) -> np.ndarray:
    """Composite of a block in SDs of its reference population.

    Parameters
    ----------
    scores : DataFrame, shape (n, k)
        Scale scores in their own units; a missing scale makes the composite missing.
    block : Block
        Weights w of the scales.
    scaling : Scaling

    Returns
    -------
    ndarray, shape (n,)
        ``w'(x / sd) / sqrt(w' R w)``: its SD is 1 in the reference population. Not centred.
    """
    weights = np.array([block.weights[s] for s in scaling.scales])
    norm = np.sqrt(weights @ scaling.correlation @ weights)
    return scores[scaling.scales].to_numpy(float) @ (weights / scaling.sd) / norm
