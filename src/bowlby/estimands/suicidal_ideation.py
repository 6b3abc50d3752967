"""Suicidal ideation in counts, and as an ordinal outcome of the comparison: ``suicidal_ideation.json``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from bowlby.config.run import IDEATION, Outcome, Run
from bowlby.design.centring import components
from bowlby.design.frame import at, ratings
from bowlby.design.primary import comparison_set
from bowlby.disclosure import hide_classes, pooled_histogram, small
from bowlby.estimands.clinical_change import Sample
from bowlby.fit.models import Fitter
from bowlby.instruments.model import Instrument
from bowlby.terms import P, T

CHANGES = ("new", "persisting", "resolved", "never")
"""From before to after: lowest response or above it at either time."""
PERSISTING = ("worsened", "unchanged", "improved")
"""Parts of the persisting, by their scores."""
MOST = 5
"""Responses that are categories of their own; of more, those above the lowest form three groups."""


def suicidal_ideation(
    run: Run,
    scores: Mapping[str, pd.DataFrame],
    people: dict[str, pd.DataFrame],
    occasions: list[str],
    keys: Mapping[str, Instrument],
) -> dict:
    """Counts before and after, changes, and an ordinal model of every outcome of this domain.

    Parameters
    ----------
    run : Run
    scores, people : mapping of DataFrame
        As of :func:`bowlby.design.primary.comparison_set`.
    occasions : list of str
        The study's occasions in order.
    keys : mapping of Instrument
        The outcomes' instruments. Of scales without a known range, the lowest and highest score that occur count.

    Returns
    -------
    dict
        ``outcomes``: for each outcome, counts by category ``before`` and ``after`` of the ``n`` patients with both
        scores, neighbours joined until none has fewer than five; ``change``, where hidden counts are None; and
        ``ordinal``: a proportional-odds model of the ``categories`` after treatment on the predictors of the comparison
        (``kind`` ordinal; :class:`bowlby.estimands.clinical_change.Sample`); where too few patients are in all
        but two categories, a logistic model of the lowest score (``kind`` lowest); or the ``reason`` why there is none.
    """
    rows = []
    for outcome in run.of_domain(IDEATION):
        sign = -1.0 if outcome.higher_is_better else 1.0
        before, after = (sign * one for one in _ends(scores[outcome.instrument], outcome, occasions))
        both = before.notna() & after.notna()
        before, after = before[both], after[both]
        ends = _range(keys[outcome.instrument], outcome, sign * pd.concat([before, after]))
        edges = _edges(np.concatenate([before, after]), *ends)
        cuts, shareable = [*edges, ends[1] + 1], run.privacy == "shareable"
        names = [_label(low, high, sign) for low, high in pairwise(cuts)]
        rows.append({
            "outcome": outcome.model_dump(include={"instrument", "scale", "domain", "pre", "post"}),
            "n": len(before),
            "categories": names,
            "before": _by_category(before, cuts, sign, shareable),
            "after": _by_category(after, cuts, sign, shareable),
            "change": _changes(before, after, edges[0], shareable),
            "ordinal": _ordinal(run, outcome, dict(scores), people, occasions, edges, names),
        })  # fmt: skip
    return {"schema": 1, "outcomes": rows}


def _ends(table: pd.DataFrame, outcome: Outcome, occasions: list[str]) -> tuple[pd.Series, pd.Series]:
    """Scores before and after by person: at the outcome's occasions, else the first and the last of several."""
    if outcome.pre and outcome.post:
        before, after = (at(table, outcome.role, outcome.whom, o)[outcome.scale] for o in (outcome.pre, outcome.post))
    else:
        own = ratings(table, outcome).dropna(subset=[outcome.scale])
        own = own.assign(rank=own["occasion"].map({o: k for k, o in enumerate(occasions)}))
        own = own.sort_values(["person", "rank", *(c for c in ("session", "date") if c in own)], kind="stable")
        own = own[own["person"].duplicated(keep=False)]
        before, after = (
            own.drop_duplicates("person", keep=k).set_index("person")[outcome.scale] for k in ("first", "last")
        )
    before, after = before.astype(float).align(after.astype(float), join="outer")
    return before, after


