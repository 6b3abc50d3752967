"""The two-level Gibbs sampler: every conditional against exact normal theory, and imputations against R's."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bowlby.mixed import MixedModel
from bowlby.robustness.gibbs import Chains, IncompleteTwoLevelData, colours, impute, inverse_wishart

GOLDEN = Path(__file__).parents[2] / "golden/robust"


def small(slope=True, lost=True):
    """Four therapists, 24 patients of whom two switch, two predictors, one variable of therapists."""
    rng = np.random.default_rng(4)
    dense = np.zeros((24, 4))
    dense[np.arange(24), np.repeat(np.arange(4), 6)] = 1
    dense[5], dense[11] = [0.6, 0.4, 0, 0], [0, 0.5, 0.5, 0]
    x, y, s = rng.normal(size=(24, 2)), rng.normal(size=24), rng.normal(size=(4, 1))
    if lost:
        x[0, 0], x[1, 1], x[2] = np.nan, np.nan, np.nan
        y[[2, 3]] = np.nan
        s[3] = np.nan
    return IncompleteTwoLevelData(x, y, s, sparse.csr_array(dense), np.array([1.0, -0.5]) if slope else None)


@pytest.fixture
def chains():
    """Ten chains in one state, with parameters far from their start."""
    made = Chains(small(), [np.random.default_rng((9, k)) for k in range(10)])
    first = {name: getattr(made, name)[0] for name in ("x", "y", "s", "c")}
    first |= {"beta": [0.5, -0.3], "sigma2": 0.6, "sigma": [[1.0, 0.4], [0.4, 0.8]], "b": [0.6, -0.4, 0.2, 0.0]}
    first |= {"mean": [0.1, -0.2, 0.3, 0.4]}
    first["psi"] = [[0.3, 0.1, 0.05, 0.1], [0.1, 0.2, 0.0, -0.1], [0.05, 0.0, 0.25, 0.15], [0.1, -0.1, 0.15, 1.0]]
    for name, value in first.items():
        setattr(made, name, np.repeat(np.array(value)[None], 10, axis=0))
    made._follow()
    return made


@pytest.fixture
def state(chains):
    """What the ten chains have in common."""
    names = ("x", "y", "s", "c", "beta", "sigma2", "sigma", "b", "mean", "psi", "theta")
    return SimpleNamespace(**{name: getattr(chains, name)[0].copy() for name in names})


def test_levels_of_therapists_have_their_exact_posterior(chains, state):
    """Therapists who share patients: mean and covariance of all levels by one dense normal equation; 6,000 sweeps."""
    w, k = chains.w.toarray(), 3
    gain = np.linalg.solve(state.psi[3:, 3:], state.psi[3:, :3])
    prior = np.linalg.inv(state.psi[:3, :3] - state.psi[:3, 3:] @ gain)
    precision = np.kron(np.eye(4), prior)
    pull = ((state.mean[:3] + (state.s - state.mean[3:]) @ gain) @ prior).ravel()
    own = state.beta + np.outer(w @ state.b, state.c)
    for i in range(24):
        load = np.kron(w[i], np.eye(k))
        cov = np.empty((3, 3))
        cov[:2, :2], cov[2, :2] = state.sigma, own[i] @ state.sigma
        cov[:2, 2], cov[2, 2] = cov[2, :2], own[i] @ state.sigma @ own[i] + state.sigma2
        precision += load.T @ np.linalg.solve(cov, load)
        pull += load.T @ np.linalg.solve(cov, np.append(state.x[i], state.y[i]))
    expected, cov = np.linalg.solve(precision, pull), np.linalg.inv(precision)
    drawn = []
    for _ in range(620):
        chains._levels()
        drawn += [theta.ravel() for theta in chains.theta.copy()]
    drawn = np.array(drawn[200:])
    sd = np.sqrt(np.diag(cov))
    assert (drawn.mean(axis=0) - expected) / sd == pytest.approx(np.zeros(12), abs=0.07)
    assert np.cov(drawn.T) / np.outer(sd, sd) == pytest.approx(cov / np.outer(sd, sd), abs=0.07)


def test_missing_predictors_have_their_exact_distribution(chains, state):
    """Given the other predictor and the outcome, by the joint normal of all three; without outcome, by the others."""
    theta = np.random.default_rng(2).normal(0, 0.4, (4, 3))
    fitted = chains.w @ theta
    own = state.beta + np.outer(chains.w @ state.b, state.c)
    drawn = []
    for _ in range(800):
        chains._draw_missing_patient_values(np.repeat(fitted[None], 10, axis=0))
        drawn += [[x[0, 0], *x[2], y[2], y[3]] for x, y in zip(chains.x, chains.y, strict=True)]
    drawn = np.array(drawn)

    def joint(i):
        cov = np.empty((3, 3))
        cov[:2, :2], cov[2, :2] = state.sigma, own[i] @ state.sigma
        cov[:2, 2], cov[2, 2] = cov[2, :2], own[i] @ state.sigma @ own[i] + state.sigma2
        return cov

    cov = joint(0)
    gain = np.linalg.solve(cov[1:, 1:], cov[1:, 0])
    mean = fitted[0, 0] + gain @ (np.append(state.x[0, 1], state.y[0]) - fitted[0, 1:])
    sd = np.sqrt(cov[0, 0] - gain @ cov[1:, 0])
    assert (drawn[:, 0].mean(), drawn[:, 0].std()) == pytest.approx((mean, sd), abs=0.05 * sd)
    assert drawn[:, 1:4].mean(axis=0) == pytest.approx(fitted[2], abs=0.06)
    assert np.cov(drawn[:, 1:4].T) == pytest.approx(joint(2), abs=0.07)
    at_3 = fitted[3, 2] + own[3] @ (state.x[3] - fitted[3, :2])
    assert (drawn[:, 4].mean(), drawn[:, 4].std()) == pytest.approx((at_3, state.sigma2**0.5), abs=0.04)


def test_missing_style_has_its_exact_distribution(chains, state):
    gain = np.linalg.solve(state.psi[:3, :3], state.psi[:3, 3])
    mean = state.mean[3] + (state.theta[3] - state.mean[:3]) @ gain
    drawn = []
    chains.theta = np.repeat(state.theta[None], 10, axis=0)
    for _ in range(600):
        chains._draw_missing_therapist_values()
        drawn += list(chains.s[:, 3, 0])
    sd = np.sqrt(state.psi[3, 3] - gain @ state.psi[:3, 3])
    assert (np.mean(drawn), np.std(drawn)) == pytest.approx((mean, sd), abs=0.05 * sd)


def test_what_was_observed_is_untouched_and_a_chain_does_not_depend_on_the_others():
    data = small()
    [(made, traces)] = impute(data, 20, [np.random.default_rng(1)])
    for own, other in ((data.x, made.x), (data.y, made.y), (data.s, made.s)):
        seen = ~np.isnan(own)
        assert np.array_equal(own[seen], other[seen]) and not np.isnan(other).any()
    assert {name: len(values) for name, values in traces.items()} == {"between": 20, "within": 20, "mean": 20}
    several = impute(data, 20, [np.random.default_rng(seed) for seed in (3, 1, 2)])
    again = several[1][0]
    assert np.array_equal(made.x, again.x) and np.array_equal(made.y, again.y)
    assert not np.array_equal(made.x, several[0][0].x)


def test_inverse_wishart_has_its_mean():
    """``scale / (df - d - 1)``, to four Monte-Carlo standard errors of 8,000 draws."""
    rng, scale = np.random.default_rng(3), np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 1.5]])
    drawn = inverse_wishart(14, np.repeat(scale[None], 8000, axis=0), [rng] * 8000)
    error = drawn.std(axis=0) / np.sqrt(8000)
    assert (np.abs(drawn.mean(axis=0) - scale / 10) < 4 * error).all()


def test_therapists_who_share_a_patient_are_drawn_apart():
    weights = small().weights
    found = colours(weights)
    assert sorted(np.concatenate(found)) == [0, 1, 2, 3]
    colour = {j: k for k, group in enumerate(found) for j in group}
    assert colour[0] != colour[1] != colour[2]
    assert len(colours(sparse.csr_array(np.eye(5)))) == 1


def _studies():
    spec = importlib.util.spec_from_file_location("incomplete", GOLDEN / "incomplete.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.study


def _pooled_run(name, seed, imputations=20):
    """What tests/golden/r/imputation.R keeps of one run."""
    frame = _studies()(name)
    group, n = frame["t"].to_numpy() - 1, len(frame)
    weights = sparse.csr_array((np.ones(n), (np.arange(n), group)), shape=(n, group.max() + 1))
    style = frame.groupby("t")["s"].first().to_numpy()[:, None]
    slope = np.array([0.0, 1.0]) if name == "slope" else None
    predictors = ["pre", "a1"] if name == "slope" else ["pre", "a1", "a2"]
    data = IncompleteTwoLevelData(frame[predictors].to_numpy(), frame["y"].to_numpy(), style, weights, slope)
    random = [{"group": "t", "terms": ["1", "a1_w"] if name == "slope" else ["1"], "correlated": False}]
    found = []
    for made, _ in impute(data, 200, [np.random.default_rng((seed, k)) for k in range(imputations)]):
        rows = pd.DataFrame({"t": group, "y": made.y, "pre": made.x[:, 0], "a1": made.x[:, 1], "s": made.s[group, 0]})
        for column in ("pre", "a1"):
            rows[f"{column}_b"] = rows.groupby("t")[column].transform("mean")
            rows[f"{column}_w"] = rows[column] - rows[f"{column}_b"]
        fit = MixedModel.from_terms("y", ["pre_w", "pre_b", "a1_w", "s"], random, rows).fit()
        variances = fit.covariances[0]
        found.append([*fit.params[["a1_w", "s"]], *fit.bse[["a1_w", "s"]], variances[0, 0], variances[-1, -1]])
    found = np.array(found)
    total = (found[:, 2:4] ** 2).mean(axis=0) + (1 + 1 / imputations) * found[:, :2].var(axis=0, ddof=1)
    values = [*found[:, :2].mean(axis=0), *np.sqrt(total), *found[:, 4:].mean(axis=0)]
    return dict(zip(("within", "style", "within_se", "style_se", "therapist", "slope"), values, strict=True))


# pan counts therapists' levels from the mean of the answers and bowlby from their own level, so with slopes that differ
# the variance between therapists, and the SE of style with it, are not the same quantity in one study.
OTHER_MODEL = {"joint": set(), "slope": {"therapist", "style_se"}}


@pytest.mark.parametrize("name", [pytest.param("joint", marks=pytest.mark.slow), "slope"])
def test_one_run_lies_among_those_of_r(name):
    """jomo for all variables, pan for outcomes with random slopes: within 3 Monte-Carlo SE of one run and 20 of R's."""
    expected = json.loads((GOLDEN / "imputation.json").read_text("utf-8"))[name]
    found = _pooled_run(name, 0)
    for key in set(expected["mean"]) - OTHER_MODEL[name]:
        error = expected["sd"][key] * np.sqrt(1 + 1 / expected["repeats"])
        assert abs(found[key] - expected["mean"][key]) <= 3 * error, key


