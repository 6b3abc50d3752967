"""What must not change an answer, and how answers must hang together."""

import numpy as np
import pandas as pd
import pytest

from bowlby.mixed import MixedModel

NESTED = "y ~ time * s + (1 + time | patient) + (1 | therapist)"


def same(a, b, rel=1e-7):
    assert a.llf == pytest.approx(b.llf, abs=1e-8)
    assert np.allclose(a.params, b.params, rtol=rel, atol=1e-9)
    ta, tb = a.tidy(), b.tidy()
    assert np.allclose(ta.se, tb.se, rtol=rel) and np.allclose(ta.df, tb.df, rtol=1e-6)
    assert np.allclose(a.varcorr.variance, b.varcorr.variance, rtol=1e-6)


@pytest.mark.parametrize("fixture", ["nested", "crossed"])
def test_row_order_and_labels_do_not_matter(fixture, request):
    data = request.getfixturevalue(fixture)
    first = MixedModel.from_formula(NESTED, data).fit()
    mixed = data.sample(frac=1, random_state=1)
    names = {k: f"x{hash(k) % 997}-{i}" for i, k in enumerate(reversed(list(data.patient.unique())))}
    same(first, MixedModel.from_formula(NESTED, mixed.assign(patient=mixed.patient.map(names))).fit())
    coded = data.assign(patient=pd.Categorical(data.patient), therapist=data.therapist.str[1:].astype(int))
    same(first, MixedModel.from_formula(NESTED, coded).fit())


def test_shift_and_scale_of_predictors_and_outcome(nested):
    first = MixedModel.from_formula(NESTED, nested).fit()
    moved = nested.assign(time=1e3 * (nested.time + 50), s=1e-4 * nested.s - 7, y=1e4 * nested.y + 1e6)
    other = MixedModel.from_formula(NESTED, moved).fit()
    n_p = first.nobs - 4
    # REML: -(n - p) log of the outcome's scale, and log|det| of the change of X.
    expected = first.llf - n_p * np.log(1e4) - np.log(1e3 * 1e-4 * 1e3 * 1e-4)
    assert other.llf == pytest.approx(expected, abs=1e-5)
    assert other.params["time:s"] == pytest.approx(first.params["time:s"] * 1e4 / (1e3 * 1e-4), rel=1e-6)
    assert other.tidy().df.iloc[3] == pytest.approx(first.tidy().df.iloc[3], rel=1e-5)
    assert other.tidy().t.iloc[3] == pytest.approx(first.tidy().t.iloc[3], rel=1e-6)
    slope = first.varcorr.variance.iloc[1]
    assert other.varcorr.variance.iloc[1] == pytest.approx(slope * (1e4 / 1e3) ** 2, rel=1e-5)


def test_mundlak_pair_has_one_likelihood(pre_post):
    within = MixedModel.from_formula("y ~ a_w + a_b + (1 | therapist)", pre_post).fit()
    context = MixedModel.from_formula("y ~ a + a_b + (1 | therapist)", pre_post).fit()
    assert within.llf == pytest.approx(context.llf, abs=1e-9)
    assert context.params["a"] == pytest.approx(within.params["a_w"], rel=1e-8)
    assert context.params["a_b"] == pytest.approx(within.params["a_b"] - within.params["a_w"], rel=1e-7)


def test_membership_of_ones_is_the_plain_factor(pre_post):
    plain = MixedModel.from_formula("y ~ a_w + s + (1 + a_w || therapist)", pre_post).fit()
    w = pd.get_dummies(pre_post.therapist).astype(float)
    member = MixedModel.from_formula(
        "y ~ a_w + s + (1 + a_w || therapist)", pre_post, membership={"therapist": w}
    ).fit()
    same(plain, member)
    assert np.allclose(plain.random_effects["therapist"], member.random_effects["therapist"], atol=1e-7)
    assert np.allclose(plain.fittedvalues, member.predict(pre_post, membership={"therapist": w}))


def test_nesting_needs_no_unique_ids(nested):
    number = nested.groupby("therapist").patient.transform(lambda v: pd.factorize(v)[0])
    implicit = MixedModel.from_formula("y ~ time + (1 | therapist/number)", nested.assign(number=number)).fit()
    explicit = MixedModel.from_formula("y ~ time + (1 | patient) + (1 | therapist)", nested).fit()
    same(explicit, implicit)
    assert list(implicit.random_effects) == ["number:therapist", "therapist"]


def test_terms_and_formula_are_one_model(nested):
    formula = MixedModel.from_formula(NESTED, nested).fit()
    terms = MixedModel.from_terms(
        "y",
        ["time", "s", ("time", "s")],
        [{"group": "patient", "terms": ["1", "time"]}, {"group": "therapist"}],
        nested,
    ).fit()
    same(formula, terms, rel=1e-14)
    odd = nested.rename(columns={"s": "s + (1|x) `", "therapist": "a:b"})
    named = MixedModel.from_terms(
        "y",
        ["time", "s + (1|x) `", ("time", "s + (1|x) `")],
        [{"group": "patient", "terms": ["1", "time"]}, {"group": "a:b"}],
        odd,
    ).fit()
    assert np.allclose(named.params, formula.params, rtol=1e-12)


