"""What a sample can show about therapist style, computed before any outcome is read."""

from __future__ import annotations

import numpy as np
import scipy  # its parts are imported where they are used

ICC_GRID = (0.02, 0.05, 0.08)
EXPLAINED = 0.08
"""Outcome variance that patient-level predictors are taken to explain (a slope of .28, the literature's)."""
POWER = 0.80
CURVE = np.linspace(0.0, 0.5, 51)
"""ICCs at which the standard error is kept, so that it can be read off at the one that is found later."""
QUANTILES = ("min", "q25", "median", "q75", "max")


def standard_error(style: np.ndarray, caseload: np.ndarray, icc: float, vif: float = 1.0) -> float:
    """Standard error of the therapist slope T, in outcome SD per reference SD of style.

    Parameters
    ----------
    style : ndarray, shape (J,)
        Style composite of each therapist, in reference SD.
    caseload : ndarray, shape (J,)
        Patients of each therapist (shares of switching patients count as parts).
    icc : float
        Share of outcome variance between therapists.
    vif : float
        Variance inflation of style by the other therapist-level columns.

    Returns
    -------
    float
        ``sqrt(VIF / sum_j w_j (S_j - S_w)^2)`` with ``w_j = 1 / (ICC + (1 - ICC - R2_P) / n_j)``.
    """
    weight = 1.0 / (icc + (1.0 - icc - EXPLAINED) / caseload)
    mean = np.average(style, weights=weight)
    return float(np.sqrt(vif / np.sum(weight * (style - mean) ** 2)))


def planned_standard_error(therapists: int, caseload: float, icc: float) -> float:
    """The same for a study not yet run, with style of SD 1: ``1 / sqrt((J - 1) w)``."""
    weight = 1.0 / (icc + (1.0 - icc - EXPLAINED) / caseload)
    return float(1.0 / np.sqrt((therapists - 1) * weight))


def equivalence_power(se: float, df: float, delta: float) -> float:
    """Chance that the 90% interval of T lies within (-delta, delta) where T = 0."""
    return float(max(0.0, 2 * scipy.special.stdtr(df, delta / se - scipy.special.stdtrit(df, 0.95)) - 1))


def detection_power(se, df: float, slope: float):
    """Chance that the 95% interval of T lies above 0 where T is ``slope``: 80% at the minimum detectable slope."""
    return scipy.special.stdtr(df, slope / se - scipy.special.stdtrit(df, 0.975))


def row(se: float, df: float, icc: float, delta: float, sd_style: float = 1.0) -> dict:
    """One line of the adequacy table.

    Returns
    -------
    dict
        icc, se, df, minimum_detectable ((t.975 + t.80) SE), largest_possible (sqrt(ICC) / SD of style, outcome SD
        taken as the reference), half_width_90, can_show_equivalence, equivalence_power.
    """
    half = scipy.special.stdtrit(df, 0.95) * se
    return {
        "icc": icc,
        "se": se,
        "df": df,
        "minimum_detectable": float((scipy.special.stdtrit(df, 0.975) + scipy.special.stdtrit(df, POWER)) * se),
        "largest_possible": float(np.sqrt(icc) / sd_style),
        "half_width_90": float(half),
        "can_show_equivalence": bool(half < delta),
        "equivalence_power": equivalence_power(se, df, delta),
    }


def adequacy(
    style: np.ndarray, caseload: np.ndarray, columns: int, delta: float, vif: float = 1.0, with_style: int | None = None
) -> dict:
    """What this sample can and cannot show about therapist style.

    Parameters
    ----------
    style, caseload : ndarray, shape (J,)
        As of :func:`standard_error`.
    columns : int
        Therapist-level columns of the model (style, baseline and covariates between therapists).
    delta : float
        Equivalence bound.
    vif : float
        As of :func:`standard_error`.
    with_style : int, optional
        Therapists with a style score, where some have none.

    Returns
    -------
    dict
        The contract of ``adequacy.json``; ``icc_limit`` is the ICC below which equivalence can be shown at all
        (None where at no ICC, 1 where at every ICC); ``curve`` holds the standard error by ICC
        (:func:`adequacy_at_icc`).
    """
    df = len(style) - 1 - columns
    sd = float(style.std(ddof=1))
    grid = [row(standard_error(style, caseload, icc, vif), df, icc, delta, sd) for icc in ICC_GRID]

    def excess(icc: float) -> float:
        return scipy.special.stdtrit(df, 0.95) * standard_error(style, caseload, icc, vif) - delta

    if excess(0.0) >= 0:
        limit = None
    elif excess(0.9) <= 0:
        limit = 1.0
    else:
        from scipy.optimize import brentq

        limit = float(brentq(excess, 0.0, 0.9))
    return {
        "schema": 1,
        "therapists": len(style),
        "therapists_with_style": len(style) if with_style is None else with_style,
        "effective_therapists": int(np.sum(caseload >= 2)),
        "caseload": dict(zip(QUANTILES, np.percentile(caseload, [0, 25, 50, 75, 100]).tolist(), strict=True)),
        "sd_style": sd,
        "vif": vif,
        "delta": delta,
        "assumed_explained_by_patients": EXPLAINED,
        "grid": grid,
        "icc_limit": limit,
        "curve": {"icc": CURVE.tolist(), "se": [standard_error(style, caseload, icc, vif) for icc in CURVE]},
    }


def adequacy_at_icc(adequacy: dict, icc: float) -> dict | None:
    """The line of the adequacy table at any ICC, read off the curve that was kept before outcomes.

    Parameters
    ----------
    adequacy : dict
        Of :func:`adequacy`.
    icc : float
        Share of outcome variance between therapists, such as the one observed.

    Returns
    -------
    dict or None
        As of :func:`row`; None beyond the curve's end (half of all variance). The squared standard error is taken as
        linear between hundredths, which it is where all therapists have equally many patients.
    """
    at, se = (np.array(adequacy["curve"][name]) for name in ("icc", "se"))
    if not at[0] <= icc <= at[-1]:
        return None
    df = adequacy["grid"][0]["df"]
    return row(float(np.sqrt(np.interp(icc, at, se**2))), df, float(icc), adequacy["delta"], adequacy["sd_style"])
