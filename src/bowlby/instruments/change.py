"""Reliable and clinically significant change of each patient, by Jacobson and Truax and by Hageman and Arrindell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLASSES = ("recovered", "improved", "unchanged", "deteriorated")
JT_CRITICAL, HA_CRITICAL = 1.96, 1.65


@dataclass(frozen=True)
class CutOffs:
    """Where the functional side begins, in the scale's own units.

    Attributes
    ----------
    a : float
        Two SDs of the clinical norm beyond its mean, in the good direction.
    b : float
        Within two SDs of the functional norm's mean.
    c : float
        Between the two means, each weighted with the other norm's SD.
    """

    a: float
    b: float
    c: float


def error_of_measurement(sd: float, reliability: float) -> float:
    """Standard error of one score, ``sd * sqrt(1 - reliability)``, in the scale's own units."""
    return sd * np.sqrt(1 - reliability)


def cut_offs(clinical: tuple[float, float], functional: tuple[float, float]) -> CutOffs:
    """Jacobson and Truax's cut-offs from the mean and SD of a clinical and a functional norm sample."""
    (mean_c, sd_c), (mean_f, sd_f) = clinical, functional
    good = np.sign(mean_f - mean_c)
    return CutOffs(
        a=mean_c + good * 2 * sd_c,
        b=mean_f - good * 2 * sd_f,
        c=(sd_c * mean_f + sd_f * mean_c) / (sd_c + sd_f),
    )


def jacobson_truax(pre, post, sd: float, reliability: float, higher_is_better: bool) -> np.ndarray:
    """Reliable change index of each patient, positive where it went better.

    Parameters
    ----------
    pre, post : array_like, shape (n_patients,)
        Scores before and after, in the scale's own units; NaN where not taken.
    sd : float
        Standard deviation before treatment, same units.
    reliability : float in (0, 1)
        Of that sample: internal consistency or retest.
    higher_is_better : bool
        Direction of the scale.

    Returns
    -------
    ndarray, shape (n_patients,)
        Unitless; at least 1.96 in size is reliable at 5 %.

    References
    ----------
    Jacobson & Truax (1991), J Consult Clin Psychol 59:12-19, p. 14.
    """
    difference = np.sqrt(2) * error_of_measurement(sd, reliability)
    return _gain(pre, post, higher_is_better) / difference


def hageman_arrindell(
    pre, post, sd: float, reliability: float, cut: float | None, higher_is_better: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Reliable change and clinical significance of each patient, both shrunken to the sample; positive is better.

    The sample's own means, SDs and pre-post correlation weigh each patient's difference with the mean
    difference. A sample whose differences are all error of measurement (reliability of the difference not above
    0) has no index: NaN. So has clinical significance without a cut-off.

    Parameters
    ----------
    pre, post : array_like, shape (n_patients,)
        Scores before and after; NaN where not taken.
    sd, reliability : float
        Give the error of measurement, as in :func:`jacobson_truax`.
    cut : float, optional
        Begin of the functional side.
    higher_is_better : bool
        Direction of the scale.

    Returns
    -------
    change, significance : ndarray, shape (n_patients,)
        Unitless; at least 1.65 is reliable in the good direction at 5 %.

    References
    ----------
    Hageman & Arrindell (1999), Behav Res Ther 37:1169-1193.
    """
    pre, post = np.asarray(pre, dtype=float), np.asarray(post, dtype=float)
    nothing = np.full(len(pre), np.nan)
    both = np.isfinite(pre) & np.isfinite(post)
    if both.sum() < 3:
        return nothing, nothing
    error = error_of_measurement(sd, reliability) ** 2
    (var_1, cov), (_, var_2) = np.cov(pre[both], post[both])
    of_differences = var_1 + var_2 - 2 * cov
    r_difference = (of_differences - 2 * error) / of_differences if of_differences > 0 else -1.0
    r_post = (var_2 - error) / var_2 if var_2 > 0 else -1.0
    good = 1 if higher_is_better else -1
    change, significance = nothing, nothing
    if r_difference > 0:
        mean = post[both].mean() - pre[both].mean()
        own = (post - pre) * r_difference + mean * (1 - r_difference)
        change = good * own / np.sqrt(r_difference * 2 * error)
    if r_post > 0 and cut is not None:
        true = post[both].mean() + (post - post[both].mean()) * r_post
        significance = good * (np.where(both, true, np.nan) - cut) / np.sqrt(r_post * error)
    return change, significance


def classify(change, pre, post, cut: float | None, higher_is_better: bool, critical: float = JT_CRITICAL):
    """Class of each patient by an index and a cut-off.

    Recovered: reliably better, from the dysfunctional to the functional side of the cut-off (the cut-off itself is
    functional). Who began on the functional side, or where there is no cut-off, is improved at best.

    Returns
    -------
    ndarray of object, shape (n_patients,)
        One of ``CLASSES``; None where there is no index.
    """
    if cut is None:
        crossed = np.zeros(len(change), dtype=bool)
    else:
        crossed = ~functional(pre, cut, higher_is_better) & functional(post, cut, higher_is_better)
    return _classes(np.asarray(change, dtype=float), crossed, critical)


def classify_shrunken(change, significance, pre, cut: float | None, higher_is_better: bool):
    """Class of each patient by Hageman and Arrindell's two indices (see :func:`classify`)."""
    crossed = np.asarray(significance, dtype=float) >= HA_CRITICAL
    if cut is not None:
        crossed &= ~functional(pre, cut, higher_is_better)
    return _classes(np.asarray(change, dtype=float), crossed, HA_CRITICAL)


def functional(scores, cut: float, higher_is_better: bool) -> np.ndarray:
    """Whether each score is on the functional side of a cut-off; the cut-off itself is."""
    scores = np.asarray(scores, dtype=float)
    return scores >= cut if higher_is_better else scores <= cut


def _gain(pre, post, higher_is_better: bool) -> np.ndarray:
    change = np.asarray(post, dtype=float) - np.asarray(pre, dtype=float)
    return change if higher_is_better else -change


def _classes(change: np.ndarray, crossed: np.ndarray, critical: float) -> np.ndarray:
    found = np.full(len(change), None, dtype=object)
    found[np.isfinite(change)] = "unchanged"
    found[change <= -critical] = "deteriorated"
    found[change >= critical] = "improved"
    found[(change >= critical) & crossed] = "recovered"
    return found