@pytest.mark.slow
def test_twenty_runs_agree_with_those_of_r():
    """The means of 20 runs of each: within 3 of their Monte-Carlo standard errors."""
    expected = json.loads((GOLDEN / "imputation.json").read_text("utf-8"))["joint"]
    runs = pd.DataFrame([_pooled_run("joint", seed) for seed in range(20)])
    for key, mean in expected["mean"].items():
        error = np.sqrt((runs[key].var() + expected["sd"][key] ** 2) / 20)
        assert abs(runs[key].mean() - mean) <= 3 * error, key


def test_variances_between_therapists_are_neither_lost_nor_made_up():
    """Twelve studies, a third of the outcomes missing: level and slope variance as with complete data, to 3 SE.

    A single-level imputation would lose half of them.
    """
    random = [{"group": "t", "terms": ["1", "a_w"], "correlated": False}]
    moved = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        group, style = np.repeat(np.arange(60), 8), rng.normal(size=(60, 1))
        level, own = rng.normal(0, 0.4, (60, 2)), rng.normal(size=480)
        slope = 0.4 + rng.normal(0, 0.4, 60)
        y, a = level[group, 0] + slope[group] * own + rng.normal(0, 0.8, 480), level[group, 1] + own
        weights = sparse.csr_array((np.ones(480), (np.arange(480), group)), shape=(480, 60))
        data = IncompleteTwoLevelData(
            a[:, None], np.where(rng.random(480) < 1 / 3, np.nan, y), style, weights, np.ones(1)
        )
        within = a - (np.bincount(group, a) / 8)[group]

        def variances(outcome, group=group, within=within):
            rows = pd.DataFrame({"t": group, "y": outcome, "a_w": within})
            return MixedModel.from_terms("y", ["a_w"], random, rows).fit().covariances[0].diagonal()

        rngs = [np.random.default_rng((seed, k)) for k in range(3)]
        filled = [variances(made.y) for made, _ in impute(data, 100, rngs)]
        moved.append(np.mean(filled, axis=0) - variances(y))
    mean, error = np.mean(moved, axis=0), np.std(moved, axis=0, ddof=1) / np.sqrt(12)
    assert (np.abs(mean) < 3 * error).all() and (error < 0.02).all()
