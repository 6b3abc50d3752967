"""How many persons recovered, improved, stayed or deteriorated, by every criterion that the instrument has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bowlby.disclosure import hide_classes, hide_totals, small
from bowlby.instruments.cells import codes, one_each, rows_of
from bowlby.instruments.clinical_significance import (
    CLASSES,
    HA_CRITICAL,
    JT_CRITICAL,
    NO_ITEMS,
    classify,
    classify_shrunken,
    cut_offs,
    flag,
    functional,
    hageman_arrindell,
    jacobson_truax,
)
from bowlby.instruments.factor_models import products
from bowlby.instruments.model import Instrument
from bowlby.instruments.published_norms import in_score_units, middle
from bowlby.instruments.reliability import alpha
from bowlby.instruments.scoring import item_name, keyed_items

COLUMNS = [
    "instrument",
    "scale",
    "role",
    "about",
    "from_occasion",
    "to_occasion",
    "method",
    "criterion",
    "class",
    "count",
    "of",
    "suppressed",
    "threshold",
    "cut",
    "cut_source",
    "sd",
    "sd_source",
    "reliability",
    "reliability_source",
    "confidence",
    "note",
]
STARTED_WELL = "started on the functional side"
FEWEST_FOR_SD = 30


@dataclass(frozen=True)
class Cut:
    """Where the functional side begins, and how that is known."""

    at: float | None
    source: str
    confidence: str = ""


@dataclass(frozen=True)
class Spread:
    """SD before treatment and reliability, each with its source."""

    sd: float
    sd_source: str
    reliability: float
    reliability_source: str
    confidence: str


@dataclass(frozen=True)
class Classification:
    """The class of change of each person by one method and criterion."""

    method: str
    criterion: str
    classes: np.ndarray
    threshold: float
    spread: Spread | None
    confidence: str


def change(
    scores: pd.DataFrame,
    measures: pd.DataFrame | None,
    instrument: Instrument,
    occasions: tuple[str, str],
    shareable: bool = True,
) -> pd.DataFrame:
    """Counts of change classes from one occasion to another, and of danger that came, stayed or went.

    Parameters
    ----------
    scores : DataFrame
        As :func:`bowlby.instruments.scoring.score` gives them.
    measures : DataFrame or None
        The items, for reliability and flags; None where scores were given.
    instrument : Instrument
        The key with its published cut-offs, reliable change and norms.
    occasions : tuple of str
        From and to. Of several sessions in one occasion the first counts before, the last after.
    shareable : bool
        Whether cells that could tell one person are hidden.

    Returns
    -------
    DataFrame
        One row for each role, target, scale, method, criterion and class, also where nobody is in it; ``count`` of
        ``of`` persons with both scores.
    """
    rows = []
    scores, measures = (t if t is None else _asked(t, occasions) for t in (scores, measures))
    for (role, about), group in rows_of(scores, ["role", "about"]):
        head = (role, about, *occasions)
        pair = _pair(scores.iloc[group], occasions)
        if pair is None:
            continue
        own = measures
        if own is not None:
            own = own[own["role"].eq(role) & own["about"].eq(about)]
        for scale, key in instrument.all_scales().items():
            if key.higher in ("worse", "better") and scale in scores:
                pre, post = (np.round(p[scale].to_numpy(float, na_value=np.nan), 9) for p in pair)
                rows += _scale((scale, *head), pre, post, own, instrument, occasions[0], shareable)
        rows += _flags(head, own, instrument, occasions, shareable)
    table = pd.DataFrame(rows, columns=COLUMNS[1:])
    table.insert(0, "instrument", instrument.id)
    numbers = {name: float for name in ("threshold", "cut", "sd", "reliability")}
    return hide_totals(table.astype(numbers), shareable)


def _asked(table: pd.DataFrame, occasions: tuple[str, str]) -> pd.DataFrame:
    """Rows of two occasions, without what plays no part in change."""
    wanted = np.flatnonzero(table["occasion"].isin(occasions))
    return table.drop(columns=["therapist", "date", "source_file", "source_row"], errors="ignore").iloc[wanted]


def _pair(rows: pd.DataFrame, occasions: tuple[str, str]) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Before and after of the persons who were asked both times, in the same order; None if there is one time only."""
    if occasions[0] == occasions[1]:
        return None
    person, at = codes(rows["person"]), [np.flatnonzero(rows["occasion"].eq(o)) for o in occasions]
    pre, post = (own[one_each(person[own], rows, own, last=n == 1)] for n, own in enumerate(at))
    _, before, after = np.intersect1d(person[pre], person[post], assume_unique=True, return_indices=True)
    if not len(before):
        return None
    return rows.iloc[pre[before]].set_index("person"), rows.iloc[post[after]].set_index("person")


