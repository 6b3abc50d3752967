"""Whether leaving therapists out, cluster-robust errors or tipped slopes tell false supports from true ones better
than the claim's own p does.

    PYTHONPATH=. python benchmarks/fragility/run.py [SUPPORTS]

Writes curves.csv and results.md beside this file. In each world studies of 48 therapists with 12 patients on average
are simulated until SUPPORTS of them support a false claim and as many a true one; 15 % of the outcomes are missing at
random.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.compare.claims import claim_more, claim_slope
from bowlby.effect import Effect
from bowlby.fit.clusters import Clusters
from bowlby.fit.sandwich import cr2
from bowlby.simulate.batched_analysis import CONTRASTS, M1, rows_of, with_slope
from bowlby.simulate.batched_models import Fits
from bowlby.simulate.latent import W_PERCEIVED, composite, references
from bowlby.simulate.scenarios import SCENARIOS, Scenario
from bowlby.simulate.study_analysis import DELTA, Drawn, StudyAddress, drawn
from bowlby.terms import P, T
from validation.worlds import WORLDS, altered

DESIGN, THERAPISTS, SEED, MISSING = "48x12", 48, 11, 0.15
TOGETHER = 96
CARRIERS, CARRIED = 0.1, 0.15
"""Share of therapists who carry the slopes, and the SD of slopes between therapists."""
EXTREME = 5.0
TRUE_CALLED = (0.05, 0.10, 0.20, 0.30)
RULES = {
    "p": "*p* alone",
    "k": "*k* of 48",
    "cr2": "CR2",
    "tipped": "tipped slopes",
    "any": "any of the three",
}


@dataclass(frozen=True)
class Contrast:
    """A world: its claim, where it is false and where it is true, and what it does to a drawn study."""

    words: str
    claim: str
    false: Scenario
    true: Scenario
    change: Callable[[Scenario, Drawn, np.random.Generator, int], Drawn]


def _same(case: Scenario, draw: Drawn, rng: np.random.Generator, seed: int) -> Drawn:
    return draw


def _extreme(case: Scenario, draw: Drawn, rng: np.random.Generator, seed: int) -> Drawn:
    """One therapist's patients end 5 SD of therapists better or worse."""
    shift = rng.choice([-1, 1]) * EXTREME * np.sqrt(case.icc - case.t**2)
    return replace(draw, outcome=draw.outcome + shift * (draw.first == rng.integers(THERAPISTS)))


def _carried(case: Scenario, draw: Drawn, rng: np.random.Generator, seed: int) -> Drawn:
    """A tenth of the therapists have far larger slopes than the others; their mean is the scenario's."""
    carriers = rng.random(THERAPISTS) < CARRIERS
    slope = CARRIED * np.where(carriers, 1 - CARRIERS, -CARRIERS) / np.sqrt(CARRIERS * (1 - CARRIERS))
    felt = composite(draw.latent.perceived, W_PERCEIVED, references(case)["perceived"])
    load = np.bincount(draw.first, minlength=THERAPISTS)
    within = felt - (np.bincount(draw.first, felt, THERAPISTS) / load)[draw.first]
    return replace(draw, outcome=draw.outcome + slope[draw.first] * within)


def _with_error(case: Scenario, draw: Drawn, rng: np.random.Generator, seed: int) -> Drawn:
    return altered(case, draw, seed)


BASE, ERROR = SCENARIOS["S2"], WORLDS["baseline85"]
WORLDS_TRIED = {
    "equal": Contrast("P = T = .2", "C2", BASE, replace(BASE, p=0.235, t=0.0), _same),
    "extreme": Contrast("P = T = .2, one therapist at 5 SD", "C2", BASE, replace(BASE, p=0.255, t=0.0), _extreme),
    "carried": Contrast("few therapists carry the slopes", "C1", SCENARIOS["S0"], replace(BASE, p=0.135, t=0.0),
                        _carried),
    "baseline": Contrast("reliability of the baseline .85", "C1", ERROR, replace(ERROR, p=0.105), _with_error),
}  # fmt: skip


def study(world: Contrast, true: bool, number: int) -> tuple[Scenario, Drawn]:
    """Draw a study of a world with 15 % of its outcomes missing."""
    case = world.true if true else world.false
    seed = StudyAddress(case, DESIGN, SEED, number).entropy()
    rng = np.random.default_rng(np.random.SeedSequence((seed, int(true), 303)))
    draw = world.change(case, drawn(case, DESIGN, seed), rng, seed)
    return case, replace(draw, outcome=np.where(rng.random(len(draw.first)) < MISSING, np.nan, draw.outcome))


