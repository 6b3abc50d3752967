"""Error rates of the tests of clinical change: studies with known truth, by several standard errors.

    python benchmarks/change/run.py [--studies N] [--worlds WORLD ...]

Writes rates.csv and results.md beside this file; a cell that has as many studies is not computed again. Patients have
scores before and after in SD before treatment, lower is better, of reliability .89; they improve by .8 SD on average
and are classified by Jacobson and Truax with a cut-off at −1. P (of the patient, within therapists) and T (of the
therapist) are slopes on the score after treatment, and 0 in the worlds that give error rates.
"""

import argparse
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtr
from statsmodels.genmod.cov_struct import Exchangeable, Independence
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_estimating_equations import GEE

from bowlby.estimands.clinical_change import ORDER
from bowlby.fit.marginal import fit_marginal, separated
from bowlby.instruments.clinical_significance import classify, functional, jacobson_truax
from bowlby.terms import BASELINE, P, T

HERE = Path(__file__).parent
DESIGNS = {"16 × 36": (16, 36), "48 × 12": (48, 12)}
WORLDS = {
    "no effects": {},
    "slope of P differs between therapists, SD .15": {"spread": 0.15},
    "caseloads unequal (CV .6), ICC .10": {"icc": 0.10, "unequal": True},
    "skewed style (lognormal)": {"skewed": True},
    "P = .3 (power)": {"p": 0.3},
}
METHODS = ("sandwich, z", "Mancl-DeRouen, t(J - q)", "Mancl-DeRouen, Satterthwaite", "CR2, Satterthwaite")


def study(rng, therapists: int, patients: int, p=0.0, spread=0.0, icc=0.05, unequal=False, skewed=False):
    """Predictors, classes, therapist and whether the patient began on the functional side."""
    size = np.full(therapists, patients)
    if unequal:
        size = np.maximum(3, np.round(patients * rng.lognormal(-0.15, 0.55, therapists))).astype(int)
    who = np.repeat(np.arange(therapists), size)
    style = rng.lognormal(0, 1, therapists) if skewed else rng.normal(size=therapists)
    felt, before = rng.normal(size=len(who)), rng.normal(size=len(who))

    def mean(v):
        return (np.bincount(who, v) / size)[who]

    slope = p + spread * rng.normal(size=therapists)[who]
    level = rng.normal(size=therapists)[who] * np.sqrt(icc)
    after = 0.5 * before - 0.8 + level - slope * (felt - mean(felt)) + 0.8 * rng.normal(size=len(who))
    index = jacobson_truax(before, after, 1.0, 0.89, higher_is_better=False)
    classes = classify(index, before, after, -1.0, higher_is_better=False)
    x = pd.DataFrame({P: felt - mean(felt), T: (style - style.mean())[who],
                      BASELINE[0]: mean(before) - before, BASELINE[1]: mean(before).mean() - mean(before)})  # fmt: skip
    return x, np.array([ORDER.index(c) for c in classes]), who, functional(before, -1.0, higher_is_better=False)


def models(x: pd.DataFrame, level: np.ndarray, who: np.ndarray, began: np.ndarray):
    """Name, event, predictors, therapist and working structure of each model."""
    one = x.assign(Intercept=1.0)
    yield "improved", level >= 2, one, who, True
    yield "recovered", (level == 3)[~began], one[~began], who[~began], True
    heads = pd.DataFrame(np.kron(np.eye(3), np.ones((int((~began).sum()), 1))), columns=["c1", "c2", "c3"])
    stacked = heads.join(pd.concat([x[~began]] * 3, ignore_index=True))
    y = np.concatenate([level[~began] >= k for k in (1, 2, 3)])
    yield "ordinal", y, stacked, np.tile(who[~began], 3), False


def analysed(world: str, design: str, number: int) -> list[dict]:
    """p of P and T in one study by each method; each study draws from its own address."""
    rng = np.random.default_rng([202, zlib.crc32(f"{world} {design}".encode()), number])
    rows = []
    for name, y, x, who, exchangeable in models(*study(rng, *DESIGNS[design], **WORLDS[world])):
        if min(y.sum(), (~y).sum()) < 10 or separated(y, x.to_numpy()):
            continue
        fit = fit_marginal(y, x, who, exchangeable)
        structure = Exchangeable() if exchangeable else Independence()
        order = np.argsort(who, kind="stable")
        gee = GEE(
            y[order].astype(float), x.to_numpy()[order], groups=who[order], family=Binomial(), cov_struct=structure
        )
        reduced = gee.fit(cov_type="bias_reduced", ddof_scale=0, maxiter=200, ctol=1e-10)
        q = int((x.groupby(who).std().fillna(0.0) == 0.0).all().sum())
        for kind, term in (("P", P), ("T", T)):
            k, effect = list(x.columns).index(term), fit.effect(term)
            b, free = effect.estimate, len(np.unique(who)) - q
            plain, md = (
                float(np.sqrt(reduced_cov[k, k])) for reduced_cov in (reduced.cov_robust, reduced.cov_robust_bc)
            )
            tails = ((plain, 1e9), (md, free), (md, effect.df), (effect.se, effect.df))
            for method, (se, df) in zip(METHODS, tails, strict=True):
                rows.append({"world": world, "design": design, "model": name, "predictor": kind, "method": method,
                             "rejected": 2 * stdtr(df, -abs(b / se)) < 0.05, "df": df})  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS))
    asked = parser.parse_args()
    target, keys = HERE / "rates.csv", ["world", "design", "model", "predictor", "method"]
    known = pd.read_csv(target) if target.is_file() else pd.DataFrame(columns=[*keys, "rejected", "df", "studies"])
    for world in asked.worlds:
        for design in DESIGNS:
            own = (known["world"] == world) & (known["design"] == design)
            if own.any() and known.loc[own, "studies"].max() >= 0.9 * asked.studies:
                continue
            rows = pd.DataFrame([r for k in range(asked.studies) for r in analysed(world, design, k)])
            groups = rows.groupby(keys, sort=False)
            line = groups[["rejected", "df"]].mean().assign(studies=groups.size()).reset_index()
            known = line if known.empty else pd.concat([known[~own], line], ignore_index=True)
            known.round(4).to_csv(target, index=False)
            print(world, design, flush=True)
    write_results(known)


def write_results(known: pd.DataFrame) -> None:
    """The table of all rates that there are."""
    wide = known.pivot_table(index=["world", "design", "model", "predictor"], columns="method", values="rejected",
                             sort=False)[list(METHODS)]  # fmt: skip
    heads = ["world", "design", "model", "predictor", *METHODS]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [
        f"| {' | '.join(key)} | {' | '.join(f'{v:.3f}' for v in row)} |"
        for key, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    n = int(known["studies"].max())
    said = (
        f"# Tests of clinical change in studies with known truth\n\nShare of studies in which p < .05 (nominal .05 "
        f"where there is no effect), {n:,} studies a cell; the Monte-Carlo standard error at .05 is "
        f"{np.sqrt(0.05 * 0.95 / n):.3f}. The worlds are in `run.py`.\n\n"
    )
    (HERE / "results.md").write_text(said + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