def _scale(head, pre, post, measures, instrument, before: str, shareable: bool) -> list[tuple]:
    scale, rows = head[0], []
    better = instrument.all_scales()[scale].higher == "better"
    cut, classified = classifications(instrument, scale, pre, post, measures, before)
    for one in classified:
        known = np.array([c is not None for c in one.classes])
        of = int(known.sum())
        if not of:
            continue
        began = np.zeros(len(pre), dtype=bool) if cut.at is None else functional(pre, cut.at, better) & known
        spread = one.spread
        about = (
            one.threshold,
            None if cut.at is None else round(cut.at, 9),
            cut.source,
            *(
                (spread.sd, spread.sd_source, spread.reliability, spread.reliability_source)
                if spread
                else (None, "") * 2
            ),
            one.confidence,
            "",
        )
        names = CLASSES if cut.at is not None else CLASSES[1:]
        counts = [int((one.classes == name).sum()) for name in names]
        hidden = hide_classes(counts, shareable)
        if cut.at is not None:
            names, counts = (*names, STARTED_WELL), [*counts, int(began.sum())]
            hidden.append(shareable and (small(counts[-1]) or small(of - counts[-1])))
        for name, n, hide in zip(names, counts, hidden, strict=True):
            rows.append((*head, one.method, one.criterion, name, None if hide else n, of, hide, *about))
    return rows


def classifications(
    instrument: Instrument, scale: str, pre: np.ndarray, post: np.ndarray, measures: pd.DataFrame | None, before: str
) -> tuple[Cut, list[Classification]]:
    """Classes of change by every method and criterion of a scale.

    Parameters
    ----------
    instrument : Instrument
    scale : str
    pre, post : ndarray, shape (n_persons,)
    measures : DataFrame or None
        The answers to its items, for the reliability in this sample.
    before : str
        Occasion before treatment.

    Returns
    -------
    cut : Cut
        Where the functional side begins.
    classified : list of Classification
    """
    better = instrument.all_scales()[scale].higher == "better"
    cut, out = _cut(instrument, scale, better), []
    gain = post - pre if better else pre - post
    for entry in (e for e in instrument.reliable_points if e.scale == scale):
        classes = classify(np.round(gain, 9), pre, post, cut.at, better, entry.size)
        sure = _least(entry.confidence, cut.confidence)
        out.append(Classification("published", entry.name, classes, entry.size, None, sure))
    for name, spread in spreads(instrument, scale, pre, measures, before).items():
        sure = _least(spread.confidence, cut.confidence)
        index = jacobson_truax(pre, post, spread.sd, spread.reliability, better)
        classes = classify(index, pre, post, cut.at, better)
        out.append(Classification("jacobson_truax", name, classes, JT_CRITICAL, spread, sure))
        index, significance = hageman_arrindell(pre, post, spread.sd, spread.reliability, cut.at, better)
        classes = classify_shrunken(index, significance, pre, cut.at, better)
        out.append(Classification("hageman_arrindell", name, classes, HA_CRITICAL, spread, sure))
    return cut, out


