"""Coverage of intervals of a share of patients in therapists: the logit-scale interval with CR2 and Satterthwaite's df.

    python benchmarks/change/shares.py [--studies N]

Writes shares.csv beside this file. Therapists differ in the log odds of the event, normal with a variance that gives
the intraclass correlation named on the latent scale; the share is its mean over therapists. Caseloads have a CV of .6.
"""

import argparse
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from bowlby.estimands.style_transitions import share

HERE = Path(__file__).parent
DESIGNS = {"16 × 12": (16, 12), "16 × 36": (16, 36), "48 × 6": (48, 6)}
GRID = np.polynomial.hermite_e.hermegauss(60)


def marginal(mean: float, sd: float) -> float:
    """Mean probability over therapists of log odds with this mean and SD."""
    return float(expit(mean + sd * GRID[0]) @ GRID[1] / GRID[1].sum())


def analysed(design: str, level: float, icc: float, number: int) -> dict:
    """One study; each draws from its own address."""
    therapists, patients = DESIGNS[design]
    rng = np.random.default_rng([203, zlib.crc32(f"{design} {level} {icc}".encode()), number])
    sd = np.sqrt(icc / (1 - icc) * np.pi**2 / 3)
    size = np.maximum(1, np.round(patients * rng.lognormal(-0.15, 0.55, therapists))).astype(int)
    who = np.repeat(np.arange(therapists), size)
    y = rng.random(len(who)) < expit(np.log(level / (1 - level)) + sd * rng.normal(size=therapists))[who]
    true, found = marginal(np.log(level / (1 - level)), sd), share(y, who, shareable=False)
    if found["reason"]:
        return {"design": design, "level": level, "icc": icc, "estimable": False}
    low, high = found["ci"]
    return {"design": design, "level": level, "icc": icc, "estimable": True, "covered": low <= true <= high,
            "below": high < true, "above": low > true, "width": high - low}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=500)
    studies, keys = parser.parse_args().studies, ["design", "level", "icc"]
    rows = [analysed(design, level, icc, k) for design in DESIGNS for level in (0.15, 0.3, 0.5) for icc in (0.0, 0.1)
            for k in range(studies)]  # fmt: skip
    table = pd.DataFrame(rows).astype({"covered": float, "below": float, "above": float})
    table = table.groupby(keys, sort=False).mean(numeric_only=False).round(4).assign(studies=studies).reset_index()
    table.to_csv(HERE / "shares.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
