import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import CAR1, MixedModel, VarianceByGroup


def dense_llf(model, result, correlation):
    """ML log-likelihood with residual covariance scale * correlation."""
    x = np.column_stack([np.ones(model.nobs) if c is None else c for c in model.frame.x])
    v = result.scale * correlation
    for factor, cov in zip(result.model.reduced.factors, result.covariances, strict=True):
        z = np.eye(factor.n_levels)[factor.codes]
        v = v + cov[0, 0] * z @ z.T
    r = model.frame.y - x @ result.params.to_numpy()
    return -0.5 * (len(r) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + r @ np.linalg.solve(v, r))


@pytest.mark.parametrize("fixture", ["nested", "crossed"])
def test_car1_likelihood_equals_the_dense_one(fixture, request):
    data = request.getfixturevalue(fixture).sample(frac=1, random_state=2)
    model = MixedModel.from_formula(
        "y ~ time + s + (1 | patient) + (1 | therapist)", data, residual=CAR1("time", "patient")
    )
    result = model.fit(reml=False)
    gap = np.abs(data.time.to_numpy()[:, None] - data.time.to_numpy())
    same = data.patient.to_numpy(dtype=object)[:, None] == data.patient.to_numpy(dtype=object)
    phi = result.residual_parameters["phi"]
    assert 0 < phi < 1
    best = dense_llf(model, result, np.where(same, phi**gap, 0.0))
    assert result.llf == pytest.approx(best, abs=1e-8)
    for other in (0.9 * phi, min(1.1 * phi, 0.99)):
        assert dense_llf(model, result, np.where(same, other**gap, 0.0)) < best
    assert np.allclose(result.predict(data), result.fittedvalues)
    assert any("phi" in w for w in result.warnings)


def test_car1_without_correlation_is_the_plain_model(nested):
    rng = np.random.default_rng(8)
    data = nested.assign(y=rng.normal(size=len(nested)) + rng.normal(size=60)[nested.patient.str[1:].astype(int)])
    plain = MixedModel.from_formula("y ~ time + (1 | patient)", data).fit()
    structured = MixedModel.from_formula("y ~ time + (1 | patient)", data, residual=CAR1("time", "patient")).fit()
    assert structured.llf >= plain.llf - 1e-9
    if structured.residual_parameters["phi"] == 0:
        assert structured.llf == pytest.approx(plain.llf, abs=1e-8)


def test_variance_by_group_equals_the_dense_likelihood_and_simulates(pre_post):
    wild = pre_post.assign(
        y=pre_post.y + np.where(pre_post.arm == "group", 2.0, 0.0) * np.random.default_rng(1).normal(size=len(pre_post))
    )
    model = MixedModel.from_formula("y ~ a_w + (1 | therapist)", wild, residual=VarianceByGroup("arm"))
    result = model.fit(reml=False)
    ratio = {"control": 1.0} | {k.split()[2]: v for k, v in result.residual_parameters.items()}
    sd = wild.arm.map(ratio).to_numpy()
    assert ratio["group"] > 1.5
    assert result.llf == pytest.approx(dense_llf(model, result, np.diag(sd**2)), abs=1e-8)
    draws = result.simulate(200, 1) - model.linear_predictor(result.params.to_numpy())
    spread = draws.std(axis=0)
    assert spread[sd > 1.5].mean() > 1.5 * spread[sd == 1].mean()
    assert result.refit(result.simulate(1, 2)[0]).converged


@pytest.mark.parametrize("unit", [1e-9, 1 / 365.25, 86400.0, 1e12])
def test_car1_does_not_depend_on_the_unit_of_time(nested, unit):
    formula = "y ~ s + (1 | patient)"
    plain = MixedModel.from_formula(formula, nested, residual=CAR1("time", "patient")).fit()
    other = MixedModel.from_formula(formula, nested.assign(t=nested.time * unit), residual=CAR1("t", "patient")).fit()
    assert 0 < plain.residual_parameters["phi"] < 1
    assert other.llf == pytest.approx(plain.llf, abs=1e-8)
    phi = plain.residual_parameters["phi"]
    assert other.residual_parameters["phi"] == pytest.approx(phi ** (1 / unit), rel=1e-4)
    assert [*other.residual_parameters.values()][1] == pytest.approx([*plain.residual_parameters.values()][1], rel=1e-6)


