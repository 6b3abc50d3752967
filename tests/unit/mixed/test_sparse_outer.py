"""Crossed factors too wide for a dense block give the dense answers, within the errors they state."""

import numpy as np
import pandas as pd
import pytest

from bowlby.mixed import MixedModel, crossproducts
from bowlby.mixed.derivatives import moments
from bowlby.mixed.optimiser import Profiled

FORMULA = "y ~ time + s + (1 + time | patient) + (1 | therapist)"


@pytest.fixture
def switching():
    """600 patients, 80 therapists, one patient in ten changes."""
    rng = np.random.default_rng(12)
    k = rng.integers(4, 9, 600)
    patient = np.repeat(np.arange(600), k)
    time = np.arange(k.sum()) - np.repeat(np.cumsum(k) - k, k) + 0.0
    first, second = rng.integers(0, 80, 600), rng.integers(0, 80, 600)
    therapist = np.where((rng.random(600) < 0.1)[patient] & (time > 2), second[patient], first[patient])
    s = rng.normal(size=80)[therapist]
    y = (
        10
        - 0.5 * time
        + 0.3 * s
        + (2 * rng.normal(size=600))[patient]
        + 0.4 * rng.normal(size=600)[patient] * time
        + rng.normal(size=80)[therapist]
        + rng.normal(size=k.sum())
    )
    return pd.DataFrame({"y": y, "time": time, "s": s, "patient": patient, "therapist": therapist})


def test_wide_models_agree_with_dense_ones(switching, monkeypatch):
    dense_model = MixedModel.from_formula(FORMULA, switching)
    dense = dense_model.fit()
    monkeypatch.setattr(crossproducts, "WIDE", 20)
    wide_model = MixedModel.from_formula(FORMULA, switching)
    a, b = (Profiled(m.reduced, m.parameters, True) for m in (dense_model, wide_model))
    (sa, ha), (sb, hb) = a.evaluate(dense.theta), b.evaluate(dense.theta)
    assert hb == pytest.approx(ha, abs=1e-2)
    ma, mb = (moments(m.reduced, m.parameters, s) for m, s in ((dense_model, sa), (wide_model, sb)))
    assert np.allclose(ma.p, mb.p, rtol=1e-8, atol=1e-8 * np.abs(ma.p).max())
    assert np.allclose(ma.q, mb.q, rtol=1e-8, atol=1e-8 * np.abs(ma.q).max())
    assert np.allclose(ma.tv, mb.tv, rtol=5e-3) and np.allclose(ma.tvv, mb.tvv, rtol=2e-2)

    wide = wide_model.fit()
    assert wide.converged and any("are estimates" in w for w in wide.warnings)
    assert wide.llf == pytest.approx(dense.llf, abs=1e-2)
    assert np.allclose(wide.params, dense.params, atol=1e-3 * dense.bse.to_numpy().min())
    got, expected = wide.tidy(), dense.tidy()
    assert np.allclose(got.df, expected.df, rtol=0.01) and np.allclose(got.se, expected.se, rtol=1e-3)
    assert "df_se" in got and "df_se" not in expected and (got.df_se < 0.01 * got.df).all()
    assert np.allclose(wide.fittedvalues, dense.fittedvalues, atol=0.01)


def test_wide_answers_are_the_same_every_time(switching, monkeypatch):
    monkeypatch.setattr(crossproducts, "WIDE", 20)
    first, second = (MixedModel.from_formula(FORMULA, switching).fit() for _ in range(2))
    assert first.llf == second.llf and first.tidy().df.tolist() == second.tidy().df.tolist()
