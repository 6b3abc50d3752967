"""What must not matter to a mixed model does not, and what must follow the units follows them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowlby.mixed import CAR1, MixedModel

FORMULA = "y ~ time * a_w + s + (1 + time | patient) + (1 | therapist)"
few = settings(max_examples=12, deadline=None)


@st.composite
def studies(draw):
    """Sessions of patients of therapists, some of whom switch; therapist variance 0 at times."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    therapists, per = draw(st.integers(5, 9)), draw(st.integers(4, 7))
    switching = draw(st.sampled_from([0.0, 0.3]))
    sd = draw(st.sampled_from([0.0, 0.5, 1.0]))
    sessions = rng.integers(2, 6, therapists * per)
    patient = np.repeat(np.arange(therapists * per), sessions)
    time = np.concatenate([np.arange(k, dtype=float) for k in sessions])
    first = np.repeat(np.arange(therapists), per)
    moved = (rng.random(len(first)) < switching)[patient] & (time >= 2)
    therapist = np.where(moved, (first[patient] + 1) % therapists, first[patient])
    a_w = rng.normal(size=len(first))[patient]
    s = rng.normal(size=therapists)[therapist]
    u = rng.normal(size=(len(first), 2)) * [1.0, 0.3]
    y = (
        2
        + 0.3 * a_w
        + 0.2 * s
        - 0.2 * time
        + u[patient, 0]
        + u[patient, 1] * time
        + sd * rng.normal(size=therapists)[therapist]
        + rng.normal(size=len(time))
    )
    return pd.DataFrame({"y": y, "time": time, "a_w": a_w, "s": s, "patient": patient, "therapist": therapist})


def fit(data, formula=FORMULA, reml=True):
    return MixedModel.from_formula(formula, data).fit(reml)


def same(got, expected, scale=1.0, shift=0.0):
    """Two vectors agree to 1e-6 of the size of the second."""
    expected = np.asarray(expected, dtype=float) * scale + shift
    assert np.asarray(got, dtype=float) == pytest.approx(expected, rel=1e-5, abs=1e-6 * np.abs(expected).max())


def same_fit(got, expected):
    assert got.llf == pytest.approx(expected.llf, abs=1e-6)
    same(got.params, expected.params)
    same(got.bse, expected.bse)
    same(got.varcorr["variance"], expected.varcorr["variance"])
    same(got.tidy()["df"], expected.tidy()["df"])


@few
@given(studies(), st.integers(0, 1000))
def test_row_order_does_not_matter(data, seed):
    order = np.random.default_rng(seed).permutation(len(data))
    before, after = fit(data), fit(data.iloc[order])
    same_fit(after, before)
    same(after.fittedvalues, before.fittedvalues[order])


@few
@given(studies(), st.integers(0, 1000))
def test_names_of_patients_and_therapists_do_not_matter(data, seed):
    rng = np.random.default_rng(seed)
    patients = np.array([f"p {k}" for k in rng.permutation(data["patient"].max() + 1)])
    therapists = np.array([f"{k}/ß" for k in rng.permutation(data["therapist"].max() + 1)])
    named = data.assign(patient=patients[data["patient"]], therapist=therapists[data["therapist"]])
    before, after = fit(data), fit(named)
    same_fit(after, before)
    effects = before.random_effects["therapist"]["Intercept"]
    same(after.random_effects["therapist"]["Intercept"].loc[therapists[effects.index]], effects)


@few
@given(studies(), st.floats(-1e4, 1e4), st.sampled_from([1e-4, 1e-2, 1e3, 1e5]))
def test_outcome_units_move_estimates_and_nothing_else(data, shift, scale):
    before, after = fit(data), fit(data.assign(y=shift + scale * data["y"]))
    n, p = before.nobs, len(before.params)
    assert after.llf == pytest.approx(before.llf - (n - p) * np.log(scale), abs=1e-5)
    same(after.params.drop("Intercept"), before.params.drop("Intercept"), scale)
    assert after.params["Intercept"] == pytest.approx(
        shift + scale * before.params["Intercept"], rel=1e-6, abs=1e-5 * scale
    )
    same(after.bse, before.bse, scale)
    same(after.varcorr["variance"], before.varcorr["variance"], scale**2)
    same(after.tidy()["df"], before.tidy()["df"])


