"""What is left of perceived attachment beside the improvement that came first."""

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
    note = f"*SD* of outcome per *SD* of predictor, all on the {fits['early']['n_obs']} rows with an early outcome."
    sheet = Sheet("", "Slopes Beside Early Improvement", ["", "Estimate", "95% CI", "p"], parts, note)
    intro = (
        "Patients who already feel better may rate their therapist more warmly. Where the outcome was measured up to "
        "when perceived attachment was asked, the slopes are adjusted for the change until then."
    )
    table = Markup(sheet_html(sheet))
    return Section("early", "Improvement that came first", render("stack.html", parts=[table], intro=intro))
