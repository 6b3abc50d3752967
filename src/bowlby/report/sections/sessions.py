"""The model of single sessions beside the comparison of patients' means."""

from __future__ import annotations

from markupsafe import Markup

from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import interval, number, p_value, sheet_html
from bowlby.tables.layout import Sheet


def sessions(results: Results) -> Section | None:
    """P and T from sessions, and what goes with a patient's own better sessions; None without session data."""
    fit, main = results.json("fits/sessions.json"), results.fits.get("primary")
    if not fit or not main:
        return None
    shown = [("Patients' means after the landmark (the comparison)", main), ("Single sessions", fit)]
    parts = [(words, [_row(label, _of(model, name)) for name, label in (("P", "P"), ("T", "T"))])
             for words, model in shown]  # fmt: skip
    if any(c["name"] == "within_patient" for c in fit["contrasts"]):
        row = _row("Perceived attachment in the same session", _of(fit, "within_patient"))
        parts.append(("Within patients: sessions above the patient's own mean", [row]))
    note = (
        f"*SD* of outcome per *SD* of predictor. {fit['n_obs']:,} sessions of {fit['groups']['patient']:,} patients; a "
        "session counts with the therapist who gave it. An association within patients does not show which came first."
    )
    table = Markup(sheet_html(Sheet("", "Slopes From Sessions", ["", "Estimate", "95% CI", "p"], parts, note)))
    intro = (
        "Perceived attachment up to the landmark, between patients of one therapist, and the outcome of every later "
        "session, adjusted for the outcome up to the landmark."
    )
    return Section("sessions", "Session by session", render("stack.html", parts=[table], intro=intro))


def _of(fit: dict, name: str) -> dict:
    return next(c for c in fit["contrasts"] if c["name"] == name)


def _row(label: str, c: dict) -> list[str]:
    return [label, number(c["estimate"]), interval(c["ci_low"], c["ci_high"]), p_value(c["p"])]
