"""STROBE for cohort studies: the items by number, in our own words."""

from __future__ import annotations

from bowlby.report.checklists import answers
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
        Item(INTRODUCTION, "3", "Aims and hypotheses set beforehand", answers.aims,
             "whether and where they were registered"),
        Item(METHODS, "4", "The design, early in the paper", answers.design, "the kind of study"),
        Item(METHODS, "5", "Setting; dates of recruitment, treatment and measurement"),
        Item(METHODS, "6a", "Eligibility, selection and follow-up of participants"),
        Item(METHODS, "6b", "Matching, if patients were matched"),
        Item(METHODS, "7", "Outcome, predictors, confounders, moderators", answers.variables,
             "possible confounders not measured"),
        Item(METHODS, "8", "How each variable was measured", answers.instruments,
             "procedure, language versions, assessors"),
        Item(METHODS, "9", "Measures against bias", answers.bias, "bias from recruitment and dropout"),
        Item(METHODS, "10", "Study size and its rationale", answers.size, "how the number was arrived at"),
        Item(METHODS, "11", "How quantities were handled in the analysis", answers.quantities),
        Item(METHODS, "12a", "Statistical methods, with control of confounders", answers.analysis),
        Item(METHODS, "12b", "Subgroups and interactions", answers.subgroups),
        Item(METHODS, "12c", "Missing data", answers.missing),
        Item(METHODS, "12d", "Loss to follow-up", answers.lost_to_follow_up, "characteristics of those lost"),
        Item(METHODS, "12e", "Sensitivity analyses", answers.robustness),
        Item(RESULTS, "13a", "Numbers at each stage", answers.flow, "numbers approached, eligible and consenting"),
        Item(RESULTS, "13b", "Reasons for non-participation at each stage", answers.flow,
             "reasons before data collection"),
        Item(RESULTS, "13c", "A flow diagram", answers.diagram),
        Item(RESULTS, "14a", "Demographic, clinical and social characteristics", answers.characteristics,
             "characteristics not listed here"),
        Item(RESULTS, "14b", "Number with missing data on each variable", answers.missing),
        Item(RESULTS, "14c", "Length of follow-up"),
        Item(RESULTS, "15", "Outcome over time", answers.scales),
        Item(RESULTS, "16a", "Estimates with precision, and what they are adjusted for", answers.estimates,
             "unadjusted estimates"),
        Item(RESULTS, "16b", "Category boundaries of continuous variables", answers.categories),
        Item(RESULTS, "16c", "Absolute risk in addition to relative risk", answers.risks),
        Item(RESULTS, "17", "Other analyses", answers.other_analyses),
        Item(DISCUSSION, "18", "The key result in terms of the aims", answers.findings),
        Item(DISCUSSION, "19", "Limitations, with direction and size of possible bias", answers.limits,
             "their direction and size"),
        Item(DISCUSSION, "20", "A cautious interpretation in the light of other evidence"),
        Item(DISCUSSION, "21", "Generalisability"),
        Item("Other", "22", "Funding and the role of the funders"),
    ],
)  # fmt: skip
