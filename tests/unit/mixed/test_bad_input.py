"""Each kind of bad input gives one clear line, or a flagged result."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import MixedModel

FORMULA = "y ~ a_w + s + (1 | therapist)"


def complaint(formula, data, **more) -> str:
    with pytest.raises(UserError) as caught:
        MixedModel.from_formula(formula, data, **more).fit().tidy()
    assert len(caught.value.problems) == 1 and "\n" not in caught.value.problems[0]
    return caught.value.problems[0]


def test_one_group(pre_post):
    assert "'therapist' has 1 level" in complaint(FORMULA, pre_post.assign(therapist="T"))


def test_as_many_levels_as_rows(pre_post):
    assert "as many levels" in complaint(FORMULA, pre_post.assign(therapist=np.arange(len(pre_post))))


def test_one_observation_a_group_with_slope(nested):
    first = nested.groupby("patient", sort=False).head(2)
    assert "(Intercept + time | patient) has" in complaint("y ~ time + (1 + time | patient)", first)


def test_constant_outcome(pre_post):
    assert "the outcome 'y' is constant" in complaint(FORMULA, pre_post.assign(y=3.0))


def test_exact_fit(pre_post):
    assert "no residual variation" in complaint("y ~ s + (1 | therapist)", pre_post.assign(y=2 * pre_post.s))


def test_outcome_constant_within_every_group(nested):
    fixed = nested.assign(y=pd.factorize(nested.therapist)[0] + 1.0)
    assert "no residual variation" in complaint("y ~ time + (1 | therapist)", fixed)


def test_columns_that_occur_twice_or_are_huge(pre_post):
    assert "2 columns 's'" in complaint(FORMULA, pd.concat([pre_post, pre_post[["s"]]], axis=1))
    assert "beyond 1e100" in complaint(FORMULA, pre_post.assign(s=1e300 * pre_post.s))
    assert "DataFrame" in complaint(FORMULA, {"y": [1.0]})


def test_infinite_values(pre_post):
    pre_post.loc[3, "s"] = np.inf
    assert "'s' has 1 infinite" in complaint(FORMULA, pre_post)


def test_unknown_column(pre_post):
    assert "no column 'nope'" in complaint("y ~ nope + (1 | therapist)", pre_post)
    assert "no column 'nope'" in complaint("y ~ s - nope + (1 | therapist)", pre_post)
    assert "no column 'ward'" in complaint("y ~ s + (1 | ward)", pre_post)


@pytest.mark.parametrize("weights, said", [(-1.0, "negative"), (0.0, "all weights are 0")])
def test_weights(pre_post, weights, said):
    assert said in complaint(FORMULA, pre_post, weights=np.full(len(pre_post), weights))


def test_weights_of_the_wrong_length(pre_post):
    assert "one per row" in complaint(FORMULA, pre_post, weights=[1.0, 2.0])


def test_text_outcome(pre_post):
    assert "'arm' is not numeric" in complaint("arm ~ s + (1 | therapist)", pre_post)


def test_nothing_left(pre_post):
    assert "no complete row" in complaint(FORMULA, pre_post.assign(s=np.nan))


def test_no_random_term(pre_post):
    assert "no random term" in complaint("y ~ s", pre_post)


def test_more_effects_than_rows(pre_post):
    wide = pre_post.iloc[[0, 1, 2, 60, 61, 62, 120, 121, 122, 200, 201, 202]]
    wide = wide.assign(**{f"x{k}": np.random.default_rng(k).normal(size=12) for k in range(14)})
    assert "fixed effects for 12 rows" in complaint(
        "y ~ " + " + ".join(f"x{k}" for k in range(14)) + " + (1 | therapist)", wide
    )


def test_slope_on_a_constant(pre_post):
    assert "constant predictor" in complaint("y ~ s + (1 + one | therapist)", pre_post.assign(one=2.0))


def test_slopes_that_are_multiples(pre_post):
    twice = pre_post.assign(b=2 * pre_post.a_w)
    assert "multiples of each other" in complaint("y ~ s + (1 + a_w + b || therapist)", twice)


def test_variances_that_fixed_effects_leave_alike(pre_post):
    """`other` joins two therapists who are predictors too: what both variances leave is the same, not what they are."""
    own = {name: (pre_post.therapist == name).astype(float) for name in ("T01", "T02")}
    data = pre_post.assign(other=pre_post.therapist.replace("T02", "T01"), **own)
    line = complaint("y ~ T01 + T02 + (1 | therapist) + (1 | other)", data)
    assert "the data do not tell apart the variances Intercept | therapist and Intercept | other" in line


def test_same_term_twice(nested):
    assert "given twice" in complaint("y ~ time + (1 | patient) + (1 + time | patient)", nested)


def test_kenward_roger_needs_reml(pre_post):
    with pytest.raises(UserError, match="REML"):
        MixedModel.from_formula(FORMULA, pre_post).fit(reml=False).tidy("kenward-roger")


def test_unknown_df_and_contrast(pre_post):
    result = MixedModel.from_formula(FORMULA, pre_post).fit()
    with pytest.raises(UserError, match="unknown df method"):
        result.tidy("z")
    with pytest.raises(UserError, match="no fixed effect 'zz'"):
        result.contrast({"zz": 1})
    with pytest.raises(UserError, match="not all zero"):
        result.contrast([0, 0, 0])


def test_predictor_constant_within_every_level_is_flagged(pre_post):
    result = MixedModel.from_formula("y ~ s + (1 + s || therapist)", pre_post).fit()
    assert any("constant within every level" in w for w in result.warnings)


def test_collinear_columns_are_dropped_and_named(pre_post):
    data = pre_post.assign(copy=pre_post.a_w * 3, total=pre_post.a_w + pre_post.s, four=4.0)
    result = MixedModel.from_formula("y ~ a_w + s + copy + total + four + (1 | therapist)", data).fit()
    plain = MixedModel.from_formula(FORMULA, pre_post).fit()
    assert result.model.dropped_columns == ["copy", "total", "four"]
    assert any("copy, total, four" in w for w in result.warnings)
    assert result.llf == pytest.approx(plain.llf, abs=1e-9)
    assert np.allclose(result.predict(data[["a_w", "s", "therapist"]]), plain.fittedvalues)


def test_missing_rows_are_counted_by_reason(pre_post):
    pre_post.loc[[0, 1], "y"] = np.nan
    pre_post.loc[[1, 2], "s"] = np.nan
    pre_post.loc[5, "therapist"] = None
    model = MixedModel.from_formula(FORMULA, pre_post)
    assert model.n_dropped == {"y missing": 2, "s missing": 1, "therapist missing": 1}
    assert model.nobs == len(pre_post) - 4
    assert np.isnan(model.fit().predict(pre_post)).tolist()[:4] == [False, True, True, False]


def test_zero_weight_leaves_a_row_out(pre_post):
    w = np.ones(len(pre_post))
    w[:3] = 0
    model = MixedModel.from_formula(FORMULA, pre_post, weights=w)
    assert model.n_dropped == {"weight 0": 3}
    assert model.fit().llf == pytest.approx(MixedModel.from_formula(FORMULA, pre_post.iloc[3:]).fit().llf, abs=1e-9)


def test_satterthwaite_on_a_singular_fit_gives_kenward_roger_df_and_says_so():
    rng = np.random.default_rng(2)
    j = np.repeat(np.arange(12), 10)
    y = rng.normal(size=120)
    y -= (np.bincount(j, y) / 10)[j]
    data = pd.DataFrame({"y": y, "s": rng.normal(size=12)[j], "therapist": j})
    result = MixedModel.from_formula("y ~ s + (1 | therapist)", data).fit()
    assert result.singular and result.converged
    assert "variance of 'Intercept' between levels of 'therapist' is 0" in result.warnings[0]
    assert result.tidy("satterthwaite").df.tolist() == result.tidy("kenward-roger").df.tolist()
    assert any("Satterthwaite is undefined" in w for w in result.warnings)
    assert result.tidy().df.iloc[1] == pytest.approx(10, abs=0.05)


def test_membership_must_fit(pre_post):
    w = np.ones((3, 2))
    with pytest.raises(UserError, match="3 rows"):
        MixedModel.from_formula("y ~ s + (1 | m)", pre_post, membership={"m": w})
    with pytest.raises(UserError, match="no random term's group"):
        MixedModel.from_formula(FORMULA, pre_post, membership={"ward": w})


def test_levels_that_are_predictors_too(pre_post):
    assert "'therapist' cannot be estimated: its levels are predictors too" in complaint(
        "y ~ s + C(therapist) + (1 | therapist)", pre_post
    )
    crossed = pre_post.assign(site=np.arange(len(pre_post)) % 3)
    assert "levels of 'site' cannot be" in complaint("y ~ s + C(site) + (1 | therapist) + (1 | site)", crossed)


def test_numbers_kept_as_objects_are_numbers(pre_post):
    objects = pre_post.assign(s=[None if i == 3 else v for i, v in enumerate(pre_post.s.tolist())])
    objects["s"] = objects.s.astype(object)
    numbers = pre_post.assign(s=pre_post.s.where(np.arange(len(pre_post)) != 3))
    one, other = (MixedModel.from_formula(FORMULA, data).fit() for data in (objects, numbers))
    assert one.llf == other.llf and one.model.n_dropped == {"s missing": 1}
    assert np.array_equal(one.predict(objects), other.predict(numbers), equal_nan=True)


def test_text_with_one_value_is_named(pre_post):
    result = MixedModel.from_formula("y ~ s + arm + (1 | therapist)", pre_post.assign(arm="treated")).fit()
    assert result.model.dropped_columns == ["arm"] and any("arm" in line for line in result.warnings)
