"""Suicidal ideation: counts before and after, changes, and the ordinal analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from bowlby.report.section import Section, figure, render
from bowlby.results import Results
from bowlby.tables import number, sheet_html
from bowlby.tables.clinical_change import HEADS, model_rows
from bowlby.tables.layout import Sheet

CHANGES = {
    "new": "New: lowest score before, above it after",
    "persisting": "Persisting: above the lowest score before and after",
    "worsened": "Persisting: worsened",
    "unchanged": "Persisting: unchanged",
    "improved": "Persisting: improved",
    "resolved": "Resolved: above the lowest score before, lowest score after",
    "never": "Never: lowest score before and after",
}
REVIEW = (
    "The lowest score means no suicidal ideation. Counts do not replace the review of each patient's responses at the "
    "time."
)
HIDDEN = " Adjacent scores are combined, and counts of changes hidden, if fewer than five patients could be identified."


def suicidal_ideation(results: Results) -> Section | None:
    """Figure, and for each outcome a sentence, counts and the ordinal model; None without an outcome of this domain."""
    record = results.json("suicidal_ideation.json")
    if not record:
        return None
    names = [_name(results, row) for row in record["outcomes"]]
    said = [_said(name, row) for name, row in zip(names, record["outcomes"], strict=True)]
    parts = [
        Markup("<p>{}</p>").format(" ".join(said)),
        figure(
            results,
            "suicidal_ideation",
            alt=f"Shares of patients by score before and after treatment. {' '.join(said)}",
            caption="The bars show the percentage of patients with each score (or range of scores) before and after "
            "treatment. Darker parts show more severe ideation.",
        ),
    ]
    for name, row in zip(names, record["outcomes"], strict=True):
        parts += [Markup(sheet_html(_counts(name, row, results.shareable))), *_model(name, row)]
    return Section("suicidal-ideation", "Suicidal ideation", render("stack.html", parts=parts, intro=None))


def _name(results: Results, row: Mapping) -> str:
    outcome = row["outcome"]
    return f"{results.instrument(outcome['instrument'])[0]}, {outcome['scale'].replace('_', ' ')}"


def _said(name: str, row: Mapping) -> str:
    """New, worsened and resolved cases in a sentence."""
    kinds = {"new": "new in", "worsened": "more severe after treatment than before in", "resolved": "resolved in"}
    known = [f"{words} {n:,}" for kind, words in kinds.items() if (n := row["change"][kind]) is not None]
    rest = " Other counts of changes are hidden." if len(known) < len(kinds) else ""
    if not known:
        return f"{name}: counts of changes in {row['n']:,} patients with both scores are hidden."
    told = " and ".join(filter(None, (", ".join(known[:-1]), known[-1])))
    return f"{name}: among {row['n']:,} patients with both scores, suicidal ideation was {told}.{rest}"


def _count(n: int | None) -> str:
    return "hidden" if n is None else f"{n:,}"


def _counts(name: str, row: Mapping, shareable: bool) -> Sheet:
    """Counts by category before and after, and of changes."""
    parts = [
        (f"Score {end} treatment", [_counted(one["category"], one["count"], row["n"]) for one in row[end]])
        for end in ("before", "after")
    ]
    parts.append(("Change", [_counted(words, row["change"][kind], row["n"]) for kind, words in CHANGES.items()]))
    note = f"*N* = {row['n']:,} patients with both scores. {REVIEW}{HIDDEN if shareable else ''}"
    return Sheet("", f"Patients by Suicidal Ideation Before and After Treatment ({name})", ["", "n", "%"], parts, note)


def _counted(words: str, n: int | None, of: int) -> list[str]:
    return [words, _count(n), "–" if n is None or not of else number(100 * n / of, 0)]


def _model(name: str, row: Mapping) -> Iterator[Markup]:
    """The ordinal model, or one of the lowest score, or why there is none."""
    model = row["ordinal"]
    if not model["estimable"]:
        yield Markup("<p>The ordinal model of {} could not be fitted: {}.</p>").format(name, model["reason"])
        return
    few = model["kind"] == "lowest"
    odds = "the lowest score" if few else "a less severe score"
    what = "a logistic model of the lowest score" if few else "a proportional-odds model of the score"
    shares = "the lowest score" if few else "each score"
    title = "No Suicidal Ideation After Treatment" if few else "Suicidal Ideation as an Ordinal Outcome"
    notes = [
        f"*N* = {model['n_obs']:,} patients, *J* = {model['n_therapists']:,} therapists. Odds ratios of {odds} are per "
        f"reference *SD* of the predictor; values above 1 indicate less ideation. They are from {what} after "
        "treatment, adjusted for the score before treatment and the covariates, fitted by generalised estimating "
        "equations, with bias-reduced (CR2) standard errors clustered by therapist and Satterthwaite *df*. Percentages "
        "are the mean "
        f"probabilities of {shares} at 1 *SD* below and above the mean of the predictor, with 95% confidence "
        "intervals.",
        "Too few patients had other scores for an ordinal model." * few,
        "Scores with too few patients were combined." * any(" or " in c for c in model.get("classes", [])),
        *(f"{warning[:1].upper()}{warning[1:]}." for warning in model["warnings"]),
    ]
    rows = list(model_rows(model["kind"], model))
    note = " ".join(filter(None, notes))
    yield Markup(sheet_html(Sheet("", f"{title} ({name})", HEADS, [(None, rows)], note)))


NOTE = (
    "† A mean can conceal new cases of suicidal ideation; see the counts and the ordinal model in the section on "
    "suicidal ideation."
)
