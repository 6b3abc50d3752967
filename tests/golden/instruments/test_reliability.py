"""Omega, ICC and reliability within and between groups against R (psych, lavaan; s1, s3, s7 of the reference set)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import norm

from bowlby.instruments.factor_models import omega_total, products
from bowlby.instruments.reliability import one_way
from bowlby.instruments.two_level_factors import Moments, fit_two_level

HERE = Path(__file__).parent


def expected(name):
    return json.loads((HERE / f"{name}.expected.json").read_text("utf-8"))


def se_of(value, low, high):
    """Standard error that an interval on the logit came from."""
    return (logit(high) - logit(low)) / 2 / norm.isf(0.025) * value * (1 - value)


def test_omega_total_is_lavaans():
    items = pd.read_csv(HERE / "s1_items.csv").drop(columns="patient").dropna()
    items[["item03", "item06"]] = 6 - items[["item03", "item06"]]
    value, low, high = omega_total(products(items.to_numpy().T))
    assert value == pytest.approx(expected("s1_omega")["lavaan_ml_covariance_metric"]["omega"], abs=1e-6)
    assert se_of(value, low, high) == pytest.approx(expected("omega_se")["total"], rel=1e-3)


def test_omega_total_of_standardised_items_is_psychs():
    items = pd.read_csv(HERE / "s1_items.csv").drop(columns="patient").dropna()
    items[["item03", "item06"]] = 6 - items[["item03", "item06"]]
    wanted = expected("s1_omega")["ml_correlation_metric"]["omega"]
    assert omega_total(products(((items - items.mean()) / items.std(ddof=0)).to_numpy().T))[0] == pytest.approx(
        wanted, abs=1e-4
    )


def test_icc_of_one_way_and_of_the_mean_of_three():
    data = pd.read_csv(HERE / "s3_icc.csv").melt("subject")
    found, wanted = one_way(data["value"], data["subject"]), expected("s3_icc")["anova_lmer_false"]
    assert list(found.icc) == pytest.approx([wanted["ICC1"][k] for k in ("ICC", "lower", "upper")], abs=1e-8)
    assert list(found.mean_reliability()) == pytest.approx(
        [wanted["ICC1k"][k] for k in ("ICC", "lower", "upper")], abs=1e-8
    )


def test_pingouin_gives_the_same_six_coefficients():
    from pingouin import intraclass_corr

    data = pd.read_csv(HERE / "s3_icc.csv").melt("subject", var_name="rater")
    found = intraclass_corr(data, targets="subject", raters="rater", ratings="value")["ICC"]
    wanted = [x["ICC"] for x in expected("s3_icc")["anova_lmer_false"].values()]
    np.testing.assert_allclose(sorted(found), sorted(wanted), atol=1e-8)


def test_two_level_factor_model_is_lavaans():
    data, wanted = pd.read_csv(HERE / "s7_twolevel_items.csv"), expected("s7_geldhof_omega")
    found = fit_two_level(Moments(data[["x1", "x2", "x3", "x4"]].to_numpy().T, pd.factorize(data["therapist"])[0]))
    assert found.llf == pytest.approx(wanted["logLik"], abs=1e-6)
    assert found.within[0] == pytest.approx(wanted["omega_within"], abs=1e-5)
    assert found.between[0] == pytest.approx(wanted["omega_between"], abs=1e-5)
    np.testing.assert_allclose(found.loadings_within, wanted["loadings_within"], atol=1e-4)
    np.testing.assert_allclose(found.loadings_between, wanted["loadings_between"], atol=1e-4)
    np.testing.assert_allclose(found.residuals_within, wanted["theta_within"], atol=1e-4)
    np.testing.assert_allclose(found.residuals_between, wanted["theta_between"], atol=1e-4)
    se = expected("omega_se")
    assert se_of(*found.within) == pytest.approx(se["within"], rel=5e-3)
    assert se_of(*found.between) == pytest.approx(se["between"], rel=5e-3)
