"""Small sets and published studies against the fits of ``tests/golden/r/refresh.R``."""

import pandas as pd
import pytest
from differences import surprises
from mixed_checks import HERE, MODELS, expected_fit, fitted_model, model_checks, model_file

from bowlby.mixed import MixedModel


def needs_data(name):
    if not model_file(name).exists():
        pytest.skip(f"{name}: the study's data are not part of the repository")


@pytest.mark.parametrize("name", MODELS)
def test_no_number_is_further_from_lme4_than_its_limit(name):
    needs_data(name)
    assert surprises(model_checks(name)) == []


@pytest.mark.parametrize("name", MODELS)
def test_rows_levels_and_parameters_are_counted_as_lme4_counts_them(name):
    needs_data(name)
    expected, result = expected_fit(name), fitted_model(name)
    # lme4 needs a level for rows on which the random effect does not act; we do not.
    extra = len(MODELS[name].get("no_group", []))
    assert result.nobs == expected["rows_used"]
    assert sum(result.model.n_levels.values()) + extra == sum(expected["n_levels"].values())
    assert result.n_parameters == expected["fit"]["npar"]


# Numbers computed for the project's statistical design, before this engine: lme4, lmerTest and pbkrtest.
WRITTEN = [
    ("small_A", "llf", -519.473575737, 1e-6),
    ("small_A_slope", "llf", -513.621161797, 1e-6),
    ("small_B", "llf", -743.243550653, 1e-6),
]
WRITTEN_ROWS = [
    ("small_A", "s", "satterthwaite", "estimate", 0.0893060648),
    ("small_A", "s", "satterthwaite", "se", 0.1380391739),
    ("small_A", "s", "satterthwaite", "df", 13.67923),
    ("small_A", "s", "kenward-roger", "se", 0.1382968225),
    ("small_A", "s", "kenward-roger", "df", 13.3101646),
    ("small_A_slope", "xw", "satterthwaite", "df", 13.38953),
    ("small_A_slope", "xw", "kenward-roger", "df", 14.1855694),
    ("small_A_slope", "s", "kenward-roger", "df", 13.3260327),
    ("small_B", "s", "satterthwaite", "df", 11.15311),
    ("small_B", "s", "kenward-roger", "df", 10.0048906),
]


@pytest.mark.parametrize(("name", "attribute", "value", "limit"), WRITTEN)
def test_log_likelihoods_of_the_statistical_design(name, attribute, value, limit):
    assert getattr(fitted_model(name), attribute) == pytest.approx(value, abs=limit)


@pytest.mark.parametrize(("name", "term", "method", "column", "value"), WRITTEN_ROWS)
def test_inference_of_the_statistical_design(name, term, method, column, value):
    table = fitted_model(name).tidy(method).set_index("term")
    assert table.loc[term, column] == pytest.approx(value, rel=1e-6)


def test_variances_and_contrast_of_the_statistical_design():
    variances = fitted_model("small_A").varcorr["variance"]
    assert variances.to_list() == pytest.approx([0.1192061, 0.6435258], rel=1e-6)
    contrast = fitted_model("small_B").contrast({"a": 1, "s": 1}, df="kenward-roger")
    assert contrast["df"].item() == pytest.approx(13.4582742, rel=1e-6)


def test_multiple_membership_of_the_statistical_design():
    data = pd.read_csv(HERE / "data" / "MM.csv")
    shares = data[[str(k) for k in range(12)]]
    result = MixedModel.from_formula("y ~ a + s + (1 | therapist)", data, membership={"therapist": shares}).fit()
    assert result.llf == pytest.approx(-100.870642429, abs=1e-6)
    assert result.varcorr["variance"].to_list() == pytest.approx([0.180235532, 0.609061209], rel=1e-6)
    assert result.params["s"] == pytest.approx(0.183701775, abs=1e-8)
    assert result.bse["s"] == pytest.approx(0.134651196, abs=1e-8)


def test_a_therapist_effect_beside_a_therapist_variance_of_0_is_not_0():
    # statsmodels' lbfgs gives 0.0 with converged=True on these rows.
    result = fitted_model("small_S")
    assert result.singular
    assert result.params["s"] == pytest.approx(-0.1871, abs=5e-5)
    row = result.tidy("kenward-roger").set_index("term").loc["s"]
    assert row["se"] == pytest.approx(0.06584, abs=5e-6)
    assert row["df"] == pytest.approx(13.93, abs=5e-3)


