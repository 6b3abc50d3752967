"""Tables of a run: raw numbers as CSV, rounded ones as HTML and DOCX."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from bowlby.config.run import Run
from bowlby.config.words import Wording
from bowlby.files import atomic, harmless, read_json, write_csv, write_text
from bowlby.tables.claims import claims_sheet, claims_table
from bowlby.tables.estimands import estimands_sheet, estimands_table
from bowlby.tables.fits import fit_sheet, fit_table
from bowlby.tables.layout import Sheet, frame_sheet, sheet_docx, sheet_html, sheet_page
from bowlby.tables.numbers import interval, number, p_value
from bowlby.tables.pair import pair_sheet, pair_table

__all__ = [
    "build",
    "interval",
    "names",
    "number",
    "outputs",
    "p_value",
    "sheet_docx",
    "sheet_html",
    "sheets",
    "to_html",
]
NAMES = ("table1", "estimands", "pair", "growth", "claims")
KINDS = ("csv", "html", "docx")
SPOKEN = ("label", "quantity", "statement", "note", "reasons")


def names(run: Run) -> list[str]:
    """Tables that a run calls for, in their order."""
    return [name for name in NAMES if getattr(run, name if name in ("growth", "pair") else "comparison")]


def outputs(run: Run) -> list[str]:
    """Files that :func:`build` writes, relative to the run's folder."""
    return [f"tables/{name}.{kind}" for name in names(run) for kind in KINDS]


def build(folder: Path) -> list[Path]:
    """Write the tables that the results call for, and return the files written."""
    folder = Path(folder)
    written = []
    for name, (raw, sheet) in sheets(folder).items():
        stem = folder / f"tables/{name}"
        written += [
            write_csv(stem.with_suffix(".csv"), harmless(raw)),
            write_text(stem.with_suffix(".html"), sheet_page(sheet)),
            atomic(stem.with_suffix(".docx"), lambda path, sheet=sheet: sheet_docx(path, sheet)),
        ]
    return written


def sheets(folder: Path) -> dict[str, tuple[pd.DataFrame, Sheet]]:
    """Tables of the run by name, each in full precision and as printed, numbered in order."""
    folder = Path(folder)
    found = {name: _read(folder / f"{name}.json") for name in ("comparison", "verdict", "pair")}
    fits = {name: _read(folder / f"fits/{name}.json") for name in ("primary", "growth")}
    unit, wording = time_unit(folder), _wording(folder, found["pair"])
    tables: dict[str, tuple[pd.DataFrame, Sheet]] = {}
    if fits["primary"]:
        sheet = fit_sheet("Table 1", fits["primary"], found["comparison"])
        tables["table1"] = (fit_table(fits["primary"]), sheet)
    records = {path.stem: read_json(path) for path in sorted((folder / "estimands").glob("*.json"))}
    if records:
        tables["estimands"] = (estimands_table(records), estimands_sheet("Table 2", records))
    if found["pair"]:
        tables["pair"] = (pair_table(found["pair"]), pair_sheet(f"Table {len(tables) + 1}", found["pair"]))
    if fits["growth"]:
        sheet = fit_sheet(f"Table {len(tables) + 1}", fits["growth"], None, unit)
        tables["growth"] = (fit_table(fits["growth"], unit), sheet)
    if found["verdict"]:
        sheet = claims_sheet(f"Table {len(tables) + 1}", found["verdict"])
        tables["claims"] = (claims_table(found["verdict"]), sheet)
    return {name: (_reworded(raw, wording), sheet.reworded(wording)) for name, (raw, sheet) in tables.items()}


def _wording(folder: Path, pair: dict | None) -> Wording:
    """What the run calls patients and therapists; labels of the user's own stay."""
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None
    return Wording.of(config or {}, pair["labels"].values() if pair else ())


def _reworded(raw: pd.DataFrame, wording: Wording) -> pd.DataFrame:
    """A table with its columns for readers in the run's words; its codes stay."""
    spoken = [c for c in SPOKEN if c in raw and wording.words]
    return raw.assign(**{c: raw[c].map(lambda cell: wording(cell) if isinstance(cell, str) else cell) for c in spoken})


def time_unit(folder: Path) -> str | None:
    """The unit of time that the study file states."""
    path = folder / "study.yaml"
    study = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None
    return study.get("time_unit") if isinstance(study, dict) else None


def to_html(table: pd.DataFrame, note: str = "", title: str = "", by: str | None = None) -> str:
    """A data frame as an HTML table; every cell escaped, missing ones empty, rows grouped by a column if asked."""
    return sheet_html(frame_sheet(table, note, title, by))


def _read(path: Path) -> dict | None:
    return read_json(path) if path.is_file() else None
