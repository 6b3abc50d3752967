"""Diagnostics against simulations from the model."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bowlby.robustness.refit_claims import fit_m1
from bowlby.robustness.resampling import assumptions, described, judged, quantiles


def test_the_study_is_described_by_the_usual_formulas(basis):
    m1, therapist = fit_m1(basis.primary), basis.primary.data["therapist"].to_numpy()
    found = described(m1, 0.5, therapist)
    residual = m1.resid / np.sqrt(m1.scale)
    assert found["skewness"] == pytest.approx(stats.skew(residual))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(residual))
    assert found["spread"] == pytest.approx(pd.Series(residual).groupby(therapist).std().map(np.log).std())
    effects = np.sort(m1.random_effects["therapist"].iloc[:, 0].to_numpy())
    assert [found[f"u_{k:02}"] for k in (1, 16)] == pytest.approx(
        list(np.quantile(effects, [0.5 / 16, 15.5 / 16]) / 2))  # fmt: skip
    assert found["r_50"] == pytest.approx(np.median(residual))


def test_simulations_do_not_depend_on_shards(basis):
    whole = assumptions(basis, 0, 5)
    parts = pd.concat([assumptions(basis, 0, 2), assumptions(basis, 2, 5)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)
    assert whole["seed_address"].tolist() == [f"7/assumptions/{k}" for k in range(5)]
    assert whole["kurtosis"].nunique() == 5


def test_what_the_model_made_itself_is_not_remarkable_and_heavy_tails_are(basis):
    """S1 is the model: no p below .02. A tenth of the residuals five times as large: kurtosis and residuals are."""
    calm = judged(assumptions(basis, 0, 60))
    assert all(calm[name]["p"] > 0.02 for name in calm)
    rng = np.random.default_rng(1)
    data = basis.primary.data.copy()
    wild = rng.random(len(data)) < 0.1
    data.loc[wild, "y"] += 5 * data["y"].std() * rng.choice([-1, 1], wild.sum())
    found = judged(assumptions(replace(basis, primary=replace(basis.primary, data=data)), 0, 60))
    assert found["kurtosis"]["value"] > 3 and found["kurtosis"]["p"] == pytest.approx(1 / 60)
    assert found["residuals"]["p"] == pytest.approx(1 / 60) and found["residuals"]["outside"] > 0.3


def test_many_therapists_are_kept_as_quantiles():
    assert len(quantiles(np.arange(5000.0))) == 99 and quantiles(np.arange(5000.0))[49] == pytest.approx(2499.5)
    assert len(quantiles(np.arange(7.0))) == 7


def test_a_point_outside_the_envelope_is_counted():
    """One hundred simulations with points from 0 to 1; the study's first point is inside, its second far outside."""
    rng = np.random.default_rng(2)
    columns = {"u_01": rng.random(101), "u_02": rng.random(101), "r_01": rng.random(101)}
    columns["u_01"][0], columns["u_02"][0], columns["r_01"][0] = 0.5, 9.0, 0.5
    found = judged(pd.DataFrame({"status": "ok", **columns, "skewness": 0.0, "kurtosis": 0.0, "spread": np.nan}))
    assert found["therapists"] == {"outside": 0.5, "p": pytest.approx(1 / 101)}
    assert found["residuals"]["outside"] == 0.0 and found["residuals"]["p"] > 0.5
    assert "spread" not in found and found["skewness"]["p"] == 1.0
