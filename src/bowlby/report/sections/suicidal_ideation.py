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
    "persisting": "Above the lowest score before and after",
    "worsened": "of these worsened",
    "unchanged": "of these unchanged",
    "improved": "of these improved",
    "resolved": "Resolved: above the lowest score before, lowest score after",
    "never": "Lowest score before and after",
}
REVIEW = (
    "The lowest score means no suicidal ideation. Counts do not replace the review of each patient's responses at the "
    "time."
)
HIDDEN = " Neighbouring scores are joined, and changes hidden, where fewer than five patients could be identified."


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
            caption="The bars show the shares of patients with each score (or range of scores), before and after "
            "treatment. Darker parts are more severe.",
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
    kinds = (("new", "new cases"), ("worsened", "worsened"), ("resolved", "resolved"))
    counts = "; ".join(f"{words}: {_count(row['change'][kind])}" for kind, words in kinds)
    return f"{name}, {row['n']:,} patients with both scores: {counts}."


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
    return Sheet("", f"Suicidal Ideation in Counts ({name})", ["", "n", "%"], parts, note)


def _counted(words: str, n: int | None, of: int) -> list[str]:
    return [words, _count(n), "–" if n is None or not of else number(100 * n / of, 0)]


def _model(name: str, row: Mapping) -> Iterator[Markup]:
    """The ordinal model, or one of the lowest score, or why there is none."""
    model = row["ordinal"]
    if not model["estimable"]:
        yield Markup("<p>The ordinal model of {} was not estimated: {}.</p>").format(name, model["reason"])
        return
    few = model["kind"] == "lowest"
    odds = "of the lowest score" if few else "of a less severe score"
    what = "Logistic model of the lowest score" if few else "Proportional-odds model of the score"
    title = "No Suicidal Ideation After Treatment" if few else "Suicidal Ideation as an Ordinal Outcome"
    notes = [
        f"*N* = {model['n_obs']:,} patients, *J* = {model['n_therapists']:,} therapists. Odds {odds} per reference "
        f"*SD* of the predictor; above 1: less ideation. {what} after treatment, adjusted for the score before it and "
        "the covariates, by generalised estimating equations; CR2 standard errors by therapist, Satterthwaite *df*.",
        "Too few patients had other scores for an ordinal model." * few,
        "Scores with too few patients were joined." * any(" or " in c for c in model.get("classes", [])),
        *(f"{warning[:1].upper()}{warning[1:]}." for warning in model["warnings"]),
    ]
    rows = list(model_rows(model["kind"], model))
    note = " ".join(filter(None, notes))
    yield Markup(sheet_html(Sheet("", f"{title} ({name})", HEADS, [(None, rows)], note)))


NOTE = (
    "† Mean of an ordinal score with few categories; it is to be read with the counts and the ordinal model in the "
    "section on suicidal ideation."
)
