"""Formulas, whole terms, means, hypotheses, predictions and comparisons beside lme4, lmerTest, emmeans and car.

Reference: tests/golden/r/terms_and_means.R. Limits allow for lme4's optimiser, which stops some 1e-6 short.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.mixed import MixedModel, compare

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "reference" / "terms_and_means.json").read_text())
ARMS = pd.read_csv(HERE / "data" / "arms.csv")


@cache
def fitted(name):
    return MixedModel.from_formula(EXPECTED["fits"].get(name, {}).get("formula", name), ARMS).fit()


def column(rows, name):
    return [row[name] for row in rows]


@pytest.mark.parametrize("name", EXPECTED["fits"])
def test_formulas_give_the_fits_of_lme4(name):
    expected, result = EXPECTED["fits"][name], fitted(name)
    assert result.llf == pytest.approx(expected["llf"], abs=1e-6)
    table, rows = result.tidy(), expected["kenward_roger"]
    assert table.estimate.to_numpy() == pytest.approx(column(rows, "estimate"), rel=1e-4, abs=1e-5)
    assert table.se.to_numpy() == pytest.approx(column(rows, "se"), rel=1e-4)
    assert table.df.to_numpy() == pytest.approx(column(rows, "df"), rel=1e-3)
    assert table.p.to_numpy() == pytest.approx(column(rows, "p"), rel=1e-3, abs=1e-6)


def same_test(found, expected):
    return found[["F", "df_num", "df_den", "p"]].to_numpy() == pytest.approx(
        [expected[name] for name in ("F", "df_num", "df_den", "p")], rel=1e-3)


@pytest.mark.parametrize("name", EXPECTED["fits"])
def test_whole_terms_are_those_of_lmertest(name):
    """But for a category that another is nested in: lmerTest tests it at the reference level of the nested one."""
    table, expected = fitted(name).anova(), EXPECTED["fits"][name]["anova"]
    assert [t.replace("arm_B", "arm").replace("dose_2", "dose") for t in expected] == list(table.index)
    differ = [term for term, row in zip(table.index, expected.values()) if not same_test(table.loc[term], row)]
    assert differ == (["arm"] if name == "nested" else [])


@pytest.mark.parametrize("name", EXPECTED["car"])
def test_whole_terms_are_those_of_car_with_sum_contrasts(name):
    table = fitted(name).anova()
    assert list(table.index) == list(EXPECTED["car"][name])
    assert all(same_test(table.loc[term], row) for term, row in EXPECTED["car"][name].items())


@pytest.mark.parametrize("case", EXPECTED["means"], ids=lambda case: f"{case['fit']}-{'+'.join(case['factors'])}")
def test_means_are_those_of_emmeans(case):
    table = fitted(case["fit"]).means(case["factors"], at=case.get("at"))
    table.index = [":".join(map(str, key)) for key in table[case["factors"]].itertuples(index=False)]
    table = table.loc[column(case["rows"], "level")]
    for name, limit in {"estimate": 1e-5, "se": 1e-4, "df": 1e-3, "ci_low": 1e-3, "ci_high": 1e-3}.items():
        assert table[name].to_numpy() == pytest.approx(column(case["rows"], name), rel=limit)


def test_a_hypothesis_is_tested_as_by_lmertest():
    expected = EXPECTED["t_test"]
    test = fitted(expected["fit"]).t_test(expected["hypothesis"])
    found = test.effect[0] + 0.3, test.sd[0], test.df_denom[0], test.tvalue[0], float(test.pvalue)
    assert found == pytest.approx([expected[name] for name in ("estimate", "se", "df", "t", "p")], rel=1e-4)


def test_predictions_have_the_errors_of_emmeans_and_of_hendersons_equations():
    expected = EXPECTED["prediction"]
    result, new = fitted(expected["fit"]), pd.DataFrame(expected["data"])
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
    table = compare(fitted("slope"), fitted(expected["small"]))
    for name in ("n_parameters", "llf", "aic", "bic"):
        assert table[name].to_numpy() == pytest.approx(expected[name], rel=1e-6)
    assert table[["chi2", "df", "p"]].iloc[1].to_numpy() == pytest.approx(
        [expected[name] for name in ("chi2", "df", "p")], rel=1e-4)
    assert np.isnan(table.chi2[0])
