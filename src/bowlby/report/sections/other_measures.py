"""The comparison with other measures: other ratings, earlier improvement, single sessions, other outcomes."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from bowlby.config.run import IDEATION
from bowlby.figures.forest import MARK
from bowlby.report.section import Section, figure, render
from bowlby.report.sections.suicidal_ideation import NOTE
from bowlby.results import Results
from bowlby.tables import p_value, sheet_html, with_outcome
from bowlby.tables.fits import joint_test
from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import estimate_cells
from bowlby.terms import OTHER_RATINGS, PREDICTORS, WITHIN, P, T, column, scale_label


def other_ratings(results: Results) -> Section | None:
    """Slopes with and without each other; None where the run has neither."""
    unit = results.comparison.get("reference", {}).get("outcome_sd") if results.comparison else None
    parts = []
    for name in OTHER_RATINGS:
        fits = {kind: results.json(f"fits/{name}_{kind}.json") for kind in ("m1", "joint", "alone", "scales")}
        if unit and all(fits[kind] for kind in ("m1", "joint", "alone")):
            parts.append(Markup(sheet_html(with_outcome(_sheet(name, fits, unit), results))))
    if not parts:
        return None
    intro = (
        "Slopes of perceived attachment and of other ratings by the same patients, within therapists, in SD of outcome "
        "per SD of the rating."
    )
    return Section("other-ratings", "Attachment and other ratings", render("stack.html", parts=parts, intro=intro))


def _sheet(name: str, fits: dict, unit: float) -> Sheet:
    word, term = PREDICTORS[name].lower(), column(name, level=WITHIN)
    asked = (
        ("Perceived attachment alone", "m1", P),
        (f"Perceived attachment, adjusted for {word}", "joint", P),
        (f"{word.capitalize()}, adjusted for perceived attachment", "joint", term),
        (f"{word.capitalize()}, without perceived attachment", "alone", term),
        (f"Therapist's own style, adjusted for {word} only", "alone", T),
    )
    parts: list[tuple[str | None, list[list[str]]]] = [
        (None, [_row(words, fits[kind], wanted, unit) for words, kind, wanted in asked])
    ]
    note = f"All models include the {fits['m1']['n_obs']} patients with both ratings."
    if fits["scales"]:
        block = fits["scales"]["blocks"][0]
        own = [(scale_label(scale).capitalize(), scale) for scale in block["terms"]]
        other_ratings = [("Perceived attachment", P), *own]
        rows = [_row(words, fits["scales"], term, unit) for words, term in other_ratings]
        parts.append((f"With the subscales of {word} in one model", rows))
        note += f" Joint test of the subscales of {word}, adjusted for perceived attachment: {joint_test(block)}."
    return Sheet("", f"Perceived attachment and {word}", ["Slope", "Estimate", "95% CI", "p"], parts, note)


def _row(words: str, fit: Mapping, term: str, unit: float) -> list[str]:
    f = next(f for f in fit["fixed"] if f["term"] == term)
    values = [f[k] / unit for k in ("estimate", "ci_low", "ci_high")]
    return [words, *estimate_cells(*values), p_value(f["p"])]


MODELS = {"early_m1": "Not adjusted", "early": "Adjusted for the change up to then"}


def early(results: Results) -> Section | None:
    """P and T with and without the early change; None where no early outcome was named."""
    fits = {name: results.json(f"fits/{name}.json") for name in MODELS}
    if not all(fits.values()):
        return None
    parts = []
    for name, words in MODELS.items():
        effects = {c["name"]: c for c in fits[name]["contrasts"]}
        rows = [
            [label, *estimate_cells(c["estimate"], c["ci_low"], c["ci_high"]), p_value(c["p"])]
            for label, c in (("Perceived attachment", effects["P"]), ("Therapist's own style", effects["T"]))
        ]
        parts.append((words, rows))
    note = f"*SD* of outcome per *SD* of predictor; *N* = {fits['early']['n_obs']} patients with an early outcome."
    sheet = Sheet("", "Slopes Adjusted for Early Improvement", ["", "Estimate", "95% CI", "p"], parts, note)
    intro = (
        "Patients who have already improved may rate their therapist more positively. The slopes are therefore "
        "adjusted for the change in outcome up to the rating of perceived attachment."
    )
    table = Markup(sheet_html(with_outcome(sheet, results)))
    return Section("early", "Earlier improvement", render("stack.html", parts=[table], intro=intro))


def sessions(results: Results) -> Section | None:
    """P and T from sessions, and what goes with a patient's own better sessions; None without session data."""
    fit, main = results.json("fits/sessions.json"), results.fits.get("primary")
    if not fit or not main:
        return None
    shown = [("Patients' means after the landmark (the comparison)", main), ("Single sessions", fit)]
    parts = [(words, [_contrast_row(label, _of(model, name)) for name, label in (("P", "P"), ("T", "T"))])
             for words, model in shown]  # fmt: skip
    if any(c["name"] == "within_patient" for c in fit["contrasts"]):
        row = _contrast_row("Perceived attachment in the same session", _of(fit, "within_patient"))
        parts.append(("Within patients: sessions above the patient's own mean", [row]))
    note = (
        f"*SD* of outcome per *SD* of predictor. {fit['n_obs']:,} sessions of {fit['groups']['patient']:,} patients; a "
        "session counts with the therapist who gave it. An association within patients does not show which came first."
    )
    sheet = Sheet("", "Slopes From Sessions", ["", "Estimate", "95% CI", "p"], parts, note)
    table = Markup(sheet_html(with_outcome(sheet, results)))
    intro = (
        "Perceived attachment up to the landmark, between patients of one therapist, and the outcome of every later "
        "session, adjusted for the outcome up to the landmark."
    )
    return Section("sessions", "Session by session", render("stack.html", parts=[table], intro=intro))