def fits_of(case: Scenario, draws: list[Drawn]) -> tuple[Fits, list[dict[str, Effect]]]:
    """M1 in every study, with P, T, P-T and P+T."""
    fits = with_slope(rows_of(case, draws, "y"), "y", M1, P).fit()
    values = {name: fits.effect(fits.model.vector({P: p, T: t})) for name, (p, t) in CONTRASTS.items()}
    return fits, [{name: Effect(*map(float, v[k])) for name, v in values.items()} for k in range(len(draws))]


def decided(claim: str, effects: dict[str, Effect]) -> dict:
    """C1 or C2, decided."""
    return claim_slope(effects["P"], DELTA, "P") if claim == "C1" else claim_more(effects["P-T"], effects["P+T"])


def one_sided(claim: str, effects: dict[str, Effect]) -> float:
    """p of the claim: of P > 0, or the larger one of P - T > 0 and P + T > 0."""
    names = ("P",) if claim == "C1" else ("P-T", "P+T")
    return max(effects[name].p_above(0) for name in names)


def robust(fits: Fits, k: int) -> dict[str, Effect]:
    """The contrasts of study k with CR2 standard errors."""
    rows, model = fits.model.rows, fits.model
    here = slice(rows.bounds[k], rows.bounds[k + 1])
    x = np.column_stack([np.ones(rows.n[k]), *(rows.columns[name][here] for name in model.names[1:])])
    y, a, group = rows.columns["y"][here], rows.columns[P][here], rows.group[here]
    along = fits.delta[k, 1] / model.size[k, model.names.index(P)] ** 2
    parts = [np.flatnonzero(group == g) for g in np.unique(group)]
    v = [np.eye(len(at)) + fits.delta[k, 0] + along * np.outer(a[at], a[at]) for at in parts]
    weighted = [np.linalg.solve(one, x[at]) for one, at in zip(v, parts, strict=True)]
    bread = np.linalg.inv(sum(w.T @ x[at] for w, at in zip(weighted, parts, strict=True)))
    beta = bread @ sum(w.T @ y[at] for w, at in zip(weighted, parts, strict=True))
    e = y - x @ beta
    found = cr2(Clusters(model.names, parts, [x[at] for at in parts], v, [e[at] for at in parts], beta, bread))
    own = {name: found.contrast(name, {P: p, T: t}) for name, (p, t) in CONTRASTS.items()}
    return {name: Effect(c["estimate"], c["se"], c["df"]) for name, c in own.items()}


def tipping_point(claim: str, effects: dict[str, Effect], share: float) -> float:
    """By how much the slope of attachment must be smaller among patients without outcome to end the support.

    To first order: P moves by that difference times their share of the variation of attachment within therapists.
    """
    names = ("P",) if claim == "C1" else ("P-T", "P+T")
    return min(effects[name].limits(0.975)[0] for name in names) / share


def measured(world: Contrast, case: Scenario, draw: Drawn, fits: Fits, k: int, effects: dict[str, Effect]) -> dict:
    """What each rule looks at in a study that supports the claim."""
    without = [replace(draw, outcome=np.where(draw.first == j, np.nan, draw.outcome)) for j in range(THERAPISTS)]
    refits, name = fits_of(case, without)[1], "P" if world.claim == "C1" else "P-T"
    turns = [decided(world.claim, refit)["verdict"] != "supported" for refit in refits]
    far = [abs(refit[name].estimate - effects[name].estimate) > effects[name].se for refit in refits]
    felt = composite(draw.latent.perceived, W_PERCEIVED, references(case)["perceived"])
    within = (
        felt - (np.bincount(draw.first, felt, THERAPISTS) / np.bincount(draw.first, minlength=THERAPISTS))[draw.first]
    )
    share = float((within[np.isnan(draw.outcome)] ** 2).sum() / (within**2).sum())
    return {
        "p": one_sided(world.claim, effects),
        "k": sum(turns),
        "cr2": one_sided(world.claim, robust(fits, k)),
        "tipped": -tipping_point(world.claim, effects, share),
        "by_rule": any(turn and moved for turn, moved in zip(turns, far, strict=True)),
    }


