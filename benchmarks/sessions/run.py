"""Bias, coverage and size of the paths between sessions: the session-to-session model, the same without therapists, and
the common model with person-mean-centred predictors.

    python benchmarks/sessions/run.py [STUDIES]

Writes results.csv and results.md beside this file; a design that results.csv has with as many studies is not simulated
again. Standardised units: the within-process has variance 1. The first series leads the
second by .10, and the second does not lead the first unless the design says so.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bowlby.errors import UserError
from bowlby.lagged import Series, fit_lagged, jackknife_paths
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
    {"sessions": 10, "therapist": 0.1, "reverse": 0.1},
]
WORDS = {
    "irregular": "3 sessions or more, 10% missing, 20% change therapist",
    "of_therapists": "paths differ between therapists, SD .15",
    "spread": "paths differ between patients, SD .15",
    "reverse": "reverse path .10 too",
}
HEADS = ("sessions", "therapist variance", "design", "model", "path", "true", "mean", "SD", "mean SE", "coverage",
         "rejected", "above 0", "studies", "not estimable")  # fmt: skip
LEAD, REVERSE = "first to second", "second to first"


def draw(
    rng, sessions, therapist, therapists=20, patients=10, irregular=False, spread=0.0, of_therapists=False, reverse=0.0
):
    """A study: rows of patient, process, session, therapist, first, second."""
    total = 1.5 / (1 - therapist)
    levels = rng.multivariate_normal([0, 0], therapist * total * BETWEEN, therapists, method="eigh")
    mean = PATHS + np.array([[0, reverse], [0, 0]])
    innovation = np.linalg.cholesky(WITHIN - mean @ WITHIN @ mean.T)
    rows, process = [], 0
    for j in range(therapists):
        shift = rng.normal(0, spread, (2, 2)) if of_therapists else 0
        for i in range(patients):
            own, now, process = rng.multivariate_normal([0, 0], 0.5 * BETWEEN), j, process + 1
            paths = mean + (shift if of_therapists else rng.normal(0, spread, (2, 2)) if spread else 0)
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
    """By model and path: estimate, standard error and df. The cross-lagged models also have the difference of both."""
    ids = [rows[c].to_numpy(int) for c in ("patient", "process", "session")]
    values, found = rows[["first", "second"]].to_numpy(), {}
    therapist = rows["therapist"].to_numpy(int)
    series = Series(values, *ids, therapist)
    fit, alone = fit_lagged(series), fit_lagged(Series(values, *ids))
    _, jackknife = jackknife_paths(fit, series, "mean", therapist)
    df = len(np.unique(therapist)) - 1
    for path, weights in ((REVERSE, [0, 1, 0, 0]), (LEAD, [0, 0, 1, 0]), ("difference", [0, -1, 1, 0])):
        w = np.array(weights)
        found["reported: jackknife", path] = w @ fit.standardised, np.sqrt(w @ jackknife @ w), df
        found["observed information", path] = w @ fit.standardised, np.sqrt(w @ fit.standardised_cov @ w), np.inf
        found["without therapists", path] = w @ alone.standardised, np.sqrt(w @ alone.standardised_cov @ w), np.inf
    own = rows.groupby("patient")[["first", "second"]].transform("mean")
    before = (rows[["first", "second"]] - own).add_suffix("_before").assign(
        patient=rows["patient"], process=rows["process"], session=rows["session"] + 1)  # fmt: skip
    pairs = rows.merge(before, on=["patient", "process", "session"]).dropna()
    for path, y, cause in ((REVERSE, "first", "second_before"), (LEAD, "second", "first_before")):
        random = [{"group": g, "terms": ["1"]} for g in ("patient", "therapist")]
        fit = MixedModel.from_terms(y, ["session", "first_before", "second_before"], random, pairs).fit()
        found["person-mean centred", path] = fit.params[cause], fit.bse[cause], np.inf
    return found


def rates(cell, number, studies):
    """A row of HEADS for each model and path."""
    kept, failed = defaultdict(list), 0
    for study in range(studies):
        try:
            for key, pair in estimates(draw(np.random.default_rng([21, number, study]), **cell)).items():
                kept[key].append(pair)
        except UserError:
            failed += 1
    reverse = cell.get("reverse", 0.0)
    truth = {REVERSE: reverse, LEAD: 0.1, "difference": 0.1 - reverse}
    for (model, path), pairs in sorted(kept.items()):
        b, se, df = np.array(pairs).T
        t, size = b / se, stdtrit(df, 0.975)
        inside = np.abs(b - truth[path]) < size * se
        numbers = b.mean(), b.std(ddof=1), se.mean(), inside.mean(), (np.abs(t) > size).mean(), (t > size).mean()
        yield (cell["sessions"], cell["therapist"], _design(cell), model, path, truth[path],
               *(round(float(value), 4) for value in numbers), studies, failed)  # fmt: skip


def _design(cell):
    size = f"{cell.get('therapists', 20)} × {cell.get('patients', 10)}"
    return next((f"{size}; {words}" for key, words in WORDS.items() if cell.get(key)), size)


def main(studies):
    store = Path(__file__).with_name("results.csv")
    table = pd.read_csv(store) if store.exists() else pd.DataFrame(columns=list(HEADS))
    for number, cell in enumerate(CELLS):
        own = (table[list(HEADS[:3])] == [cell["sessions"], cell["therapist"], _design(cell)]).all(axis=1)
        if own.any() and table.loc[own, "studies"].min() >= studies:
            continue
        new = pd.DataFrame(list(rates(cell, number, studies)), columns=list(HEADS))
        table = pd.concat([table[~own], new], ignore_index=True) if len(table) else new
        table.to_csv(store, index=False)
        _write(table, store.with_suffix(".md"))


def _write(table, path):
    """The table as Markdown; numbers with three decimals."""
    intro = [
        __doc__.split("\n\n")[0].replace("\n", " "),
        "",
        "Difference is first to second less second to first. Coverage is that of 95% intervals; rejected, of two-sided "
        "tests at .05; above 0, of the lower 97.5% limit, by which L1 and, for the difference, L2 are decided.",
        "",
    ]
    text = table.astype(object).map(lambda v: f"{v:.3f}" if isinstance(v, float) else str(v))
    rows = [f"| {' | '.join(cells)} |" for cells in (HEADS, ["---"] * len(HEADS), *text.to_numpy().tolist())]
    path.write_text("\n".join([*intro, *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
