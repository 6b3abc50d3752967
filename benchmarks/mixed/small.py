"""Milliseconds of M1 on few rows, formula to table with df, beside glmm in turn; prints JSON.

    python benchmarks/mixed/small.py

Random data: therapists of equal caseload, four fixed effects, a random intercept and a random slope that are
correlated (glmm fits no others). Our df are Kenward-Roger's, glmm's are Satterthwaite's. The least of 40 repetitions
counts, of each in turn, on one thread. (kamino-lme, which has Kenward-Roger's df, takes 0.3 to 0.8 s.)
"""

from __future__ import annotations

import json
import os

os.environ |= {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")}

import time
import warnings

import numpy as np
import pandas as pd

FORMULA = "y ~ b + w + t + (1 + w | g)"
SIZES = {"96 rows": (16, 6), "576 rows": (48, 12), "1,000 rows": (100, 10)}
REPEAT = 40


def study(therapists: int, patients: int) -> pd.DataFrame:
    """Outcome y, baseline b, perceived attachment within therapists w and therapists' style t of therapists g."""
    random = np.random.default_rng(therapists)
    g = np.repeat(np.arange(therapists), patients)
    b, w, slopes, t, base = (random.normal(size=n) for n in (len(g), len(g), *[therapists] * 3))
    y = 0.5 * b + (0.3 + 0.2 * slopes[g]) * w + 0.1 * t[g] + 0.3 * base[g] + random.normal(size=len(g))
    return pd.DataFrame({"y": y, "b": b, "w": w, "t": t[g], "g": np.char.add("T", g.astype(str))})


def ours(data: pd.DataFrame):
    from bowlby.mixed import MixedModel

    return MixedModel.from_formula(FORMULA, data).fit().tidy()


def glmm(data: pd.DataFrame):
    import glmm

    fit = glmm.fit(data, FORMULA)
    return pd.DataFrame({"name": fit.names, "estimate": fit.beta, "se": fit.se, "df": fit.coef_df})


def main() -> None:
    warnings.simplefilter("ignore")
    engines = {"bowlby": ours, "glmm": glmm}
    found = {}
    for size, of in SIZES.items():
        data, least = study(*of), dict.fromkeys(engines, np.inf)
        for _ in range(REPEAT):
            for name, fit in engines.items():
                began = time.process_time()
                fit(data)
                least[name] = min(least[name], 1000 * (time.process_time() - began))
        found[size] = least
    print(json.dumps(found))


if __name__ == "__main__":
    main()
