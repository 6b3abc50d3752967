"""The sections of the report and of its appendix, in order; a new one is a file with a function, and a line here."""

from __future__ import annotations

from bowlby.report.section import Build
from bowlby.report.sections.adequacy import adequacy
from bowlby.report.sections.change import change, prepost, risk
from bowlby.report.sections.clinical_change import clinical_change
from bowlby.report.sections.course import course
from bowlby.report.sections.estimates import estimands, estimates, models
from bowlby.report.sections.keys import keys
from bowlby.report.sections.mediation import mediation
from bowlby.report.sections.methods import checklists, glossary, methods, omitted, provenance, references
from bowlby.report.sections.model_checks import diagnostics, engines
from bowlby.report.sections.moderation import moderation
from bowlby.report.sections.other_measures import domains, early, other_ratings, sessions
from bowlby.report.sections.pair import pair
from bowlby.report.sections.participants import flow, issues, missing
from bowlby.report.sections.questionnaires import reliability, scales, scores
from bowlby.report.sections.response_surface import response_surface
from bowlby.report.sections.robustness import robustness, sensitivity
from bowlby.report.sections.session_to_session import session_to_session
from bowlby.report.sections.style_transitions import style_transitions
from bowlby.report.sections.suicidal_ideation import suicidal_ideation
from bowlby.report.sections.therapists import therapists
from bowlby.report.sections.verdict import verdict

REPORT: list[Build] = [
    verdict,
    scores,
    adequacy,
    estimates,
    suicidal_ideation,
    pair,
    session_to_session,
    mediation,
    moderation,
    response_surface,
    robustness,
    course,
    therapists,
    prepost,
    change,
    clinical_change,
    style_transitions,
    flow,
    missing,
    methods,
]
APPENDIX: list[Build] = [
    estimands,
    glossary,
    risk,
    models,
    sensitivity,
    domains,
    other_ratings,
    early,
    sessions,
    scales,
    reliability,
    keys,
    issues,
    diagnostics,
    engines,
    checklists,
    references,
    omitted,
    provenance,
]
SECTIONS: list[Build] = [*REPORT, *APPENDIX]
