"""The scales in this sample: descriptive statistics, distributions, correlations and reliability."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby import terms
from bowlby.disclosure import SMALLEST
from bowlby.report.section import Section, count_and_share, drawn, figure, folded, render
from bowlby.results import Results
from bowlby.tables import descriptives, interval, number, p_value, sheet_html, to_html


def scores(results: Results) -> Section | None:
    """The scores of a run that fits no model, which are its result; None otherwise."""
    found, reliable = drawn(results, "distributions"), results.text_table("reliability.csv")
    if results.fits or found is None:
        return None
    alpha = {} if reliable is None else {tuple(r[k] for k in KEY): r for r in reliable.to_dict("records")
                                         if r["coefficient"] == "alpha"}  # fmt: skip
    rows, persons = [], 0
    for r in found[found["kind"] == "mean"].to_dict("records"):
        name = results.instrument(r["instrument"])[0] + ("" if r["scale"] == "total" else f", {_words(r['scale'])}")
        key = (r["instrument"], r["scale"], r["role"], "" if r["occasion"] == "once" else r["occasion"])
        own, persons = _value(alpha.get(key), results.shareable), max(persons, int(r["n"]))
        rows.append((name + _about(r["about"]), r["role"], _when(r), f"{r['n']:,.0f}", number(r["mean"], 1),
                     number(r["sd"], 1), "–" if own is None else number(own, bounded=True)))  # fmt: skip
    heads = ["Scale", "Respondent", "Occasion", "n", "M", "SD", "Alpha"]
    names = len(set(found["instrument"]))
    intro = (
        f"{names} {'questionnaire was' if names == 1 else 'questionnaires were'} scored for up to {persons:,} persons. "
        "The scores of each person are in the folder scores. No model was requested, so no predictors were compared."
    )
    table = Markup(to_html(pd.DataFrame(rows, columns=heads), "Scores are in their own units.", "Scores"))
    return Section("scores", "Scores", render("stack.html", parts=[table], intro=intro))


def _words(text: str) -> str:
    return text.replace("_", " ")


def scales(results: Results) -> Section | None:
    """Distributions, counts of severity and of styles; None where nothing was scored."""
    table = drawn(results, "distributions")
    first = descriptives(results)
    parts = [Markup(sheet_html(first))] if first else []
    parts += [_plot(results, table), _means(results, table)] if table is not None else []
    parts += [part for part in (_severity(results), _styles(results)) if part]
    if not parts:
        return None
    return Section("scales", "Scales", render("stack.html", parts=parts, intro=None))


def _plot(results: Results, table: pd.DataFrame) -> Markup:
    means = table[table["kind"] == "mean"]
    said = [
        f"{r.instrument} {r.scale}{_about(r.about)}, {r.role}{'' if r.occasion == 'once' else f', {r.occasion}'}: mean "
        f"{number(r.mean, 1)}, SD {number(r.sd, 1)}, n {r.n:,.0f}".replace("_", " ")
        for r in means.itertuples(index=False)
    ]
    norms = (table["kind"] == "norm").any()
    doubt = (table.loc[table["kind"] == "norm", "sure"] == "unverified").any()
    caption = (
        "The panels show each scale in its own units, by respondent and occasion. Panels of one scale share the "
        "horizontal axis; panels of patients and panels of therapists each share the vertical axis."
    )
    if results.shareable:
        caption += (
            " Neighbouring bins with fewer than five persons are combined; "
            "their height is the mean number per original bin."
        )
    if norms:
        unverified = "; open circles: not verified against the source" if doubt else ""
        caption += f" Published means ± SD are drawn above{unverified}."
    return figure(results, "distributions", alt=f"Distributions. {'; '.join(said)}.", caption=caption)


def _means(results: Results, table: pd.DataFrame) -> Markup:
    """Means and SDs of this study's persons, with the published ones under them."""
    rows, doubt = [], False
    for (instrument, scale, about), part in table.groupby(["instrument", "scale", "about"], sort=False, dropna=False):
        name = results.instrument(instrument)[0] + ("" if scale == "total" else f", {scale}".replace("_", " "))
        name += _about(about)
        for r in part[part["kind"].isin(["mean", "norm"])].to_dict("records"):
            here = r["kind"] == "mean"
            sample = f"{r['role']}, {_when(r)}" if here else f"published: {r['name']}"
            doubtful = not here and r["sure"] == "unverified"
            doubt |= doubtful
            n = f"{r['n']:,.0f}" if here else "–"
            rows.append((name, sample + (" *" if doubtful else ""), n, number(r["mean"], 1), number(r["sd"], 1)))
    shown = pd.DataFrame(rows, columns=["Scale", "Sample", "n", "Mean", "SD"])
    note = "* Not verified against the original publication." if doubt else ""
    return _folded("Means and Published Means", shown, "Scale", note)


