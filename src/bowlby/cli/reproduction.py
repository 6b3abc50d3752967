"""The commands that compare runs and pass them on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bowlby.results import Results

LONG = 36
"""Characters of a value that the screen shows."""
ROWS = 30


def finished(folder: Path) -> Results:
    """The results of a run that has finished; UserError if it has not."""
    from bowlby.reproduction.checksums import require_finished
    from bowlby.results import load_results

    require_finished(folder)
    return load_results(folder)


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

    opened = [finished(folder) for folder in runs]
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


def freeze(
    results: Annotated[Path, typer.Argument(help="Folder of a run, such as results/example.")],
    output: Annotated[Path | None, typer.Option(help="File to write; by default <run>.frozen.json.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="The run's configuration file, needed if the study has its own questionnaires.")
    ] = None,
) -> None:
    """Write a paper's endpoints, checksums of its data and its study's structure into a file without patients' data."""
    from bowlby.config import load
    from bowlby.reproduction.frozen import write_frozen

    run = finished(results)
    own = load(config).instruments_dir if config else None
    path = write_frozen(run, output or Path(f"{run.folder.resolve().name}.frozen.json"), own)
    print(f"written: {path}")
    print(f"with the data: `bowlby verify RESULTS --frozen {path.name}` compares a run with it")
    print(f"without them: `bowlby simulate FOLDER --like {path.name}` makes a study of the same structure")


def share(
    results: Annotated[Path, typer.Argument(help="Folder of a run, such as results/example.")],
    output: Annotated[Path | None, typer.Option(help="Archive to write; by default <run>.zip.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX id of the licence, such as CC-BY-4.0.")] = None,
) -> None:
    """Write an archive of a run without patients' data: report, tables, figures with their data, codebook, metadata."""
    from bowlby.reproduction.share import share as write_archive

    run = finished(results)
    path = output or Path(f"{run.folder.resolve().name}.zip")
    print(f"written: {path} ({len(write_archive(run, path, licence))} files)")


def export(
    results: Annotated[Path, typer.Argument(help="Folder of a run, such as results/example.")],
    output: Annotated[Path, typer.Option(help="Folder to write into.")],
) -> None:
    """Write scores and analysis sets as CSV and SPSS files with labels, and methods and references for a paper."""
    from bowlby.reproduction.export import export as write_export

    for path in write_export(finished(results), output):
        print(f"written: {path}")
    print("scores/ and analysis/ hold data of patients: keep them where the raw data are")
