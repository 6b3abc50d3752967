"""``bowlby export``: scores and analysis sets as CSV and SPSS files with labels, and the methods for a paper."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pandas as pd

from bowlby.files import atomic, harmless, write_csv, write_text
from bowlby.report.methods_docx import write_docx
from bowlby.reproduction.documents import bibtex
from bowlby.results import Results

LONGEST_NAME, LONGEST_LABEL = 64, 255


def export(run: Results, folder: Path) -> list[Path]:
    """Write scores and analysis sets, which hold data of patients, and methods and references.

    Parameters
    ----------
    run : Results
    folder : Path
        Files of the same names in it are replaced.

    Returns
    -------
    list of Path
        ``scores/<instrument>`` and ``analysis/<set>`` as .csv and .sav, ``methods.md``, ``methods.docx``,
        ``references.bib``.
    """
    from bowlby.report import said
    from bowlby.report.methods import references

    known, written = run.text_table("scores/dictionary.csv"), []
    for name, table in run.scores.items():
        own = known[known["table"] == f"{name}.parquet"] if known is not None else {"name": [], "description": []}
        labels = dict(zip(own["name"], own["description"], strict=True))
        written += _both(folder / "scores" / name, table, labels)
    for name in run.designs:
        columns = run.text_table(f"analysis/{name}.columns.csv")
        labels = {} if columns is None else dict(zip(columns["name"], columns["meaning"], strict=True))
        written += _both(folder / "analysis" / name, run.table(f"analysis/{name}.parquet"), labels)
    text = said(run)
    written.append(write_text(folder / "methods.md", text))
    written.append(atomic(folder / "methods.docx", partial(write_docx, markdown=text)))
    written.append(write_text(folder / "references.bib", bibtex(references(run))))
    return written


def _both(stem: Path, table: pd.DataFrame, labels: dict[str, str]) -> list[Path]:
    import pyreadstat

    names = spss_names(list(table))
    plain = pd.DataFrame({name: _plain(table[column]) for name, column in zip(names, table, strict=True)})
    printed = [(labels.get(column) or column)[:LONGEST_LABEL] for column in table]

    def write(path: Path) -> None:
        pyreadstat.write_sav(plain, path, column_labels=printed)

    csv, sav = (stem.with_name(f"{stem.name}.{kind}") for kind in ("csv", "sav"))
    return [write_csv(csv, harmless(table)), atomic(sav, write)]


def spss_names(columns: list[str]) -> list[str]:
    """Names as SPSS allows them: they begin with a letter and differ in more than capitals.

    Examples
    --------
    >>> spss_names(["age of patient_w", "Age of patient_w", "2nd"])
    ['age_of_patient_w', 'Age_of_patient_w_2', 'v_2nd']
    """
    out: list[str] = []
    for column in columns:
        name = re.sub(r"\W", "_", column)[: LONGEST_NAME - 4].rstrip("._")
        name = name if name[:1].isalpha() else f"v_{name}"
        taken, number, free = {other.lower() for other in out}, 2, name
        while free.lower() in taken:
            free, number = f"{name}_{number}", number + 1
        out.append(free)
    return out


def _plain(column: pd.Series) -> pd.Series:
    """Numbers as floats, truth values as 0 and 1, anything else as text."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.astype("Float64").astype(float)
    return column.map(lambda value: "" if pd.isna(value) else str(value)).astype(object)
