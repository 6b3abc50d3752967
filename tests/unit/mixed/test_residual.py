import numpy as np
import pytest

from bowlby.errors import UserError
from bowlby.mixed import CAR1, MixedModel, VarianceByGroup


def dense_llf(model, result, correlation):
    """ML log-likelihood with residual covariance scale * correlation."""
    x = np.column_stack([np.ones(model.nobs) if c is None else c for c in model.frame.x])
    v = result.scale * correlation
    for factor, cov in zip(result.model.reduced.factors, result.covariances):
        z = np.eye(factor.n_levels)[factor.codes]
        v = v + cov[0, 0] * z @ z.T
    r = model.frame.y - x @ result.params.to_numpy()
    return -0.5 * (len(r) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + r @ np.linalg.solve(v, r))


@pytest.mark.parametrize("fixture", ["nested", "crossed"])
def test_car1_likelihood_equals_the_dense_one(fixture, request):
    data = request.getfixturevalue(fixture).sample(frac=1, random_state=2)
    model = MixedModel.from_formula("y ~ time + s + (1 | patient) + (1 | therapist)", data,
                                    residual=CAR1("time", "patient"))
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
    wild = pre_post.assign(y=pre_post.y + np.where(pre_post.arm == "group", 2.0, 0.0)
                           * np.random.default_rng(1).normal(size=len(pre_post)))
    model = MixedModel.from_formula("y ~ a_w + (1 | therapist)", wild, residual=VarianceByGroup("arm"))
    result = model.fit(reml=False)
    ratio = {k.split()[2]: v for k, v in result.residual_parameters.items()}
    sd = wild.arm.map(ratio).to_numpy()
    assert ratio["control"] == 1 and ratio["group"] > 1.5
    assert result.llf == pytest.approx(dense_llf(model, result, np.diag(sd**2)), abs=1e-8)
    draws = result.simulate(200, 1) - model.linear_predictor(result.params.to_numpy())
    spread = draws.std(axis=0)
    assert spread[sd > 1.5].mean() > 1.5 * spread[sd == 1].mean()
    assert result.refit(result.simulate(1, 2)[0]).converged


def test_bad_structures(nested):
    twice = nested.assign(time=np.floor(nested.time / 3))
    with pytest.raises(UserError, match="share their 'time'"):
        MixedModel.from_formula("y ~ s + (1 | patient)", twice, residual=CAR1("time", "patient"))
    with pytest.raises(UserError, match="no column 'day'"):
        MixedModel.from_formula("y ~ s + (1 | patient)", nested, residual=CAR1("day", "patient"))
    with pytest.raises(UserError, match="choose one"):
        MixedModel.from_formula("y ~ s + (1 | patient)", nested, weights=np.ones(len(nested)),
                                residual=CAR1("time", "patient"))
    with pytest.raises(UserError, match="not available with a residual structure"):
        MixedModel.from_formula("y ~ s + (1 | patient)", nested, residual=CAR1("time", "patient")).fit().profile()
