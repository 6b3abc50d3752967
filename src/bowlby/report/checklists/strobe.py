"""STROBE for cohort studies: the items by number, in our own words."""

from __future__ import annotations

from bowlby.report.checklists import known
from bowlby.report.checklists.item import Checklist, Item

FRONT, INTRODUCTION, METHODS = "Title and abstract", "Introduction", "Methods"
RESULTS, DISCUSSION = "Results", "Discussion"

STROBE = Checklist(
    name="STROBE, cohort studies",
    head="Item",
    source="von Elm, E., et al. (2007). PLoS Medicine, 4(10), e296. Items by number, paraphrased; the text of the "
    "statement is authoritative.",
    items=[
        Item(FRONT, "1a", "The design, named in title or abstract"),
        Item(FRONT, "1b", "An abstract of what was done and found"),
        Item(INTRODUCTION, "2", "Background and rationale"),
        Item(INTRODUCTION, "3", "Aims and hypotheses set beforehand", known.aims,
             "whether and where they were registered"),
        Item(METHODS, "4", "The design, early in the paper", known.design, "the kind of study"),
        Item(METHODS, "5", "Setting; dates of recruitment, treatment and measurement"),
        Item(METHODS, "6a", "Eligibility, selection and follow-up of participants"),
        Item(METHODS, "6b", "Matching, if patients were matched"),
        Item(METHODS, "7", "Outcome, predictors, confounders, moderators", known.variables,
             "possible confounders not measured"),
        Item(METHODS, "8", "How each variable was measured", known.instruments,
             "procedure, language versions, assessors"),
        Item(METHODS, "9", "Measures against bias", known.bias, "bias from recruitment and dropout"),
        Item(METHODS, "10", "Study size and its rationale", known.size, "how the number was arrived at"),
        Item(METHODS, "11", "How quantities were handled in the analysis", known.quantities),
        Item(METHODS, "12a", "Statistical methods, with control of confounders", known.analysis),
        Item(METHODS, "12b", "Subgroups and interactions", known.subgroups),
        Item(METHODS, "12c", "Missing data", known.missing),
        Item(METHODS, "12d", "Loss to follow-up", known.lost_to_follow_up, "characteristics of those lost"),
        Item(METHODS, "12e", "Sensitivity analyses", known.robustness),
        Item(RESULTS, "13a", "Numbers at each stage", known.flow, "numbers approached, eligible and consenting"),
        Item(RESULTS, "13b", "Reasons for non-participation at each stage", known.flow,
             "reasons before data collection"),
        Item(RESULTS, "13c", "A flow diagram", known.diagram),
        Item(RESULTS, "14a", "Demographic, clinical and social characteristics", known.scales,
             "age, gender, diagnoses"),
        Item(RESULTS, "14b", "Number with missing data on each variable", known.missing),
        Item(RESULTS, "14c", "Length of follow-up"),
        Item(RESULTS, "15", "Outcome over time", known.scales),
        Item(RESULTS, "16a", "Estimates with precision, and what they are adjusted for", known.estimates,
             "unadjusted estimates"),
        Item(RESULTS, "16b", "Category boundaries of continuous variables", known.categories),
        Item(RESULTS, "16c", "Absolute risk in addition to relative risk", known.no_risks),
        Item(RESULTS, "17", "Other analyses", known.other_analyses),
        Item(DISCUSSION, "18", "The key result in terms of the aims", known.findings),
        Item(DISCUSSION, "19", "Limitations, with direction and size of possible bias", known.limits,
             "their direction and size"),
        Item(DISCUSSION, "20", "A cautious interpretation in the light of other evidence"),
        Item(DISCUSSION, "21", "Generalisability"),
        Item("Other", "22", "Funding and the role of the funders"),
    ],
)  # fmt: skip