def before_and_after(
    scores: pd.DataFrame, role: str, about: str, occasions: tuple[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Rows before and after of persons of one role about one target (see :func:`change`), indexed by person."""
    return _pair(scores[scores["role"].eq(role) & scores["about"].eq(about)], occasions)


def _cut(instrument: Instrument, scale: str, better: bool) -> Cut:
    """The first published cut-off, or Jacobson and Truax's c from a clinical and a community norm, or none."""
    for entry in instrument.caseness:
        if entry.scale == scale:
            # A case is a score from `at` on; functional is what is short of it.
            at = np.nextafter(entry.at, np.inf if better else -np.inf)
            return Cut(float(at), f"published: {entry.name}", entry.confidence)
    norms: dict[str, Any] = {}
    for norm in instrument.norm_table:
        mean, sd = in_score_units(instrument, norm) if norm.scale == scale else (None, None)
        if mean is not None and sd is not None:
            norms.setdefault(norm.population, ((mean, sd), norm.confidence))
    if {"clinical", "community"} <= set(norms):
        (clinical, sure_c), (community, sure_f) = norms["clinical"], norms["community"]
        return Cut(cut_offs(clinical, community).c, "c from published norms", _least(sure_c, sure_f))
    return Cut(None, "none published")


def spreads(instrument: Instrument, scale: str, pre: np.ndarray, measures, before: str) -> dict[str, Spread]:
    """SD and reliability of this sample and of the published clinical norm, where both are known."""
    known = {}
    norms = [n for n in instrument.norm_table if n.scale == scale and n.population == "clinical"]
    published = next(((middle(n.alpha), n.confidence) for n in norms if n.alpha is not None), None)
    here = pre[np.isfinite(pre)]
    own_alpha = np.nan
    if measures is not None:
        rows = np.flatnonzero(measures["occasion"].eq(before))
        first = rows[one_each(codes(measures["person"])[rows], measures, rows)]
        own_alpha, _, _ = alpha(products(list(keyed_items(measures.iloc[first], instrument, scale).values())))
    if len(here) >= FEWEST_FOR_SD and np.std(here) > 0:
        if 0 < own_alpha < 1:
            known["this sample"] = Spread(float(np.std(here, ddof=1)), "this sample", own_alpha, "alpha here", "")
        elif published:
            known["this sample"] = Spread(
                float(np.std(here, ddof=1)), "this sample", published[0], "published alpha", published[1]
            )
    spread = next(((sd, n.confidence) for n in norms if (sd := in_score_units(instrument, n)[1]) is not None), None)
    if spread and published:
        sure = _least(spread[1], published[1])
        known["norms"] = Spread(spread[0], "published clinical norm", published[0], "published alpha", sure)
    return known


def _flags(head, measures, instrument: Instrument, occasions, shareable: bool) -> list[tuple]:
    rows = []
    blank = (None, None, "", None, "", None, "", "")
    for name, items in instrument.item_flags.items():
        classes = ("new", "persisting", "resolved", "never")
        if measures is None:
            rows.append(("", *head, "flag", name, classes[0], None, None, False, *blank, NO_ITEMS))
            continue
        columns = [item_name(i) for i in items]
        pair = _pair(measures, occasions)
        if pair is None:
            continue
        pre, post = (flag(p, instrument, columns) for p in pair)
        there = (pre.notna() & post.notna()).to_numpy()
        a, b = pre[there].to_numpy(bool), post[there].to_numpy(bool)
        counts = [int(n) for n in ((~a & b).sum(), (a & b).sum(), (a & ~b).sum(), (~a & ~b).sum())]
        hidden = hide_classes(counts, shareable)
        # At either occasion these classes add up to counts that severity.csv gives.
        if any(hidden) and sum(h for h in hidden) < len(hidden):
            hidden = [True] * len(hidden)
        of = sum(counts)
        for label, n, hide in zip(classes, counts, hidden, strict=True):
            rows.append(("", *head, "flag", name, label, None if hide else n, of, hide, *blank, ""))
    return rows


def _least(*confidences: str) -> str:
    """The least sure of several."""
    order = ("unverified", "consistent", "verified-1", "verified-2")
    known = [c for c in confidences if c]
    return min(known, key=order.index) if known else ""
