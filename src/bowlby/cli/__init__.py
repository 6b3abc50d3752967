"""The command line: it prints and computes nothing."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the ``bowlby`` command."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # or all installed packages are searched for them
    import typer

    from bowlby.cli import commands, reproduction
    from bowlby.cli.run import run
    from bowlby.cli.terminal import show
    from bowlby.errors import UserError
    from bowlby.resources import use_memory_freely

    use_memory_freely()
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(run)
    for command in (commands.init, commands.check, commands.simulate, commands.plan, commands.verify,
                    reproduction.diff, reproduction.freeze, reproduction.share, reproduction.export):  # fmt: skip
        app.command()(command)
    app.callback()(commands.bowlby)
    app.add_typer(commands.instruments, name="instruments")
    try:
        app()
    except UserError as error:
        show(error.lines(), err=True)
        sys.exit(error.status)
