"""``bowlby plan``: what a study not yet run could show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plan(
    therapists: Annotated[int, typer.Option(min=6, help="Number of therapists.")],
    patients: Annotated[float, typer.Option(min=2, help="Average number of patients of a therapist.")],
    icc: Annotated[float, typer.Option(min=0.0, max=0.5, help="Outcome variance between therapists.")] = 0.05,
    switching: Annotated[float, typer.Option(min=0.0, max=0.9, help="Share of patients who change therapist.")] = 0.0,
    delta: Annotated[float, typer.Option(min=0.01, help="Equivalence bound.")] = 0.10,
    studies: Annotated[int, typer.Option(min=0, help="Simulated studies a truth; 0 for the closed form alone.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 1,
    output: Annotated[Path | None, typer.Option(help="Write the numbers to this JSON file too.")] = None,
) -> None:
    """Say what a planned study could show: therapists times patients, by closed form and by simulation."""
    from rich.console import Console
    from rich.progress import track

    from bowlby.cli import planned
    from bowlby.files import write_json
    from bowlby.simulate.planning import closed_form, power

    console = Console(highlight=False)
    console.width = min(console.width, planned.WIDTH) if console.is_terminal else planned.WIDTH
    grid = closed_form(therapists, patients, delta)
    console.print(planned.style_table(grid, therapists, patients))
    console.print(planned.MEANING.format(delta=delta), "\n")
    here = closed_form(therapists, patients, delta, [icc]).to_dict("records")[0]
    console.print(planned.style_conclusion(here, delta), "\n")
    numbers = {"closed_form": grid.to_dict("records"), "at_icc": here}
    if studies:
        found = power(therapists, patients, icc, switching, delta, studies, seed,
                      lambda x: track(x, description="simulating", console=Console(stderr=True)))  # fmt: skip
        console.print(planned.verdict_table(found, delta, studies, icc))
        console.print(planned.CELLS.format(error=found.mc_se[0]), "\n")
        for line in planned.conclusions(found, delta):
            console.print(f"- {line}")
        numbers["simulated"] = found.to_dict("records")
    if output:
        write_json(output, {"schema": 1, "therapists": therapists, "patients": patients, "icc": icc, "delta": delta,
                            "switching": switching, "studies": studies, "seed": seed, **numbers})  # fmt: skip
