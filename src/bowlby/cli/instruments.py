"""``bowlby instruments``: the library of questionnaires."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="The library of questionnaires.", invoke_without_command=True)


@app.callback()
def listing(context: typer.Context) -> None:
    """List the questionnaires with the confidence of their keys and their licence."""
    if context.invoked_subcommand is None:
        from bowlby.instruments.catalogue import table

        for row in table():
            print("  ".join(str(cell) for cell in row))


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="Id of an instrument, such as wai_sr.")]) -> None:
    """Show one questionnaire: items, key, missing rule, sources."""
    from bowlby.instruments.catalogue import describe

    print(describe(name))
