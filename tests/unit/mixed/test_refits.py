"""Many refits side by side are the single refits, whatever they are grouped with."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import MixedModel
from bowlby.mixed.random_effect_layout import Linked, independent_units
from bowlby.mixed.random_effect_units import Dense, Narrow

FIELDS = ("params", "se", "df", "contrasts", "variances", "llf", "singular", "converged")
CONTRAST = [{"a_w": 1, "s": -1}]
RANDOM = ["(1 | therapist)", "(1 + a_w || therapist)", "(1 + a_w | therapist)"]


def chained(data):
    """Every therapist shares a patient with the next: one component of all."""
    w = pd.get_dummies(data.therapist).astype(float)
    for k, row in enumerate(np.flatnonzero(~data.therapist.duplicated().to_numpy())[:23]):
        w.iloc[row, [k, k + 1]] = 0.6, 0.4
    return w


def model_of(name, shared):
    data, w = shared
    rng = np.random.default_rng(4)
    site = data.assign(site=rng.integers(0, 7, len(data)))
    fixed = "y ~ a_w + s + "
    if name.startswith("plain"):
        return MixedModel.from_formula(fixed + RANDOM[int(name[-1])], data)
    if name.startswith("shared"):
        return MixedModel.from_formula(fixed + RANDOM[int(name[-1])], data, {"therapist": w})
    if name == "chain":
        return MixedModel.from_formula(fixed + RANDOM[1], data, {"therapist": chained(data)})
    if name == "crossed":
        return MixedModel.from_formula(fixed + "(1 | therapist) + (1 | site)", site)
    if name == "membership and site":
        return MixedModel.from_formula(fixed + "(1 + a_w || therapist) + (1 | site)", site, {"therapist": w})
    weights = rng.uniform(0.5, 2.0, len(data))
    return MixedModel.from_formula(
        fixed + RANDOM[1], data, {"therapist": w}, weights=weights, offset=rng.normal(size=len(data))
    )


NAMES = [
    "plain 0",
    "plain 1",
    "plain 2",
    "shared 0",
    "shared 1",
    "shared 2",
    "chain",
    "crossed",
    "membership and site",
    "weights and offset",
]


@pytest.mark.parametrize("name", NAMES)
def test_batched_refits_equal_single_ones_and_do_not_depend_on_the_batch(shared, name):
    model = model_of(name, shared)
    assert independent_units(model) is not None
    result = model.fit()
    n = 300 if name[:5] in ("plain", "share") else 40
    y = result.simulate(n, 3)
    batch = result.refit_many(y, contrasts=CONTRAST, kenward_roger=True)
    for rows in ([7, n - 1, 20], [11]):
        part = result.refit_many(y[rows], contrasts=CONTRAST, kenward_roger=True)
        for field in FIELDS:
            assert np.array_equal(getattr(batch, field)[rows], getattr(part, field)), field
    for k in range(0, n, n // 20):
        one = result.refit(y[k])
        table, contrast = one.tidy(), one.contrast(CONTRAST[0]).iloc[0]
        assert batch.llf[k] == pytest.approx(one.llf, abs=1e-9)
        assert np.abs((batch.params[k] - one.params) / one.bse).max() < 1e-8
        assert np.allclose(batch.se[k], table.se, rtol=1e-8) and np.allclose(batch.df[k], table.df, rtol=1e-8)
        assert np.allclose(batch.contrasts[k], [contrast.estimate, contrast.se, contrast.df], rtol=1e-7)
        variances = [one.covariances[t.factor][t.a, t.b] for t in model.parameters.items]
        assert np.allclose(batch.variances[k], [*variances, one.scale], rtol=1e-8, atol=1e-8 * one.scale)
        assert batch.singular[k] == one.singular
    assert batch.converged.all() and batch.singular.mean() < 1


def test_units_are_as_small_as_the_shared_rows_allow(shared):
    kinds = {name: [(type(u), len(u.cluster)) for u in independent_units(model_of(name, shared))] for name in NAMES}
    assert kinds["plain 1"] == [(Narrow, 24)]
    # 18 therapists' own, two pairs' and a chain of three: with one variance all are turned to principal axes.
    assert kinds["shared 0"] == [(Narrow, 19), (Narrow, 2), (Narrow, 3)]
    assert kinds["shared 1"] == [(Narrow, 19), (Dense, 1), (Dense, 1)]
    # One component of all: the intercepts are turned to principal axes, the slopes stay a matrix.
    assert kinds["chain"] == [(Linked, 48)]
    assert kinds["crossed"] == [(Linked, 24 + 7)]
    assert kinds["membership and site"] == [(Linked, 7 + 48)]


def test_refits_by_maximum_likelihood_have_no_kenward_roger(shared):
    result = model_of("shared 1", shared).fit(reml=False)
    y = result.simulate(3, 1)
    batch = result.refit_many(y, contrasts=CONTRAST)
    one = result.refit(y[2])
    assert batch.df is None and np.isnan(batch.contrasts[2, 0, 2])
    assert batch.llf[2] == pytest.approx(one.llf, abs=1e-9) and np.allclose(batch.params[2], one.params)
    with pytest.raises(UserError, match="REML"):
        result.refit_many(y, kenward_roger=True)


def test_an_outcome_that_cannot_be_fitted_is_missing_and_leaves_the_others_alone(shared):
    result = model_of("shared 1", shared).fit()
    y = result.simulate(4, 1)
    broken = y.copy()
    broken[2] = 5.0 + 2.0 * shared[0].s
    got = result.refit_many(broken, CONTRAST, kenward_roger=True)
    expected = result.refit_many(y, CONTRAST, kenward_roger=True)
    assert got.converged.tolist() == [True, True, False, True] and np.isnan(got.params[2]).all()
    assert np.isnan(got.df[2]).all() and np.isnan(got.llf[2])
    for field in FIELDS:
        assert np.array_equal(getattr(got, field)[[0, 1, 3]], getattr(expected, field)[[0, 1, 3]])


def test_a_model_without_fixed_effects(shared):
    result = MixedModel.from_formula("y ~ 0 + (1 | therapist)", shared[0]).fit()
    y = result.simulate(5, 1)
    batch, one = result.refit_many(y), result.refit(y[4])
    assert batch.params.shape == (5, 0) and batch.llf[4] == pytest.approx(one.llf, abs=1e-9)
    assert np.allclose(batch.variances[4], [one.covariances[0][0, 0], one.scale])


def test_refits_of_other_models_go_one_by_one(nested):
    result = MixedModel.from_formula("y ~ time + s + (1 + time | patient) + (1 | therapist)", nested).fit()
    y = result.simulate(2, 1)
    batch = result.refit_many(y, contrasts=[{"s": 1}], kenward_roger=True)
    one = result.refit(y[1])
    assert np.allclose(batch.params[1], one.params) and np.allclose(batch.df[1], one.tidy().df)
    assert np.allclose(batch.variances[1, [0, 2, 3, 4]], one.varcorr.variance.iloc[[0, 1, 3, 4]])


@pytest.mark.parametrize("name", ["shared 1", "weights and offset", "crossed"])
def test_other_values_of_a_predictor_are_a_model_of_those(shared, name):
    """Therapist style permuted between therapists, as in a permutation test."""
    model = model_of(name, shared)
    result = model.fit()
    rng = np.random.default_rng(6)
    styles = shared[0].groupby("therapist").s.first().to_numpy()
    codes = pd.factorize(shared[0].therapist, sort=True)[0]
    s = np.array([rng.permutation(styles)[codes] for _ in range(6)])
    y = result.simulate(6, 2)
    own = result.refit_many(columns={"s": s}, kenward_roger=True)
    both = result.refit_many(y, columns={"s": s}, contrasts=CONTRAST, kenward_roger=True)
    for batch, outcome in ((own, model.frame.y), (both, y[4])):
        one = model.with_columns({"s": s[4]}).with_outcome(outcome).fit()
        assert np.abs((batch.params[4] - one.params) / one.bse).max() < 1e-8
        assert batch.llf[4] == pytest.approx(one.llf, abs=1e-8)
        assert np.allclose(batch.se[4], one.tidy().se, rtol=1e-8) and np.allclose(batch.df[4], one.tidy().df, rtol=1e-8)
    part = result.refit_many(y[[4]], columns={"s": s[[4]]}, contrasts=CONTRAST, kenward_roger=True)
    for field in FIELDS:
        assert np.array_equal(getattr(both, field)[[4]], getattr(part, field)), field
    s[1] = 3.0
    collinear = result.refit_many(columns={"s": s}, kenward_roger=True)
    assert collinear.converged.tolist() == [True, False, True, True, True, True] and np.isnan(collinear.params[1]).all()


def test_columns_of_models_refitted_one_by_one(nested):
    result = MixedModel.from_formula("y ~ time + s + (1 + time | patient) + (1 | therapist)", nested).fit()
    s = np.stack([nested.s.to_numpy() * 2, np.random.default_rng(1).normal(size=len(nested))])
    batch = result.refit_many(columns={"s": s}, kenward_roger=True)
    one = MixedModel.from_formula("y ~ time + s + (1 + time | patient) + (1 | therapist)", nested.assign(s=s[1])).fit()
    assert batch.params[0, 2] == pytest.approx(result.params["s"] / 2) and np.allclose(batch.params[1], one.params)
    assert np.allclose(batch.df[1], one.tidy().df)


def test_bad_columns(shared):
    result = model_of("plain 0", shared).fit()
    s = np.tile(shared[0].s.to_numpy(), (2, 1))
    with pytest.raises(UserError, match="no fixed effect 'zz'"):
        result.refit_many(columns={"zz": s})
    with pytest.raises(UserError, match="nothing new"):
        result.refit_many()
    with pytest.raises(UserError, match="number of replicates"):
        result.refit_many(s[:1], columns={"s": s})


def test_bad_outcomes(shared):
    result = model_of("plain 0", shared).fit()
    with pytest.raises(UserError, match="one row of"):
        result.refit_many(np.ones((2, 3)))
    with pytest.raises(UserError, match="missing or infinite"):
        result.refit_many(np.full((1, result.nobs), np.nan))
    assert result.refit_many(np.empty((0, result.nobs))).params.shape == (0, 3)


def test_a_variance_without_information_does_not_stop_the_other_replicates(pre_post):
    """A step of Fisher's of 1e17, as rounding leaves it where fixed effects take up what therapists differ by."""
    from bowlby.mixed.newton_batch import Search

    model = MixedModel.from_formula("y ~ a_w + s + (1 + a_w | therapist)", pre_post)
    search = Search(SimpleNamespace(parameters=model.parameters, count=2))
    none = [
        [1.06581410e-14, -3.31237031e-30, -4.83668382e-16],
        [6.31934216e-31, -5.40899121e-34, 1.28826627e-18],
        [-4.83668382e-16, 1.28826627e-18, 14.8647519],
    ]
    slope = np.array([[1.77635684e-15, 3.12828440e-16, 5.52622652], [0.01, 0.0, 0.01]])
    now = SimpleNamespace(expected=np.array([none, np.eye(3)]), slope=slope)
    theta, able = search._fisher_step(np.full((2, 3), [0.5, 0.0, 0.5]), now, np.arange(2))
    assert able.all() and np.isfinite(theta).all()
    assert np.sort(theta[1]) == pytest.approx([0, np.sqrt(0.24), np.sqrt(0.24)])


