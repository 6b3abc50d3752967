"""``bowlby check``: look at configuration and data without running anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from bowlby.errors import Place, problem
from bowlby.plan import plan


def check(config: Annotated[Path, typer.Argument(help="The run's configuration file.")]) -> None:
    """Check a configuration and its data: every problem, one line each; nothing is written."""
    from bowlby.ingest import check as check_data

    issues = check_data(plan(config).loaded)
    for row in issues.itertuples(index=False):
        place = Place(_text(row.file), _number(row.row), _text(row.column), _text(row.sheet))
        print(
            f"{row.severity}: {problem(row.what, row.action, place)}",
            file=sys.stderr if row.severity == "error" else sys.stdout,
        )
    errors = int((issues["severity"] == "error").sum())
    print(f"{errors} errors, {int((issues['severity'] == 'warning').sum())} warnings")
    if errors:
        raise typer.Exit(1)


def _text(value) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value) -> int | None:
    return None if pd.isna(value) else int(value)
