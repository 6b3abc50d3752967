"""The course of the outcome over time, and what predicts it."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.reasons import say
from bowlby.report.section import Section, answer, figure, render
from bowlby.results import Results
from bowlby.tables import interval, number, sheet_html, sheets
from bowlby.tables.fits import boundary, left_out

FORMS = {"linear": "linear", "log": "linear in ln(1 + time)", "quadratic": "quadratic"}
"""Forms of the mean course."""


def course(results: Results) -> Section | None:
    """Claims on predictors of the course, trajectory and table; None where no growth model was requested."""
    fit = results.fits.get("growth")
    if not fit:
        return None
    record, mean = results.json("growth.json"), mean_change(results)
    unit = time_unit(results) or "units of time"
    lines = "The lines show predicted courses at 1 SD above (solid) and below (dashed) the mean, with 95% intervals"
    shown = lines if record else "The line shows the predicted mean with its 95% interval"
    threads = "" if results.shareable else " Thin lines show individual patients."
    plot = figure(
        results,
        "trajectory",
        alt=f"Predicted course as a line with its interval, and observed means as points. {mean}",
        caption=f"{shown}, over {unit}. Diamonds show the observed means of the patients with data at that time. Means "
        f"of fewer than five patients are not shown.{threads}",
    )
    table = Markup(sheet_html(sheets(results)["growth"][1]))
    sentences = (mean, shape_chosen(fit), *_spread(fit), boundary(fit), left_out(fit))
    intro = " ".join(sentence for sentence in sentences if sentence)
    parts = [plot, table]
    if record:
        parts = [answer(record), plot, _limits(record), Markup("<p>{}</p>").format(intro), table]
    return Section("course", "Course over time", render("stack.html", parts=parts, intro=None if record else intro))


def shape_chosen(fit: Mapping) -> str:
    """Which form of the course was chosen, and from which; empty where there was no choice."""
    shape = fit.get("shape") or {}
    if not shape.get("aic"):
        return ""
    every = ", ".join(f"{FORMS[form]} {number(aic, 1)}" for form, aic in shape["aic"].items())
    return (
        f"Of three forms of the course, the {FORMS[shape['form']]} form had the smallest AIC before predictors were "
        f"added to the model ({every})."
    )


def _limits(record: Mapping) -> Markup:
    """What limits the answer on the predictors of the course."""
    end = "the end of treatment stated in the configuration" if record["end_of"] == "configuration" else (
        "the median of the patients' last times"
    )  # fmt: skip
    start = "the median of the patients' first times" if record["landmark"] is None else "the landmark"
    limits = [
        f"Slopes are expressed as the difference in outcome from time {record['start']:.3g} ({start}) to time "
        f"{record['end']:.3g} ({end}), in SD of outcome per SD of the predictor; higher is better. The unit of time is "
        f"{record['time_unit']}."
    ]
    if record["landmark"] is not None:
        limits.append(
            f"Time begins at the landmark ({record['landmark']:g}); the model adjusts for the mean of earlier outcomes."
        )
    if record["number"]:
        said = "; ".join(
            f"{'perceived attachment' if c['name'][0] == 'P' else 'style'} {number(c['estimate'])}, 95% CI "
            f"{interval(c['ci_low'], c['ci_high'])}"
            for c in record["number"]["contrasts"]
        )
        mean = number(record["number"]["mean"], 1)
        limits.append(f"Patients had {mean} occasions on average. Difference per SD of each predictor: {said}.")
    if averaged := record.get("averaged"):
        limits.append(
            "P on the slope, averaged over the number of occasions (pattern-mixture model): "
            f"{number(averaged['estimate'])}, 95% CI {interval(*averaged['ci'])}."
        )
    if "P_slope" in record["between"] and (style := record["between"].get("T_slope")):
        adjusted = f"{number(style['estimate'])}, 95% CI {interval(*style['ci'])}"
        limits.append(f"T on the slope, adjusted for therapists' means of perceived attachment: {adjusted}.")
    if within := record.get("within"):
        limits.append(
            "Difference in outcome at occasions at which patients rated perceived attachment 1 SD above their own "
            f"mean: {number(within['estimate'])} SD, 95% CI {interval(*within['ci'])} ({within['n_obs']:,} occasions "
            f"of {within['n_patients']:,} patients; higher is better). This association does not show which came first."
        )
    codes = dict.fromkeys([*(c for claim in record["claims"].values() for c in claim["reasons"]), *record["flags"]])
    limits += [f"{words[0].upper()}{words[1:]}." for words in map(say, codes)]
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in limits)
    return Markup("<ul>{}</ul>").format(items)


def time_unit(results: Results) -> str | None:
    """Unit of the growth model's time."""
    design = results.json("analysis/growth.design.json") or {}
    return design.get("time_unit") or results.study.get("time_unit")


def mean_change(results: Results) -> str | None:
    """The mean slope of the growth model in a sentence; None without growth model."""
    fit = results.fits.get("growth")
    if not fit:
        return None
    slope = next(f for f in fit["fixed"] if f["term"] in ("time", "log_time"))
    unit = time_unit(results) or "units of time"
    if slope["term"] == "log_time":
        unit = f"ln(1 + {unit})"
    said = f"b = {number(slope['estimate'])}, 95% CI {interval(slope['ci_low'], slope['ci_high'])}"
    start = " at the start" if any(f["term"] == "time_squared" for f in fit["fixed"]) else ""
    return f"Mean change of the outcome per unit of time{start} ({unit}): {said}."


def _spread(fit: Mapping) -> list[str]:
    """How much slopes differ, for each group that has random slopes."""
    return [
        f"The SD of the slopes between {r['group']}s is {number(r['sd_or_corr'])}."
        for r in fit["random"]
        if r["term"] in ("time", "log_time") and not r["term2"]
    ]
