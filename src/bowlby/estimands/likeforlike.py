"""E4: both predictors at the therapist's level, without the rater they share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bowlby.terms import BASELINE, P_BETWEEN, P, T

WORKING_ICC = 0.05


def like_for_like(data: pd.DataFrame, sd_outcome: float, style_slope: float) -> dict:
    """Slope of therapists' mean outcome on therapists' mean perceived attachment, from different patients' answers.

    The covariance of one patient's own answers is taken out of the therapist means, so what remains is how the
    attachment that some patients perceive goes with the outcome of others of the same therapist.

    Parameters
    ----------
    data : DataFrame
        Columns therapist, y, perceived_within, perceived_between, baseline_between, therapist_style.
    sd_outcome : float
        Reference SD of the outcome.
    style_slope : float
        Coefficient of therapist_style in M1, outcome units.

    Returns
    -------
    dict
        estimable; slope with its Fieller set [low, high] (outcome units per reference SD), perceived and style in
        outcome SD per SD between therapists. Where infinity lies in the set, there is no number. reliability: the
        share of what therapists' mean perceived attachment differs by that is theirs and not their patients'.

    Notes
    -----
    With a and y the therapist means residualised on (1, style, baseline) by weights ``n/(1 + .05 n)``, h one less
    leverage, and pooled within-therapist (co)variances s: ``u_AY = a y - h s_AY / n``, ``u_AA = a^2 - h s_AA / n``,
    slope = sum w u_AY / sum w u_AA; the set is ``{g : |t(g)| <= t_.975}`` with J - 1 - 2 df. With the reliability
    ``L = sum w u_AA / sum w a^2`` this is the slope of the observed means corrected for it, ``(b - (1 - L) b_w) / L``,
    b the weighted slope of y on a and b_w the slope within therapists (Ludtke et al., 2008: the latent slope).
    """
    a = data[P].to_numpy(float) + data[P_BETWEEN].to_numpy(float)
    y = data["y"].to_numpy(float)
    group, _ = pd.factorize(data["therapist"], sort=True)
    n = np.bincount(group).astype(float)

    def means(x):
        return np.bincount(group, weights=x) / n

    aj, yj = means(a), means(y)
    da, dy = a - aj[group], y - yj[group]
    left = len(a) - len(n)
    if left <= 0 or len(n) < 5:
        return {"estimable": False, "reason": "too few patients or therapists"}
    s_ay, s_aa = float(da @ dy) / left, float(da @ da) / left
    w = n / (1 + WORKING_ICC * n)
    x = np.column_stack([np.ones(len(n)), means(data[T].to_numpy(float)), means(data[BASELINE[1]].to_numpy(float))])
    root = np.sqrt(w)[:, None]
    q, _ = np.linalg.qr(x * root)
    h = 1 - (q**2).sum(axis=1)

    def residual(v):
        return v - x @ np.linalg.lstsq(x * root, v * root[:, 0], rcond=None)[0]

    ra, ry = residual(aj), residual(yj)
    u_ay, u_aa = w * (ra * ry - h * s_ay / n), w * (ra**2 - h * s_aa / n)
    j = len(n)
    limit = stdtrit(j - 1 - (x.shape[1] - 1), 0.975) ** 2 * j / (j - 1)

    def spread(p, r):
        return float(((p - p.mean()) * (r - r.mean())).sum())

    total_y, total_a = float(u_ay.sum()), float(u_aa.sum())
    reliability = max(0.0, total_a / float((w * ra**2).sum()))
    lead = total_a**2 - limit * spread(u_aa, u_aa)
    variance = total_a / float((w * h).sum())
    if lead <= 0 or variance <= 0:
        return {
            "estimable": False,
            "reason": "therapists do not differ enough in the attachment their patients perceive",
            "reliability": reliability,
        }
    middle = total_y * total_a - limit * spread(u_ay, u_aa)
    last = total_y**2 - limit * spread(u_ay, u_ay)
    half = np.sqrt(max(middle**2 - lead * last, 0.0))
    slope, low, high = total_y / total_a, (middle - half) / lead, (middle + half) / lead
    unit = np.sqrt(variance) / sd_outcome
    between = float(np.std(means(data[T].to_numpy(float)), ddof=1))
    return {
        "estimable": True,
        "slope": slope,
        "ci": [low, high],
        "sd_between_perceived": float(np.sqrt(variance)),
        "perceived": slope * unit,
        "perceived_ci": [low * unit, high * unit],
        "style": style_slope * between / sd_outcome,
        "reliability": reliability,
    }
