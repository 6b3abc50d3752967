"""How often C1 is wrongly supported where slopes differ between therapists around 0, in three forms of M1.

    python benchmarks/slope/run.py [STUDIES]

Writes results.md beside this file.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from bowlby.simulate.batched_analysis import M1, drawn, rows_of
from bowlby.simulate.batched_models import Model
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.study_analysis import StudyAddress

DESIGNS = ("8x50", "12x23", "16x12", "16x36", "16x100", "31x8", "31x45", "48x12", "100x5", "100x10")
SPREADS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
FORMS = {
    "variance of 0 known": (["perceived_within"], ("perceived_within",)),
    "variance of 0 estimated": (["perceived_within"], ()),
    "no slope variance": ([], ()),
}
TOGETHER = 200


def rates(spread: float, design: str, studies: int) -> dict[str, float]:
    """Share of studies whose 95 % interval of P lies above 0, by form."""
    case = replace(SCENARIOS["S0"], slope_sd=spread)
    hits = dict.fromkeys(FORMS, 0)
    for start in range(0, studies, TOGETHER):
        numbers = range(start, min(start + TOGETHER, studies))
        draws = [drawn(case, design, StudyAddress("S0", design, 7, k).entropy()) for k in numbers]
        rows = rows_of(case, draws, "y")
        for form, (slopes, known) in FORMS.items():
            model = Model(rows, "y", M1, slopes, known)
            estimate, se, df = model.fit().effect(model.vector({"perceived_within": 1.0})).T
            hits[form] += int(np.sum(estimate > stdtrit(df, 0.975) * se))
    return {form: count / studies for form, count in hits.items()}


def main(studies: int) -> None:
    error = np.sqrt(0.025 * 0.975 / studies)
    lines = [
        "# C1 where nothing is there",
        f"Share of {studies:,} studies a cell (seed 7) in which C1 is supported although the average slope is 0; "
        f"nominal .025, Monte-Carlo standard error {error:.4f}. Slopes differ between therapists with the SD at the "
        "head. In each cell: slope variance of 0 counted as known (the rule); counted as estimated; "
        "no slope variance in the model.",
        "| therapists × patients | " + " | ".join(f"SD {s:g}" for s in SPREADS) + " |",
        "|---" * (len(SPREADS) + 1) + "|",
    ]
    table = []
    for design in DESIGNS:
        cells = [rates(spread, design, studies) for spread in SPREADS]
        text = [", ".join(f"{rate:.3f}"[1:] for rate in cell.values()) for cell in cells]
        table.append(f"| {design.replace('x', ' × ')} | " + " | ".join(text) + " |")
        print(table[-1], flush=True)
    page = "\n\n".join(lines[:2]) + "\n\n" + "\n".join([*lines[2:], *table]) + "\n"
    Path(__file__).with_name("results.md").write_text(page, "utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
