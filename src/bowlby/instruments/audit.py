"""Does the key fit the data? Signs that a wrong key or file leaves; data stay as they are.

Beside the checks of items and directions these are comparisons of means, SDs and alphas with published ones, and of
totals in the file with the items.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.instruments.audit_words import CONFIDENCE
from bowlby.instruments.cells import by_occasion
from bowlby.instruments.direction_checks import direction_checks
from bowlby.instruments.highest_answers import highest_answer
from bowlby.instruments.item_agreement import (
    FEWEST,
    Finding,
    Part,
    alphas,
    by_part,
    centred,
    correlations,
    findings_table,
    sample,
)
from bowlby.instruments.item_checks import SURE, TURN, level_of, order_check, scale_checks, sign, strength
from bowlby.instruments.model import Instrument
from bowlby.instruments.published_norms import Norm, in_score_units
from bowlby.instruments.reliability import alpha_limits
from bowlby.instruments.response_patterns import form_checks, one_answer
from bowlby.instruments.scoring import item_name, keyed

MOST_ROWS = 5
"""Rows of a file that one finding names."""
FAR, MIRRORED, SPREAD = 2.0, 1.0, 2.0
POPULATIONS = {"patient": ("clinical",), "therapist": ("therapists",)}
OTHERS = ("clinical", "community", "students", "therapists")
WHOLE = "the scale looks reversed as a whole; compare the direction of the answers with your form"
LOOK = "compare the response range, the direction and the kind of score (sum or mean) with your form"
KEY = "compare the reversals and the order of the item columns with your form"
SLACK = 1e-6
UNREVERSED = "the file's totals are made of items that are not reversed; do not use them"
AS_ZERO = "the file's totals leave missing items out of the sum; do not use them where items are missing"
OTHER = "find out how the file's totals were made; the items are scored by the key"
CONFIRM = "confirm against your licensed copy, or put your key in config/instruments/{id}.yaml"


def norm_checks(scores: pd.DataFrame, items: pd.DataFrame | None, instrument: Instrument) -> list[tuple[str, Finding]]:
    """Findings that compare the scales with what is published, each with the role and occasion that it is about.

    Each role's occasion with the most persons is compared with norms of its own population; a mean that lies between
    that population and the others is usual. What is published can make a scale suspicious, never wrong.
    """
    made = []
    for role, occasion, rows in _largest(scores):
        findings: list[Finding] = []
        for scale in instrument.all_scales():
            norms = [n for n in instrument.norm_table if n.scale == scale]
            own = [n for n in norms if n.population in POPULATIONS.get(role, OTHERS)]
            if not own:
                continue
            if scale in scores.columns:
                values = scores[scale].iloc[rows].to_numpy(float, na_value=np.nan)
                findings += _moments(values, instrument, scale, own, norms)
            if items is not None:
                findings += _alpha(keyed(items.iloc[rows], instrument, scale).dropna(), scale, own)
        made += [(f"{role}{f', {occasion}' if occasion else ''}", finding) for finding in findings]
    return made


def _largest(scores: pd.DataFrame):
    """The occasion (and target) of each role that most persons answered, with the positions of its rows."""
    best: dict[str, tuple[str, np.ndarray]] = {}
    for (role, _, occasion), rows in by_occasion(scores):
        if role not in best or len(rows) > len(best[role][1]):
            best[role] = (occasion, rows)
    return [(role, occasion, rows) for role, (occasion, rows) in best.items()]


def _moments(values: np.ndarray, instrument: Instrument, scale: str, own: list[Norm], norms: list[Norm]):
    values = values[np.isfinite(values)]
    known = [(m, s, n) for n in own for m, s in [in_score_units(instrument, n)] if m is not None and s is not None]
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
    for check, seen, bad, advice in zip(checks, shown, (far, reversed_, narrow), (LOOK, WHOLE, LOOK), strict=True):
        yield _judged(scale, check, seen, expected, bad, advice)


def _alpha(items: pd.DataFrame, scale: str, own: list[Norm]):
    published = [(min(n.alpha) if isinstance(n.alpha, tuple) else n.alpha, n) for n in own if n.alpha is not None]
    if not published:
        return
    lowest, norm = min(published, key=lambda pair: pair[0])
    expected = f">= {lowest - 0.1:.2f} (published {lowest:.2f}{_doubt(norm)})"
    n, k = items.shape
    value = alphas(items.to_numpy(float))[0] if n >= FEWEST and k > 1 else np.nan
    if np.isnan(value):
        yield Finding(scale, None, "norm_alpha", "too few complete forms", expected, "not_testable")
        return
    yield _judged(scale, "norm_alpha", f"alpha {value:.3f}", expected, alpha_limits(value, n, k)[1] < lowest - 0.1, KEY)


def _judged(scale: str, check: str, observed: str, expected: str, bad: bool, advice: str) -> Finding:
    return Finding(scale, None, check, observed, expected, "suspicious" if bad else "ok", advice if bad else "")


def _doubt(entry) -> str:
    return ", unchecked" if entry.confidence == "unverified" else ""


def given_totals(measures: pd.DataFrame, scores: pd.DataFrame, instrument: Instrument) -> list[Finding]:
    """Findings for each scale that is also given as a score.

    A given total agrees if it is the score that the key makes of the items, as a sum or as a mean. Where it does not,
    the advice says so if it is the score of unreversed items, or the sum with missing items left out.
    """
    rows = []
    for name, scale in instrument.all_scales().items():
        if name not in measures.columns or not pd.api.types.is_numeric_dtype(measures[name]):
            continue
        given = measures[name].to_numpy(float, na_value=np.nan)
        made = scores[name].to_numpy(float, na_value=np.nan)
        n = instrument.terms(name) if instrument.how(name) != "mean" else len(scale.items)
        there = np.isfinite(given) & np.isfinite(made)
        if not there.any():
            rows.append(Finding(name, None, "given_total", "no form with items and total", "", "not_testable"))
            continue
        own = made / n if instrument.how(name) == "sum" else made * n
        apart = min(((~_same(given, kind)) & there for kind in (made, own)), key=np.sum)
        differ = int(apart.sum())
        advice = _reason(given, measures, instrument, scale, there, differ) if differ else ""
        verdict = "ok" if not differ else "wrong" if differ > 0.05 * there.sum() else "suspicious"
        observed = f"{differ} of {int(there.sum())} differ{_which(measures, apart)}"
        rows.append(Finding(name, None, "given_total", observed, "0 differ from the items", verdict, advice))
    return rows


def _which(measures: pd.DataFrame, apart: np.ndarray) -> str:
    """The rows of the raw file in which a given total differs, as far as a line holds them."""
    if "source_row" not in measures.columns or not apart.any():
        return ""
    rows = [str(row) for row in measures["source_row"].to_numpy()[apart]]
    more = f" and {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
    return f" ({'row' if len(rows) == 1 else 'rows'} {', '.join(rows[:MOST_ROWS])}{more})"


def _reason(given, measures: pd.DataFrame, instrument: Instrument, scale, there: np.ndarray, differ: int) -> str:
    answers = measures[[item_name(i) for i in scale.items]].to_numpy(float, na_value=np.nan)
    low, high = instrument.answers
    turned = np.array([i in scale.reverse for i in scale.items])
    keyed = np.where(turned, low + high - answers, answers)
    complete = np.isfinite(answers).all(axis=1) & there
    for values, rows, reason in (
        (answers, complete, UNREVERSED if scale.reverse else ""),
        (keyed, there, AS_ZERO),
    ):
        total = np.nansum(values, axis=1)
        wrong = min((~_same(given, kind))[rows].sum() for kind in (total, total / len(scale.items)))
        if reason and rows.any() and wrong < 0.5 * differ:
            return reason
    return OTHER


def _same(given: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Equal, or equal as rounded to two decimals in the file."""
    return np.abs(given - made) <= np.where(np.abs(given * 100 - np.round(given * 100)) < SLACK, 0.005 + SLACK, SLACK)


