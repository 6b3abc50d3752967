"""The sections of the report and of its appendix, in order; a new one is a file with a function, and a line here."""

from __future__ import annotations

from bowlby.report.section import Build
from bowlby.report.sections.adequacy import adequacy
from bowlby.report.sections.beside import beside
from bowlby.report.sections.change import change
from bowlby.report.sections.checklists import checklists
from bowlby.report.sections.course import course
from bowlby.report.sections.diagnostics import diagnostics
from bowlby.report.sections.domains import domains
from bowlby.report.sections.early import early
from bowlby.report.sections.engines import engines
from bowlby.report.sections.estimands import estimands
from bowlby.report.sections.estimates import estimates
from bowlby.report.sections.flow import flow
from bowlby.report.sections.issues import issues
from bowlby.report.sections.keys import keys
from bowlby.report.sections.methods import methods, references
from bowlby.report.sections.missing import missing
from bowlby.report.sections.models import models
from bowlby.report.sections.pair import pair
from bowlby.report.sections.prepost import prepost
from bowlby.report.sections.provenance import provenance
from bowlby.report.sections.reliability import reliability
from bowlby.report.sections.risk import risk
from bowlby.report.sections.robustness import robustness
from bowlby.report.sections.scales import scales
from bowlby.report.sections.sessions import sessions
from bowlby.report.sections.therapists import therapists
from bowlby.report.sections.tipping import tipping
from bowlby.report.sections.verdict import verdict

REPORT: list[Build] = [
    verdict,
    adequacy,
    pair,
    estimates,
    robustness,
    estimands,
    course,
    therapists,
    prepost,
    change,
    flow,
    missing,
    methods,
]
APPENDIX: list[Build] = [
    risk,
    models,
    tipping,
    domains,
    beside,
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
    provenance,
]
SECTIONS: list[Build] = [*REPORT, *APPENDIX]
