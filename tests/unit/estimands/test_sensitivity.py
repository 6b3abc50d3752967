"""Robustness values, yardsticks, slopes between therapists and caseload, against hand calculation."""

import numpy as np
import pandas as pd
import pytest

from bowlby.design.centring import within_between
from bowlby.estimands.sensitivity import robustness_value, sensitivity
from bowlby.fit.models import Fitter
from bowlby.terms import M1, M1_RANDOM


def study(slope_by_caseload=0.0, therapists=24, seed=2, curve=0.0, spread=0.0, bend=0.0):
    rng = np.random.default_rng(seed)
    size = np.where(np.arange(therapists) % 2, 6, 30)
    j = np.repeat(np.arange(therapists), size)
    n = len(j)
    pre, a, s = rng.normal(size=n), rng.normal(size=n), rng.normal(size=therapists)
    slope = 0.3 + slope_by_caseload * np.where(size[j] == 6, 1.0, -1.0)
    y = 0.5 * pre + slope * a + 0.1 * s[j] + 0.2 * rng.normal(size=therapists)[j]
    a, y = a + bend * pre**2, y + (bend + 0.3 * bend) * pre**2
    y = y + curve * s[j] ** 2 + np.exp(spread * s[j]) * rng.normal(size=n)
    w = np.eye(therapists)[j]
    data = pd.DataFrame({"patient": [f"P{i}" for i in range(n)], "therapist": [f"T{k:02d}" for k in j], "y": y,
                         "therapist_style": s[j] - s[j].mean()})  # fmt: skip
    data["baseline_within"], data["baseline_between"] = within_between(pre, w)
    data["perceived_within"], data["perceived_between"] = within_between(a, w)
    one = {"scales": ["x"], "sd": [1.0], "correlation": [[1.0]], "weights": {"x": 1.0}}
    data["perceived_x_within"], data["therapist_style_x"] = data["perceived_within"], data["therapist_style"]
    design = {
        "sd_outcome": 1.0,
        "sd_error": {},
        "n_dropped": {},
        "covariates": [],
        "scaling": {"perceived": one, "therapist_style": one},
    }
    members = data[["patient", "therapist"]].assign(weight=1.0)
    fitter = Fitter(data, members, design)
    result = fitter.fit(M1, M1_RANDOM)
    return sensitivity(result, fitter, fitter.primary()["primary"].record), fitter


@pytest.fixture(scope="module")
def found():
    return study()


def test_the_value_of_sensemakr():
    """The published example of Cinelli and Hazlett: t = 4.18 on 783 df gives .139."""
    assert robustness_value(4.18445, 783) == pytest.approx(0.1388, abs=1e-4)


def test_values_stand_on_the_df_of_their_level(found):
    values = found[0]["robustness_values"]
    assert values["P"]["df"] == 12 * 36 - 24 - 2
    assert values["T"]["df"] == values["P-T"]["df"] == 24 - 2 - 1
    assert values["P"]["value"] > values["P"]["limit"] > 0
    assert values["T"]["limit"] == 0.0


def test_a_yardstick_is_the_partial_r2_of_a_covariate(found):
    record, fitter = found
    data = fitter.data
    assert set(record["yardsticks"]) == {"baseline_within", "baseline_between"}
    r = np.corrcoef(data["baseline_within"], data["perceived_within"])[0, 1]
    assert record["yardsticks"]["baseline_within"]["predictor"] == pytest.approx(r**2, abs=1e-9)
    assert 0.1 < record["yardsticks"]["baseline_within"]["outcome"] < 0.4


def test_slopes_have_an_upper_limit_and_few_therapists_both_intervals(found):
    sd = found[0]["slope_sd"]
    assert 0 <= sd["estimate"] < sd["upper"] < 0.6
    assert found[0]["p_estimated"] is None
    few = study(therapists=10)[0]["p_estimated"]
    assert few["ci"][0] < few["estimate"] < few["ci"][1] and few["df"] < 200


def test_where_slopes_go_with_caseload_the_average_therapist_differs_from_the_average_patient(found):
    plain, tied = found[0]["caseload"], study(0.35)[0]["caseload"]
    assert plain["test"]["p"] > 0.05 > tied["test"]["p"]
    assert tied["therapist"]["estimate"] == pytest.approx(0.3, abs=0.12)
    assert tied["patient"]["estimate"] < tied["therapist"]["estimate"] - 0.08


def test_a_curve_and_unequal_spread_are_found(found):
    assert found[0]["curved_style"]["p"] > 0.05 and found[0]["unequal_spread"]["p"] > 0.05
    assert study(curve=0.3)[0]["curved_style"]["p"] < 0.01
    spread = study(spread=0.4)[0]["unequal_spread"]
    assert spread["p"] < 0.001 and spread["slope"] == pytest.approx(0.8, abs=0.25)  # of the log variance: twice .4


def test_a_curve_of_the_baseline_is_found_and_taken_out(found):
    """P = .3; both bend with the baseline, so that the straight line takes a part of the curve for attachment."""
    plain, bent = found[0]["curved_baseline"], study(bend=0.5)[0]["curved_baseline"]
    assert bent["matters"] and not plain["matters"]
    assert plain["test"]["p"] > 0.05 and bent["test"]["p"] < 0.001 and bent["test"]["df_num"] == 2
    assert bent["P"]["estimate"] == pytest.approx(0.3, abs=0.1)
