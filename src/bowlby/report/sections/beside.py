"""Perceived attachment and other ratings by the same patient: the alliance, mentalizing."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import interval, number, p_value, sheet_html
from bowlby.tables.fits import joint_test
from bowlby.tables.layout import Sheet

NAMES = {"alliance": ("alliance", "w_star_w"), "mentalizing": ("mentalizing", "m_star_w")}


def beside(results: Results) -> Section | None:
    """Slopes with and without each other; None where the run asked for neither."""
    unit = (results.comparison or {}).get("reference", {}).get("outcome_sd")
    parts = []
    for name, (word, term) in NAMES.items():
        fits = {kind: results.json(f"fits/{name}_{kind}.json") for kind in ("m1", "joint", "alone", "scales")}
        if unit and all(fits[kind] for kind in ("m1", "joint", "alone")):
            parts.append(Markup(sheet_html(_sheet(word, term, fits, unit))))
    if not parts:
        return None
    intro = (
        "Slopes of perceived attachment and of other ratings by the same patients, within therapists, in SD of outcome "
        "per SD of the rating."
    )
    return Section("beside", "Attachment and other ratings", render("stack.html", parts=parts, intro=intro))


def _sheet(word: str, term: str, fits: dict, unit: float) -> Sheet:
    asked = (
        ("Perceived attachment alone", "m1", "a_star_w"),
        (f"Perceived attachment, adjusted for {word}", "joint", "a_star_w"),
        (f"{word.capitalize()}, adjusted for perceived attachment", "joint", term),
        (f"{word.capitalize()}, without perceived attachment", "alone", term),
        (f"Therapist's own style, adjusted for {word} only", "alone", "s_star"),
    )
    parts = [(None, [_row(words, fits[kind], wanted, unit) for words, kind, wanted in asked])]
    note = f"All models include the {fits['m1']['n_obs']} patients with both ratings."
    if fits["scales"]:
        block = fits["scales"]["blocks"][0]
        own = [(scale_of(scale), scale) for scale in block["terms"]]
        beside = [("Perceived attachment", "a_star_w"), *own]
        rows = [_row(words, fits["scales"], term, unit) for words, term in beside]
        parts.append((f"With the subscales of {word} in one model", rows))
        note += f" Joint test of the subscales of {word}, adjusted for perceived attachment: {joint_test(block)}."
    return Sheet("", f"Perceived attachment and {word}", ["Slope", "Estimate", "95% CI", "p"], parts, note)


def scale_of(term: str) -> str:
    """A subscale as printed, from the name of its column (``w_goal_w``)."""
    return term[2:-2].replace("_", " ").capitalize()


def _row(words: str, fit: dict, term: str, unit: float) -> list[str]:
    f = next(f for f in fit["fixed"] if f["term"] == term)
    values = [f[k] / unit for k in ("estimate", "ci_low", "ci_high")]
    return [words, number(values[0]), interval(*values[1:]), p_value(f["p"])]
