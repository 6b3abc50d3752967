"""Error rates and power of congruence, and coverage of a1 to a5: response surfaces of studies with known truth.

    python benchmarks/response_surface/run.py [--studies N] [--world WORLD ...] [--design DESIGN ...]

Writes rates.csv and results.md beside this file; a world and design that rates.csv has with as many studies is not
simulated again. X and W are in one common SD, outcomes in SD, higher is better.
"""

import argparse
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.compare.response_surface import decide_match
from bowlby.design.centring import membership, within_between
from bowlby.effect import effects_of
from bowlby.errors import UserError
from bowlby.fit.response_surface import FEATURES, fit_response_surface

HERE = Path(__file__).parent
DESIGNS = {"16 × 36": (16, 36), "48 × 12": (48, 12), "100 × 10": (100, 10), "200 × 20": (200, 20)}
WORLDS = {
    "main effects": {"b1": 0.2, "b2": 0.15},
    "squares of both, no product": {"b3": -0.15, "b5": -0.15},
    "product alone": {"b4": 0.25},
    "best if X is .7 SD above W": {"b1": 0.21, "b2": -0.21, "b3": -0.15, "b4": 0.3, "b5": -0.15},
    "ridge of slope .5": {"b3": -0.08, "b4": 0.32, "b5": -0.32},
    "congruence, a4 = −.4": {"b3": -0.1, "b4": 0.2, "b5": -0.1},
    "congruence, a4 = −.8": {"b3": -0.2, "b4": 0.4, "b5": -0.2},
}
SPREAD = 0.1
"""SD between therapists of the slope of X."""


def study(rng, therapists: int, patients: int, **b: float):
    """Analysis set, membership and description of one study."""
    group = np.repeat(np.arange(therapists), patients)
    w = rng.normal(-0.3, 0.8, therapists)
    x = -0.1 + rng.normal(0, 0.2, therapists)[group] + rng.normal(size=len(group))
    columns = {"surface_x": x, "surface_w": w[group], "surface_xx": x**2, "surface_xw": x * w[group],
               "surface_ww": w[group] ** 2}  # fmt: skip
    members = pd.DataFrame({"patient": [f"P{i}" for i in range(len(group))], "weight": 1.0})
    members.insert(1, "therapist", [f"T{j:03d}" for j in group])
    matrix = membership(members, members["patient"]).matrix()
    pre, (x_within, x_between) = rng.normal(size=len(group)), within_between(x, matrix)
    surface = sum(b.get(f"b{k}", 0.0) * column for k, column in enumerate(columns.values(), start=1))
    y = (
        surface
        + 0.5 * pre
        + rng.normal(0, 0.2, therapists)[group]
        + rng.normal(0, SPREAD, therapists)[group] * x_within
    )
    data = members[["patient", "therapist"]].assign(y=y + rng.normal(0, 0.8, len(group)), **columns)
    data = data.assign(surface_x_within=x_within, surface_x_between=x_between)
    data[["baseline_within", "baseline_between"]] = np.column_stack(within_between(pre, matrix))
    described = {
        "scale": "anxiety",
        "labels": ["X", "W"],
        "persons": ["the patient", "the therapist"],
        "standardised": False,
        "therapists": {"surface_w": w.tolist()},
    }
    return data, members, {"covariates": [], "sd_outcome": 1.0, "n_dropped": {}, "reference": "reference",
                           "surface": described}  # fmt: skip


def analysed(world: str, design: str, number: int) -> dict:
    """What one study says; each draws from its own address."""
    b = WORLDS[world]
    rng = np.random.default_rng([23, zlib.crc32(f"{world} {design}".encode()), number])
    data, members, described = study(rng, *DESIGNS[design], **b)
    try:
        fit = fit_response_surface("response_surface_anxiety", data, members, described)["response_surface_anxiety"]
    except UserError:
        return {"refused": 1.0}
    match, effects = decide_match(fit.record, data, described, (0.2, 0.1)), effects_of(fit.record["contrasts"])
    narrow = decide_match(fit.record, data, described, (0.1, 0.05))
    shown = {condition["name"]: condition["shown"] is True for condition in match["conditions"]}
    row = {"refused": 0.0, "supported": match["verdict"] == "supported", "refuted": match["verdict"] == "refuted"}
    row["supported at half bounds"] = narrow["verdict"] == "supported"
    row["refuted at half bounds"] = narrow["verdict"] == "refuted"
    row["literature"] = all(shown[name] for name in ("a3", "a5", "a4", "b4", "ridge"))
    row["a4 < 0 alone"] = effects["a4"].limits(0.975)[1] < 0
    for name in ("a1", "a2", "a3", "a4", "a5"):
        truth = sum(sign * b.get(coefficient, 0.0) for coefficient, sign in FEATURES[name].items())
        low, high = effects[name].limits(0.975)
        row |= {f"{name} bias": effects[name].estimate - truth, f"{name} SE": effects[name].se,
                f"{name} covered": low <= truth <= high}  # fmt: skip
    return {k: float(v) for k, v in row.items()}


def main(studies: int, worlds: list[str], designs: list[str]) -> None:
    target = HERE / "rates.csv"
    known = pd.read_csv(target) if target.is_file() else pd.DataFrame(columns=["world", "design", "studies"])
    for design in designs:
        for world in worlds:
            own = (known["world"] == world) & (known["design"] == design)
            if (known.loc[own, "studies"] >= studies).any():
                continue
            line = pd.DataFrame([analysed(world, design, k) for k in range(studies)]).mean().to_frame().T
            line.insert(0, "world", world)
            line.insert(1, "design", design)
            line.insert(2, "studies", studies)
            known = line if known.empty else pd.concat([known[~own], line], ignore_index=True)
            known.round(4).to_csv(target, index=False)
            print(line.round(3).to_string(index=False, header=False), flush=True)
    write_results(known)


def write_results(known: pd.DataFrame) -> None:
    """Both tables of all rates that there are."""
    orders = {"world": list(WORLDS), "design": list(DESIGNS)}
    places = known.assign(**{f"at_{k}": known[k].map(order.index) for k, order in orders.items()})
    table = places.sort_values(["at_world", "at_design"])
    verdicts = ["supported", "refuted", "literature", "supported at half bounds", "refuted at half bounds",
                "a4 < 0 alone"]  # fmt: skip
    features = [f"{name} {what}" for what in ("covered", "bias") for name in ("a1", "a2", "a3", "a4", "a5")]
    lines = [
        "# Response surfaces in studies with known truth", "",
        "Share of studies in which congruence is supported or refuted with the default bounds (a3 .20, a5 .10) and "
        "with half of them. *Literature*: the conditions without b3 + b5 < 0. Congruence is true only in the worlds "
        "named so. Coverage is that of 95% intervals. The slope of X differs between therapists with an SD of .1. The "
        "worlds are in `run.py`.",
    ]  # fmt: skip
    for columns in (verdicts, features):
        lines += ["", f"| world | design | studies | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 3)}"]
        for row in table.to_dict("records"):
            numbers = " | ".join(f"{row[c]:.3f}" for c in columns)
            lines.append(f"| {row['world']} | {row['design']} | {row['studies']} | {numbers} |")
    (HERE / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--world", nargs="*", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--design", nargs="*", choices=list(DESIGNS), default=list(DESIGNS)[:3])
    given = parser.parse_args()
    main(given.studies, given.world, given.design)
