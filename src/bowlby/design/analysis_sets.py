"""The analysis sets of a run by name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bowlby.config.run import Run
from bowlby.config.study import Study
from bowlby.design.clinical_change import with_classes
from bowlby.design.frame import AnalysisSet, Patients
from bowlby.design.growth import growth_set
from bowlby.design.measurement import Forms
from bowlby.design.moderation import moderation_set
from bowlby.design.pair import pair_set
from bowlby.design.primary import comparison_set
from bowlby.design.response_surface import response_surface_set
from bowlby.design.session_to_session import session_to_session_set
from bowlby.design.sessions import session_set
from bowlby.design.style_transitions import transition_set
from bowlby.instruments.model import Instrument
from bowlby.terms import MODERATION, RESPONSE_SURFACE


def build_set(
    run: Run,
    study: Study,
    name: str,
    scores: dict[str, pd.DataFrame],
    people: dict[str, pd.DataFrame],
    forms: Forms,
    key: Callable[[str], Instrument],
    sample: Callable[[], Patients] | None = None,
    described: bool = True,
) -> AnalysisSet:
    """One analysis set of a run, from its scores by instrument and its people.

    Parameters
    ----------
    run : Run
    study : Study
    name : str
    scores : dict of DataFrame
        By instrument.
    people : dict of DataFrame
        ``patients``, ``therapists``, ``episodes``.
    forms : callable
        Instrument on the study's form, and the answers to its items (None where scores are given), by name.
    key : callable
        Instrument on the study's form by name.
    sample : callable, optional
        What :func:`bowlby.design.primary.compared` gives of these data.
    described : bool
        Whether to include descriptions that only the report uses (:func:`bowlby.design.primary.analysis_set`).

    Raises
    ------
    UserError
        Where its models cannot be fitted to these data; all reasons at once.
    """
    order = [o.id for o in study.occasions]
    if name == "growth":
        return growth_set(run, scores, people, study.occasions, study.time_unit)
    if name == "pair":
        return pair_set(run, scores, people)
    if name == "session_to_session":
        return session_to_session_set(run, scores, people)
    if name == "style_transitions":
        return transition_set(run, scores, people, forms)
    if name == "sessions":
        return session_set(run, scores, people, order)
    if name.startswith(MODERATION):
        return moderation_set(run, scores, people, order, name)
    if name.startswith(RESPONSE_SURFACE):
        return response_surface_set(run, scores, people, order, key, name)
    built = comparison_set(run, scores, people, order, name, sample() if sample else None, described)
    return with_classes(built, run, scores, forms) if name == "clinical_change" else built
