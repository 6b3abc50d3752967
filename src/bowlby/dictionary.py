"""The data dictionary: what every column of a stage's tables means, as CSV and as a Frictionless data package.

A stage describes its tables as :class:`Table` and hands them to :func:`write_dictionary`, which writes
``dictionary.csv`` and ``datapackage.json`` into the folder that the tables' paths start from. A later stage does the
same for its own folder; nothing that is written is written over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from bowlby.files import harmless, write_csv, write_json

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
MEDIA = {
    ".parquet": ("parquet", "application/vnd.apache.parquet"),
    ".csv": ("csv", "text/csv"),
}
ColumnType = Literal["string", "number", "integer", "boolean", "date"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
    type : str
        As Frictionless names it.
    description : str
    unit : str
        Of numbers; empty where there is none.
    source : str
        Where the values come from: raw file and column, or what they are made from.
    required : bool
        Whether no row lacks it.
    low, high : float or None
        The range of possible values.
    labels : dict
        What values mean, value: label.
    """

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    source: str = ""
    required: bool = False
    low: float | None = None
    high: float | None = None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One table of a stage.

    Attributes
    ----------
    name : str
        Short name, such as ``measures-gad7``.
    path : str
        Relative to the folder of the dictionary.
    description : str
    columns : sequence of Column
        In the table's order.
    key : sequence of str
        Columns that together are unique; a missing value counts as a value.
    refers : dict
        Column: (table, column) whose values it takes, if it has any.
    """

    name: str
    path: str
    description: str
    columns: Sequence[Column]
    key: Sequence[str] = ()
    refers: dict[str, tuple[str, str]] = field(default_factory=dict)


HEAD = {
    "table": "file that holds the column",
    "name": "name of the column",
    "type": "string, number, integer, boolean or date",
    "unit": "unit of the numbers",
    "minimum": "lowest possible value",
    "maximum": "highest possible value",
    "required": "whether no row lacks it",
    "labels": "what values mean, value = label",
    "source": "raw file and column, or what it is made from",
    "description": "what it means",
}
TYPES: dict[str, ColumnType] = {"minimum": "number", "maximum": "number", "required": "boolean"}
OWN = Table(
    "dictionary",
    "dictionary.csv",
    "What every column of these tables means.",
    [
        Column(
            name,
            TYPES.get(name, "string"),
            what,
            required=name in ("table", "name", "type", "required"),
        )
        for name, what in HEAD.items()
    ],
    ("table", "name"),
)


def dictionary(tables: Sequence[Table]) -> pd.DataFrame:
    """All columns of some tables, one a row, with the columns of ``HEAD``."""
    rows = [
        (
            table.path,
            one.name,
            one.type,
            one.unit,
            one.low,
            one.high,
            one.required,
            "; ".join(value if value == label else f"{value} = {label}" for value, label in one.labels.items()),
            one.source,
            one.description,
        )
        for table in tables
        for one in table.columns
    ]
    return pd.DataFrame(rows, columns=list(HEAD)).astype({"minimum": float, "maximum": float})


def package(name: str, title: str, tables: Sequence[Table]) -> dict[str, Any]:
    """A Frictionless data package (version 2) that describes some tables.

    Parameters
    ----------
    name : str
        Of the package; made of small letters, digits, dots and hyphens.
    title : str
    tables : sequence of Table

    Returns
    -------
    dict
        The descriptor.
    """
    return {
        "$schema": PROFILE,
        "name": slug(name),
        "title": title,
        "resources": [_resource(table) for table in tables],
    }


def write_dictionary(folder: Path, name: str, title: str, tables: Sequence[Table]) -> None:
    """Write ``dictionary.csv`` and ``datapackage.json``; the package describes the dictionary too."""
    write_csv(folder / "dictionary.csv", harmless(dictionary(tables)))
    write_json(folder / "datapackage.json", package(name, title, [*tables, OWN]))


def slug(text: str) -> str:
    """A text as the name of a package or resource."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-") or "x"


def _resource(table: Table) -> dict[str, Any]:
    kind, media = MEDIA[Path(table.path).suffix]
    schema: dict[str, Any] = {"fields": [_field(one) for one in table.columns], "missingValues": [""]}
    whole = {one.name for one in table.columns if one.required}
    if table.key:
        # a primary key allows no missing value, a unique key does
        unique = {"primaryKey": list(table.key)} if set(table.key) <= whole else {"uniqueKeys": [list(table.key)]}
        schema |= unique
    if table.refers:
        schema["foreignKeys"] = [
            {"fields": [name], "reference": {"resource": slug(other), "fields": [column]}}
            for name, (other, column) in table.refers.items()
        ]
    return {
        "name": slug(table.name),
        "type": "table",
        "path": table.path,
        "format": kind,
        "mediatype": media,
        "encoding": "utf-8",
        "description": table.description,
        "schema": schema,
    }


def _field(one: Column) -> dict[str, Any]:
    field: dict[str, Any] = {"name": one.name, "type": one.type, "description": one.description}
    field |= {key: text for key, text in (("unit", one.unit), ("source", one.source)) if text}
    if one.labels:
        field["categories"] = [{"value": value, "label": label} for value, label in one.labels.items()]
    limits = {key: value for key, value in (("minimum", one.low), ("maximum", one.high)) if value is not None}
    if one.required:
        field["constraints"] = {"required": True} | limits
    else:  # readers of Parquet give a missing number as NaN, which every limit as a constraint would refuse
        field |= limits
    return field
