"""Perceived attachment adjusted for earlier improvement."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import interval, number, p_value, sheet_html
from bowlby.tables.layout import Sheet

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
            [label, number(c["estimate"]), interval(c["ci_low"], c["ci_high"]), p_value(c["p"])]
            for label, c in (("Perceived attachment", effects["P"]), ("Therapist's own style", effects["T"]))
        ]
        parts.append((words, rows))
    note = f"*SD* of outcome per *SD* of predictor; *N* = {fits['early']['n_obs']} patients with an early outcome."
    sheet = Sheet("", "Slopes Adjusted for Early Improvement", ["", "Estimate", "95% CI", "p"], parts, note)
    intro = (
        "Patients who have already improved may rate their therapist more positively. The slopes are therefore "
        "adjusted for the change in outcome up to the rating of perceived attachment."
    )
    table = Markup(sheet_html(sheet))
    return Section("early", "Earlier improvement", render("stack.html", parts=[table], intro=intro))
