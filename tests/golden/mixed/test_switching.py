"""Patients who switch and join nearly all therapists, their weights sparse, against the exact fit of the same rows."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import bowlby.mixed.crossproducts as crossproducts
from bowlby.mixed import MixedModel, MixedResult
from bowlby.mixed.criterion import evaluate
from bowlby.mixed.membership import Membership
from bowlby.mixed.optimiser import Optimum

SLOPE = "y ~ a_w + s + (1 + a_w || therapist)"
BOTH = "y ~ a_w + s + (1 + a_w | therapist)"


def study(switching: float, therapists: int = 60) -> tuple[pd.DataFrame, Membership]:
    """Therapists of 25 patients; a share of the patients has had some sessions with another one."""
    rng = np.random.default_rng(8)
    n = 25 * therapists
    first, moves = np.arange(n) % therapists, np.flatnonzero(rng.random(n) < switching)
    share = np.ones(n)
    share[moves] = rng.uniform(0.4, 0.8, len(moves))
    second = (first[moves] + rng.integers(1, therapists, len(moves))) % therapists
    cells = np.r_[share, 1 - share[moves]], (np.r_[np.arange(n), moves], np.r_[first, second])
    weights = sparse.csr_array(cells, shape=(n, therapists))
    a, style = rng.normal(size=n), rng.normal(size=therapists)
    u = rng.normal(size=(therapists, 2)) * [0.5, 0.2]
    y = 0.3 * a + weights @ (0.1 * style + u[:, 0]) + a * (weights @ u[:, 1]) + rng.normal(size=n)
    members = Membership(weights, pd.Index([f"T{k:03}" for k in range(therapists)]))
    return pd.DataFrame({"y": y, "a_w": a, "s": weights @ style}), members


def fits(monkeypatch, formula: str, switching: float, reml: bool = True):
    data, members = study(switching)
    exact = MixedModel.from_formula(formula, data, {"therapist": members}).fit(reml)
    monkeypatch.setattr(crossproducts, "DEAR", 0.0)
    wide = MixedModel.from_formula(formula, data, {"therapist": members})
    assert not isinstance(wide.reduced.cc, np.ndarray)
    return exact, wide.fit(reml)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", [SLOPE, BOTH])
@pytest.mark.parametrize("switching", [0.05, 0.3])
def test_the_sparse_fit_is_the_exact_one(monkeypatch, formula, switching, reml):
    """Estimates to 1e-3 SE, SE to 1e-3, log-likelihood to 1e-3, df within their stated error."""
    exact, wide = fits(monkeypatch, formula, switching, reml)
    assert wide.converged and wide.llf == pytest.approx(exact.llf, abs=1e-3)
    assert (np.abs(wide.params - exact.params) / exact.bse).max() < 1e-3
    got, expected = wide.tidy(), exact.tidy()
    assert got["se"].to_numpy() == pytest.approx(expected["se"].to_numpy(), rel=1e-3)
    assert (np.abs(got["df"] - expected["df"]) < 4 * got["df_se"] + 1e-3 * expected["df"]).all()
    assert (got["df_se"] < 0.01 * got["df"]).all()


@pytest.mark.parametrize("switching", [0.05, 0.9])
@pytest.mark.parametrize("formula", [SLOPE, BOTH])
def test_each_therapists_effects_and_their_errors_are_the_exact_ones(monkeypatch, formula, switching):
    """At the same variances, by name: 1e-8, whether a series is summed or gradients are followed."""
    exact, wide = fits(monkeypatch, formula, switching)
    state = evaluate(wide.model.reduced, wide.model.parameters, exact.theta, True)
    same = MixedResult(wide.model, Optimum(state, True), True)
    assert same.random_effects["therapist"].index.tolist() == exact.random_effects["therapist"].index.tolist()
    assert np.allclose(same.random_effects["therapist"], exact.random_effects["therapist"], atol=1e-8)
    for name in ("random_effects_cov", "random_effects_pev"):
        mine, theirs = (getattr(r, name)["therapist"] for r in (same, exact))
        assert all(np.allclose(mine[level], theirs[level], rtol=1e-8, atol=1e-12) for level in theirs)
