"""``bowlby verify``: whether a run's files are as it left them, and its numbers those that its data give."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SHOWN = 20
DIFFERS = 3


def verify(
    results: Annotated[Path, typer.Argument(help="Folder of a run, such as results/example.")],
    config: Annotated[
        Path | None, typer.Option(help="The run's configuration beside its raw files: begin with these.")
    ] = None,
) -> None:
    """Compare a run's files with their checksums, and compute its numbers again.

    Fits and estimands are computed from the analysis sets of the folder; with --config the analysis sets from the raw
    files first. Numbers agree if they differ by less than 1e-6 of their size. Exit status 3 if something differs.
    """
    from bowlby.config import load
    from bowlby.reproduce import verify as compare

    found = compare(results, load(config) if config else None)
    if not found.listed:
        typer.echo("no checksums.txt: whether files were altered is not known")
    for what, names in (("missing", found.missing), ("altered since the run", found.altered)):
        for name in names[:SHOWN]:
            typer.echo(f"{name}: {what}")
    for line in found.differing[:SHOWN]:
        typer.echo(line)
    if len(found.differing) > SHOWN:
        typer.echo(f"... and {len(found.differing) - SHOWN} more")
    typer.echo(f"reproduced {found.numbers - len(found.differing):,} of {found.numbers:,} numbers (tolerance 1e-6)")
    if not found.good:
        raise typer.Exit(DIFFERS)
