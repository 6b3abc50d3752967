"""Tables of a run: raw numbers as CSV, rounded ones as HTML and DOCX."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bowlby.config.labels import Wording
from bowlby.config.run import Run
from bowlby.errors import existing
from bowlby.files import atomic, harmless, write_csv, write_text
from bowlby.results import Results, once
from bowlby.tables.claims import claims_sheet, claims_table, pair_sheet, pair_table
from bowlby.tables.clinical_change import clinical_change_sheet, clinical_change_table
from bowlby.tables.descriptives import descriptives_sheet, descriptives_table
from bowlby.tables.estimands import estimands_sheet, estimands_table
from bowlby.tables.fits import doubtful_units, fit_sheet, fit_table
from bowlby.tables.layout import Sheet, frame_sheet, sheet_docx, sheet_html, sheet_page
from bowlby.tables.mediation import mediation_sheet, mediation_table
from bowlby.tables.moderation import moderation_sheet, moderation_table
from bowlby.tables.numbers import interval, number, p_statement, p_value
from bowlby.tables.response_surface import surface_sheet, surface_table
from bowlby.tables.sample import sample_sheet, sample_table
from bowlby.tables.session_to_session import lead_sheet, lead_table
from bowlby.tables.style_transitions import transitions_sheet, transitions_table
from bowlby.tables.words import outcome_label, outcome_name

__all__ = [
    "build",
    "descriptives",
    "interval",
    "names",
    "number",
    "outputs",
    "p_statement",
    "p_value",
    "sheet_docx",
    "sheet_html",
    "sheets",
    "to_html",
    "with_outcome",
]
NAMES = ("table1", "pair", "growth", "session_to_session", "mediation", "moderation", "clinical_change",
         "response_surface", "style_transitions", "sample", "estimands", "claims", "descriptives")  # fmt: skip
MODELS = ("growth", "pair", "session_to_session", "mediation", "moderation", "clinical_change", "response_surface",
          "style_transitions")  # fmt: skip
FORMATS = ("csv", "html", "docx")
SPOKEN = ("label", "quantity", "statement", "note", "rule")


def names(run: Run) -> list[str]:
    """Tables that a run calls for, in their order."""
    return [name for name in NAMES if name == "sample" or getattr(run, name if name in MODELS else "comparison")]


def outputs(run: Run) -> list[str]:
    """Files that :func:`build` writes, relative to the run's folder."""
    return [f"tables/{name}.{kind}" for name in names(run) for kind in FORMATS]


def build(folder: Path) -> list[Path]:
    """Write the tables that the results call for, and return the files written."""
    results, written = Results(Path(folder)), []
    tables = dict(sheets(results))
    if (raw := descriptives_table(results)) is not None:
        tables["descriptives"] = (raw, existing(descriptives(results, raw)))
    for name, (raw, sheet) in tables.items():
        stem = results.folder / f"tables/{name}"
        written += [
            write_csv(stem.with_suffix(".csv"), harmless(raw)),
            write_text(stem.with_suffix(".html"), sheet_page(sheet)),
            atomic(stem.with_suffix(".docx"), lambda path, sheet=sheet: sheet_docx(path, sheet)),
        ]
    return written