def _about(about: str | float | None) -> str:
    """Whom a scale was answered about, where that must be said."""
    return f", about {about.replace('_', ' ')}" if isinstance(about, str) and about else ""


def _severity(results: Results) -> Markup | None:
    table = results.text_table("severity.csv")
    if table is None:
        return None
    rows = [
        (
            f"{_scale(results, r)}, {_when(r)}",
            r["class"] if not r["name"] else f"{r['name']}: {r['class']}".replace("_", " "),
            *count_and_share(r),
        )
        for r in table[table["kind"].ne("flag")].to_dict("records")
    ]
    if not rows:
        return None
    shown = pd.DataFrame(rows, columns=["Scale", "Class", "n", "Share"])
    doubtful = (table["confidence"] == "unverified").any()
    note = "Some of these cut-offs were not seen in a document; severity.csv says which." if doubtful else ""
    return _folded("Severity and cut-offs", shown, "Scale", note)


def _scale(results: Results, row: dict) -> str:
    scale = "" if row["scale"] in ("", "total") else f", {row['scale']}".replace("_", " ")
    who = "" if row["role"] == "patient" else f", {row['role']}"
    return results.instrument(row["instrument"])[0] + scale + who


def _styles(results: Results) -> Markup | None:
    table = results.text_table("styles.csv")
    if table is None:
        return None
    rows = [
        (f"{results.instrument(r['instrument'])[0]}, {r['role']}, {_when(r)}", r["style"], *count_and_share(r))
        for r in table.to_dict("records")
    ]
    shown = pd.DataFrame(rows, columns=["Questionnaire", "Style", "n", "Share"])
    rules = [f"Rule: {rule}." for rule in dict.fromkeys(table["rule"]) if rule]
    note = " ".join([*rules, *dict.fromkeys(w for w in table["warning"] if w)])
    return _folded("Attachment styles as categories", shown, "Questionnaire", note)


def _folded(title: str, table: pd.DataFrame, by: str, note: str) -> Markup:
    return folded(title, Markup(to_html(table, note, title, by=by)))


def _when(row: dict) -> str:
    return str(row["occasion"]).replace("_", " ") or "once"


KEY = ["instrument", "scale", "role", "occasion"]
LEVELS = {
    "icc": "Share between (ICC)",
    "lambda": "Reliability of a mean",
    "omega_within": "Omega within",
    "omega_between": "Omega between",
}
NOTE = (
    "Alpha and omega were computed from complete responses. Below .70, a large part of the variance is measurement "
    "error."
)
LEVEL_NOTE = (
    "Share of the variance of a score between therapists (or between patients with repeated measurements), reliability "
    "of the mean of a therapist's patients, and omega at each level."
)


