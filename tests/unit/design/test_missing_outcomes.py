"""Whether patients without an outcome differ from the others: numbers of least squares, and when nothing is said."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from bowlby.compare import _flags
from bowlby.design.missing_outcomes import missing_outcomes


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(5)
    therapist = np.repeat(np.arange(20), rng.integers(4, 20, 20))
    s, a = rng.normal(size=20)[therapist], rng.normal(size=len(therapist))
    y = np.where(rng.random(len(a)) < 0.1 + 0.15 * (a < 0), np.nan, 0.0)
    return pd.DataFrame({"y": y, "perceived": a, "therapist_style": s}), np.char.add("T", therapist.astype(str))


def test_slopes_are_those_of_least_squares(study):
    """Within therapists: dummies for them; between: means weighted by caseload (statsmodels, 1e-10)."""
    frame, therapist = study
    found = missing_outcomes(frame, therapist)
    missing = frame["y"].isna().astype(float)
    dummies = pd.get_dummies(pd.Series(therapist)).astype(float)
    within = sm.OLS(missing, dummies.assign(a=frame["perceived"])).fit()
    means = frame.assign(missing=missing, n=1.0).groupby(therapist).agg(
        {"missing": "mean", "therapist_style": "mean", "n": "sum"})  # fmt: skip
    between = sm.WLS(means["missing"], sm.add_constant(means["therapist_style"]), weights=means["n"]).fit()
    for name, fit, term in (("perceived", within, "a"), ("therapist_style", between, "therapist_style")):
        got = [found[name][key] for key in ("slope", "se", "p", "df")]
        assert got == pytest.approx([fit.params[term], fit.bse[term], fit.pvalues[term], fit.df_resid], abs=1e-10)
    assert found["p"] == pytest.approx(min(1, 2 * min(within.pvalues["a"], between.pvalues["therapist_style"])))


@pytest.mark.parametrize("missing", [0, 4, None])
def test_few_missing_outcomes_and_none_at_all_are_not_described(study, missing):
    frame, therapist = study
    y = np.zeros(len(frame))
    y[:missing] = np.nan
    assert missing_outcomes(frame.assign(y=y), therapist) == {"p": None}


def test_the_verdict_is_flagged():
    fit = {"groups": {"therapist": 40}, "singular": False}
    design = {"style_share": 1.0, "reference": "configuration", "far_from_reference": []}
    other = {"caseload": {"test": None}, "curved_style": {"p": None}, "unequal_spread": {"p": None}}
    assert _flags(fit, design | {"missing_outcomes": {"p": 0.01}}, other) == ["missing_outcomes_differ"]
    assert _flags(fit, design | {"missing_outcomes": {"p": None}}, other) == []
