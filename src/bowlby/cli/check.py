"""``bowlby check``: look at configuration and data without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(config: Annotated[Path, typer.Argument(help="The run's configuration file.")]) -> None:
    """Check a configuration and its data: every problem, one line each, by file and row; nothing is written."""
    from bowlby.check import check as problems_of

    found = problems_of(config)
    for severity, line in found:
        print(f"{severity}: {line}")
    print(_summary([severity for severity, _ in found]))
    if any(severity == "error" for severity, _ in found):
        raise typer.Exit(1)


def _summary(severities: list[str]) -> str:
    from bowlby.ingest.notices import ORDER, count

    found = {severity: severities.count(severity) for severity in ORDER}
    return ", ".join(count(n, severity) for severity, n in found.items() if n or severity != "note")