@few
@given(studies(), st.floats(-50, 50), st.sampled_from([1e-5, 1e-2, 30.0, 1e5]))
def test_predictor_units_move_their_own_coefficients_and_nothing_else(data, shift, scale):
    formula = "y ~ time + a_w + s + (1 | patient) + (1 | therapist)"
    before, after = fit(data, formula), fit(data.assign(a_w=scale * (data["a_w"] + shift)), formula)
    # REML's likelihood is that of contrasts of y and moves with log |det| of the change of columns.
    assert after.llf == pytest.approx(before.llf - np.log(scale), abs=1e-6)
    rows, others = before.tidy().set_index("term"), ["time", "s"]
    got = after.tidy().set_index("term")
    for column in ("estimate", "se", "df"):
        same(got.loc[others, column], rows.loc[others, column])
    assert got.loc["a_w", "estimate"] * scale == pytest.approx(rows.loc["a_w", "estimate"], rel=1e-6, abs=1e-8)
    assert got.loc["a_w", "df"] == pytest.approx(rows.loc["a_w", "df"], rel=1e-5)
    same(after.varcorr["variance"], before.varcorr["variance"])


@few
@given(studies(), st.floats(-20, 20), st.sampled_from([1 / 30, 7.0, 365.0]))
def test_the_origin_and_unit_of_time_are_a_choice(data, origin, unit):
    formula = "y ~ time + (1 + time | patient)"
    before, after = (
        fit(data, formula, reml=False),
        fit(data.assign(time=(data["time"] - origin) * unit), formula, reml=False),
    )
    assert after.llf == pytest.approx(before.llf, abs=1e-6)
    assert after.params["time"] * unit == pytest.approx(before.params["time"], rel=1e-5, abs=1e-7)
    assert np.abs(after.fittedvalues - before.fittedvalues).max() < 1e-4


@few
@given(studies())
def test_the_mundlak_pair_has_one_likelihood(data):
    a_b = data["a_w"].groupby(data["therapist"]).transform("mean")
    data = data.assign(a=data["a_w"], a_w=data["a_w"] - a_b, a_b=a_b)
    within = fit(data, "y ~ time + a_w + a_b + (1 | patient) + (1 | therapist)")
    raw = fit(data, "y ~ time + a + a_b + (1 | patient) + (1 | therapist)")
    assert raw.llf == pytest.approx(within.llf, abs=1e-7)
    assert raw.params["a"] == pytest.approx(within.params["a_w"], abs=1e-7)
    assert raw.params["a_b"] == pytest.approx(within.params["a_b"] - within.params["a_w"], abs=1e-7)
    same(raw.tidy().set_index("term").loc["a"], within.tidy().set_index("term").loc["a_w"])


@few
@given(studies(), st.floats(0.1, 50.0))
def test_equal_weights_scale_the_residual_variance_only(data, weight):
    formula = "y ~ a_w + s + (1 | patient) + (1 | therapist)"
    plain = fit(data, formula)
    weighted = MixedModel.from_formula(formula, data, weights=np.full(len(data), weight)).fit()
    assert weighted.llf == pytest.approx(plain.llf, abs=1e-6)
    assert weighted.scale == pytest.approx(plain.scale * weight, rel=1e-5)
    same(weighted.bse, plain.bse)


@few
@given(studies())
def test_kenward_roger_never_shrinks_a_standard_error(data):
    # Phi_A - Phi is a sum of squares when the weights are a covariance.
    result = fit(data)
    gain = result.cov_params(adjusted=True).to_numpy() - result.cov_params().to_numpy()
    scale = np.sqrt(np.diagonal(result.cov_params()))
    assert np.linalg.eigvalsh(gain / np.outer(scale, scale)).min() > -1e-8


@few
@given(studies(), st.integers(0, 1000))
def test_a_refit_is_a_fit(data, seed):
    result = fit(data)
    y = result.simulate(1, seed)[0]
    same_fit(result.refit(y), fit(data.assign(y=y)))


@few
@given(studies(), st.integers(0, 1000))
def test_an_offset_is_an_outcome_known_in_part(data, seed):
    formula = "y ~ a_w + s + (1 | patient) + (1 | therapist)"
    known = np.random.default_rng(seed).normal(size=len(data)) * 3
    result = MixedModel.from_formula(formula, data, offset=known).fit()
    plain = fit(data.assign(y=data["y"] - known), formula)
    same_fit(result, plain)
    assert np.abs(result.fittedvalues - known - plain.fittedvalues).max() < 1e-6


@settings(max_examples=4, deadline=None)
@given(studies(), st.integers(0, 1000))
def test_row_order_does_not_matter_to_residuals_correlated_in_time(data, seed):
    order = np.random.default_rng(seed).permutation(len(data))
    formula, structure = "y ~ time + a_w + (1 | patient)", CAR1("time", "patient")
    before, after = (
        MixedModel.from_formula(formula, rows, residual=structure).fit() for rows in (data, data.iloc[order])
    )
    assert after.llf == pytest.approx(before.llf, abs=1e-6)
    assert after.params.to_numpy() == pytest.approx(before.params.to_numpy(), abs=1e-4)
