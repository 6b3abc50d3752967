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
    from rich.table import Table

    from bowlby.files import write_json
    from bowlby.simulate.planning import closed_form, power

    console = Console()
    grid = closed_form(therapists, patients, delta)
    table = Table(title=f"Therapist style with {therapists} therapists × {patients:g} patients")
    for head in ("ICC", "smallest slope found\n(80 % power)", "largest slope\npossible", "half-width\nof 90 % CI",
                 f"chance to show\n|T| < {delta:g} at T = 0"):  # fmt: skip
        table.add_column(head, justify="right")
    for line in grid.itertuples(index=False):
        table.add_row(f"{line.icc:.2f}", f"{line.minimum_detectable:.2f}", f"{line.largest_possible:.2f}",
                      f"{line.half_width_90:.2f}", f"{line.equivalence_power:.0%}")  # fmt: skip
    console.print(table)
    numbers = {"closed_form": grid.to_dict("records")}
    if studies:
        found = power(therapists, patients, icc, switching, delta, studies, seed,
                      lambda x: track(x, description="simulating", console=Console(stderr=True)))  # fmt: skip
        table = Table(title=f"Verdicts over {studies} simulated studies a truth (ICC {icc:g}; ± {found.mc_se[0]:.0%})")
        for head in ("truth", "claim", "supported", "refuted", "inconclusive"):
            table.add_column(head, justify="left" if head in ("truth", "claim") else "right")
        for line in found.itertuples(index=False):
            table.add_row(line.truth, line.claim, f"{line.supported:.0%}", f"{line.refuted:.0%}",
                          f"{line.inconclusive:.0%}", end_section=line.claim == "C5")  # fmt: skip
        console.print(table)
        numbers["simulated"] = found.to_dict("records")
    if output:
        write_json(output, {"schema": 1, "therapists": therapists, "patients": patients, "icc": icc, "delta": delta,
                            "switching": switching, "studies": studies, "seed": seed, **numbers})  # fmt: skip