def supports(world: Contrast, true: bool, wanted: int, most: int = 60_000) -> tuple[pd.DataFrame, float]:
    """Studies that support the claim, and the rate of support."""
    rows: list[dict] = []
    for start in range(0, most, TOGETHER):
        case, draws = world.true if true else world.false, []
        draws = [study(world, true, number)[1] for number in range(start, start + TOGETHER)]
        fits, effects = fits_of(case, draws)
        for k, draw in enumerate(draws):
            if decided(world.claim, effects[k])["verdict"] == "supported":
                rows.append({"study": start + k} | measured(world, case, draw, fits, k, effects[k]))
        if len(rows) >= wanted:
            break
    return pd.DataFrame(rows), len(rows) / (start + TOGETHER)


def caught(false: np.ndarray, true: np.ndarray, called: float) -> float:
    """Share of false supports above the value that a share of the true ones exceeds; ties in proportion."""
    level = np.quantile(true, 1 - called, method="inverted_cdf")
    above, at = (true > level).mean(), (true == level).mean()
    part = (called - above) / at if at else 0.0
    return float((false > level).mean() + part * (false == level).mean())


def scored(rows: pd.DataFrame, true: pd.DataFrame) -> pd.DataFrame:
    """With the greatest percentile, among true supports, of what the three rules look at."""
    ranks = [np.searchsorted(np.sort(true[name]), rows[name]) / len(true) for name in ("k", "cr2", "tipped")]
    return rows.assign(any=np.max(ranks, axis=0))


def curves(wanted: int) -> tuple[pd.DataFrame, list[dict]]:
    """Share of false supports caught, by world, rule and share of true supports called fragile."""
    out, about = [], []
    for name, world in WORLDS_TRIED.items():
        (false, wrong), (true, power) = (supports(world, is_true, wanted) for is_true in (False, True))
        about.append({"world": world.words, "claim": world.claim, "false": len(false), "true": len(true),
                      "rate": wrong, "power": power, "by_rule_false": false["by_rule"].mean(),
                      "by_rule_true": true["by_rule"].mean()})  # fmt: skip
        false, true = scored(false, true), scored(true, true)
        for rule in RULES:
            for called in np.round(np.arange(0.01, 1.0, 0.01), 2):
                share = caught(false[rule].to_numpy(float), true[rule].to_numpy(float), called)
                out.append({"world": name, "claim": world.claim, "rule": rule, "true_called": called,
                            "false_caught": round(share, 4)})  # fmt: skip
        print(about[-1], flush=True)
    return pd.DataFrame(out), about


def page(table: pd.DataFrame, about: list[dict]) -> str:
    """The curves at four points, as Markdown."""
    text = [
        "# Which supports are false: four rules and the claim's own p",
        "Share of false supports caught where a rule is set to call 5, 10, 20 or 30 % of the true supports fragile. "
        "48 therapists with 12 patients on average, 15 % of the outcomes missing at random. *k*: therapists whose "
        "omission changes the verdict. CR2: p with cluster-robust errors. Tipped slopes: how much smaller the slope "
        "among patients without outcome may be before the support ends, to first order. Any of the three: the one "
        "that is most extreme among true supports. All points of the curves are in `curves.csv`.",
        "| world | claim | false (rate) | true (power) | rule | 5 % | 10 % | 20 % | 30 % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows = []
    for name, own in zip(WORLDS_TRIED, about, strict=True):
        for rule, words in RULES.items():
            of = table[(table["world"] == name) & (table["rule"] == rule)].set_index("true_called")["false_caught"]
            cells = " | ".join(f"{of[called]:.2f}".lstrip("0") for called in TRUE_CALLED)
            first = rule == "p"
            head = (f"| {own['world']} | {own['claim']} | {own['false']} ({own['rate']:.3f}) | {own['true']} "
                    f"({own['power']:.2f}) |" if first else "| | | | |")  # fmt: skip
            rows.append(f"{head} {words} | {cells} |")
    rule = [f"{own['world']}: {own['by_rule_false']:.2f} of the false, {own['by_rule_true']:.2f} of the true supports"
            for own in about]  # fmt: skip
    last = ("The rule of a run, by which the omission of one therapist must change the verdict and move the estimate "
            f"by more than 1 SE, calls fragile: {'; '.join(rule)}.")  # fmt: skip
    return "\n\n".join(text[:2]) + "\n\n" + "\n".join([*text[2:], *rows]) + f"\n\n{last}\n"


if __name__ == "__main__":
    folder = Path(__file__).parent
    table, about = curves(int(sys.argv[1]) if len(sys.argv) > 1 else 250)
    table.to_csv(folder / "curves.csv", index=False)
    (folder / "results.md").write_text(page(table, about), "utf-8")
