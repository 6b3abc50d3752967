"""Tables of a run: raw numbers as CSV, rounded ones as HTML and DOCX."""

from __future__ import annotations

import html
from pathlib import Path

import pandas as pd

from bowlby.config.run import Run
from bowlby.files import atomic, read_json, write_csv, write_text

DF_METHODS = {"kenward-roger": "Kenward-Roger", "satterthwaite": "Satterthwaite"}
COLUMNS = {
    "term": "Term",
    "estimate": "b",
    "se": "SE",
    "df": "df",
    "t": "t",
    "p": "p",
    "ci_low": "95% CI low",
    "ci_high": "95% CI high",
}


def outputs(run: Run) -> list[str]:
    """Files that :func:`build` writes, relative to the run's folder."""
    return [
        f"tables/{name}.{kind}"
        for name, asked in (("table1", run.comparison), ("growth", run.growth))
        if asked
        for kind in ("csv", "html", "docx")
    ]


def build(folder: Path) -> None:
    """Write the tables that the results call for."""
    folder = Path(folder)
    for name, model in (("table1", "primary"), ("growth", "growth")):
        path = folder / f"fits/{model}.json"
        if path.is_file():
            fit = read_json(path)
            table, note = fit_table(fit), fit_note(fit)
            write_csv(folder / f"tables/{name}.csv", table)
            write_text(folder / f"tables/{name}.html", to_html(rounded(table), note))
            atomic(folder / f"tables/{name}.docx", lambda p, t=table, n=note: _docx(p, rounded(t), n))


def fit_table(fit: dict) -> pd.DataFrame:
    """Coefficients, then standardised contrasts, in full precision."""
    rows = fit["fixed"] + [{**c, "term": c["name"]} for c in fit["contrasts"]]
    return pd.DataFrame(rows)[list(COLUMNS)]


def fit_note(fit: dict) -> str:
    """The note under a table of a fit."""
    groups = ", ".join(f"{n} {name}s" for name, n in fit["groups"].items())
    contrasts = " P, T, P-T, P+T in outcome SD per reference SD." if fit["contrasts"] else ""
    return (
        f"N = {fit['n_obs']} rows, {groups}; {'REML' if fit['reml'] else 'ML'}, degrees of freedom by "
        f"{DF_METHODS[fit['df_method']]}.{contrasts}"
    )


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """A table for people: two or three digits, p without leading zero."""
    shown = table.copy().astype(object)
    for column in table.columns:
        if column == "p":
            shown[column] = [p_value(v) for v in table[column]]
        elif column == "df":
            shown[column] = [f"{v:.1f}" for v in table[column]]
        elif column != "term":
            shown[column] = [f"{v:.2f}" for v in table[column]]
    return shown.rename(columns=COLUMNS)


def p_value(p: float) -> str:
    """p as the APA prints it."""
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def to_html(table: pd.DataFrame, note: str = "") -> str:
    """An HTML table; every cell escaped, missing ones empty."""
    head = "".join(f"<th scope='col'>{html.escape(str(c))}</th>" for c in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape('' if pd.isna(v) else str(v))}</td>" for v in row) + "</tr>"
        for row in table.itertuples(index=False)
    )
    foot = f"<p class='note'>{html.escape(note)}</p>" if note else ""
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{foot}\n"


def _docx(path: Path, table: pd.DataFrame, note: str) -> None:
    from docx import Document

    document = Document()
    grid = document.add_table(rows=1, cols=len(table.columns))
    for cell, name in zip(grid.rows[0].cells, table.columns):
        cell.paragraphs[0].add_run(name).italic = name in ("b", "SE", "df", "t", "p")
    for row in table.itertuples(index=False):
        for cell, value in zip(grid.add_row().cells, row):
            cell.text = str(value)
    document.add_paragraph(f"Note. {note}")
    document.save(str(path))
