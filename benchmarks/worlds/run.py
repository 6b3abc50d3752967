"""Worlds in which a claim could err: how often it does, and how often a correction or a flag shows it.

``python benchmarks/worlds/run.py STUDIES [WORLD ...]`` prints a Markdown table; ``results.md`` holds committed runs.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from bowlby.compare import significant
from bowlby.compare.verdict import Effect, claim_more, claim_negligible, claim_slope
from bowlby.design.centring import within_between
from bowlby.design.composite import sd_error
from bowlby.estimands.measurement import measurement
from bowlby.estimands.sensitivity import sensitivity
from bowlby.fit.models import Fitter, standardised
from bowlby.fit.record import record_fit
from bowlby.terms import M1, M1_RANDOM

SEED = 20261129
DELTA, ICC, BASELINE = 0.1, 0.05, 0.5
DESIGNS = ("16x36", "48x12", "100x10")
WORLDS = {
    "clean": {},
    "clean, P = T = .2": {"p": 0.2, "t": 0.2},
    "baseline .85": {"pre": 0.85},
    "baseline .85, slope SD .15": {"pre": 0.85, "slope": 0.15},
    "baseline .85, 5 % switch": {"pre": 0.85, "switch": 0.05},
    "baseline .70": {"pre": 0.70},
    "baseline .70, P = T = .2": {"pre": 0.70, "p": 0.2, "t": 0.2},
    "reliability .95 and .50, P = T = .2": {"a": 0.95, "s": 0.50, "p": 0.2, "t": 0.2},
    "reliability .64 and .90, P = T = .2": {"a": 0.64, "s": 0.90, "p": 0.2, "t": 0.2},
    "no norms, P = T = .2": {"p": 0.2, "t": 0.2, "norms": False},
    "curved style": {"curve": 0.106},
    "unequal spread": {"spread": 0.4},
    "slopes by caseload": {"caseload": 0.15},
}


def drawn(rng, therapists, average, p=0.0, t=0.0, pre=1.0, a=1.0, s=1.0, slope=0.0, switch=0.0, norms=True, curve=0.0,
          spread=0.0, caseload=0.0):  # fmt: skip
    """One study as a primary analysis set; baseline and perceived attachment correlate at .25."""
    load = np.clip(rng.poisson(rng.gamma(6.0, average / 6.0, therapists)), 2, None)
    j = np.repeat(np.arange(therapists), load)
    n = len(j)
    w = np.eye(therapists)[j]
    for i in np.flatnonzero(rng.random(n) < switch):
        share, other = rng.integers(4, 13) / 16, (j[i] + rng.integers(1, therapists)) % therapists
        w[i, j[i]], w[i, other] = share, 1 - share
    style, before = rng.standard_normal(therapists), rng.standard_normal(n)
    within = 0.25 * before + np.sqrt(0.95 - 0.0625) * rng.standard_normal(n)
    felt = within + np.sqrt(0.05) * rng.standard_normal(therapists)[j]
    own = slope * rng.standard_normal(therapists) + caseload * (np.log(load) - np.log(load).mean())
    rest = np.sqrt(max(ICC - t**2 - 2 * curve**2, 0)) * rng.standard_normal(therapists)
    level = t * style + curve * (style**2 - 1) + rest
    left = 1 - BASELINE**2 - p**2 * 0.95 - BASELINE * p * 0.5 - slope**2 * 0.95 - ICC
    noise = np.sqrt(left) * np.exp(spread * style[j] - spread**2) * rng.standard_normal(n)
    y = BASELINE * before + (p + own[j]) * within + w @ level + noise
    seen = {name: x if r >= 1 else x + np.sqrt((1 - r) / r) * rng.standard_normal(len(x))
            for name, x, r in (("pre", before, pre), ("a", felt, a), ("s", style, s))}  # fmt: skip
    sides = {"y": seen["pre"], "perceived": seen["a"], "therapist_style": seen["s"]}
    unit = {side: 1.0 if norms else values.std(ddof=1) for side, values in sides.items()}
    data = pd.DataFrame({"patient": [f"P{i}" for i in range(n)], "therapist": [f"T{k:03d}" for k in w.argmax(1)]})
    data["y"] = y
    data["baseline_within"], data["baseline_between"] = within_between(seen["pre"], w)
    data["perceived_within"], data["perceived_between"] = within_between(seen["a"] / unit["perceived"], w)
    data["therapist_style"] = w @ seen["s"] / unit["therapist_style"]
    data["therapist_style"] -= data["therapist_style"].mean()
    errors = {"baseline": (1 - pre) / pre, "perceived": (1 - a) / a, "therapist_style": (1 - s) / s}
    for name, variance in errors.items():
        data[f"{name}_error"] = variance if variance else np.nan
    i, k = np.nonzero(w)
    members = pd.DataFrame({"patient": data["patient"].to_numpy()[i], "therapist": [f"T{x:03d}" for x in k],
                            "weight": w[i, k]})  # fmt: skip
    one = {"scales": ["x"], "sd": [1.0], "correlation": [[1.0]], "weights": {"x": 1.0}}
    data["perceived_x_within"], data["therapist_style_x"] = data["perceived_within"], data["therapist_style"]
    design = {
        "sd_outcome": unit["y"],
        "covariates": [],
        "n_dropped": {},
        "scaling": {"perceived": one, "therapist_style": one},
        "sd_error": {} if norms else {side: sd_error(pd.Series(values)) for side, values in sides.items()},
        "reliability_from": {name: "configuration" if variance else None for name, variance in errors.items()},
    }
    return data, members, design


def analysed(data, members, design) -> dict:
    """P, T, P-T, P+T as the product has them, corrected, and which warnings fire."""
    fitter = Fitter(data, members, design)
    result = fitter.fit(M1, M1_RANDOM)
    record = record_fit("primary", result, "kenward-roger", {}, standardised(result, design))
    naive = {c["name"]: Effect(c["estimate"], c["se"], c["df"]) for c in record["contrasts"]}
    out = {"naive": naive}
    rows = measurement(result, fitter, members)["rows"]
    for name in ("baseline", "all"):
        out[name] = rows[name] and {n: Effect(e["estimate"], e["se"], e["df"]) for n, e in rows[name].items()}
    found = sensitivity(result, fitter, members, record)
    out["warned"] = {"caseload": significant(found["caseload"]["test"]), "curved": significant(found["curved_style"]),
                     "spread": significant(found["unequal_spread"])}  # fmt: skip
    return out


def rates(found: list[dict], p: float, t: float) -> dict:
    """Shares of supports, coverage and warnings."""
    out = {}
    for name in ("naive", "baseline", "all"):
        rows = [f[name] for f in found if f[name]]
        if not rows:
            continue
        out[name] = {
            "n": len(rows),
            "C1": np.mean([claim_slope(r["P"], DELTA, "P")["verdict"] == "supported" for r in rows]),
            "C2": np.mean([claim_more(r["P-T"], r["P+T"])["verdict"] == "supported" for r in rows]),
            "C2 refuted": np.mean([claim_more(r["P-T"], r["P+T"])["verdict"] == "refuted" for r in rows]),
            "C3": np.mean([claim_negligible(r["T"], DELTA)["verdict"] == "supported" for r in rows]),
            "P covered": np.mean([r["P"].limits(0.975)[0] <= p <= r["P"].limits(0.975)[1] for r in rows]),
            "T covered": np.mean([r["T"].limits(0.975)[0] <= t <= r["T"].limits(0.975)[1] for r in rows]),
        }
    missed = [f for f in found if not f["naive"]["T"].limits(0.975)[0] <= t <= f["naive"]["T"].limits(0.975)[1]
              or (p == 0 and claim_slope(f["naive"]["P"], DELTA, "P")["verdict"] == "supported")]  # fmt: skip
    out["warned"] = {name: (np.mean([f["warned"][name] for f in found]),
                            np.mean([f["warned"][name] for f in missed]) if missed else np.nan)
                     for name in ("caseload", "curved", "spread")}  # fmt: skip
    return out


def main(studies: int, wanted: list[str]) -> None:
    """Print a table for every world and design."""
    heads = ["world", "design", "row", "studies", "C1", "C2", "C2 refuted", "C3", "P covered", "T covered", "caseload",
             "curved", "spread"]  # fmt: skip
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for number, (world, how) in enumerate(WORLDS.items()):
        if wanted and world not in wanted:
            continue
        for design in DESIGNS:
            therapists, average = map(int, design.split("x"))
            found = [analysed(*drawn(np.random.default_rng((SEED, number, therapists, k)), therapists, average, **how))
                     for k in range(studies)]  # fmt: skip
            table = rates(found, how.get("p", 0.0), how.get("t", 0.0))
            warned = " | ".join(f"{every:.3f}, {false:.2f}" for every, false in table.pop("warned").values())
            for name, row in table.items():
                numbers = " | ".join(f"{row[key]:.3f}" for key in list(row)[1:])
                last = warned if name == "naive" else "| |"
                print(f"| {world} | {design} | {name} | {row['n']} | {numbers} | {last} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
