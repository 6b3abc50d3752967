"""Two incomplete studies from a seed, for comparing imputations with R.

    python tests/golden/robust/incomplete.py FOLDER      writes joint.csv and slope.csv for ../r/imputation.R

`joint`: 40 therapists of 15 patients; outcome, baseline, two scales of patients and a variable of therapists, all with
missing values, outcomes the more often the lower the first scale. `slope`: 250 therapists of 8; a quarter of the
outcomes is missing, whoever has them, and therapists differ in the slope of the first scale (SD .4).
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = {"joint": (40, 15), "slope": (250, 8)}


def study(name: str) -> pd.DataFrame:
    """Columns t, y, pre, a1, a2, s; a row a patient."""
    rng = np.random.default_rng({"joint": 1, "slope": 2}[name])
    therapists, each = SIZES[name]
    n = therapists * each
    t = np.repeat(np.arange(therapists), each)
    s = rng.normal(size=therapists)
    level = rng.normal(0, 0.35, (therapists, 4)) + np.outer(s, [0.2, 0.0, 0.1, 0.0])
    own = rng.multivariate_normal(np.zeros(3), [[1, -0.3, 0], [-0.3, 1, 0.4], [0, 0.4, 1]], n)
    slope = 0.4 + (rng.normal(0, 0.4, therapists) if name == "slope" else np.zeros(therapists))
    y = level[t, 0] + own @ [0.5, 0.0, 0.2] + slope[t] * own[:, 1] + rng.normal(0, 0.8, n)
    pre, a1, a2 = (own + level[t, 1:]).T
    data = pd.DataFrame({"t": t + 1, "y": y, "pre": pre, "a1": a1, "a2": a2, "s": s[t]})
    share = 1 / (1 + np.exp(1.2 + a1)) if name == "joint" else 0.25
    data.loc[rng.random(n) < share, "y"] = np.nan
    if name == "joint":
        for column, share in (("pre", 0.05), ("a1", 0.1), ("a2", 0.1)):
            data.loc[rng.random(n) < share, column] = np.nan
        data.loc[data["t"].isin([3, 11, 24, 38]), "s"] = np.nan
    return data


if __name__ == "__main__":
    for name in ("joint", "slope"):
        study(name).to_csv(Path(sys.argv[1]) / f"{name}.csv", index=False)
