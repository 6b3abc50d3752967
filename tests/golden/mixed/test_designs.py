"""Simulated designs: everything a result says against lme4, lmerTest, pbkrtest and a profile by refits."""

import pytest
from differences import surprises
from mixed_checks import DESIGNS, MODELS, SUITE, checks_of, expected_fit, fitted, reference, rows


@pytest.mark.parametrize("suite", SUITE)
@pytest.mark.parametrize("design", DESIGNS)
def test_no_number_is_further_from_the_reference_than_its_limit(design, suite):
    assert surprises(checks_of(design, suite)) == []


@pytest.mark.parametrize("design", DESIGNS)
def test_rows_levels_parameters_and_boundary_are_counted_as_lme4_counts_them(design):
    ref, result = reference(design), fitted(design, True)
    levels = {("mm" if DESIGNS[design].membership else group): n for group, n in ref["n_levels"].items()}
    assert result.nobs == ref["rows_used"]
    assert result.model.n_levels == levels
    assert result.n_parameters == ref["reml"]["npar"]
    assert result.singular == ref["reml"]["is_singular"]
    assert result.converged


@pytest.mark.parametrize("reml", [True, False])
def test_mundlak_pair_has_one_likelihood_and_differs_by_the_contextual_effect(reml):
    within_between = fitted("11_mundlak", reml)
    raw = fitted("11_mundlak", reml, "y ~ a + a_b + (1 | therapist)")
    second = reference("11_mundlak")["second_model"]["reml" if reml else "ml"]
    assert raw.llf == pytest.approx(within_between.llf, abs=1e-8)
    assert raw.llf == pytest.approx(second["logLik"], abs=1e-6)
    assert raw.params["a"] == pytest.approx(within_between.params["a_w"], abs=1e-9)
    assert raw.params["a_b"] == pytest.approx(within_between.params["a_b"] - within_between.params["a_w"], abs=1e-9)
    assert raw.bse["a_b"] == pytest.approx(second["se"]["a_b"], rel=1e-5)


def test_dependent_columns_are_dropped_and_named_as_lme4_names_them():
    result = fitted("13_rank_deficient", True)
    dropped = reference("13_rank_deficient")["columns_dropped_by_lme4"]
    assert result.model.dropped_columns == dropped
    assert any(all(name in line for name in dropped) for line in result.warnings)


def test_rows_with_missing_values_are_counted_once_each():
    model, ref = fitted("14_missing_rows", True).model, reference("14_missing_rows")
    assert sum(model.n_dropped.values()) == ref["rows_dropped"]
    assert model.n_dropped["y missing"] == rows("14_missing_rows")["y"].isna().sum()
    assert set(ref["therapists_lost"]).isdisjoint(fitted("14_missing_rows", True).random_effects["therapist"].index)


def test_satterthwaite_on_a_singular_fit_gives_kenward_rogers_df_and_says_so():
    result = fitted("5_singular", True)
    table = result.tidy("satterthwaite").set_index("term")
    kr = reference("5_singular")["inference_reml"]["kenward_roger"]
    assert table.loc["s_anx", "df"] == pytest.approx(kr["s_anx"]["df"], rel=1e-3)
    assert any("Satterthwaite" in line for line in result.warnings)


@pytest.mark.parametrize("name", MODELS)
def test_reference_fits_are_at_a_stationary_point(name):
    optimum = expected_fit(name)["fit"]["optimum"]
    assert optimum["max_abs_gradient"] < 1e-6
    reached = optimum["criterion_by_optimiser"].values()
    assert -2 * expected_fit(name)["fit"]["logLik"] <= min(reached) + 1e-7