def test_refits_one_by_one_find_the_summit_inside_where_the_model_itself_ends_on_the_boundary():
    """Three therapists, as many as fixed effects, so that refits to other predictors are made one by one."""
    rng = np.random.default_rng(5002)
    n = int(rng.integers(9, 18))
    t = rng.integers(0, 3, n)
    w = np.eye(3)[t]
    for row in np.flatnonzero(rng.random(n) < 0.4):
        other = int(rng.integers(3))
        w[row] *= 0.5
        w[row, other] += 0.5
    data = pd.DataFrame({"t": t, "x": rng.normal(size=n), "s": rng.normal(size=3)[t], "b": rng.normal(size=n)})
    data["y"] = rng.normal(size=n) + rng.choice([0, 0.3, 1]) * w @ rng.normal(size=3)
    model = MixedModel.from_formula("y ~ x + s + (1 | t)", data, {"t": pd.DataFrame(w, columns=list("abc"))})
    styles = np.array([rng.normal(size=3)[rng.permutation(3)][t] for _ in range(20)])
    outcomes = np.array([rng.normal(size=n) + rng.choice([0, 0.5, 1, 2]) * w @ rng.normal(size=3) for _ in range(20)])
    fit = model.fit()
    assert fit.theta == [0.0]
    many = fit.refit_many(outcomes[3:4], columns={"s": styles[3:4]})
    single = model.with_columns({"s": styles[3]}).with_outcome(outcomes[3]).fit()
    assert many.llf[0] == pytest.approx(single.llf, abs=1e-6)
