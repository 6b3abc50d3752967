"""``bowlby simulate``: make a study whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where to write; must be empty or absent.")],
    scenario: Annotated[str, typer.Option(help="Scenario of the statistical design, such as S0, S1, S3.")] = "S1",
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 1,
    therapists: Annotated[int, typer.Option(min=3, help="Number of therapists.")] = 48,
    patients: Annotated[int, typer.Option(min=2, help="Average number of patients of a therapist.")] = 12,
    with_config: Annotated[bool, typer.Option(help="Write a configuration beside the files.")] = True,
) -> None:
    """Simulate a study with known truth, plainly labelled synthetic."""
    from bowlby.simulate import simulate as make
    from bowlby.simulate import write_study

    write_study(make(scenario, seed, therapists, patients), folder, with_config=with_config)
    print(f"written: {folder}")
