"""Reliable and clinically significant change of each patient, and bands of severity.

Change is classified by Jacobson and Truax and by Hageman and Arrindell. Severity is counted in bands, beyond cut-offs
and by items that ask about danger, by role and occasion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby.disclosure import hide_bands, hide_totals, safe_cut, small
from bowlby.instruments.cells import by_occasion
from bowlby.instruments.model import Instrument
from bowlby.instruments.scoring import item_name

CLASSES = ("recovered", "improved", "unchanged", "deteriorated")
JT_CRITICAL, HA_CRITICAL = 1.96, 1.65
COLUMNS = [
    "instrument",
    "scale",
    "role",
    "about",
    "occasion",
    "kind",
    "name",
    "class",
    "lowest",
    "count",
    "of",
    "suppressed",
    "source",
    "confidence",
    "note",
]
NO_ITEMS = "not available: scores given"


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
        Unitless; at least 1.96 in size is reliable at 5%.

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
        Unitless; at least 1.65 is reliable in the good direction at 5%.

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
    classes = np.full(len(change), None, dtype=object)
    classes[np.isfinite(change)] = "unchanged"
    classes[change <= -critical] = "deteriorated"
    classes[change >= critical] = "improved"
    classes[(change >= critical) & crossed] = "recovered"
    return classes


def severity(
    scores: pd.DataFrame, measures: pd.DataFrame | None, instrument: Instrument, shareable: bool = True
) -> pd.DataFrame:
    """Counts of severity bands (``band``), of cases (``caseness``) and of flagged items (``flag``).

    Parameters
    ----------
    scores : DataFrame
        As :func:`bowlby.instruments.scoring.score` gives them.
    measures : DataFrame or None
        The items, for the flags; None where scores were given.
    instrument : Instrument
        The key with its published cut-offs.
    shareable : bool
        Whether cells that could tell one person are hidden.

    Returns
    -------
    DataFrame
        One row for each role, target, occasion and class, also where nobody is in it; ``count`` of ``of`` persons
        with a score, null with ``suppressed`` where hidden.
    """
    rows = []
    if instrument.severity or instrument.caseness:
        for key, own in by_occasion(scores):
            rows += _bands(key, scores, own, instrument, shareable)
    for name, items in instrument.item_flags.items():
        columns = [item_name(i) for i in items]
        for key, own in by_occasion(scores if measures is None else measures):
            if measures is None:
                rows.append(("", *key, "flag", name, "yes", None, None, None, False, "", "", NO_ITEMS))
                continue
            flagged = flag(measures[columns].iloc[own], instrument, columns)
            n, of = int(flagged.sum()), int(flagged.notna().sum())
            hidden = shareable and (small(n) or small(of - n))
            rows.append(("", *key, "flag", name, "yes", None, None if hidden else n, of, hidden, "", "", _note(items)))
    table = pd.DataFrame(rows, columns=COLUMNS[1:])
    table.insert(0, "instrument", instrument.id)
    return hide_totals(table.astype({"lowest": float}), shareable)


def flag(measures: pd.DataFrame, instrument: Instrument, columns: list[str]) -> pd.Series:
    """Whether any of some items is answered above the lowest answer; null where none is answered."""
    above = measures[columns].gt(instrument.answers[0]).any(axis=1)
    return above.astype("boolean").mask(measures[columns].isna().all(axis=1))


def _note(items: list[int]) -> str:
    return f"item{'s' if len(items) > 1 else ''} {', '.join(map(str, items))} above the lowest answer"


def _bands(key: tuple, scores: pd.DataFrame, own: np.ndarray, instrument: Instrument, shareable: bool) -> list[tuple]:
    rows = []
    for scale in dict.fromkeys(e.scale for e in (*instrument.severity, *instrument.caseness)):
        values = scores[scale].iloc[own].to_numpy(float, na_value=np.nan) if scale in scores else np.array([])
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        # Scores are sums of decimals; one that stands on a cut-off must not fall below it by rounding.
        values = np.round(values, 9)
        known: list[float] = []
        for entry in (e for e in instrument.severity if e.scale == scale):
            starts = [b.lowest for b in entry.bands]
            counts = np.histogram(values, [*starts, np.inf])[0]
            hidden = hide_bands(counts.tolist(), shareable)
            for n, start in enumerate(starts[1:], 1):
                if hidden[n] and hidden[n - 1]:
                    continue
                # Bands of another scheme tell the number between its cut-off and this one.
                if safe_cut(values, start, known, shareable):
                    known.append(start)
                else:
                    hidden[n - 1] = hidden[n] = True
            for band, count, hide in zip(entry.bands, counts, hidden, strict=True):
                head = (scale, *key, "band", entry.name, band.name, band.lowest)
                rows.append(_row(head, count, len(values), hide, entry))
        for case in (c for c in instrument.caseness if c.scale == scale):
            worse = instrument.all_scales()[scale].higher == "worse"
            cut = case.at if worse else np.nextafter(case.at, np.inf)
            count = int((values >= case.at).sum() if worse else (values <= case.at).sum())
            safe = safe_cut(values, cut, known, shareable)
            known += [cut] if safe else []
            head = (scale, *key, "caseness", case.name, "case", case.at)
            rows.append(_row(head, count, len(values), not safe, case))
    return rows


def _row(head: tuple, count: int, of: int, hidden: bool, entry) -> tuple:
    return (*head, None if hidden else int(count), of, hidden, entry.source, entry.confidence, "")
