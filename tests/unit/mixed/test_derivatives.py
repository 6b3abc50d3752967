import numpy as np
import pandas as pd
import pytest

from bowlby.mixed import MixedModel
from bowlby.mixed.derivatives import moments, profiled
from bowlby.mixed.optimiser import Profiled

MODELS = {
    "one factor": ("pre_post", "y ~ a_w + s + (1 | therapist)"),
    "uncorrelated": ("pre_post", "y ~ a_w + s + (1 + a_w || therapist)"),
    "nested": ("nested", "y ~ time + s + (1 + time | patient) + (1 | therapist)"),
    "nested slopes": ("nested", "y ~ time + s + (1 + time | patient) + (1 + time || therapist)"),
    "crossed": ("crossed", "y ~ time + s + (1 + time | patient) + (1 + time | therapist)"),
    "three effects": ("nested", "y ~ time + s + (1 + time + s | patient)"),
}


def slopes(function, x, h=1e-5):
    return np.array([(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(len(x))])


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_analytic_derivatives_equal_numeric_ones(name, reml, request):
    fixture, formula = MODELS[name]
    model = MixedModel.from_formula(formula, request.getfixturevalue(fixture))
    objective = Profiled(model.reduced, model.parameters, reml)
    x = np.random.default_rng(1).normal(size=model.parameters.count) * 0.7

    def point(at):
        return objective.derive(at, *objective.evaluate(at), True)

    here = point(x)
    assert np.allclose(here.gradient, slopes(lambda v: objective.evaluate(v)[1], x), rtol=1e-6, atol=1e-5)
    assert np.allclose(here.hessian, slopes(lambda v: point(v).gradient, x), rtol=1e-6, atol=1e-5)
    if model.reduced.links is None:
        state, _ = objective.evaluate(x)
        general = profiled(model.reduced, state, moments(model.reduced, model.parameters, state), reml)
        for one, other in zip(objective.one_factor.derivatives(state), general, strict=True):
            assert np.allclose(one, other, rtol=1e-9, atol=1e-9)


def dense(result):
    """V, X and the G_k of a model as n x n matrices, user units."""
    model = result.model
    n = model.nobs
    x = np.column_stack([np.ones(n) if model.frame.x[k] is None else model.frame.x[k] for k in model.reduced.kept])
    parts = []
    for factor in model.reduced.factors:
        z = [np.zeros((n, factor.n_levels)) for _ in factor.labels]
        for block, column in zip(z, factor.basis, strict=True):
            block[np.arange(n), factor.codes] = 1.0 if column is None else column
        parts.append(z)
    g, eta = [], []
    for t in model.parameters.items:
        z = parts[t.factor]
        g.append(z[t.a] @ z[t.b].T if t.a == t.b else z[t.a] @ z[t.b].T + z[t.b] @ z[t.a].T)
        eta.append(result.covariances[t.factor][t.a, t.b])
    g.append(np.eye(n))
    eta.append(result.scale)
    return x, sum(e * m for e, m in zip(eta, g, strict=True)), g


@pytest.mark.parametrize("name", MODELS)
def test_kenward_roger_from_blocks_equals_the_dense_formulas(name, request):
    fixture, formula = MODELS[name]
    result = MixedModel.from_formula(formula, request.getfixturevalue(fixture)).fit()
    x, v, g = dense(result)
    vi = np.linalg.inv(v)
    phi = np.linalg.inv(x.T @ vi @ x)
    p = vi - vi @ x @ phi @ x.T @ vi
    e = np.array([[np.trace(p @ a @ p @ b) for a in g] for b in g])
    w = 2 * np.linalg.inv(e)
    b = [x.T @ vi @ a @ vi @ x for a in g]
    inner = sum(
        w[i, j] * (x.T @ vi @ g[i] @ vi @ g[j] @ vi @ x - b[i] @ phi @ b[j])
        for i in range(len(g))
        for j in range(len(g))
    )
    phi_a = phi + 2 * phi @ inner @ phi
    assert np.allclose(result.cov_params(), phi, rtol=1e-8)
    assert np.allclose(result.cov_params(adjusted=True), phi_a, rtol=1e-6)
    for k, row in result.tidy().iterrows():
        gk = np.array([phi[k] @ m @ phi[k] for m in b])
        assert row.df == pytest.approx(2 * phi[k, k] ** 2 / (gk @ w @ gk), rel=1e-6)
    assert np.linalg.eigvalsh(w).min() > 0
    assert np.linalg.eigvalsh(phi_a - phi).min() > -1e-9 * np.abs(phi).max()


def test_residual_weights_enter_as_inverse_variances(pre_post):
    w = np.random.default_rng(3).uniform(0.5, 2, len(pre_post))
    result = MixedModel.from_formula("y ~ a_w + s + (1 | therapist)", pre_post, weights=w).fit(reml=False)
    tau2 = result.covariances[0][0, 0]
    levels, names = pd.factorize(pre_post.therapist)
    z = np.eye(len(names))[levels]
    v = tau2 * z @ z.T + result.scale * np.diag(1 / w)
    x = np.column_stack([np.ones(len(w)), pre_post.a_w, pre_post.s])
    beta = np.linalg.solve(x.T @ np.linalg.solve(v, x), x.T @ np.linalg.solve(v, pre_post.y.to_numpy()))
    r = pre_post.y.to_numpy() - x @ beta
    llf = -0.5 * (len(w) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + r @ np.linalg.solve(v, r))
    assert np.allclose(result.params, beta)
    assert result.llf == pytest.approx(llf, abs=1e-9)
