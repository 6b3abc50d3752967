"""Bias, coverage and size of the paths between sessions: the session-to-session model, the same without therapists, and
the common model with person-mean-centred predictors.

    python benchmarks/sessions/run.py [STUDIES]

Writes results.md beside this file. Standardised units: the within-process has variance 1. The first series leads the
second by .10, and the second does not lead the first.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.errors import UserError
from bowlby.lagged import Series, fit_lagged
from bowlby.mixed import MixedModel

PATHS = np.array([[0.3, 0.0], [0.1, 0.4]])
WITHIN = np.array([[1.0, 0.3], [0.3, 1.0]])
BETWEEN = np.array([[1.0, 0.5], [0.5, 1.0]])
CELLS = [
    *({"sessions": t, "therapist": v} for t in (5, 10, 20) for v in (0.0, 0.1)),
    {"sessions": 10, "therapist": 0.1, "irregular": True},
    {"sessions": 10, "therapist": 0.1, "therapists": 8, "patients": 6},
    {"sessions": 10, "therapist": 0.1, "spread": 0.15},
    {"sessions": 10, "therapist": 0.1, "spread": 0.15, "of_therapists": True},
]
TRUTH = {1: 0.0, 2: 0.1}


def draw(rng, sessions, therapist, therapists=20, patients=10, irregular=False, spread=0.0, of_therapists=False):
    """A study: rows of patient, process, session, therapist, first, second."""
    total = 1.5 / (1 - therapist)
    levels = rng.multivariate_normal([0, 0], therapist * total * BETWEEN, therapists, method="eigh")
    innovation = np.linalg.cholesky(WITHIN - PATHS @ WITHIN @ PATHS.T)
    rows, process = [], 0
    for j in range(therapists):
        shift = rng.normal(0, spread, (2, 2)) if of_therapists else 0
        for i in range(patients):
            own, now, process = rng.multivariate_normal([0, 0], 0.5 * BETWEEN), j, process + 1
            paths = PATHS + (shift if of_therapists else rng.normal(0, spread, (2, 2)) if spread else 0)
            last = rng.integers(3, sessions + 1) if irregular else sessions
            change = rng.integers(2, sessions) if irregular and rng.random() < 0.2 else None
            w = np.linalg.cholesky(WITHIN) @ rng.normal(size=2)
            for t in range(last):
                if t == change:
                    now, process, w = (j + 1) % therapists, process + 1, np.linalg.cholesky(WITHIN) @ rng.normal(size=2)
                z = levels[now] + own + w + np.array([0.03, 0.05]) * t
                if irregular:
                    z = np.where(rng.random(2) < 0.1, np.nan, z)
                if np.isfinite(z).any():
                    rows.append((patients * j + i, process, t, now, *z))
                w = paths @ w + innovation @ rng.normal(size=2)
    return pd.DataFrame(rows, columns=["patient", "process", "session", "therapist", "first", "second"])


def estimates(rows):
    """By model, estimate and standard error of the two cross paths."""
    ids = [rows[c].to_numpy(int) for c in ("patient", "process", "session")]
    values, found = rows[["first", "second"]].to_numpy(), {}
    for name, group in (("with therapists", rows["therapist"].to_numpy(int)), ("without therapists", None)):
        fit = fit_lagged(Series(values, *ids, group))
        found[name] = {k: (fit.standardised[k], np.sqrt(fit.standardised_cov[k, k])) for k in TRUTH}
    own = rows.groupby("patient")[["first", "second"]].transform("mean")
    before = (rows[["first", "second"]] - own).add_suffix("_before").assign(
        patient=rows["patient"], process=rows["process"], session=rows["session"] + 1)  # fmt: skip
    pairs = rows.merge(before, on=["patient", "process", "session"]).dropna()
    found["person-mean centred"] = {}
    for k, y in ((1, "first"), (2, "second")):
        other = {"first": "second_before", "second": "first_before"}[y]
        random = [{"group": g, "terms": ["1"]} for g in ("patient", "therapist")]
        fit = MixedModel.from_terms(y, ["session", "first_before", "second_before"], random, pairs).fit()
        found["person-mean centred"][k] = (fit.params[other], fit.bse[other])
    return found


def main(studies):
    heads = [
        "sessions",
        "therapist variance",
        "design",
        "model",
        "path",
        "mean",
        "SD",
        "mean SE",
        "coverage",
        "rejected",
    ]
    lines = [
        __doc__.split("\n\n")[0].replace("\n", " "),
        "",
        f"{studies} studies a row; path 1 is second to first (true 0), path 2 first to second (true .10). "
        "Coverage is that of 95% intervals.",
        "",
        f"| {' | '.join(heads)} |",
        "|---" * len(heads) + "|",
    ]
    for number, cell in enumerate(CELLS):
        kept, failed = defaultdict(list), 0
        for study in range(studies):
            try:
                for model, paths in estimates(draw(np.random.default_rng([21, number, study]), **cell)).items():
                    for k, pair in paths.items():
                        kept[model, k].append(pair)
            except UserError:
                failed += 1
        size = f"{cell.get('therapists', 20)} × {cell.get('patients', 10)}"
        what = {
            "irregular": "3 sessions or more, 10 % missing, 20 % change therapist",
            "of_therapists": "paths differ between therapists, SD .15",
            "spread": "paths differ between patients, SD .15",
        }
        design = next((f"{size}; {words}" for key, words in what.items() if cell.get(key)), size)
        for (model, k), pairs in sorted(kept.items()):
            b, se = np.array(pairs).T
            inside, beyond = np.abs(b - TRUTH[k]) < 1.96 * se, np.abs(b) > 1.96 * se
            numbers = (
                f"{b.mean():.3f} | {b.std(ddof=1):.3f} | {se.mean():.3f} | {inside.mean():.3f} | {beyond.mean():.3f}"
            )
            lines.append(f"| {cell['sessions']} | {cell['therapist']:.2f} | {design} | {model} | {k} | {numbers} |")
        if failed:
            lines.append(
                f"| {cell['sessions']} | {cell['therapist']:.2f} | {design} | not estimable: {failed} | | | | | | |"
            )
        Path(__file__).with_name("results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
