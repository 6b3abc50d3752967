"""JARS-Quant, Table 1, with its demands on complex (here multilevel) analyses: the topics, in our own words."""

from __future__ import annotations

from bowlby.report.checklists import answers
from bowlby.report.checklists.item import Checklist, Item

FRONT, ABSTRACT, INTRODUCTION, METHOD = "Title page", "Abstract", "Introduction", "Method"
RESULTS, MULTILEVEL, DISCUSSION = "Results", "Results: multilevel analysis", "Discussion"

JARS = Checklist(
    name="JARS-Quant, multilevel",
    head="Topic",
    source="Appelbaum, M., et al. (2018). American Psychologist, 73, 3-25, Table 1. Topics are not numbered and are "
    "paraphrased; the text of the standard is authoritative.",
    items=[
        Item(FRONT, "Title", "Variables, theory and population"),
        Item(FRONT, "Author note", "Registration, earlier use of the data, funding, interests"),
        Item(ABSTRACT, "Objectives", "The problem and main hypotheses", answers.aims),
        Item(ABSTRACT, "Participants", "Who took part", answers.synthetic,
             "the real sample, if the data represent one"),
        Item(ABSTRACT, "Method", "Design, size, measures", answers.design),
        Item(ABSTRACT, "Findings", "Effect sizes with intervals", answers.findings),
        Item(ABSTRACT, "Conclusions", "What follows, beyond the results"),
        Item(INTRODUCTION, "Problem", "Importance of the problem"),
        Item(INTRODUCTION, "Earlier work", "Previous findings, and the contribution of this study"),
        Item(INTRODUCTION, "Hypotheses", "Primary, secondary and other planned analyses", answers.aims,
             "which were planned, and where this is documented"),
        Item(METHOD, "Inclusion and exclusion", "Criteria of the study"),
        Item(METHOD, "Participant characteristics", "Demographic and clinical", answers.characteristics,
             "characteristics not listed here, such as culture"),
        Item(METHOD, "Sampling", "Recruitment of patients and therapists, settings, consent, ethics"),
        Item(METHOD, "Size, power, precision", "Intended and achieved sample size, with reasons", answers.size,
             "the size intended"),
        Item(METHOD, "Data collection", "How and when data were collected", answers.variables,
             "assessors and procedure"),
        Item(METHOD, "Quality of measurement", "Training, several observers, checks", answers.diagnostics,
             "training of assessors"),
        Item(METHOD, "Instruments", "Each with its source", answers.instruments),
        Item(METHOD, "Masking", "Who was masked to what"),
        Item(METHOD, "Psychometrics", "Reliability and validity in this sample", answers.reliability, "validity"),
        Item(METHOD, "Scoring", "Scoring by the keys of the instruments", answers.keys),
        Item(METHOD, "Conditions and design", "Manipulated or observed; nesting", answers.design, "the kind of study"),
        Item(METHOD, "Data diagnostics", "Exclusion, outliers, distributions, missing data: rules", answers.missing),
        Item(METHOD, "Analytic strategy", "Analyses of each hypothesis", answers.analysis),
        Item(RESULTS, "Participant flow", "Numbers at each stage", answers.flow, "numbers before data collection"),
        Item(RESULTS, "Recruitment", "Dates"),
        Item(RESULTS, "Missing data", "Amount, location and handling", answers.missing, "reasons for missing data"),
        Item(RESULTS, "Descriptive statistics", "n, M and SD of each variable", answers.scales),
        Item(RESULTS, "Inferential statistics", "Exact p, effect sizes, intervals, of every test", answers.estimates),
        Item(RESULTS, "Problems with assumptions", "Violations, and how they were handled", answers.diagnostics),
        Item(RESULTS, "Other analyses", "Secondary, exploratory, sensitivity", answers.other_analyses),
        Item(MULTILEVEL, "Levels", "Units at each level and their numbers", answers.levels),
        Item(MULTILEVEL, "Centring and scaling", "Of each predictor", answers.quantities),
        Item(MULTILEVEL, "Models", "Fixed and random part, estimation, degrees of freedom", answers.fixed_and_random),
        Item(MULTILEVEL, "Variances", "At each level, intraclass correlation", answers.variances),
        Item(MULTILEVEL, "Estimation problems", "Convergence, variances at 0", answers.convergence),
        Item(MULTILEVEL, "Software", "Programs and versions", answers.software),
        Item(DISCUSSION, "Support of hypotheses", "Of each hypothesis", answers.support),
        Item(DISCUSSION, "Other work", "Similarities and differences"),
        Item(DISCUSSION, "Interpretation", "Bias, imprecision, number of tests", answers.limits, "your interpretation"),
        Item(DISCUSSION, "Generalisability", "Populations to which results apply"),
        Item(DISCUSSION, "Implications", "For research and practice"),
    ],
)  # fmt: skip