def test_random_effect_in_one_arm_needs_no_level_in_the_other(nested):
    treated = nested.patient.str[1:].astype(int) % 2 == 0
    data = nested.assign(tx=treated.astype(float))
    dummy = data.assign(therapist=data.therapist.where(treated, "none"))
    gone = data.assign(therapist=data.therapist.where(treated))
    formula = "y ~ time * tx + (1 | patient) + (0 + tx | therapist)"
    a, b = (MixedModel.from_formula(formula, d).fit() for d in (dummy, gone))
    assert b.model.n_dropped == {} and b.nobs == len(nested)
    assert a.llf == pytest.approx(b.llf, abs=1e-9)
    assert b.model.n_levels["therapist"] == a.model.n_levels["therapist"] - 1
    assert "none" not in b.random_effects["therapist"].index


def test_categories_are_coded_as_statsmodels_does(pre_post):
    result = MixedModel.from_formula("y ~ arm * s + (1 | therapist)", pre_post).fit()
    assert result.model.names == [
        "Intercept",
        "arm[T.group]",
        "arm[T.single]",
        "s",
        "arm[T.group]:s",
        "arm[T.single]:s",
    ]
    bare = MixedModel.from_formula("y ~ 0 + arm + (1 | therapist)", pre_post)
    assert bare.names == ["arm[control]", "arm[group]", "arm[single]"]
    with_c = MixedModel.from_formula("y ~ C(arm) + (1 | therapist)", pre_post)
    assert with_c.names[1] == "C(arm)[T.group]"
    dummies = pre_post.assign(g=(pre_post.arm == "group") * 1.0, o=(pre_post.arm == "single") * 1.0)
    other = MixedModel.from_formula("y ~ g + o + s + g:s + o:s + (1 | therapist)", dummies).fit()
    assert other.llf == pytest.approx(result.llf, abs=1e-9)
    assert np.allclose(result.predict(pre_post), other.fittedvalues)


def test_offset_is_a_known_part(pre_post):
    shifted = pre_post.assign(y=pre_post.y + 3 * pre_post.a, known=3 * pre_post.a)
    plain = MixedModel.from_formula("y ~ a_w + s + (1 | therapist)", pre_post).fit()
    other = MixedModel.from_formula("y ~ a_w + s + (1 | therapist)", shifted, offset="known").fit()
    same(plain, other)
    assert np.allclose(other.resid, plain.resid)


def test_joint_test_of_one_row_is_the_squared_t(nested):
    result = MixedModel.from_formula(NESTED, nested).fit()
    for method in ("kenward-roger", "satterthwaite", "residual"):
        one, joint = result.contrast({"s": 1}, df=method).iloc[0], result.f_test([{"s": 1}], df=method).iloc[0]
        assert joint.F == pytest.approx(one.t**2) and joint.df_den == pytest.approx(one.df)
        assert joint.p == pytest.approx(one.p)
    both = result.f_test(["s", "time:s"]).iloc[0]
    redundant = result.f_test([{"s": 1}, {"time:s": 2}, {"s": 1, "time:s": 1}]).iloc[0]
    assert redundant.df_num == 2 and redundant.F == pytest.approx(both.F)


def test_joint_test_with_too_few_groups_is_not_a_number():
    rng = np.random.default_rng(5)
    j = np.repeat(np.arange(4), 12)
    z = rng.normal(size=(4, 2))[j]
    data = pd.DataFrame({"y": rng.normal(size=48) + 2 * rng.normal(size=4)[j], "a": z[:, 0], "b": z[:, 1], "g": j})
    result = MixedModel.from_formula("y ~ a + b + (1 | g)", data).fit()
    row = result.f_test(["a", "b"]).iloc[0]
    if np.isnan(row.p):
        assert "KR undefined: too few groups" in result.warnings
    else:
        assert row.df_den > 0


@pytest.mark.parametrize("shift", [18_000.0, 740_000.0])
def test_a_slope_far_from_its_zero_is_the_same_model(nested, shift):
    """Calendar days: likelihood, slope, df and fitted values stay; D turns by T = [1 -shift; 0 1]."""
    formula = "y ~ time + s + (1 + time | patient) + (1 | therapist)"
    near = MixedModel.from_formula(formula, nested).fit()
    far = MixedModel.from_formula(formula, nested.assign(time=nested.time + shift)).fit()
    assert far.converged and far.llf == pytest.approx(near.llf, abs=1e-7)
    assert np.allclose(far.fittedvalues, near.fittedvalues, atol=1e-6)
    rows = [
        table.set_index("term").loc[["time", "s"], ["estimate", "se", "df"]].to_numpy()
        for table in (near.tidy(df="kenward-roger"), far.tidy(df="kenward-roger"))
    ]
    assert rows[1] == pytest.approx(rows[0], rel=1e-6)
    turn = np.array([[1.0, -shift], [0.0, 1.0]])
    assert far.covariances[0] == pytest.approx(turn @ near.covariances[0] @ turn.T, rel=1e-6)
    outcomes = far.simulate(3, 1)
    refits = far.refit_many(outcomes)
    alone = far.refit(outcomes[1]).covariances[0]
    assert refits.converged.all()
    assert refits.variances[1][:3] == pytest.approx(alone[[0, 0, 1], [0, 1, 1]], rel=1e-5)
