"""A slope variance that is estimated as 0 and counts as known: Kenward-Roger of the model without the slope."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import MixedModel


def rows(seed, spread):
    """Twelve therapists with twenty patients each, x centred within them, slopes with SD `spread`."""
    rng = np.random.default_rng(seed)
    therapist = np.repeat(np.arange(12), 20)
    x = rng.normal(size=240)
    x -= (np.bincount(therapist, x) / 20)[therapist]
    style = rng.normal(size=12)[therapist]
    slope = 0.2 + spread * rng.normal(size=12)
    y = slope[therapist] * x + 0.3 * rng.normal(size=12)[therapist] + rng.normal(size=240)
    return pd.DataFrame({"therapist": therapist, "x": x, "style": style, "y": y})


def fitted(data, terms, known_zero=()):
    random = [{"group": "therapist", "terms": terms, "correlated": False, "known_zero": list(known_zero)}]
    return MixedModel.from_terms("y", ["x", "style"], random, data).fit()


SINGULAR = next(seed for seed in range(50) if fitted(rows(seed, 0.0), ["1", "x"]).covariances[0][1, 1] == 0)
NUMBERS = ["estimate", "se", "df", "p"]


def test_it_is_the_model_without_the_slope():
    """To 1e-7 in every number, joint tests, refits to new outcomes and leaving out therapists included."""
    data = rows(SINGULAR, 0.0)
    known, without, kept = fitted(data, ["1", "x"], ["x"]), fitted(data, ["1"]), fitted(data, ["1", "x"])
    np.testing.assert_allclose(known.tidy()[NUMBERS], without.tidy()[NUMBERS], rtol=1e-7)
    np.testing.assert_allclose(
        known.f_test(["x", "style"]).to_numpy(float), without.f_test(["x", "style"]).to_numpy(float), rtol=1e-7
    )
    assert kept.tidy()["df"][1] < 20 < 200 < known.tidy()["df"][1]
    assert known.singular and known.llf == pytest.approx(kept.llf, abs=1e-9)
    y = data["y"].to_numpy()
    again = known.refit_many(y[None], kenward_roger=True)
    np.testing.assert_allclose(again.df[0], known.tidy()["df"], rtol=1e-7)
    np.testing.assert_allclose(again.se[0], known.tidy()["se"], rtol=1e-7)


def test_a_slope_that_varies_is_estimated_as_ever():
    data = rows(1, 0.5)
    known, kept = fitted(data, ["1", "x"], ["x"]), fitted(data, ["1", "x"])
    assert not kept.singular
    pd.testing.assert_frame_equal(known.tidy(), kept.tidy())


def test_only_uncorrelated_slopes_can_be_known():
    data = rows(1, 0.5)
    for random in ({"terms": ["1", "x"], "known_zero": ["x"]},
                   {"terms": ["1", "x"], "correlated": False, "known_zero": ["style"]}):  # fmt: skip
        with pytest.raises(UserError, match="known_zero"):
            MixedModel.from_terms("y", ["x"], [{"group": "therapist", **random}], data)
