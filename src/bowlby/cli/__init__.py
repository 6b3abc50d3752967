"""The command line: one file a command."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the ``bowlby`` command."""
    import typer

    from bowlby.cli import check, config_docs, init, instruments, plan, run, simulate, verify
    from bowlby.errors import UserError

    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="Does perceived attachment predict outcome more than the therapist's own style?",
    )
    pass_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("run", context_settings=pass_on)(run.run)
    app.command("init")(init.init)
    app.command("check")(check.check)
    app.command("simulate")(simulate.simulate)
    app.command("plan")(plan.plan)
    app.command("verify")(verify.verify)
    app.add_typer(instruments.app, name="instruments")
    app.command("config-docs", hidden=True)(config_docs.config_docs)
    try:
        app()
    except UserError as error:
        print(*error.lines(), sep="\n", file=sys.stderr)
        sys.exit(error.status)