def reliability(results: Results) -> Section | None:
    """Coefficients; None where no scale was scored from items."""
    table = results.text_table("reliability.csv")
    if table is None:
        return None
    overall, nested = [], []
    for key, rows in table.groupby(KEY, sort=False):
        coefficients = {row["coefficient"]: row for row in rows.to_dict("records")}
        head = _head(results, *key)
        if "alpha" in coefficients or "omega_total" in coefficients:
            overall.append([*head, *_overall(coefficients, results.shareable)])
        for level in ("therapist", "patient"):
            if f"icc_{level}" in coefficients:
                nested.append([*head, f"{level}s", *_nested(coefficients, level, results.shareable)])
    heads = ["Instrument", "Scale", "Answered by", "Occasion"]
    columns = [*heads, "Alpha", "95% CI", "Omega", "n", "Items"]
    parts = [Markup(to_html(pd.DataFrame(overall, columns=columns), NOTE, "Reliability", by="Instrument"))]
    if nested:
        shown = pd.DataFrame(nested, columns=[*heads, "Level", *LEVELS.values()])
        inner = Markup(to_html(shown, LEVEL_NOTE, "Reliability at each level", by="Instrument"))
        parts.append(folded("Between and within therapists", inner))
    if composites := _factor_structure(results):
        parts.append(composites)
    return Section("reliability", "Reliability", render("stack.html", parts=parts, intro=None))


FACTOR_NOTE = (
    "One factor was fitted by maximum likelihood to the items of a composite, each weighted as in the composite. "
    "Values of CFI near .95, RMSEA near .06 and SRMR near .08 are usually taken as a good fit (Hu & Bentler, 1999). A "
    "composite with a poor fit measures more than one characteristic; its slope is a mean over these. Levels: within "
    "and between therapists, in a two-level model."
)


def _factor_structure(results: Results) -> Markup | None:
    """Does one factor fit the composites; None where scores are given or the persons are too few."""
    known = (results.json("analysis/primary.design.json") or {}).get("structure") or {}
    rows = [
        [terms.PREDICTORS[variable], f"{one['n']:,}", one["n_items"], f"{number(one['chi2'], 1)} ({one['df']})",
         p_value(one["p"]),
         *(number(one[name], bounded=True)
           for name in ("cfi", "rmsea", "srmr", "omega", "omega_within", "omega_between"))]
        for variable, one in known.items() if one and not (results.shareable and one["n"] < SMALLEST)
    ]  # fmt: skip
    if not rows:
        return None
    columns = ["Composite", "n", "Items", "χ² (df)", "p", "CFI", "RMSEA", "SRMR", "Omega", "Omega within",
               "Omega between"]  # fmt: skip
    shown = pd.DataFrame(rows, columns=columns)
    return folded("Factor structure of the composites",
                  Markup(to_html(shown, FACTOR_NOTE, "One factor for each composite", by="Composite")))  # fmt: skip


def _head(results: Results, instrument: str, scale: str, role: str, occasion: str) -> list[str]:
    when = occasion.replace("_", " ") or "once"
    return [results.instrument(instrument)[0], scale.replace("_", " "), role, when]


def _overall(coefficients: dict[str, dict], shareable: bool) -> list[str]:
    first = coefficients.get("alpha") or coefficients["omega_total"]
    low, high = (_value(coefficients.get("alpha"), shareable, limit) for limit in ("ci_low", "ci_high"))
    few = shareable and pd.to_numeric(first["n"], errors="coerce") < SMALLEST
    return [
        number(_value(coefficients.get("alpha"), shareable), bounded=True),
        interval(low, high, bounded=True),
        number(_value(coefficients.get("omega_total"), shareable), bounded=True),
        f"fewer than {SMALLEST}" if few else first["n"],
        first["n_items"],
    ]


def _nested(coefficients: dict[str, dict], level: str, shareable: bool) -> list[str]:
    names = [f"{name}_{level}" if name != "lambda" else f"lambda_{level}_mean" for name in LEVELS]
    return [number(_value(coefficients.get(name), shareable), bounded=True) for name in names]


def _value(row: dict | None, shareable: bool, column: str = "value") -> float | None:
    """A coefficient or a limit; None where it does not exist, or where so few answered that it must not be told."""
    if row is None or (shareable and pd.to_numeric(row["n"], errors="coerce") < SMALLEST):
        return None
    value = pd.to_numeric(row[column], errors="coerce")
    return None if pd.isna(value) else float(value)
