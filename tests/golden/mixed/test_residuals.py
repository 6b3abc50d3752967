"""Residuals that are correlated in time or of unequal variance, against the exact likelihood begun at nlme's answer."""

import pandas as pd
import pytest
from differences import Checks
from mixed_checks import reference, rows

from bowlby.mixed import CAR1, MixedModel, VarianceByGroup

SESSIONS = "y ~ time + a_w + s_anx + (1 | patient) + (1 | therapist)"


def fit_sessions(reml, residual=None):
    return MixedModel.from_formula(SESSIONS, rows("12_car1"), residual=residual).fit(reml)


@pytest.mark.parametrize("kind", ["reml", "ml"])
def test_car1_is_at_the_maximum_of_the_exact_likelihood(kind):
    expected, result = reference("12_car1")[kind], fit_sessions(kind == "reml", CAR1("time", "patient"))
    assert result.llf == pytest.approx(expected["logLik"], abs=1e-6)
    assert result.residual_parameters["phi"] == pytest.approx(expected["phi"], abs=1e-6)
    sd = result.varcorr.set_index("group")["sd"]
    assert sd["therapist"] == pytest.approx(expected["sd_therapist"], rel=1e-5)
    assert sd["patient"] == pytest.approx(expected["sd_patient"], rel=1e-5)
    assert sd["Residual"] == pytest.approx(expected["sigma"], rel=1e-5)
    checks = Checks("12_car1")
    checks.fixed_effects(kind, result, expected["fixef"], expected["se"])
    assert [check for check in checks if not check.passes] == []


UNITS = {"years": 1 / 365.25, "weeks": 1 / 7, "seconds": 86400.0}


@pytest.mark.parametrize("unit", [*UNITS, "dates"])
def test_car1_does_not_depend_on_the_unit_of_time(unit):
    expected, data = reference("12_car1")["reml"], rows("12_car1")
    factor = UNITS.get(unit, 1.0)
    when = data["time"] * factor
    if unit not in UNITS:
        when = pd.Timestamp("2020-02-20") + pd.to_timedelta(data["time"], unit="D")
    model = MixedModel.from_formula(SESSIONS, data.assign(when=when), residual=CAR1("when", "patient"))
    result = model.fit()
    assert result.llf == pytest.approx(expected["logLik"], abs=1e-6)
    # phi is the correlation of residuals one unit apart.
    assert result.residual_parameters["phi"] == pytest.approx(expected["phi"] ** (1 / factor), rel=2e-6 / factor)


def test_car1_counts_phi_as_a_parameter():
    assert fit_sessions(False, CAR1("time", "patient")).n_parameters == reference("12_car1")["ml"]["npar"]


def test_car1_against_plain_residuals():
    ref, plain = reference("12_car1"), fit_sessions(False)
    assert plain.nobs == ref["rows_used"]
    assert plain.llf == pytest.approx(ref["lrt_phi_zero"]["logLik_ml_without_car1"], abs=1e-6)
    chisq = 2 * (fit_sessions(False, CAR1("time", "patient")).llf - plain.llf)
    assert chisq == pytest.approx(ref["lrt_phi_zero"]["chisq"], abs=4e-6)


@pytest.mark.parametrize("kind", ["reml", "ml"])
def test_a_residual_variance_for_each_group(kind):
    data = rows("1_prepost_ancova")
    data = data.assign(worse=data["pre_w"].gt(0).map({True: "above", False: "below"}))
    expected = reference("variance_by_group")
    model = MixedModel.from_formula(expected["model"], data, residual=VarianceByGroup("worse"))
    result, expected = model.fit(kind == "reml"), expected[kind]
    assert result.llf == pytest.approx(expected["logLik"], abs=1e-6)
    above, below = (expected["residual_variance"][k] for k in ("above", "below"))
    assert result.scale == pytest.approx(above, rel=1e-5)
    ratio = result.residual_parameters["sd ratio below : above"]
    assert ratio**2 == pytest.approx(below / above, rel=1e-5)
    assert result.varcorr["variance"].iloc[0] == pytest.approx(expected["therapist_variance"], rel=1e-4)
    checks = Checks("variance by group")
    checks.fixed_effects(kind, result, expected["fixef"], expected["se"])
    assert [check for check in checks if not check.passes] == []
