"""Bias and coverage of indirect effects of the patient's and of the therapist's style.

    python benchmarks/mediation/run.py [STUDIES]

Writes results.md beside this file.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.design.centring import membership, within_between
from bowlby.estimands.mediation import mediation
from bowlby.fit.mediation import fit_mediation

CELLS = [
    {"design": (16, 36)},
    {"design": (48, 12)},
    {"design": (100, 10)},
    {"design": (48, 12), "covariance": 0.02},
    {"design": (100, 10), "covariance": 0.02},
    {"design": (48, 12), "own": 0.0},
    {"design": (48, 12), "style": 0.0},
    {"design": (100, 10), "style": 0.0},
    {"design": (48, 45), "style": 0.0},
    {"design": (48, 12), "unequal": True},
]
SLOPE = 0.3
"""Of the outcome on the mediator, within therapists; between them it is .6."""


def study(rng, design, covariance=0.0, own=0.3, style=0.3, unequal=False, spread=0.15, between=0.3):
    """A study of therapists by patients; slopes differ between therapists with an SD of .15."""
    therapists, patients = design
    sizes = np.maximum(rng.lognormal(np.log(patients) - 0.16, 0.57, therapists).round(), 2) if unequal else patients
    group = np.repeat(np.arange(therapists), np.broadcast_to(sizes, therapists).astype(int))
    s, z, pre = rng.normal(size=therapists), rng.normal(size=len(group)), rng.normal(size=len(group))
    slopes = rng.multivariate_normal([own, SLOPE], [[spread**2, covariance], [covariance, spread**2]], therapists)
    mean = style * s + rng.normal(0, between, therapists)
    inner = slopes[group, 0] * z + rng.normal(0, 0.9, len(group))
    y = 0.5 * pre + slopes[group, 1] * inner + 0.6 * mean[group] + 0.1 * z + rng.normal(0, 0.15, therapists)[group]
    y += rng.normal(0, 0.8, len(group))
    members = pd.DataFrame({"patient": [f"P{i}" for i in range(len(group))], "weight": 1.0})
    members.insert(1, "therapist", [f"T{j:03d}" for j in group])
    data = members[["patient", "therapist"]].assign(y=y, therapist_style=s[group] - s[group].mean())
    w = membership(members, members["patient"]).matrix()
    for name, x in (("baseline", pre), ("perceived", mean[group] + inner), ("patient_style", z)):
        data[[f"{name}_within", f"{name}_between"]] = np.column_stack(within_between(x, w))
    return data, members


def main(studies):
    heads = ["design", "effect", "true", "mean", "SD", "coverage", "0 rejected", "not estimable"]
    lines = ["Indirect effects of patient style (within therapists) and of therapist style (between them)", "",
             f"There are {studies} studies per row. Coverage is that of 95% intervals in studies with an estimate.", "",
             f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]  # fmt: skip
    for number, cell in enumerate(CELLS):
        found = {"patient": [], "therapist": []}
        for k in range(studies):
            data, members = study(np.random.default_rng([22, number, k]), **cell)
            described = {"covariates": [], "sd_outcome": 1.0, "n_dropped": {}}
            fits = {
                name[-1]: f.record for name, f in fit_mediation("mediation_perceived", data, members, described).items()
            }
            record = mediation("perceived", data, fits, 1.0, k)
            for whose, kept in found.items():
                effect = record[whose].get("indirect")
                kept.append([effect["estimate"], *effect["ci"]] if effect else [np.nan] * 3)
        truth = {
            "patient": cell.get("own", 0.3) * SLOPE + cell.get("covariance", 0.0),
            "therapist": cell.get("style", 0.3) * 0.6,
        }
        words = "".join(f"; {name} {value}" for name, value in cell.items() if name != "design")
        for whose, kept in found.items():
            e, low, high = np.array(kept)[~np.isnan(np.array(kept)[:, 0])].T
            inside, beyond = (low < truth[whose]) & (truth[whose] < high), (low > 0) | (high < 0)
            numbers = (
                f"{truth[whose]:.3f} | {e.mean():.3f} | {e.std(ddof=1):.3f} | {inside.mean():.3f} | {beyond.mean():.3f}"
            )
            design = " × ".join(map(str, cell["design"]))
            lines.append(f"| {design}{words} | {whose} | {numbers} | {1 - len(e) / studies:.2f} |")
        Path(__file__).with_name("results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
