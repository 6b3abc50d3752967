"""The commands that compare runs and pass them on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LONG = 36
"""Characters of a value that the screen shows."""
ROWS = 30


def diff(
    runs: Annotated[list[Path], typer.Argument(help="Folders of two runs or more, such as results/example.")],
    output: Annotated[
        Path | None, typer.Option(help="Also write all differences, one table and one forest plot into this folder.")
    ] = None,
) -> None:
    """Show what differs between runs: configuration, study file, data, versions and numbers; and their estimates."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from bowlby.reproduction.difference import differences, estimates, names_of, sheet, summary, write_difference
    from bowlby.results import load_results

    opened = [load_results(folder) for folder in runs]
    names, table = names_of(opened), differences(opened)
    console = Console(highlight=False, markup=False)
    console.width = max(console.width, 100)
    if table.empty:
        console.print("no setting, file of data, version or number differs")
    for part, rows in summary(table, opened).groupby("part", sort=False):
        shown = Table(part, *names, box=box.SIMPLE_HEAD, title_justify="left")
        for _, place, *values in rows.head(ROWS).itertuples(index=False):
            shown.add_row(place, *(value if len(value) <= LONG else f"{value[: LONG - 1]}…" for value in values))
        console.print(shown)
        if len(rows) > ROWS:
            console.print(f"  ... and {len(rows) - ROWS} more; --output FOLDER writes all")
    printed = sheet(estimates(opened), opened)
    shown = Table(*printed.columns, box=box.SIMPLE_HEAD)
    for head, rows in printed.parts:
        shown.add_row(head, *[""] * (len(printed.columns) - 1))
        for first, *rest in rows:
            shown.add_row(f"  {first}", *rest)
    console.print(shown)
    if output:
        for path in write_difference(opened, output):
            print(f"written: {path}")
