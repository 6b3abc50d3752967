"""Terms of the report: one list for its appendix and for ``docs/glossary.md``."""

from __future__ import annotations

from bowlby.tables.words import CLAIMS

HEAD = """# Glossary

Terms of the report, its tables and these pages. The appendix of every report has the same list.

| term | meaning |
|---|---|
"""
ESTIMANDS = {
    "E1": "Comparison of P and T: the difference in outcome per reference SD of each predictor.",
    "E2": "The share of all outcome variance that each predictor accounts for.",
    "E3": "The share of the variance at its own level that each predictor accounts for: perceived attachment of the "
    "variance within therapists, style of the variance between them.",
    "E4": "Both predictors at the level of therapists: mean perceived attachment of a therapist's patients, and style.",
    "E5": "How much each predictor improves the prediction of outcomes for patients of a new therapist.",
    "E6": "Whether style is negligible, and the smallest bound at which it would be.",
}
TERMS = {
    "Perceived attachment": "Attachment to the therapist as the patient rates it, as a composite of scales.",
    "Style": "The therapist's own attachment style, as a composite of scales or a category.",
    "Baseline outcome": "The outcome before treatment or, with session data, its mean up to the landmark session.",
    "Reference SD": "The SD by which an outcome or a predictor is divided: that of a published norm sample if the "
    "configuration gives one, else that of this sample.",
    "P": "The slope of perceived attachment within therapists: the expected difference in outcome, in reference SDs, "
    "between two patients of one therapist whose perceived attachment differs by 1 reference SD.",
    "T": "The slope of the therapist's own style between therapists, in the same unit.",
    "Z": "The slope of the patient's own style in a model of perceived attachment, in the same unit.",
    "Direction slope": "The slope along the configured weights of a predictor's scales with all scales in one model.",
    "Block index": "The SD of the outcome that all scales of a predictor predict together.",
    "M1, M2": "The main model, and the model with the mean perceived attachment of each therapist's patients added.",
    "ICC": "Intraclass correlation: the share of a variance that lies between therapists.",
    "Permutation": "The analysis repeated with style permuted at random among therapists, so that T is 0.",
    "δ": "The equivalence bound (0.10 SD by default): a slope within ±δ is called negligible.",
    "Within therapists": "Differences between patients of the same therapist.",
    "Between therapists": "Differences between averages of therapists; style can account for these only.",
    **{name: f"Claim: {text[0].lower()}{text[1:]}." for name, text in CLAIMS.items()},
    "Supported, refuted, inconclusive": "The verdicts on a claim, by rules fixed before the outcomes were read. A "
    "claim that meets neither the rule for supported nor that for refuted is inconclusive.",
    "Qualified": "A supported claim is qualified if a named fact, such as a shared rater, limits its interpretation.",
    "Moderation": "Exploratory analysis of whether the slope of one predictor depends on a moderator.",
    "Simultaneous band": "A 95% band for a line that applies to all values of the moderator at once; pointwise limits "
    "apply to one value each.",
    "Johnson-Neyman region": "The observed values of a moderator at which the simultaneous band excludes 0.",
    "Reliable change": "A change from before to after treatment that is larger than measurement error, or than a "
    "published criterion.",
    "Functional side": "The side of the cut-off on which scores are those expected without the disorder; the "
    "other side is dysfunctional. A patient has recovered after a reliable improvement that crosses the cut-off.",
    "Robustness check": "The analysis repeated with other methods, choices or samples. The report lists the checks "
    "that change a verdict.",
    **ESTIMANDS,
}


def page() -> str:
    """The glossary as Markdown."""
    rows = (f"| {term} | {text.replace('|', chr(92) + '|')} |\n" for term, text in TERMS.items())
    return HEAD + "".join(rows)
