"""Differences between therapists, without names."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.section import Section, drawn, figure, render, see
from bowlby.results import Results
from bowlby.tables import number
from bowlby.tables.numbers import absent

BARS = 300


def therapists(results: Results) -> Section | None:
    """Caterpillar; None where it was not drawn."""
    if not results.fits:
        return None
    model, fit = next(iter(results.fits.items()))
    variances = [r for r in fit["random"] if (r["group"], r["term"]) == ("therapist", "Intercept") and not r["term2"]]
    if not variances:
        return None
    sd, n = variances[0]["sd_or_corr"], fit["groups"].get("therapist")
    better = " Higher is better." if model in ("primary", "pair") else ""
    plot = figure(
        results,
        "caterpillar",
        alt=f"Caterpillar plot of {n:,} therapists from the lowest to the highest effect, each with its interval.",
        caption="The points show each therapist's effect with ± 1.96 standard errors, in units of the outcome, beyond "
        f"what the model explains.{better} {_drawn(n)} Therapists are not identified.{_grouped(results)}",
    )
    if not plot:
        return None
    intro = f"Therapists differ by an SD of {number(sd)} units of the outcome{_icc(results, model)}."
    if not absent(sd) and sd == 0:
        intro = "The variance between therapists is estimated at 0, so that all effects are 0."
        plot = Markup("")  # a row of zeros shows nothing
    said = Markup.escape(intro) + (see(results, "caterpillar") if plot else "")
    return Section("therapists", "Therapists", render("stack.html", parts=[plot], intro=said))


def _grouped(results: Results) -> str:
    table = drawn(results, "caterpillar")
    if table is None or "therapists" not in table or not (table["therapists"] > 1).any():
        return ""
    return (
        " Therapists with fewer than five patients are combined into groups, shown with the mean of their effects and "
        "variances."
    )


def _drawn(n: int) -> str:
    """What the marks mean; so many therapists are drawn as a line with a band."""
    return (
        "A filled point has an interval that excludes 0."
        if n <= BARS
        else "The line shows the effects in ascending order, and the band their intervals."
    )


def _icc(results: Results, model: str) -> str:
    icc = results.comparison.get("therapist_icc") if results.comparison and model == "primary" else None
    return "" if absent(icc) else f" (intraclass correlation {number(icc, bounded=True)} given both predictors)"