@pytest.mark.parametrize(("reml", "llf"), [(True, -79.0963083881), (False, -76.4240994967)])
def test_a_lower_summit_on_the_boundary_is_not_taken_for_the_optimum(reml, llf):
    # With the intercept's variance at 0 there is another optimum, .31 (REML) and .23 (ML) lower.
    data = pd.read_csv(HERE / "data" / "two_summits.csv")
    result = MixedModel.from_formula("y ~ x + s + (1 + x | th)", data).fit(reml)
    assert result.llf == pytest.approx(llf, abs=1e-6)
    assert result.singular


# lme4 1.1.31 by ML, best of bobyqa, nloptwrap and Nelder-Mead at their tightest; where an intercept and a factor stand
# apart its variance is not determined, but the likelihood is.
DOUBLE_BAR = [
    ("y ~ x + (1 + f || g)", -501.95183464, 7),
    ("y ~ x + (f + x || g)", -498.91675215, 8),
    ("y ~ x + (1 + f:x || g)", -504.57765952, 7),
    ("y ~ x + (f * x || g)", -498.82705876, 14),
]


@pytest.mark.parametrize(("formula", "llf", "parameters"), DOUBLE_BAR)
def test_a_factor_before_two_bars_is_one_correlated_block_as_in_lme4(formula, llf, parameters):
    data = pd.read_csv(HERE / "data/F.csv")
    result = MixedModel.from_formula(formula, data).fit(reml=False)
    assert result.llf == pytest.approx(llf, abs=1e-6)
    assert len(result.theta) == parameters
    assert result.predict(data) == pytest.approx(result.fittedvalues, abs=1e-10)
    assert any("cannot be told apart" in w for w in result.warnings) == ("f:x" not in formula)


# lme4 1.1.31 with pbkrtest 0.5.2, bobyqa at rhoend 1e-10: outcomes near 5,385 with an SD of 1, and random effects of
# rank 1. Without an intercept in the fixed part all three categories stand for it.
FAR = {"f[A]": (5384.9177, 0.16334, 19.140269), "f[B]": (5385.2411, 0.161788, 15.643143),
       "f[C]": (5385.4390, 0.194895, 19.823068)}  # fmt: skip


@pytest.mark.parametrize("order", range(4))
def test_a_rank_deficient_fit_is_flagged_whatever_the_order_of_rows(order):
    data = pd.read_csv(HERE / "data" / "far_from_zero.csv")
    data = data.sample(frac=1, random_state=order) if order else data
    apart = MixedModel.from_formula("y ~ 0 + f + (1 + f | g)", data).fit()
    contrasts = MixedModel.from_formula("y ~ f + (1 + f | g)", data).fit()
    for result in (apart, contrasts):
        assert result.llf == pytest.approx(-193.060107488, abs=1e-8)
        assert result.singular and any("(Intercept, f[T.B], f[T.C] | g) is singular" in w for w in result.warnings)
    table = apart.tidy().set_index("term")
    for term, (estimate, se, df) in FAR.items():
        assert table.loc[term, "estimate"] == pytest.approx(estimate, abs=6e-5)
        assert apart.bse[term] == pytest.approx(se, abs=5e-7)
        assert table.loc[term, "df"] == pytest.approx(df, abs=2e-5)
    satterthwaite = apart.tidy("satterthwaite")
    assert satterthwaite["df"].to_numpy() == pytest.approx(table["df"].to_numpy(), rel=1e-8)
    assert any(w.startswith("Satterthwaite is undefined") for w in apart.warnings)


def test_the_higher_of_two_peaks_is_found():
    """Twenty rows of five groups: one peak has no variance between groups, the other one of slopes.

    lme4 1.1.31 ends at the first from the start (0.5, 0.1), at -29.242822, and at the second from (1, 1).
    """
    data = pd.read_csv(HERE / "data" / "two_peaks.csv")
    result = MixedModel.from_formula("y ~ x + (1 + x || g)", data).fit()
    assert result.llf == pytest.approx(-29.180198383, abs=1e-8)
    assert [result.covariances[0][k, k] for k in (0, 1)] == pytest.approx([0.0, 0.6267693], abs=2e-7)
    assert result.scale == pytest.approx(0.8238226, abs=2e-7)
    assert result.refit_many([data.y]).llf[0] == pytest.approx(result.llf, abs=1e-8)
