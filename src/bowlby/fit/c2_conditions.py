"""What is printed with C2: from what else it would follow, and on what it depends."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from bowlby.fit.record import contrast
from bowlby.terms import P, T

LARGEST = 1000.0


def reference_ratio(result, unit: float, q: float = 0.975) -> float | None:
    """How much larger the reference SD of style could be, relative to that of perceived attachment, before C2 falls.

    Parameters
    ----------
    result : MixedResult
        M1.
    unit : float
        1 / reference SD of the outcome.
    q : float
        Level of the one-sided limits.

    Returns
    -------
    float or None
        The smallest factor k >= 1 at which ``P - k T`` or ``P + k T`` no longer lies above 0; None where C2 is not
        supported to begin with, 1000 where it holds even there.
    """

    from scipy.optimize import brentq  # here and elsewhere: it takes as long to import as a set to fit

    def lowest(k: float) -> float:
        limits = []
        for sign in (-1.0, 1.0):
            c = contrast(result, "", {P: unit, T: sign * k * unit})
            limits.append(c["estimate"] - stdtrit(c["df"], q) * c["se"])
        return min(limits)

    if lowest(1.0) <= 0:
        return None
    if lowest(LARGEST) > 0:
        return LARGEST
    return float(brentq(lowest, 1.0, LARGEST, xtol=1e-6))


def therapist_sd_limit(result, unit: float, level: float = 0.95) -> float:
    """Upper one-sided profile limit of the SD between therapists, in outcome SD.

    Parameters
    ----------
    result : MixedResult
        M0, which has no style in it.
    unit : float
        1 / reference SD of the outcome.
    level : float
        One-sided level.
    """
    table = result.profile(parameters=["therapist"], level=2 * level - 1)
    return float(np.asarray(table["ci_high"])[0]) * unit


def c2_conditions(m0, m1, unit: float, sd_style: float) -> dict:
    """What is printed with C2.

    Parameters
    ----------
    m0, m1 : MixedResult
    unit : float
        1 / reference SD of the outcome.
    sd_style : float
        SD of the therapists' style in reference SD.

    Returns
    -------
    dict
        reference_ratio_limit (see :func:`reference_ratio`), therapist_slope_limit: the largest slope that any variable
        of therapists could have, ``upper limit of the SD between therapists / SD of style``, and
        any_therapist_variable: whether P surely exceeds even that.
    """
    p = contrast(m1, "P", {P: unit})
    low = p["estimate"] - stdtrit(p["df"], 0.975) * p["se"]
    bound = therapist_sd_limit(m0, unit) / sd_style
    return {
        "reference_ratio_limit": reference_ratio(m1, unit),
        "therapist_slope_limit": bound,
        "any_therapist_variable": bool(low > bound),
    }
