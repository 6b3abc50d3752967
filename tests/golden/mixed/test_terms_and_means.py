"""Formulas, whole terms, means, hypotheses, predictions and comparisons beside lme4, lmerTest, emmeans and car.

Reference: tests/golden/r/terms_and_means.R. Limits allow for lme4's optimiser, which stops some 1e-6 short.
"""

import numpy as np
import pandas as pd
import pytest
from differences import surprises
from mixed_checks import ARMS, fitted_to_arms, reference, whole_term_checks

from bowlby.mixed import compare

EXPECTED = reference(ARMS)


def column(rows, name):
    return [row[name] for row in rows]


@pytest.mark.parametrize("name", EXPECTED["fits"])
def test_formulas_give_the_fits_of_lme4(name):
    expected, result = EXPECTED["fits"][name], fitted_to_arms(name)
    assert result.llf == pytest.approx(expected["llf"], abs=1e-6)
    table, rows = result.tidy(), expected["kenward_roger"]
    assert table.estimate.to_numpy() == pytest.approx(column(rows, "estimate"), rel=1e-4, abs=1e-5)
    assert table.se.to_numpy() == pytest.approx(column(rows, "se"), rel=1e-4)
    assert table.df.to_numpy() == pytest.approx(column(rows, "df"), rel=1e-3)
    assert table.p.to_numpy() == pytest.approx(column(rows, "p"), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", EXPECTED["fits"])
def test_whole_terms_are_those_of_lmertest_and_car(name):
    assert surprises(whole_term_checks(name)) == []


@pytest.mark.parametrize("case", EXPECTED["means"], ids=lambda case: f"{case['fit']}-{'+'.join(case['factors'])}")
def test_means_are_those_of_emmeans(case):
    table = fitted_to_arms(case["fit"]).means(case["factors"], at=case.get("at"))
    table.index = [":".join(map(str, key)) for key in table[case["factors"]].itertuples(index=False)]
    table = table.loc[column(case["rows"], "level")]
    for name, limit in {"estimate": 1e-5, "se": 1e-4, "df": 1e-3, "ci_low": 1e-3, "ci_high": 1e-3}.items():
        assert table[name].to_numpy() == pytest.approx(column(case["rows"], name), rel=limit)


def test_a_hypothesis_is_tested_as_by_lmertest():
    expected = EXPECTED["t_test"]
    test = fitted_to_arms(expected["fit"]).t_test(expected["hypothesis"])
    found = test.effect[0] + 0.3, test.sd[0], test.df_denom[0], test.tvalue[0], float(test.pvalue)
    assert found == pytest.approx([expected[name] for name in ("estimate", "se", "df", "t", "p")], rel=1e-4)


def test_predictions_have_the_errors_of_emmeans_and_of_hendersons_equations():
    expected = EXPECTED["prediction"]
    result, new = fitted_to_arms(expected["fit"]), pd.DataFrame(expected["data"])
    table = result.get_prediction(new).summary_frame()
    names = {"mean": "estimate", "mean_se": "se", "df": "df", "mean_ci_lower": "low", "mean_ci_upper": "high"}
    for ours, theirs in names.items():
        assert table[ours].to_numpy() == pytest.approx(expected["mean"][theirs], rel=1e-3)
    assert table.obs_ci_lower.to_numpy() == pytest.approx(expected["observation"]["low"], rel=1e-3)
    assert table.obs_ci_upper.to_numpy() == pytest.approx(expected["observation"]["high"], rel=1e-3)
    known = result.get_prediction(new, random=True)
    assert known.predicted_mean.to_numpy() == pytest.approx(expected["conditional"]["estimate"], rel=1e-4)
    assert known.se_mean.to_numpy() == pytest.approx(expected["conditional"]["se"], rel=1e-4)


def test_models_are_compared_as_by_anova_of_lme4():
    expected = EXPECTED["comparison"]
    table = compare(fitted_to_arms("slope"), fitted_to_arms(expected["small"]))
    for name in ("n_parameters", "llf", "aic", "bic"):
        assert table[name].to_numpy() == pytest.approx(expected[name], rel=1e-6)
    assert table[["chi2", "df", "p"]].iloc[1].to_numpy() == pytest.approx(
        [expected[name] for name in ("chi2", "df", "p")], rel=1e-4
    )
    assert np.isnan(table.chi2[0])
