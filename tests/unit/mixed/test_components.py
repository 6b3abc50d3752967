"""Multiple membership in which few patients are shared: a stack of small blocks gives what one large block gives."""

import numpy as np
import pandas as pd
import pytest

from bowlby.mixed import MixedModel, components, crossproducts
from bowlby.mixed.components import connected_levels

FORMULAS = [
    "y ~ a_w + s + (1 | therapist)",
    "y ~ a_w + s + (1 + a_w || therapist)",
    "y ~ a_w + s + (1 + a_w | therapist)",
]


def parts(result, w):
    """X, the Z of each effect and V, user units."""
    model, w = result.model, w.to_numpy()
    x = np.column_stack([np.ones(model.nobs) if c is None else c for c in model.frame.x])
    z = [w if c is None else w * c[:, None] for c in model.reduced.factors[0].basis]
    d = result.covariances[0]
    v = result.scale * np.eye(model.nobs) + sum(d[a, b] * z[a] @ z[b].T for a in range(len(z)) for b in range(len(z)))
    return x, z, v


def test_levels_are_connected_by_shared_rows(shared):
    data, w = shared
    (labels,) = connected_levels(MixedModel.from_formula(FORMULAS[0], data, {"therapist": w}).frame.factors, len(data))
    assert labels[[0, 5, 11]].tolist() == [0, 0, 0] and labels[2] == labels[9] == 2
    assert len(set(labels)) == 24 - 3


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", FORMULAS)
def test_blocks_give_the_dense_likelihood_and_effects(shared, formula, reml):
    data, w = shared
    result = MixedModel.from_formula(formula, data, {"therapist": w}).fit(reml)
    assert result.model.reduced.cc.shape[0] == 21
    x, z, v = parts(result, w)
    vi = np.linalg.inv(v)
    xvx = x.T @ vi @ x
    beta = np.linalg.solve(xvx, x.T @ vi @ data.y)
    r = data.y.to_numpy() - x @ beta
    n = len(r) - (x.shape[1] if reml else 0)
    llf = -0.5 * (
        n * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + r @ vi @ r + (np.linalg.slogdet(xvx)[1] if reml else 0.0)
    )
    assert result.llf == pytest.approx(llf, abs=1e-8)
    assert np.allclose(result.params, beta, atol=1e-10) and np.allclose(result.cov_params(), np.linalg.inv(xvx))
    d = result.covariances[0]
    u = sum(np.outer(za.T @ vi @ r, d[a]) for a, za in enumerate(z))
    assert np.allclose(result.random_effects["therapist"].loc[w.columns], u, atol=1e-9)
    assert np.allclose(
        result.predict(data, membership={"therapist": w}), x @ beta + sum(za @ u[:, a] for a, za in enumerate(z))
    )
    name = w.columns[5]
    own = np.stack([za[:, 5] for za in z], axis=1)
    assert np.allclose(result.random_effects_cov["therapist"][name], d - d @ own.T @ vi @ own @ d)
    p = vi - vi @ x @ np.linalg.inv(xvx) @ x.T @ vi
    assert np.allclose(result.random_effects_pev["therapist"][name], d - d @ own.T @ p @ own @ d)


def test_one_component_of_nearly_everything_stays_one_block(pre_post):
    w = pd.get_dummies(pre_post.therapist).astype(float)
    rows = np.flatnonzero(~pre_post.therapist.duplicated().to_numpy())[:23]
    for k, row in enumerate(rows):
        w.iloc[row, [k, k + 1]] = 0.5
    model = MixedModel.from_formula(FORMULAS[0], pre_post, {"therapist": w})
    assert model.reduced.cc.shape == (1, 24, 24)
    assert model.fit().converged


def test_profiles_and_tests_on_blocks_are_those_of_the_whole(shared, monkeypatch):
    data, w = shared
    blocks = MixedModel.from_formula(FORMULAS[1], data, {"therapist": w}).fit()
    monkeypatch.setattr(crossproducts, "Layout", lambda outer, n, apart: components.Layout(outer, n, False))
    whole = MixedModel.from_formula(FORMULAS[1], data, {"therapist": w}).fit()
    assert blocks.model.reduced.cc.shape == (21, 6, 6) and whole.model.reduced.cc.shape == (1, 48, 48)
    assert np.allclose(blocks.tidy().iloc[:, 1:], whole.tidy().iloc[:, 1:], rtol=1e-8)
    a, b = blocks.profile(), whole.profile()
    assert np.allclose(a[["estimate", "ci_low", "ci_high"]], b[["estimate", "ci_low", "ci_high"]], rtol=1e-6, atol=1e-6)
