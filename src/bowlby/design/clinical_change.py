"""The rows of the comparison with each patient's class of change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bowlby.config.run import Run
from bowlby.design.frame import AnalysisSet
from bowlby.design.measurement import Forms
from bowlby.errors import UserError, existing, problem
from bowlby.instruments.clinical_significance import functional
from bowlby.instruments.outcomes import Classification, before_and_after, classifications

COLUMNS = [
    ("class", "class of change: recovered, improved, unchanged or deteriorated", "", "scores"),
    (
        "began_functional",
        "whether the patient was on the functional side of the cut-off before treatment",
        "",
        "scores",
    ),
]


def with_classes(built: AnalysisSet, run: Run, scores: dict[str, pd.DataFrame], forms: Forms) -> AnalysisSet:
    """The set ``clinical_change`` with its outcome.

    Parameters
    ----------
    built : AnalysisSet
        Its rows with the predictors.
    run : Run
        With ``clinical_change``.
    scores : dict of DataFrame
        Scores by instrument.
    forms : callable
        Instrument on the study's form, and the answers to its items (None where scores are given), by name.

    Returns
    -------
    AnalysisSet
        With the columns ``class`` and ``began_functional``; ``design["change"]`` has event, method, criterion,
        ``cut`` (None where there is none) and their sources. Classes are those that ``change.csv`` counts.

    Raises
    ------
    UserError
        Where change cannot be classified as configured.
    """
    outcome, asked = run.outcome, existing(run.clinical_change)
    instrument, items = forms(outcome.instrument)
    occasions = (existing(outcome.pre), existing(outcome.post))
    pair = existing(before_and_after(scores[outcome.instrument], outcome.role, outcome.whom, occasions))
    pre, post = (np.round(rows[outcome.scale].to_numpy(float, na_value=np.nan), 9) for rows in pair)
    if items is not None:
        items = items[items["role"].eq(outcome.role) & items["about"].eq(outcome.whom)]
    cut, classified = classifications(instrument, outcome.scale, pre, post, items, occasions[0])
    scale = f"{outcome.scale} of {outcome.instrument}"
    chosen = _chosen(classified, asked.method, asked.criterion, scale)
    if cut.at is None and asked.event == "recovered":
        what = f"clinical_change.event is recovered, but no cut-off is known for {scale}"
        do = "add a cut-off or norms to the instrument's file, or use `event: improved`"
        raise UserError(problem(what, do))
    better = instrument.all_scales()[outcome.scale].higher == "better"
    began = np.zeros(len(pre), bool) if cut.at is None else functional(pre, cut.at, better)
    known = pd.DataFrame({"class": chosen.classes, "began_functional": began}, index=pair[0].index)
    data = built.data.assign(**known.reindex(built.data["patient"]).reset_index(drop=True).to_dict("series"))
    if data["class"].isna().any():
        what = f"clinical_change: {chosen.method} ({chosen.criterion}) gives no index for {scale}"
        raise UserError(problem(what, "its variance is all measurement error; choose another method"))
    columns = pd.concat([built.columns, pd.DataFrame(COLUMNS, columns=built.columns.columns)], ignore_index=True)
    spread = chosen.spread
    change = {
        "event": asked.event,
        "method": chosen.method,
        "criterion": chosen.criterion,
        "threshold": chosen.threshold,
        "sd": spread and spread.sd,
        "reliability": spread and spread.reliability,
        "cut": None if cut.at is None else round(cut.at, 9),
        "cut_source": cut.source,
    }
    return replace(built, data=data, columns=columns, design=built.design | {"change": change})


def _chosen(classified: list[Classification], method: str | None, criterion: str | None, scale: str) -> Classification:
    """The configured classification, or the first of those that need no choice."""
    methods = [method] if method else ["published", "jacobson_truax"]
    for one in methods:
        for found in classified:
            if found.method == one and criterion in (None, found.criterion):
                return found
    if not classified:
        what = f"clinical_change: reliable change is not known for {scale}"
        raise UserError(
            problem(what, "it needs items, or a published reliable change or norms in the instrument's file")
        )
    wanted = " with criterion ".join(f"'{part}'" for part in (method, criterion) if part)
    there = "; ".join(f"{found.method}: {found.criterion}" for found in classified)
    raise UserError(problem(f"clinical_change: {scale} has no {wanted}", f"choose one of these: {there}"))
