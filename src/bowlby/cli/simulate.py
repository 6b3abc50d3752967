"""``bowlby simulate``: make a study whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where to write; must be empty or absent.")],
    scenario: Annotated[str, typer.Option(help="Scenario of the statistical design, such as S0, S1, S3.")] = "S1",
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 1,
    therapists: Annotated[int | None, typer.Option(min=3, help="Number of therapists (48; platform 25,000).")] = None,
    patients: Annotated[int | None, typer.Option(min=2, help="Patients of a therapist (12; platform 40).")] = None,
    platform: Annotated[bool, typer.Option("--platform", help="A platform's size, as Parquet.")] = False,
    switching: Annotated[float, typer.Option(min=0, max=1, help="Share of a platform's patients who change therapist.")]
    = 0.0,
    with_config: Annotated[bool, typer.Option(help="Write a configuration beside the files.")] = True,
) -> None:
    """Simulate a study with known truth, plainly labelled synthetic."""
    if platform:
        from bowlby.simulate.platform import Platform, write_platform

        write_platform(Platform(therapists or 25_000, patients or 40, seed, switching), folder)
        print(f"written: {folder}")
        return
    from bowlby.simulate import simulate_study, write_study

    write_study(simulate_study(scenario, seed, therapists or 48, patients or 12), folder, with_config=with_config)
    print(f"written: {folder}")