@once
def sheets(results: Results) -> dict[str, tuple[pd.DataFrame, Sheet]]:
    """Tables of the run by name, each in full precision and as printed, numbered in the order of the report."""
    fits, pair, unit, wording = results.fits, results.json("pair.json"), results.study.get("time_unit"), results.wording
    tables: dict[str, tuple[pd.DataFrame, Sheet]] = {}
    doubt = doubtful_units(results.comparison)
    if "primary" in fits:
        sheet = fit_sheet("Table 1", fits["primary"], results.comparison)
        tables["table1"] = (fit_table(fits["primary"]), with_outcome(sheet, results).noted(doubt))
    if pair:
        sheet = pair_sheet(f"Table {len(tables) + 1}", pair)
        tables["pair"] = (pair_table(pair), with_outcome(sheet, results).noted(doubtful_units(pair)))
    if lead := results.json("session_to_session.json"):
        tables["session_to_session"] = (lead_table(lead), lead_sheet(f"Table {len(tables) + 1}", lead))
    if through := results.json("mediation.json"):
        sheet = mediation_sheet(f"Table {len(tables) + 1}", through)
        tables["mediation"] = (mediation_table(through), with_outcome(sheet, results).noted(doubt))
    if moderated := results.json("moderation.json"):
        sheet = moderation_sheet(f"Table {len(tables) + 1}", moderated)
        tables["moderation"] = (moderation_table(moderated), with_outcome(sheet, results).noted(doubt))
    if match := results.json("response_surface.json"):
        sheet = with_outcome(surface_sheet(f"Table {len(tables) + 1}", match), results)
        tables["response_surface"] = (surface_table(match), sheet.noted(doubt))
    if "growth" in fits:
        unit = (results.json("analysis/growth.design.json") or {}).get("time_unit") or unit
        sheet = fit_sheet(f"Table {len(tables) + 1}", fits["growth"], None, unit)
        better = "higher" if (results.config.get("outcome") or {}).get("higher_is_better") else "lower"
        own = f"The outcome is in its own units; {better} scores are better."
        if fits["growth"].contrasts:
            own += " In standardised lines higher is better; slopes are counted until the end of treatment."
        tables["growth"] = (fit_table(fits["growth"], unit), with_outcome(sheet, results, own))
    if change := results.json("clinical_change.json"):
        sheet = clinical_change_sheet(f"Table {len(tables) + 1}", change)
        tables["clinical_change"] = (clinical_change_table(change), with_outcome(sheet, results).noted(doubt))
    if styles := results.json("style_transitions.json"):
        sheet = transitions_sheet(f"Table {len(tables) + 1}", styles)
        tables["style_transitions"] = (transitions_table(styles), sheet)
    sample = sample_table(results)
    if len(sample):
        tables["sample"] = (
            sample,
            sample_sheet(f"Table {len(tables) + 1}", sample, "main analysis" if fits else "study"),
        )
    if records := results.estimands:
        imputed = ((results.json("robustness.json") or {}).get("imputation") or {}).get("effects") or None
        sheet = with_outcome(estimands_sheet(f"Table {len(tables) + 1}", records, imputed), results)
        tables["estimands"] = (estimands_table(records, imputed), sheet.noted(doubt))
    if results.verdict:
        # Last, after the descriptive statistics: the report has the claims in another form.
        sheet = claims_sheet(f"Table {len(tables) + 2}", results.verdict)
        tables["claims"] = (claims_table(results.verdict), with_outcome(sheet, results).noted(doubt))
    return {name: (_reworded(raw, wording), sheet.reworded(wording)) for name, (raw, sheet) in tables.items()}


def descriptives(results: Results, raw: pd.DataFrame | None = None) -> Sheet | None:
    """The table of descriptive statistics, from its file if not given; it takes seconds. Only the claims follow it."""
    raw = results.table("tables/descriptives.csv") if raw is None else raw
    if raw is None or raw.empty:
        return None
    before = len(sheets(results).keys() - {"claims"})
    return descriptives_sheet(f"Table {before + 1}", raw).reworded(results.wording)


def with_outcome(sheet: Sheet, results: Results, direction: str = "") -> Sheet:
    """The same with the outcome in its title, and its direction in the models (or a given sentence) in its note."""
    name = outcome_label(results)
    return sheet.titled(f"Outcome: {name}").noted(direction or f"Outcome: {outcome_name(results)}.") if name else sheet


def _reworded(raw: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    """A table with its columns for readers in the run's words; its codes stay."""
    spoken = [c for c in SPOKEN if c in raw and wording.words]
    return raw.assign(**{c: raw[c].map(lambda cell: wording(cell) if isinstance(cell, str) else cell) for c in spoken})


def to_html(table: pd.DataFrame, note: str = "", title: str = "", by: str | None = None) -> str:
    """A data frame as an HTML table; every cell escaped, missing ones empty, rows grouped by a column if asked."""
    return sheet_html(frame_sheet(table, note, title, by))
