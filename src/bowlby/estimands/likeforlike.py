"""E4: both predictors at the therapist's level, without the rater they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bowlby.terms import BASELINE, T, both_levels

WORKING_ICC = 0.05
RATED = {
    "perceived": "the attachment that their patients perceive",
    "alliance": "the alliance that their patients perceive",
    "mentalizing": "their patients' mentalizing",
}
NO_DIFFERENCE = "therapists do not differ enough in {}"


@dataclass(frozen=True)
class Between:
    """What therapists' means say of a slope, from different patients' answers.

    Attributes
    ----------
    u_ay, u_aa : ndarray (therapists,)
        Weighted products of residual means, less what a patient's own answers contribute.
    variance : float
        Of the predictor between therapists; not above 0 where nothing is left.
    reliability : float
        Share of what the predictor's means differ by that is the therapists'.
    df : int
    """

    u_ay: np.ndarray
    u_aa: np.ndarray
    variance: float
    reliability: float
    df: int

    @property
    def slope(self) -> float:
        """Slope of the mean outcome on the mean predictor, in the units of the rows."""
        return float(self.u_ay.sum() / self.u_aa.sum())

    @property
    def sd(self) -> float:
        """SD of the predictor between therapists."""
        return float(np.sqrt(self.variance))

    @property
    def quantile(self) -> float:
        """The square of t that a 95 % set does not exceed."""
        return float(stdtrit(self.df, 0.975) ** 2)

    @property
    def not_estimable(self) -> str | None:
        """Why there is no number: infinity lies in the set; None where it is bounded."""
        if self._lead(self.quantile) > 0 and self.variance > 0:
            return None
        return NO_DIFFERENCE

    def limits(self, quantile: float) -> tuple[float, float]:
        """Limits of Fieller's set ``{g : t(g)^2 <= quantile}``, where it is bounded."""
        y, a, lead = float(self.u_ay.sum()), float(self.u_aa.sum()), self._lead(quantile)
        size = self._size(quantile)
        middle = y * a - size * _spread(self.u_ay, self.u_aa)
        last = y**2 - size * _spread(self.u_ay, self.u_ay)
        half = np.sqrt(max(middle**2 - lead * last, 0.0))
        return float((middle - half) / lead), float((middle + half) / lead)

    def _lead(self, quantile: float) -> float:
        return float(self.u_aa.sum()) ** 2 - self._size(quantile) * _spread(self.u_aa, self.u_aa)

    def _size(self, quantile: float) -> float:
        j = len(self.u_aa)
        return quantile * j / (j - 1)


def _spread(p: np.ndarray, r: np.ndarray) -> float:
    return float(((p - p.mean()) * (r - r.mean())).sum())


def between_therapists(data: pd.DataFrame, predictor: str = "perceived") -> Between | None:
    """The slope of therapists' mean outcome on their mean of a predictor, adjusted for style and baseline.

    Parameters
    ----------
    data : DataFrame
        Columns therapist, y, <predictor>_within, <predictor>_between, baseline_between, therapist_style.
    predictor : str

    Returns
    -------
    Between or None
        None where there are too few patients or therapists.
    """
    a = data[both_levels(predictor)].to_numpy(float).sum(axis=1)
    y = data["y"].to_numpy(float)
    group, _ = pd.factorize(data["therapist"], sort=True)
    n = np.bincount(group).astype(float)

    def means(x):
        return np.bincount(group, weights=x) / n

    aj, yj = means(a), means(y)
    da, dy = a - aj[group], y - yj[group]
    left = len(a) - len(n)
    if left <= 0 or len(n) < 5:
        return None
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
    total = float(u_aa.sum())
    reliability = max(0.0, total / float((w * ra**2).sum()))
    return Between(u_ay, u_aa, total / float((w * h).sum()), reliability, len(n) - x.shape[1])


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
    found = between_therapists(data)
    if found is None:
        return {"estimable": False, "reason": "too few patients or therapists"}
    if found.not_estimable:
        return {
            "estimable": False,
            "reason": found.not_estimable.format(RATED["perceived"]),
            "reliability": found.reliability,
        }
    low, high = found.limits(found.quantile)
    unit = found.sd / sd_outcome
    between = float(data.groupby("therapist")[T].mean().std(ddof=1))
    return {
        "estimable": True,
        "slope": found.slope,
        "ci": [low, high],
        "sd_between_perceived": found.sd,
        "perceived": found.slope * unit,
        "perceived_ci": [low * unit, high * unit],
        "style": style_slope * between / sd_outcome,
        "reliability": found.reliability,
    }
