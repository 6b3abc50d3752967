"""REDCap's data dictionary: field names behind label headers, value labels, and which form a field is on."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bowlby.ingest.issues import Issues
from bowlby.ingest.readers.base import Unreadable, check_kind
from bowlby.ingest.readers.text import find_encoding

COLUMNS = {
    "name": ("Variable / Field Name", "field_name"),
    "form": ("Form Name", "form_name"),
    "kind": ("Field Type", "field_type"),
    "label": ("Field Label", "field_label"),
    "choices": ("Choices, Calculations, OR Slider Labels", "Choices OR Calculations", "select_choices_or_calculations"),
}
CHOSEN = ("radio", "dropdown", "checkbox")
STATUS = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
FIXED = {
    "event name": "redcap_event_name",
    "repeat instrument": "redcap_repeat_instrument",
    "repeat instance": "redcap_repeat_instance",
    "data access group": "redcap_data_access_group",
    "survey identifier": "redcap_survey_identifier",
}


@dataclass
class Field:
    """One field of the dictionary."""

    name: str
    form: str
    kind: str
    label: str
    choices: dict[str, str] = field(default_factory=dict)

    def columns(self) -> dict[str, str]:
        """Columns of the field in an export, name: plain label; one for each box of a checkbox."""
        if self.kind != "checkbox":
            return {self.name: plain(self.label)}
        return {box(self.name, code): f"{plain(self.label)} {plain(label)}" for code, label in self.choices.items()}


@dataclass
class Dictionary:
    """A data dictionary."""

    fields: list[Field]

    def named(self, header: list[str]) -> list[str]:
        """Header texts as field names: names stay, labels are looked up in the dictionary's order."""
        known: dict[str, list[str]] = {}
        for one in self.fields:
            for column, label in one.columns().items():
                known.setdefault(label, []).append(column)
        names = {column for columns in known.values() for column in columns}
        forms = list(dict.fromkeys(f.form for f in self.fields))
        names_of = []
        for text in header:
            label = plain(re.sub(r"\(choice=(.*)\)\s*$", r" \1", text))
            if text in names or text.endswith("_complete"):
                names_of.append(text)
            elif label in FIXED:
                names_of.append(FIXED[label])
            elif text.strip() == "Complete?" and forms:
                names_of.append(f"{forms.pop(0)}_complete")
            elif known.get(label):
                names_of.append(known[label].pop(0))
            else:
                names_of.append(text)
        return names_of

    def labels(self) -> dict[str, dict[str, str]]:
        """Value labels, column: code: label."""
        labels: dict[str, dict[str, str]] = {}
        for one in self.fields:
            if one.kind == "checkbox":
                labels |= {column: {"0": "Unchecked", "1": "Checked"} for column in one.columns()}
            elif one.kind == "yesno":
                labels[one.name] = {"1": "Yes", "0": "No"}
            elif one.kind == "truefalse":
                labels[one.name] = {"1": "True", "0": "False"}
            elif one.choices:
                labels[one.name] = one.choices
            labels[f"{one.form}_complete"] = STATUS
        return labels

    def titles(self) -> dict[str, str]:
        """What the fields' columns mean, column: label."""
        titles: dict[str, Any] = {}
        for one in self.fields:
            label = " ".join(re.sub(r"<[^>]+>", " ", one.label).split())
            if one.kind == "checkbox":
                titles |= {box(one.name, code): f"{label}: {choice}" for code, choice in one.choices.items()}
            elif label:
                titles[one.name] = label
        return titles

    def status_of(self, column: str) -> str | None:
        """The column with the status of the form that a column is on."""
        return next((f"{f.form}_complete" for f in self.fields if column in f.columns()), None)


def box(name: str, code: str) -> str:
    """The column of one box of a checkbox."""
    return f"{name}___{re.sub(r'[^a-z0-9_]', '_', code.lower())}"


def plain(label: str) -> str:
    """A label as labels are compared: without HTML, signs, case and double spaces."""
    return " ".join(re.sub(r"\W+", " ", re.sub(r"<[^>]+>", " ", label)).casefold().split())


def is_dictionary(header: list[str]) -> bool:
    """Whether a header is that of a data dictionary."""
    return all(any(name in header for name in COLUMNS[key]) for key in ("name", "form", "kind"))


def read_dictionary(path: Path, issues: Issues) -> Dictionary | None:
    """Read a data dictionary; a fault is added to the issues and gives None."""
    try:
        check_kind(path, "csv")
        with path.open(encoding=find_encoding(path), newline="") as file:
            rows = list(csv.DictReader(file))
    except (Unreadable, csv.Error) as error:
        args = error.args if isinstance(error, Unreadable) else ("cannot be read as CSV", "export it again")
        issues.add("error", "unreadable_file", *args, file=path.name)
        return None
    header = list(rows[0]) if rows else []
    if not is_dictionary(header):
        what, do = "is no REDCap data dictionary", "export it from the project's Data Dictionary page"
        issues.add("error", "unreadable_file", what, do, file=path.name)
        return None
    at = {key: next((n for n in names if n in header), None) for key, names in COLUMNS.items()}
    return Dictionary(
        [_field({key: (row.get(name) or "") if name else "" for key, name in at.items()}) for row in rows]
    )


def _field(row: dict[str, str]) -> Field:
    choices = {}
    if row["kind"] in CHOSEN:
        for part in row["choices"].split("|"):
            code, comma, label = part.partition(",")
            if comma:
                choices[code.strip()] = re.sub(r"<[^>]+>", " ", label).strip()
    return Field(row["name"], row["form"], row["kind"], row["label"], choices)
