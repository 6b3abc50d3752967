"""Two incomplete studies from a seed, for comparing imputations with R.

    python tests/golden/robust/incomplete.py FOLDER      writes joint.csv and slope.csv for ../r/imputation.R

`joint`: 40 therapists of 15 patients; outcome, baseline, two scales of patients and a variable of therapists, all with
missing values, outcomes the more often the lower the first scale. `slope`: only outcomes are missing, and therapists
differ in the slope of the first scale (SD .4).
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

THERAPISTS, EACH = 40, 15


def study(name: str) -> pd.DataFrame:
    """Columns t, y, pre, a1, a2, s; a row a patient."""
    rng = np.random.default_rng({"joint": 1, "slope": 2}[name])
    n = THERAPISTS * EACH
    t = np.repeat(np.arange(THERAPISTS), EACH)
    s = rng.normal(size=THERAPISTS)
    level = rng.normal(0, 0.35, (THERAPISTS, 4)) + np.outer(s, [0.2, 0.0, 0.1, 0.0])
    own = rng.multivariate_normal(np.zeros(3), [[1, -0.3, 0], [-0.3, 1, 0.4], [0, 0.4, 1]], n)
    slope = 0.4 + (rng.normal(0, 0.4, THERAPISTS) if name == "slope" else np.zeros(THERAPISTS))
    y = level[t, 0] + own @ [0.5, 0.0, 0.2] + slope[t] * own[:, 1] + rng.normal(0, 0.8, n)
    pre, a1, a2 = (own + level[t, 1:]).T
    data = pd.DataFrame({"t": t + 1, "y": y, "pre": pre, "a1": a1, "a2": a2, "s": s[t]})
    data.loc[rng.random(n) < 1 / (1 + np.exp(1.2 + a1)), "y"] = np.nan
    if name == "joint":
        for column, share in (("pre", 0.05), ("a1", 0.1), ("a2", 0.1)):
            data.loc[rng.random(n) < share, column] = np.nan
        data.loc[data["t"].isin([3, 11, 24, 38]), "s"] = np.nan
    return data


if __name__ == "__main__":
    for name in ("joint", "slope"):
        study(name).to_csv(Path(sys.argv[1]) / f"{name}.csv", index=False)