def audit(
    measures: pd.DataFrame,
    instrument: Instrument,
    scores: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """Audit the key of an instrument.

    Items are compared within role, target and occasion, so that differences between these cannot stand in for
    agreement between items, and with one row a person in each: over all forms, and by themselves in each role,
    occasion, file and site with 30 persons. A fault that is confined to one of these is given with its name.

    Parameters
    ----------
    measures : DataFrame
        As for :func:`bowlby.instruments.scoring.score`, values out of range included.
    instrument : Instrument
        The key.
    scores : DataFrame, optional
        The scores made of these answers, same index; without them scales are not compared with norms.
    sites : dict of Series, optional
        By role, the site of each person.

    Returns
    -------
    DataFrame
        Columns instrument, part (role, occasion, file, site that the row is about; empty: all forms), scale, item,
        check, observed, expected, verdict (ok, suspicious, wrong, not_testable), advice.
    """
    columns = [c for n in range(1, instrument.n_items + 1) if (c := item_name(n)) in measures.columns]
    low, high = instrument.answers
    stray = [c for c in columns if ((measures[c] < low) | (measures[c] > high)).any()]
    clean = measures.assign(**{c: measures[c].where(measures[c].between(low, high)) for c in stray})
    forms = sample(clean, sites)
    forms = forms[~one_answer(forms[columns].to_numpy(float, na_value=np.nan), instrument)]
    items = _item_findings(forms, instrument) if len(forms) else []
    reversed_ = any(f.check == "already_reversed" and f.alarm for _, f in items)
    rows = [("", _confidence(instrument, name)) for name in instrument.all_scales()]
    rows += [("", row) for row in form_checks(measures, instrument, columns, reversed_)]
    rows += items
    if scores is not None:
        rows += norm_checks(scores, clean, instrument)
        rows += direction_checks(forms, scores, instrument)
        rows += [("", row) for row in given_totals(measures, scores, instrument)]
    return _table(rows, instrument)


def audit_given(
    scores: pd.DataFrame,
    instrument: Instrument,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """Audit scores that were given: whether they look like the norms, and go one way in all parts.

    Parameters are those of :func:`bowlby.instruments.direction_checks.directed`, the table that of :func:`audit`.
    """
    rows = norm_checks(scores, None, instrument)
    rows += direction_checks(sample(scores if measures is None else measures, sites), scores, instrument)
    return _table(rows, instrument)


def _table(rows: list[tuple[str, Finding]], instrument: Instrument) -> pd.DataFrame:
    table = findings_table([(instrument.id, part, row) for part, row in rows])
    table["advice"] = table["advice"].str.replace("{id}", instrument.id, regex=False)
    return table


def _confidence(instrument: Instrument, name: str) -> Finding:
    sure = instrument.sure(name)
    doubtful = sure == "unverified"
    verdict, advice = ("suspicious", CONFIRM) if doubtful else ("ok", "")
    return Finding(name, None, CONFIDENCE, sure, "verified", verdict, advice)


def _item_findings(forms: pd.DataFrame, instrument: Instrument) -> list[tuple[str, Finding]]:
    """What the items say, in all forms and in parts of them."""
    scales = {name: scale for name, scale in instrument.scales.items() if not instrument.of_highest(name)}
    columns = {name: [item_name(i) for i in scale.items] for name, scale in scales.items()}
    values = {name: keyed(forms, instrument, name).to_numpy(float) for name in columns}
    stored = {name: forms[own].to_numpy(float, na_value=np.nan) for name, own in columns.items()}

    def check(part: Part, tests: int) -> list[Finding]:
        own = {name: centred(table[part.rows], part.cells) for name, table in values.items()}
        findings = [
            f for name in own for f in scale_checks(own[name], instrument, name, part.persons, tests, not part.label)
        ]
        if part.persons < FEWEST:
            return findings
        if not part.cells.any():
            level = level_of(tests)
            findings += [f for n in own for f in highest_answer(stored[n][part.rows], own[n], instrument, n, level)]
        if len(own) > 1:
            findings += _composite(own, instrument, part.persons, tests)
            findings += order_check({name: pd.DataFrame(own[name], columns=columns[name]) for name in own})
        return findings

    return by_part(forms, check)


def _composite(own: dict[str, np.ndarray], instrument: Instrument, persons: int, tests: int) -> list[Finding]:
    """The scales of a total must agree in direction."""
    if instrument.total is None:
        return []
    scores = np.column_stack([_mean(items) for items in own.values()])
    rows = []
    for k, name in enumerate(own):
        rest = _mean(np.delete(scores, k, axis=1))
        r = float(correlations(scores[:, [k]], rest[:, None])[0])
        verdict, clear = sign(r, persons, level_of(tests)), strength(r, persons) > SURE
        rows.append(Finding(name, None, "scale_rest", r, "> 0", verdict, TURN if verdict != "ok" else "", clear))
    return rows


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean of what each row has."""
    there = ~np.isnan(values)
    n, out = there.sum(axis=1), np.full(len(values), np.nan)
    np.divide(np.where(there, values, 0.0).sum(axis=1), n, out=out, where=n > 0)
    return out
