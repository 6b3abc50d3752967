"""Whether patients without an outcome differ from the others in perceived attachment or in their therapist's style."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtr

from bowlby.disclosure import SMALLEST

NOTHING = {"slope": None, "se": None, "p": None}


def missing_outcomes(frame: pd.DataFrame, therapist: np.ndarray) -> dict:
    """Linear probability models of having no outcome, for patients who have everything else.

    Parameters
    ----------
    frame : DataFrame
        A row a patient: ``y`` (NaN where missing), ``baseline``, ``perceived``, ``therapist_style``.
    therapist : ndarray, shape (n,)
        Patient's therapist.

    Returns
    -------
    dict
        Each with slope, se, df and p. ``perceived``: slope within therapists of having no outcome on perceived
        attachment (df n - J - 1). ``therapist_style``: the same of therapists' shares without outcome on style,
        weighted by caseload (df J - 2). ``perceived:baseline`` and ``therapist_style:baseline``: whether it depends on
        perceived attachment, or on style, at which severity patients leave; slopes of the products within therapists,
        adjusted for attachment and baseline (df n - J - 4). ``p``: four times the smallest (Bonferroni); None, and the
        others absent, if fewer than 5 patients have no outcome or nobody has one.

    Notes
    -----
    The products matter because T and P are biased too if one kind of therapist (or one kind of patient) loses those who
    do badly and another those who do well, with equal shares. Outcome is unknown for those who left; baseline stands
    for it.
    """
    missing = frame["y"].isna().to_numpy(float)
    if not SMALLEST <= missing.sum() < len(missing):
        return {"p": None}
    own = frame[["baseline", "perceived", "therapist_style"]].astype(float)
    columns = own.assign(missing=missing)
    groups = columns.groupby(pd.factorize(therapist)[0])
    deviations, means = columns - groups.transform("mean"), groups.mean()
    size = groups.size().to_numpy(float)
    n, j = len(columns), len(size)
    root = np.sqrt(size)
    centred = (means - np.average(means, axis=0, weights=size)).mul(root, axis=0)
    severity = deviations["baseline"]
    products = pd.DataFrame(
        {
            "perceived": deviations["perceived"] * severity,
            "therapist_style": (own["therapist_style"] - own["therapist_style"].mean()) * severity,
        }
    )
    products -= products.groupby(pd.factorize(therapist)[0]).transform("mean")
    x = np.column_stack([products, deviations[["perceived", "baseline"]]])
    y = deviations["missing"].to_numpy()
    rows = {
        "perceived": _slope(deviations[["perceived"]].to_numpy(), y, n - j - 1),
        "therapist_style": _slope(centred[["therapist_style"]].to_numpy(), centred["missing"].to_numpy(), j - 2),
        "perceived:baseline": _slope(x, y, n - j - 4),
        "therapist_style:baseline": _slope(x[:, [1, 0, 2, 3]], y, n - j - 4),
    }
    known = [one["p"] for one in rows.values() if one["p"] is not None]
    return rows | {"p": min(1.0, len(rows) * min(known)) if known else None}


def _slope(x: np.ndarray, y: np.ndarray, df: int) -> dict:
    """Least squares of centred values: the slope of the first column, with its test."""
    squares = x.T @ x
    if df < 1 or np.linalg.matrix_rank(squares) < x.shape[1]:
        return {**NOTHING, "df": df}
    inverse = np.linalg.inv(squares)
    b = inverse @ (x.T @ y)
    se = float(np.sqrt(((y - x @ b) ** 2).sum() / df * inverse[0, 0]))
    p = 2 * float(stdtr(df, -abs(b[0]) / se)) if se > 0 else None
    return {"slope": float(b[0]), "se": se, "df": df, "p": p}
