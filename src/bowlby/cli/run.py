"""``bowlby run``: start the workflow on one configuration, from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from bowlby.errors import UserError, problem
from bowlby.plan import plan

OURS = re.compile(r"^\s*(error: .+)$")


def run(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="The run's configuration file.")],
    cores: Annotated[int, typer.Option(help="Cores to use; 0 for all.")] = 0,
) -> None:
    """Run a study from its raw files to its report; targets and Snakemake options may follow after --."""
    planned = plan(config)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(snakefile()),
        "--configfile",
        str(config),
        "--cores",
        str(cores) if cores else "all",
        *context.args,
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        said: list[str] = []
        for line in process.stderr:
            sys.stderr.write(line)
            if (found := OURS.match(line)) and found.group(1) not in said:
                said.append(found.group(1))
    report = planned.folder / "report.html"
    if process.returncode:
        if report.is_file():
            print(f"unfinished: {report}")
        print("\nbowlby stopped:", file=sys.stderr)
        logs = planned.folder / "logs"
        print(*(said or [f"error: a job failed; see its log under {logs}"]), sep="\n", file=sys.stderr)
        raise typer.Exit(1)
    if report.is_file():
        print(f"report: {report}")


def snakefile() -> Path:
    """The Snakefile of the checkout that this package comes from, or of ``BOWLBY_CHECKOUT``."""
    root = Path(os.environ.get("BOWLBY_CHECKOUT") or Path(__file__).parents[3])
    path = root / "Snakefile"
    if not path.is_file():
        raise UserError(
            problem(
                "the workflow is not beside the package",
                "install from a checkout with `make`, or set BOWLBY_CHECKOUT to its folder",
            ),
            status=4,
        )
    return path
