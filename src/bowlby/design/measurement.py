"""Errors of measurement of the baseline, of perceived attachment and of style, from items or stated reliabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from bowlby import terms
from bowlby.config.run import Block, Outcome, Run
from bowlby.design.frame import AnalysisSet, answered, at, before_after, ratings
from bowlby.instruments.factor_structure import structure
from bowlby.instruments.model import Instrument
from bowlby.instruments.reliability import squared_errors
from bowlby.instruments.scoring import keyed_items

ERRORS = ("baseline", "perceived", "therapist_style")
Forms = Callable[..., tuple[Instrument, pd.DataFrame | None]]


def with_errors(built: AnalysisSet, run: Run, scores: dict[str, pd.DataFrame], forms: Forms) -> AnalysisSet:
    """The primary set with what each row says of the variance of the errors of measurement.

    Parameters
    ----------
    built : AnalysisSet
        The primary set.
    run : Run
    scores : dict of DataFrame
        Scores by instrument.
    forms : callable
        Instrument on the study's form, and the answers to its items (None where scores are given), by name; of all
        occasions, or one that is named too.

    Returns
    -------
    AnalysisSet
        With columns ``baseline_error``, ``perceived_error`` and ``therapist_style_error`` (of the patient's main
        therapist) in squared units of the columns that they are about, whose means are the error variances; missing
        where nothing is known.
        ``design["reliability_from"]`` says what each rests on: ``configuration``, ``items`` or None.
    """
    own = {
        "baseline": (built.data["patient"], *_baseline(run.outcome, scores, forms)),
        **{variable: (built.data[terms.ROLES[variable]],
                      *_composite(getattr(run.comparison, variable), variable, built, scores, forms))
           for variable in ("perceived", "therapist_style")},
    }  # fmt: skip
    data, rests = built.data.copy(), {}
    for name, (person, origin, values) in own.items():
        column = terms.error_of(name)
        data[column] = np.nan if values is None else values.reindex(person).to_numpy(float)
        rests[name] = origin if data[column].notna().any() else None
    meaning = "estimate from one row of the variance of the error of measurement; its mean is that variance"
    units = dict.fromkeys(ERRORS, "reference SD squared") | {"baseline": "outcome units squared"}
    added = pd.DataFrame(
        [(terms.error_of(name), f"{name}: {meaning}", units[name], "scores") for name in ERRORS],
        columns=built.columns.columns,
    )
    columns = pd.concat([built.columns, added], ignore_index=True)
    return replace(built, data=data, columns=columns, design=built.design | {"reliability_from": rests})


def _baseline(outcome: Outcome, scores: dict[str, pd.DataFrame], forms: Forms) -> tuple[str, pd.Series | None]:
    """Of the outcome before treatment: one occasion, or the mean of the sessions up to a landmark."""
    table = scores[outcome.instrument]
    if outcome.reliability is not None:
        return "configuration", _stated(before_after(table, outcome)[0], outcome.reliability)
    instrument, items = forms(outcome.instrument, outcome.pre)
    if items is None:
        return "items", None
    if outcome.after is None:
        rows = at(items, outcome.role, outcome.whom, outcome.pre)
        return "items", pd.Series(squared_errors(rows, instrument, outcome.scale), rows.index)
    own = ratings(items, outcome)
    return "items", _of_sessions(own, instrument, outcome.scale, outcome.after)


def _composite(
    block: Block, variable: str, built: AnalysisSet, scores: dict[str, pd.DataFrame], forms: Forms
) -> tuple[str, pd.Series | None]:
    """Of a composite: errors of its scales are independent, so their variances add up."""
    scaling, role = built.design["scaling"][variable], terms.ROLES[variable]
    factor = _per_point(scaling)
    if block.reliability is not None:
        own = answered(scores[block.instrument], role, block)[scaling["scales"]]
        return "configuration", _stated(pd.Series(own.to_numpy(float) @ factor, own.index), block.reliability)
    instrument, items = forms(block.instrument, block.occasion)
    if items is None:
        return "items", None
    if not all(s in instrument.all_scales() or s in instrument.composites for s in scaling["scales"]):
        return "items", None
    if block.sessions is None:
        rows = at(items, role, block.about, block.occasion)
        parts = [pd.Series(squared_errors(rows, instrument, s), rows.index) for s in scaling["scales"]]
    else:
        rows = items[(items["role"] == role) & (items["about"] == block.about)]
        if block.occasion is not None:
            rows = rows[rows["occasion"] == block.occasion]
        parts = [_of_sessions(rows, instrument, s, block.sessions) for s in scaling["scales"]]
    return "items", sum(c**2 * part for c, part in zip(factor, parts, strict=True) if c)


def _per_point(scaling: dict) -> np.ndarray:
    """By how much the composite changes with one point of each of its scales."""
    w = np.array([scaling["weights"][scale] for scale in scaling["scales"]], float)
    return w / np.asarray(scaling["sd"], float) / np.sqrt(w @ np.asarray(scaling["correlation"], float) @ w)


def factor_structure(built: AnalysisSet, run: Run, forms: Forms) -> dict[str, dict | None]:
    """Whether one factor fits the items of each composite, on which the claims rest.

    Parameters
    ----------
    built, run, forms
        As of :func:`with_errors`.

    Returns
    -------
    dict
        ``perceived`` (of the set's patients, with their main therapists) and ``therapist_style`` (of the therapists):
        :class:`bowlby.instruments.factor_models.OneFactor` as a dictionary; None where scores are given or the persons
        are too few. Of sessions, the last one that each person answered.
    """
    therapists = built.data.set_index("patient")["therapist"]
    persons = {"perceived": therapists, "therapist_style": pd.Series(index=pd.Index(therapists.unique()), dtype=object)}
    out = {}
    for variable, own in persons.items():
        items = _weighted_items(getattr(run.comparison, variable), variable, built, forms)
        kept = None if items is None else items.loc[items.index.intersection(own.index)]
        groups = None if kept is None or variable == "therapist_style" else own.loc[kept.index]
        out[variable] = None if kept is None else structure(kept, groups)
    return out


def _weighted_items(block: Block, variable: str, built: AnalysisSet, forms: Forms) -> pd.DataFrame | None:
    """Items of a composite, one row a person, each times what one point of it adds; None where scores are given."""
    instrument, answers = forms(block.instrument)
    scaling = built.design["scaling"][variable]
    if answers is None or not set(scaling["scales"]) <= {*instrument.all_scales(), *instrument.composites}:
        return None
    rows = answers[(answers["role"] == terms.ROLES[variable]) & (answers["about"] == block.about)]
    if block.occasion is not None:
        rows = rows[rows["occasion"] == block.occasion]
    if block.sessions is not None:
        rows = rows[rows["session"].between(1, block.sessions).fillna(False).astype(bool)].sort_values("session")
    rows = rows.drop_duplicates("person", keep="first" if block.sessions is None else "last").set_index("person")
    total: dict[str, np.ndarray] = {}
    for scale, weight in zip(scaling["scales"], _per_point(scaling), strict=True):
        own = instrument.composites[scale].weights if scale in instrument.composites else {scale: 1.0}
        for name, w in own.items():
            items = keyed_items(rows, instrument, name)
            each = weight * w / (1 if instrument.how(name) == "sum" else len(items))
            # An item of several scales counts with the sum of its weights.
            total |= {c: total.get(c, 0.0) + each * values for c, values in items.items()}
    return pd.DataFrame({c: total[c] for c in sorted(total)}, index=rows.index) if total else None


def _stated(values: pd.Series, reliability: float) -> pd.Series:
    """Of values whose reliability in this study is known: 1 - reliability of each squared deviation."""
    values = values.dropna()
    return (1 - reliability) * (values - values.mean()) ** 2 * len(values) / max(len(values) - 1, 1)


def _of_sessions(rows: pd.DataFrame, instrument: Instrument, scale: str, last: int) -> pd.Series:
    """Of each person's mean of the sessions up to one: the errors of m sessions leave an m-th in their mean."""
    rows = rows[rows["session"].between(1, last).fillna(False).astype(bool)]
    errors = pd.concat([pd.Series(squared_errors(group, instrument, scale), group["person"])
                        for _, group in rows.groupby("session")] or [pd.Series(dtype=float)]).dropna()  # fmt: skip
    sessions = errors.groupby(level=0).agg(["mean", "size"])
    return sessions["mean"] / sessions["size"]