def _of(fit: Mapping, name: str) -> dict:
    return next(c for c in fit["contrasts"] if c["name"] == name)


def _contrast_row(label: str, c: dict) -> list[str]:
    return [label, *estimate_cells(c["estimate"], c["ci_low"], c["ci_high"]), p_value(c["p"])]


HEADS = ["Outcome", "P [95% CI]", "T [95% CI]", "C1", "C2", "C3"]


def domains(results: Results) -> Section | None:
    """Forest and table; None where the run names no other outcome."""
    record = results.json("domains.json")
    if not record:
        return None
    plot = figure(
        results,
        "domains",
        alt="Slopes of perceived attachment and of the therapist's own style for every outcome; the table below has "
        "the numbers.",
        caption="The points show P (circles) and T (squares) for every outcome with 95% intervals that are not "
        "adjusted for the number of outcomes. The main outcome is on top. The grey band is "
        f"±{record['delta']:g}.{_marked(record)}",
    )
    rows = [[_name(row["outcome"]), *(_effect(row, e) for e in "PT"), *(_claim(row, c) for c in ("C1", "C2", "C3"))]
            for row in record["outcomes"]]  # fmt: skip
    note = (
        "The main outcome comes first. Outcomes are scored so that higher is better. *p* in brackets is adjusted by "
        "Holm's method across these outcomes (C3: equivalence test); verdicts and intervals are not adjusted."
        f"{_marked(record)}"
    )
    table = Markup(sheet_html(Sheet("", "The Comparison for Every Outcome", HEADS, [(None, rows)], note)))
    parts = [plot, table, *_together(results, record)]
    return Section("domains", "Other outcomes", render("stack.html", parts=parts, intro=None))


def _marked(record: Mapping) -> str:
    """What the mark of an outcome means; empty where none has it."""
    return f" {NOTE}" if any(row["outcome"]["domain"] == IDEATION for row in record["outcomes"]) else ""


def _together(results: Results, domains: Mapping) -> list[Markup]:
    """All outcomes together: what was decided, the heat map, and whether outcomes differ."""
    record, marked = domains.get("pooled"), _marked(domains)
    if not record:
        return []
    title = Markup("<h3>All outcomes together</h3>")
    if "left_out" in record:
        return [title, Markup("<p>Not computed: {}.</p>").format(record["left_out"])]
    claims, effects = record["claims"], record["effects"]
    said = [f"{name} {' '.join(estimate_cells(effects[name]['estimate'], *effects[name]['ci']))}" for name in "PT"]
    decided = [f"{name} {claim['verdict']} ({p_value(claim['p'])})" for name, claim in claims.items()]
    tests = record["heterogeneity"].items()
    differs = [f"{name}: {joint_test(test).replace('*', '') if test else 'too few therapists'}" for name, test in tests]
    text = (
        f"On average over all outcomes: {'; '.join(said)}. By the same rules: {', '.join(decided)}. Test of whether "
        f"the slopes differ between outcomes: {'; '.join(differs)}. Standard errors are those of a jackknife over "
        f"{record['n_therapists']} therapists, which takes account of the correlation of the outcomes; the SDs of "
        "the outcomes count as known. A mean over outcomes that differ describes none of them, and what qualifies the "
        f"verdict on the main outcome qualifies this one too.{marked}"
    )
    plot = figure(
        results,
        "outcomes",
        alt="Heat map of P, T, their difference and their sum by outcome; the table above has the numbers.",
        caption="P, T, their difference and their sum for every outcome and for all together, in SD of outcome per SD "
        "of the predictor. Bold: the 95% interval, not adjusted for the number of outcomes, does not include 0."
        f"{marked}",
    )
    return [title, Markup("<p>{}</p>").format(text), plot]


def _name(outcome: dict) -> str:
    mark = MARK if outcome["domain"] == IDEATION else ""
    return f"{outcome['domain']}{mark} ({outcome['instrument']} {outcome['scale']})"


def _effect(row: dict, name: str) -> str:
    e = row["effects"][name]
    return " ".join(estimate_cells(e["estimate"], *e["ci"]))


def _claim(row: dict, name: str) -> str:
    claim = row["claims"][name]
    return f"{claim['verdict']} ({p_value(claim['p_holm'])})"
