"""``bowlby init``: a draft study file from raw files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    files: Annotated[list[Path], typer.Argument(help="Raw data files: CSV, Excel, SPSS, Stata, SAS, Parquet.")],
    into: Annotated[Path, typer.Option(help="Folder of the draft; made where it is absent.")] = Path("."),
) -> None:
    """Look at raw files and write a draft study file and run's file, every guess marked; nothing is written over."""
    from bowlby.drafting import MARK, write_draft

    written = write_draft(files, into)
    for path in written:
        guesses = sum(MARK in line for line in path.read_text("utf-8").splitlines())
        print(f"written: {path} ({guesses} lines with a guess, marked `{MARK}`)")
    print(f"next: look through both, then `bowlby check {into / 'config.yaml'}`")
