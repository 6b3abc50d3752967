"""Do mean, SD and alpha of scales look like the published ones? A scale wrong as a whole shows here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.evidence import Norm, in_score_units
from bowlby.instruments.model import Instrument
from bowlby.instruments.occasions import by_occasion
from bowlby.instruments.parts import FEWEST, Finding
from bowlby.instruments.reliability import alpha
from bowlby.instruments.scoring import keyed

FAR, MIRRORED, SPREAD = 2.0, 1.0, 2.0
POPULATIONS = {"patient": ("clinical",), "therapist": ("therapists",)}
OTHERS = ("clinical", "community", "students", "therapists")
WHOLE = "the scale looks reversed as a whole; compare the direction of the answers with your form"
LOOK = "compare the response range, the direction and the kind of score (sum or mean) with your form"
KEY = "compare the reversals and the order of the item columns with your form"


def norm_checks(
    scores: pd.DataFrame, items: pd.DataFrame | None, instrument: Instrument
) -> list[tuple[str, Finding]]:
    """Findings that compare the scales with what is published, each with the role and occasion that it is about.

    Each role's occasion with the most persons is compared with norms of its own population; a mean that lies between
    that population and the others is usual. What is published can make a scale suspicious, never wrong.
    """
    rows = []
    for role, occasion, group in _largest(scores):
        found: list[Finding] = []
        for scale in instrument.all_scales():
            norms = [n for n in instrument.norm_table if n.scale == scale]
            own = [n for n in norms if n.population in POPULATIONS.get(role, OTHERS)]
            if not own:
                continue
            here = None if items is None else keyed(items.loc[group.index], instrument, scale).dropna()
            if scale in group:
                found += _moments(group[scale].to_numpy(float, na_value=np.nan), instrument, scale, own, norms)
            if here is not None:
                found += _alpha(here, scale, own)
        rows += [(f"{role}{f', {occasion}' if occasion else ''}", finding) for finding in found]
    return rows


def _largest(scores: pd.DataFrame):
    """The occasion (and target) of each role that most persons answered."""
    best: dict[str, tuple[str, pd.DataFrame]] = {}
    for (role, _, occasion), group in by_occasion(scores):
        if role not in best or len(group) > len(best[role][1]):
            best[role] = (occasion, group)
    return [(role, occasion, group) for role, (occasion, group) in best.items()]


def _moments(values: np.ndarray, instrument: Instrument, scale: str, own: list[Norm], norms: list[Norm]):
    values = values[np.isfinite(values)]
    known = [(m, s, n) for n in own if None not in (pair := in_score_units(instrument, n)) for m, s in [pair]]
    if not known:
        return
    checks = ("norm_mean", "norm_direction", "norm_sd")
    if len(values) < FEWEST:
        for check in checks:
            yield Finding(scale, None, check, f"fewer than {FEWEST} persons", "", "not_testable")
        return
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    mirrored = sum(instrument.range_of(scale)) - mean
    expected = "; ".join(f"{m:.4g} (SD {s:.3g}){_doubt(n)}" for m, s, n in known)
    others = [m for n in norms if (m := in_score_units(instrument, n)[0]) is not None]
    off, turned = (min(abs(x - m) / s for m, s, _ in known) for x in (mean, mirrored))
    # Milder cases, and patients after treatment, lie between clinical and other norms.
    between = min(others) <= mean <= max(others)
    far, reversed_ = off > FAR and not between, off > MIRRORED and turned < off / 2 and not between
    most = SPREAD * (1 + 2.33 / np.sqrt(2 * (len(values) - 1)))
    narrow = all(not 1 / most <= sd / s <= most for _, s, _ in known)
    shown = (f"mean {mean:.4g}", f"mean {mean:.4g}", f"SD {sd:.3g}")
    for check, seen, bad, advice in zip(checks, shown, (far, reversed_, narrow), (LOOK, WHOLE, LOOK)):
        yield _judged(scale, check, seen, expected, bad, advice)


def _alpha(items: pd.DataFrame, scale: str, own: list[Norm]):
    published = [(min(n.alpha) if isinstance(n.alpha, tuple) else n.alpha, n) for n in own if n.alpha is not None]
    if not published:
        return
    lowest, norm = min(published, key=lambda pair: pair[0])
    expected = f">= {lowest - 0.1:.2f} (published {lowest:.2f}{_doubt(norm)})"
    value, _, high = alpha(items)
    if len(items) < FEWEST or np.isnan(value):
        yield Finding(scale, None, "norm_alpha", "too few complete forms", expected, "not_testable")
        return
    yield _judged(scale, "norm_alpha", f"alpha {value:.3f}", expected, high < lowest - 0.1, KEY)


def _judged(scale: str, check: str, observed: str, expected: str, bad: bool, advice: str) -> Finding:
    return Finding(scale, None, check, observed, expected, "suspicious" if bad else "ok", advice if bad else "")


def _doubt(entry) -> str:
    return ", unchecked" if entry.confidence == "unverified" else ""