def _range(key: Instrument, outcome: Outcome, values: pd.Series) -> list[float]:
    """Best and worst score, higher being worse."""
    known = key.response and outcome.scale in {*key.all_scales(), *key.flagged()}
    ends = key.range_of(outcome.scale) if known else (values.min(), values.max())
    return sorted((-1.0 if outcome.higher_is_better else 1.0) * float(end) for end in ends)


def _edges(values: np.ndarray, best: float, worst: float) -> list[float]:
    """Lowest scores of the categories from no ideation on, higher being worse."""
    if worst - best < MOST and np.equal(values, np.round(values)).all():
        return [best + k for k in range(int(worst - best) + 1)]
    above = values[values > best]
    distinct = np.unique(above)
    if len(distinct) < MOST:
        return [best, *distinct.tolist()]
    thirds = np.quantile(above, [1 / 3, 2 / 3], method="higher")
    return [best, *np.unique([distinct[0], *thirds]).tolist()]


def _label(low: float, high: float, sign: float) -> str:
    """A category, which ends before ``high``, in the scale's own units."""
    if low % 1 or high % 1:
        return f"from {low:g}" if sign > 0 else f"up to {-low:g}"
    first, last = sorted((sign * low, sign * max(low, high - 1)))
    return f"{first:g}" if first == last else f"{first:g} to {last:g}"


def _changes(before: pd.Series, after: pd.Series, best: float, shareable: bool) -> dict[str, int | None]:
    """Counts of changes; those from which fewer than five persons could be derived are hidden."""
    either = {"new": (before <= best) & (after > best), "persisting": (before > best) & (after > best),
              "resolved": (before > best) & (after <= best), "never": (before <= best) & (after <= best)}  # fmt: skip
    kept = either["persisting"]
    parts = {"worsened": kept & (after > before), "unchanged": kept & (after == before),
             "improved": kept & (after < before)}  # fmt: skip
    change = {name: int(rows.sum()) for name, rows in {**either, **parts}.items()}
    few = shareable and (small(len(before)) or any(small(change[name]) for name in CHANGES))
    split = [few or hide for hide in hide_classes([change[name] for name in PERSISTING], shareable)]
    hidden = dict.fromkeys(CHANGES, few) | dict(zip(PERSISTING, split, strict=True))
    return {name: None if hidden[name] else n for name, n in change.items()}


def _by_category(values: pd.Series, cuts: list[float], sign: float, shareable: bool) -> list[dict]:
    bins = pooled_histogram(values, cuts, shareable)
    return [{"category": _label(low, high, sign), "count": n} for low, high, n in bins]


def _ordinal(
    run: Run, outcome: Outcome, scores: dict, people: dict, occasions: list[str], edges: list[float], names: list[str]
) -> dict:
    """The categories after treatment by the predictors of the comparison; higher is less ideation."""
    if run.comparison is None:
        return {"estimable": False, "reason": "the run has no comparison"}
    built = comparison_set(run.with_outcome(outcome), scores, people, occasions, "primary")
    data = built.data
    level = len(edges) - np.digitize(-data["y"].to_numpy(float), edges)
    base = Fitter(data, built.membership, built.design).base
    sample = Sample(data, components(built.membership, data["patient"]), [P, T, *base])
    everyone = np.ones(len(data), bool)
    model = sample.ordinal(level, everyone, names[::-1]) | {"kind": "ordinal"}
    if not model["estimable"]:
        model = sample.event(level == len(edges) - 1, everyone) | {"kind": "lowest"}
    return model | {"n_events": None, "n_therapists": int(data["therapist"].nunique())}
