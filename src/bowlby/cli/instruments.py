"""``bowlby instruments``: the library of questionnaires, and the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The library of questionnaires, and your own.", invoke_without_command=True)
Config = Annotated[
    Path | None, typer.Option("--config", help="A run's configuration file: adds the instruments beside your study.")
]


@app.callback()
def listing(context: typer.Context, config: Config = None) -> None:
    """List the questionnaires with the confidence of their keys and their licence."""
    if context.invoked_subcommand is None:
        from bowlby.errors import UserError
        from bowlby.instruments.catalogue import HEAD, table

        rows, faults = table(_own(config))
        widths = [max(len(row[n]) for row in (HEAD, *rows)) for n in range(len(HEAD))]
        for row in (HEAD, *rows):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if faults:
            raise UserError(faults)


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Id of an instrument, such as wai_sr.")],
    config: Config = None,
) -> None:
    """Show one questionnaire: items, key, missing rule, sources."""
    from bowlby.instruments.catalogue import describe

    print(describe(name, _own(config or context.parent.params["config"])))


def _own(config: Path | None) -> Path | None:
    """Folder of the user's own instruments."""
    if config is None:
        return None
    from bowlby.config import load

    return load(config).instruments_dir
