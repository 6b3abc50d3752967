"""Whether patients without an outcome differ from the others in perceived attachment or in their therapist's style."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtr

from bowlby.disclosure import SMALLEST


def missing_outcomes(frame: pd.DataFrame, therapist: np.ndarray) -> dict:
    """Linear probability models of having no outcome, for patients who have everything else.

    Parameters
    ----------
    frame : DataFrame
        A row a patient: ``y`` (NaN where missing), ``perceived``, ``therapist_style``.
    therapist : ndarray, shape (n,)
        Patient's therapist.

    Returns
    -------
    dict
        ``perceived``: slope within therapists of having no outcome on perceived attachment, with se, df (n - J - 1)
        and p. ``therapist_style``: the same of therapists' shares without outcome on style, weighted by caseload, df
        J - 2. ``p``: twice the smaller of both (Bonferroni); None, and the others absent, if fewer than 5 patients have
        no outcome or nobody has one.
    """
    missing = frame["y"].isna().to_numpy(float)
    if not SMALLEST <= missing.sum() < len(missing):
        return {"p": None}
    names = ["perceived", "therapist_style"]
    by = pd.DataFrame(frame[names].to_numpy(float), columns=names).assign(missing=missing)
    groups = by.groupby(pd.factorize(therapist)[0])
    within, of_therapists = by - groups.transform("mean"), groups.mean()
    size = groups.size().to_numpy(float)
    centred = of_therapists - np.average(of_therapists, axis=0, weights=size)
    rows = {
        "perceived": _slope(within["perceived"], within["missing"], np.ones(len(by)), len(by) - len(size) - 1),
        "therapist_style": _slope(centred["therapist_style"], centred["missing"], size, len(size) - 2),
    }
    known = [one["p"] for one in rows.values() if one["p"] is not None]
    return rows | {"p": min(1.0, 2 * min(known)) if known else None}


def _slope(x: pd.Series, y: pd.Series, weights: np.ndarray, df: int) -> dict:
    """Weighted least squares through the origin of centred values."""
    square = float((weights * x**2).sum())
    if df < 1 or square < 1e-12:
        return {"slope": None, "se": None, "df": df, "p": None}
    slope = float((weights * x * y).sum()) / square
    se = float(np.sqrt((weights * (y - slope * x) ** 2).sum() / df / square))
    p = 2 * float(stdtr(df, -abs(slope) / se)) if se > 0 else None
    return {"slope": slope, "se": se, "df": df, "p": p}
