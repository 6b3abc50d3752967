"""Crossed therapists by estimated traces, as beyond 5,000 of them, against the exact fit of the same rows."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import bowlby.mixed.crossproducts as crossproducts
import bowlby.mixed.sparse_outer as wide_module
from bowlby.mixed import MixedModel, MixedResult
from bowlby.mixed.criterion import evaluate
from bowlby.mixed.optimiser import Optimum

FORMULA = "y ~ time * a_w + s + (1 + time | patient) + (1 | therapist)"


@cache
def study(switching: float) -> pd.DataFrame:
    """60 therapists of 25 patients; a share of the patients goes to another one."""
    rng = np.random.default_rng(5)
    patient = np.repeat(np.arange(1500), 6)
    time = np.tile(np.arange(6.0), 1500)
    moves = (rng.random(1500) < switching)[patient] & (time >= 3)
    therapist = np.where(moves, rng.integers(0, 60, 1500)[patient], patient % 60)
    a_w, s = rng.normal(size=1500)[patient], rng.normal(size=60)[therapist]
    u = rng.normal(size=(1500, 2)) * [1.5, 0.3]
    y = (
        0.3 * a_w
        + 0.1 * s
        - 0.5 * time
        + u[patient, 0]
        + u[patient, 1] * time
        + 0.6 * rng.normal(size=60)[therapist]
        + rng.normal(size=len(time))
    )
    return pd.DataFrame({"y": y, "time": time, "a_w": a_w, "s": s, "patient": patient, "therapist": therapist})


@pytest.fixture(params=[0.05, 0.2])
def pair(request, monkeypatch):
    data = study(request.param)
    exact = MixedModel.from_formula(FORMULA, data).fit()
    monkeypatch.setattr(crossproducts, "WIDE", 10)
    return exact, MixedModel.from_formula(FORMULA, data).fit()


def test_the_fit_by_traces_is_the_exact_fit_but_for_their_sampling_error(pair):
    exact, wide = pair
    assert wide.llf == pytest.approx(exact.llf, abs=1e-3)
    assert (np.abs(wide.params - exact.params) / exact.bse).max() < 1e-3
    assert wide.bse.to_numpy() == pytest.approx(exact.bse.to_numpy(), rel=1e-3)
    got, expected = (r.varcorr.loc[r.varcorr["term2"].isna(), "variance"].to_numpy() for r in (wide, exact))
    assert got == pytest.approx(expected, rel=1e-3)


def test_every_df_states_its_error_and_lies_within_it(pair):
    exact, wide = pair
    expected, got = exact.tidy("kenward-roger"), wide.tidy("kenward-roger")
    assert "df_se" not in expected
    assert (got["df_se"] / got["df"]).max() < 0.01
    # The parameters differ a little too, hence the constant.
    assert (np.abs(got["df"] - expected["df"]) < 4 * got["df_se"] + 1e-4 * expected["df"]).all()


def test_the_seeded_traces_are_the_same_each_time(monkeypatch):
    monkeypatch.setattr(crossproducts, "WIDE", 10)
    first, second = (MixedModel.from_formula(FORMULA, study(0.05)).fit() for _ in range(2))
    assert first.llf == second.llf
    assert first.tidy()["df"].to_list() == second.tidy()["df"].to_list()


@pytest.mark.parametrize("near", [0.5, 0.0])
def test_errors_of_patients_and_therapists_are_the_exact_ones(monkeypatch, near):
    """At the same variances: 1e-8, whether a series is summed or gradients are followed."""
    data = study(0.2)
    exact = MixedModel.from_formula(FORMULA, data).fit()
    monkeypatch.setattr(crossproducts, "WIDE", 10)
    monkeypatch.setattr(wide_module, "_NEAR", near)
    model = MixedModel.from_formula(FORMULA, data)
    state = evaluate(model.reduced, model.parameters, exact.theta, True)
    found = MixedResult(model, Optimum(state, True), True)
    for group in ("patient", "therapist"):
        theirs = exact.random_effects_pev[group]
        mine = found.random_effects_pev[group]
        assert all(np.allclose(mine[level], theirs[level], rtol=1e-8, atol=1e-12) for level in theirs)
