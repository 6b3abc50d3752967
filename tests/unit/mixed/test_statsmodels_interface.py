"""What a statsmodels user finds on a result, and how a mistake is answered. Numbers: tests/golden/mixed."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import CAR1, MixedModel, compare
from bowlby.mixed.new_rows import fixed_rows


@pytest.fixture
def result(pre_post):
    data = pre_post.set_index(pre_post.index + 100)
    data.loc[103, "a_w"] = np.nan
    return MixedModel.from_formula("y ~ arm * a_w + s + (1 + a_w | therapist)", data).fit()


def test_rows_go_by_their_labels(result, pre_post):
    assert result.fittedvalues.index.equals(result.resid.index) and 103 not in result.resid.index
    y = pre_post.y.set_axis(pre_post.index + 100).drop(103)
    pd.testing.assert_series_equal(result.fittedvalues + result.resid, y, check_names=False)


def test_tests_and_intervals_are_those_of_tidy(result):
    for df, tidy in ((None, result.tidy(level=0.9)), ("residual", result.tidy("residual", 0.9))):
        assert result.conf_int(0.1, df).to_numpy() == pytest.approx(tidy[["ci_low", "ci_high"]].to_numpy())
    tidy = result.tidy()
    assert result.pvalues.to_list() == tidy.p.to_list() and result.tvalues.to_list() == tidy.t.to_list()
    assert list(result.pvalues.index) == result.model.names
    covariance = result.cov_re["therapist"]
    assert list(covariance.columns) == ["Intercept", "a_w"]
    assert covariance.loc["a_w", "a_w"] == pytest.approx(result.varcorr.variance[1])


def test_a_page_is_shown_in_a_console_and_a_notebook(result):
    assert repr(result) == result.summary()
    page = result._repr_html_()
    assert page.count("<table") == 2 and "rows left out: a_w missing 1" in page
    assert (
        "<script>"
        not in MixedModel.from_formula(
            "y ~ `<script>` + (1 | g)",
            pd.DataFrame(
                {"g": np.arange(40) // 4, "<script>": np.arange(40) % 7, "y": np.random.default_rng(1).normal(size=40)}
            ),
        )
        .fit()
        ._repr_html_()
    )


@pytest.mark.parametrize(
    "text, weights, right",
    [
        ("arm[T.group] - arm[T.single] = 0.3", {"arm[T.group]": 1, "arm[T.single]": -1}, 0.3),
        ("2*a_w/4 + (s - arm[T.group]:a_w)", {"a_w": 0.5, "s": 1, "arm[T.group]:a_w": -1}, 0),
        ("-s = -(1 + s*3)", {"s": 2}, -1),
    ],
)
def test_a_hypothesis_is_read_as_written(result, text, weights, right):
    test, expected = result.t_test(text), result.contrast(weights).iloc[0]
    assert test.effect[0] == pytest.approx(expected.estimate - right)
    assert test.tvalue[0] == pytest.approx((expected.estimate - right) / expected.se)
    assert test.df_denom[0] == pytest.approx(expected.df)
    assert test.conf_int()[0] == pytest.approx([expected.ci_low - right, expected.ci_high - right])


def test_hypotheses_are_also_arrays_and_several(result):
    both = result.t_test("a_w, s = 0")
    assert np.allclose(both.effect, result.t_test(np.eye(7)[[3, 4]]).effect)
    assert list(both.summary_frame().columns) == ["coef", "std err", "t", "P>|t|", "Conf. Int. Low", "Conf. Int. Upp."]


@pytest.mark.parametrize(
    "text, line",
    [
        ("a_w * s", "multiplied and divided by numbers alone"),
        ("2 / s", "by numbers alone"),
        ("s / 0", "by numbers alone"),
        ("a_w -", "found 'the end'"),
        ("age", "cannot read 'age'"),
        ("(s", "not closed"),
        ("s s", "unexpected 's'"),
        ("__import__('os')", "cannot read"),
        ("2 = 2", "not all zero"),
    ],
)
def test_other_hypotheses_are_one_line(result, text, line):
    with pytest.raises(UserError, match=line.replace("(", r"\(")) as caught:
        result.t_test(text)
    assert len(caught.value.problems) == 1


def test_predictions_of_rows_used_and_of_new_levels(result, pre_post):
    own = result.get_prediction(random=True)
    assert own.predicted_mean.to_numpy() == pytest.approx(result.fittedvalues.to_numpy())
    new = pre_post.iloc[:2].assign(therapist=["nobody", pre_post.therapist[1]])
    new.loc[1, "a_w"] = np.nan
    fixed, known = result.get_prediction(new), result.get_prediction(new, random=True)
    for df in (None, "satterthwaite", "residual"):
        one, x = result.get_prediction(new, df=df), fixed_rows(result.model, new.iloc[:1])[0]
        assert [one.se_mean[0], one.df[0]] == pytest.approx(result.contrast(x, df)[["se", "df"]].iloc[0].to_list())
    assert fixed.predicted_mean[0] == known.predicted_mean[0] == pytest.approx(result.predict(new)[0])
    assert fixed.summary_frame().loc[1].isna().all() and known.summary_frame().loc[1, ["mean", "mean_se"]].isna().all()
    # Of a therapist not seen nothing is known but the fixed part; its error is the model's own, of known variances.
    x = fixed_rows(result.model, new.iloc[:1])[0]
    assert known.se_mean[0] == pytest.approx(np.sqrt(x @ result.cov_params().to_numpy() @ x), rel=1e-9)
    assert known.var_observation[0] == pytest.approx(fixed.var_observation[0])
    z = np.array([1, new.a_w[0]])
    assert fixed.var_observation[0] == pytest.approx(result.scale + z @ result.cov_re["therapist"].to_numpy() @ z)


def test_prediction_errors_of_levels_agree_with_those_of_random_effects(crossed):
    """A row of nothing but the intercepts of one patient and one therapist, crossed: x = 1 adds the mean's error."""
    result = MixedModel.from_formula("y ~ 0 + time + (1 | patient) + (1 | therapist)", crossed).fit()
    new = pd.DataFrame({"time": [0.0], "patient": ["nobody"], "therapist": ["T3"]})
    error = result.get_prediction(new, random=True).se_mean[0] ** 2
    assert error == pytest.approx(result.random_effects_pev["therapist"]["T3"][0, 0], rel=1e-8)


