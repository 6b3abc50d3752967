"""Do mean, SD, alpha and correlations of scales look like the published ones? A scale wrong as a whole shows here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.counts import by_occasion
from bowlby.instruments.evidence import Norm, in_score_units, middle
from bowlby.instruments.model import Instrument
from bowlby.instruments.reliability import alpha
from bowlby.instruments.scoring import keyed

FEWEST = 30
FAR, MIRRORED, SPREAD, CLEAR_R = 2.0, 1.0, 2.0, 0.3
SUSPICIOUS = -2.33
POPULATIONS = {"patient": ("clinical",), "therapist": ("therapists",)}
OTHERS = ("clinical", "community", "students", "therapists")
WHOLE = "the scale looks reversed as a whole; compare the direction of the answers with your form"
LOOK = "compare the response range, the direction and the kind of score (sum or mean) with your form"
KEY = "compare the reversals and the order of the item columns with your form"


def norm_checks(scores: pd.DataFrame, items: pd.DataFrame | None, instrument: Instrument) -> list[tuple]:
    """Rows (scale, item, check, observed, expected, verdict, advice) that compare the scales with what is published.

    Each role's occasion with the most persons is compared with norms of its own population; a mean that lies between
    that population and the others is usual. What is published can make a scale suspicious, never wrong.
    """
    rows = []
    for role, occasion, group in _largest(scores):
        where = f"{role}{f', {occasion}' if occasion else ''}"
        for scale in instrument.all_scales():
            norms = [n for n in instrument.norm_table if n.scale == scale]
            own = [n for n in norms if n.population in POPULATIONS.get(role, OTHERS)]
            if not own:
                continue
            here = None if items is None else keyed(items.loc[group.index], instrument, scale).dropna()
            if scale in group:
                rows += _moments(group[scale].to_numpy(float, na_value=np.nan), instrument, scale, own, norms, where)
            if here is not None:
                rows += _alpha(here, scale, own, where)
        rows += _relations(group, instrument, where)
    return rows


def _largest(scores: pd.DataFrame):
    """The occasion (and target) of each role that most persons answered."""
    best: dict[str, tuple[str, pd.DataFrame]] = {}
    for (role, _, occasion), group in by_occasion(scores):
        if role not in best or len(group) > len(best[role][1]):
            best[role] = (occasion, group)
    return [(role, occasion, group) for role, (occasion, group) in best.items()]


def _moments(values: np.ndarray, instrument: Instrument, scale: str, own: list[Norm], norms: list[Norm], where: str):
    values = values[np.isfinite(values)]
    known = [(m, s, n) for n in own if None not in (pair := in_score_units(instrument, n)) for m, s in [pair]]
    if not known:
        return
    checks = ("norm_mean", "norm_direction", "norm_sd")
    if len(values) < FEWEST:
        for check in checks:
            yield (scale, None, check, f"fewer than {FEWEST} persons ({where})", "", "not_testable", "")
        return
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    mirrored = sum(instrument.range_of(scale)) - mean
    expected = "; ".join(f"{m:.4g} (SD {s:.3g}){_doubt(n)}" for m, s, n in known)
    others = [m for n in norms if (m := in_score_units(instrument, n)[0]) is not None]
    off, turned = (min(abs(x - m) / s for m, s, _ in known) for x in (mean, mirrored))
    # Milder cases, and patients after treatment, lie between clinical and other norms.
    between = min(others) <= mean <= max(others)
    usual, reversed_ = off <= FAR or between, off > MIRRORED and turned < off / 2 and not between
    shown = f"mean {mean:.4g} ({where})"
    yield (scale, None, checks[0], shown, expected, "ok" if usual else "suspicious", "" if usual else LOOK)
    yield (scale, None, checks[1], shown, expected, "suspicious" if reversed_ else "ok", WHOLE if reversed_ else "")
    most = SPREAD * (1 + 2.33 / np.sqrt(2 * (len(values) - 1)))
    narrow = all(not 1 / most <= sd / s <= most for _, s, _ in known)
    yield (
        scale,
        None,
        checks[2],
        f"SD {sd:.3g} ({where})",
        expected,
        "suspicious" if narrow else "ok",
        LOOK if narrow else "",
    )


def _alpha(items: pd.DataFrame, scale: str, own: list[Norm], where: str):
    published = [(min(n.alpha) if isinstance(n.alpha, tuple) else n.alpha, n) for n in own if n.alpha is not None]
    if not published:
        return
    lowest, norm = min(published, key=lambda pair: pair[0])
    expected = f">= {lowest - 0.1:.2f} (published {lowest:.2f}{_doubt(norm)})"
    value, _, high = alpha(items)
    if len(items) < FEWEST or np.isnan(value):
        yield (scale, None, "norm_alpha", f"too few complete forms ({where})", expected, "not_testable", "")
        return
    low = high < lowest - 0.1
    yield (
        scale,
        None,
        "norm_alpha",
        f"alpha {value:.3f} ({where})",
        expected,
        "suspicious" if low else "ok",
        KEY if low else "",
    )


def _relations(group: pd.DataFrame, instrument: Instrument, where: str):
    """Scales that are published to go together, or against each other, do so here."""
    for relation in instrument.relations:
        r = middle(relation.r)
        if abs(r) < CLEAR_R or not all(s in group.columns for s in relation.scales):
            continue
        both = group[list(relation.scales)].astype(float).dropna()
        check, name = "scale_relation", " with ".join(relation.scales)
        expected = f"{'> 0' if r > 0 else '< 0'} (published {r:.2f}{_doubt(relation)})"
        if len(both) < FEWEST or not (both.std() > 1e-9).all():
            yield (name, None, check, f"fewer than {FEWEST} persons ({where})", expected, "not_testable", "")
            continue
        found = float(np.corrcoef(both.to_numpy().T)[0, 1])
        z = np.sign(r) * np.arctanh(np.clip(found, -0.999999, 0.999999)) * np.sqrt(len(both) - 3)
        bad = z < SUSPICIOUS
        verdict, advice = ("suspicious", WHOLE) if bad else ("ok", "")
        yield (name, None, check, f"{found:.3f} ({where})", expected, verdict, advice)


def _doubt(entry) -> str:
    return ", unchecked" if entry.confidence == "unverified" else ""
