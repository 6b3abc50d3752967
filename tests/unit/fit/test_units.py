"""Standard errors of slopes that are counted in the SDs of a sample, against hand calculation and simulation."""

import numpy as np
import pandas as pd
import pytest

from bowlby.design.composite import sd_error
from bowlby.fit.units import standardised, with_sd_error

ERRORS = {side: {"variance": variance, "df": df}
          for side, variance, df in (("y", 0.001, 499.0), ("perceived", 0.002, 499.0),
                                     ("therapist_style", 0.02, 24.0))}  # fmt: skip


def test_the_parts_add_up_by_hand():
    found = with_sd_error({"P": (0.3, 0.05, 40.0), "T": (0.2, 0.1, 20.0), "P-T": (0.1, 0.12, 30.0)}, ERRORS)
    assert found["P"][1] ** 2 == pytest.approx(0.05**2 + 0.09 * 0.003)
    assert found["T"][1] ** 2 == pytest.approx(0.1**2 + 0.04 * 0.021)
    assert found["P-T"][1] ** 2 == pytest.approx(0.12**2 + 0.01 * 0.001 + 0.09 * 0.002 + 0.04 * 0.02)
    own = [(0.1**2, 20.0), (0.04 * 0.001, 499.0), (0.04 * 0.02, 24.0)]
    assert found["T"][2] == pytest.approx(sum(v for v, _ in own) ** 2 / sum(v**2 / df for v, df in own))


def test_an_effect_of_zero_and_known_sds_change_nothing():
    assert with_sd_error({"T": (0.0, 0.1, 20.0)}, ERRORS)["T"] == pytest.approx((0.0, 0.1, 20.0))
    contrasts = [{"name": "T", "estimate": 0.2, "se": 0.1, "df": 20.0}]
    assert standardised(contrasts, {}) is contrasts


def test_a_kept_contrast_has_the_interval_of_its_wider_error():
    (one,) = standardised([{"name": "T", "estimate": 0.2, "se": 0.1, "df": 20.0}], ERRORS)
    assert one["se_known_sd"] == 0.1 < one["se"]
    assert one["ci_high"] - one["ci_low"] == pytest.approx(2 * 2.0854 * one["se"], rel=1e-2)
    assert one["t"] == pytest.approx(0.2 / one["se"])


@pytest.mark.parametrize("draw", [
    lambda rng: rng.standard_normal((4000, 40)),
    lambda rng: rng.exponential(size=(4000, 200)),
])  # fmt: skip
def test_the_error_of_a_logarithm_of_an_sd_is_what_samples_show(draw):
    values = draw(np.random.default_rng(3))
    shown = np.log(values.std(axis=1, ddof=1)).var()
    expected = np.mean([sd_error(pd.Series(row))["variance"] for row in values])
    assert expected == pytest.approx(shown, rel=0.12)


def test_a_normal_sample_is_half_of_one_over_its_df():
    rng = np.random.default_rng(1)
    mean = np.mean([sd_error(pd.Series(rng.standard_normal(50)))["variance"] for _ in range(2000)])
    assert mean == pytest.approx(1 / 98, rel=0.03)