def test_what_is_not_defined_is_refused(nested, pre_post):
    structured = MixedModel.from_formula("y ~ time + (1 | therapist)", nested, residual=CAR1("time", "patient")).fit()
    with pytest.raises(UserError, match="residual structure"):
        structured.get_prediction(random=True)
    with pytest.raises(UserError, match="residual structure"):
        structured.get_prediction(nested).conf_int(obs=True)
    twice = MixedModel.from_formula("y ~ arm + a_w + b + (1 | therapist)", pre_post.assign(b=pre_post.a_w * 2)).fit()
    with pytest.raises(UserError, match="where b cannot be estimated"):
        twice.anova()
    new = pre_post.iloc[:2].assign(b=lambda d: [2 * d.a_w.iloc[0], 0])
    assert np.isfinite(twice.get_prediction(new).predicted_mean).tolist() == [True, False]
    with pytest.raises(UserError, match="'s' is no category of the model"):
        MixedModel.from_formula("y ~ s + (1 | therapist)", pre_post).fit().means("s")


def test_means_of_an_empty_cell_are_missing(pre_post):
    data = pre_post.assign(sex=np.where(np.arange(len(pre_post)) % 2, "f", "m"))
    data = data[(data.arm != "group") | (data.sex == "f")]
    table = MixedModel.from_formula("y ~ arm * sex + (1 | therapist)", data).fit().means(["arm", "sex"])
    assert table[table.estimate.isna()][["arm", "sex"]].to_numpy().tolist() == [["group", "m"]]


def fit(formula, data):
    return MixedModel.from_formula(formula, data).fit()


def test_models_that_cannot_be_compared(pre_post):
    small = fit("y ~ s + (1 | therapist)", pre_post)
    other = fit("y ~ a_w + (1 | therapist)", pre_post.assign(a_w=pre_post.a_w.where(pre_post.index != 4)))
    with pytest.raises(UserError, match=r"different rows \(\d+ and \d+\); .*a_w missing"):
        compare(small, other)
    with pytest.raises(UserError, match="outcomes 'y' and 'a'"):
        compare(small, fit("a ~ s + (1 | therapist)", pre_post))
    with pytest.raises(UserError, match="other values"):
        compare(small, fit("y ~ s + (1 | therapist)", pre_post.assign(y=pre_post.y + 1)))
    with pytest.raises(UserError, match="two or more"):
        compare(small)


def test_a_comparison_refits_by_ml_and_tests_nested_models_only(pre_post):
    small, large, beside = (fit(f"y ~ {x} + (1 | therapist)", pre_post) for x in ("s", "s + a_w", "arm"))
    table = compare(large, small)
    by_ml = [r.model.fit(reml=False).llf for r in (small, large)]
    assert table.llf.tolist() == by_ml and table.chi2[1] == pytest.approx(2 * (by_ml[1] - by_ml[0]))
    assert np.isnan(compare(small, beside).chi2[1])