def test_limits_of_phi_are_flagged(nested):
    rng = np.random.default_rng(3)
    white = nested.assign(y=np.where(np.arange(len(nested)) % 2, 1.0, -1.0) + 0.1 * rng.normal(size=len(nested)))
    result = MixedModel.from_formula("y ~ 1 + (1 | therapist)", white, residual=CAR1("time", "patient")).fit()
    assert result.residual_parameters["phi"] == 0 and any("limit 0" in w for w in result.warnings)
    jumps = nested.assign(
        y=100 * nested.patient.str[1:].astype(int) % 7
        + rng.normal(size=60)[nested.patient.str[1:].astype(int)]
        + 1e-4 * np.sqrt(nested.time) * rng.normal(size=len(nested))
    )
    result = MixedModel.from_formula("y ~ 1 + (1 | therapist)", jumps, residual=CAR1("time", "patient")).fit()
    assert any("limit 1" in w for w in result.warnings)


@pytest.mark.parametrize("ratio", [1e-3, 0.1, 30.0, 1e3])
def test_variances_that_differ_by_far_are_found(ratio):
    rng = np.random.default_rng(5)
    g, c = np.repeat(np.arange(24), 10), np.where(rng.random(240) < 0.5, "a", "b")
    y = rng.normal(size=24)[g] + np.where(c == "b", ratio, 1.0) * rng.normal(size=240)
    model = MixedModel.from_formula(
        "y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g, "c": c}), residual=VarianceByGroup("c")
    )
    result = model.fit()
    found = result.residual_parameters["sd ratio b : a"]
    assert 0.8 * ratio < found < 1.25 * ratio
    for other in (0.99 * found, 1.01 * found):
        weighted = MixedModel.from_formula(
            "y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g}), weights=np.where(c == "b", other**-2, 1.0)
        ).fit()
        assert weighted.llf < result.llf


@pytest.mark.parametrize("exact", ["a", "b"])
def test_a_level_without_residual_variance_is_an_error(exact):
    rng = np.random.default_rng(6)
    g, c = np.repeat(np.arange(20), 10), np.where(rng.random(200) < 0.5, "a", "b")
    data = pd.DataFrame({"y": np.where(c == exact, 0.0, rng.normal(size=200)), "g": g, "c": c})
    with pytest.raises(UserError, match=f"level '{exact}' of 'c' has next to no residual variation"):
        MixedModel.from_formula("y ~ 1 + (1 | g)", data, residual=VarianceByGroup("c")).fit()


def test_a_variance_that_could_be_0_is_flagged(pre_post):
    few = pre_post.assign(level=np.where(np.isin(np.arange(len(pre_post)), [0, 40]), "few", "most"))
    few.loc[[0, 40], "y"] = few.groupby("therapist").y.transform("mean")[[0, 40]]
    result = MixedModel.from_formula("y ~ 1 + (1 | therapist)", few, residual=VarianceByGroup("level")).fit()
    assert any("variance of 'few' cannot be told from 0" in w for w in result.warnings)


def test_r_squared_means_the_residual_variance_over_rows(pre_post):
    noise = np.where(pre_post.arm == "control", 0.2, 3.0) * np.random.default_rng(2).normal(size=len(pre_post))
    data = pre_post.assign(y=pre_post.y + noise, mra=pre_post.arm.map({"control": "x", "group": "b", "single": "a"}))
    one, other = (
        MixedModel.from_formula("y ~ a_w + (1 | therapist)", data, residual=VarianceByGroup(c)).fit()
        for c in ("arm", "mra")
    )
    assert one.scale < 0.5 * other.scale
    assert other.r_squared()["marginal"] == pytest.approx(one.r_squared()["marginal"], rel=1e-5)
    assert one.r_squared()["variances"]["residual"] == pytest.approx(one.residual_variances.mean())
    w = np.random.default_rng(1).uniform(0.5, 2, len(data))
    some, many = (MixedModel.from_formula("y ~ a_w + (1 | therapist)", data, weights=k * w).fit() for k in (1, 100))
    assert many.r_squared()["by_level"] == pytest.approx(some.r_squared()["by_level"], rel=1e-6)
    assert some.r_squared()["variances"]["residual"] == pytest.approx(some.scale * (1 / w).mean())


def test_bad_structures(nested):
    twice = nested.assign(time=np.floor(nested.time / 3))
    with pytest.raises(UserError, match="share their 'time'"):
        MixedModel.from_formula("y ~ s + (1 | patient)", twice, residual=CAR1("time", "patient"))
    with pytest.raises(UserError, match="no column 'day'"):
        MixedModel.from_formula("y ~ s + (1 | patient)", nested, residual=CAR1("day", "patient"))
    with pytest.raises(UserError, match="choose one"):
        MixedModel.from_formula(
            "y ~ s + (1 | patient)", nested, weights=np.ones(len(nested)), residual=CAR1("time", "patient")
        )
    with pytest.raises(UserError, match="not available with a residual structure"):
        MixedModel.from_formula("y ~ s + (1 | patient)", nested, residual=CAR1("time", "patient")).fit().profile()
