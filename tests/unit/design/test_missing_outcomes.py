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
    rows = pd.DataFrame({"y": y, "baseline": rng.normal(size=len(a)), "perceived": a, "therapist_style": s})
    return rows, np.char.add("T", therapist.astype(str))


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
    own = frame[["baseline", "perceived"]] - frame[["baseline", "perceived"]].groupby(therapist).transform("mean")
    x = dummies.assign(a=own["perceived"], b=own["baseline"], ab=own["perceived"] * own["baseline"],
                       sb=(frame["therapist_style"] - frame["therapist_style"].mean()) * own["baseline"])  # fmt: skip
    products = sm.OLS(missing, x).fit()
    for name, term in (("perceived:baseline", "ab"), ("therapist_style:baseline", "sb")):
        got = [found[name][key] for key in ("slope", "se", "p", "df")]
        expected = [products.params[term], products.bse[term], products.pvalues[term], products.df_resid]
        assert got == pytest.approx(expected, abs=1e-10)
    smallest = min(within.pvalues["a"], between.pvalues["therapist_style"], products.pvalues["ab"],
                   products.pvalues["sb"])  # fmt: skip
    assert found["p"] == pytest.approx(min(1, 4 * smallest))


def test_equal_shares_of_other_patients_are_noticed():
    """Insecure therapists lose those who do badly, secure ones those who do well: shares are equal, T is biased."""
    rng = np.random.default_rng(1)
    therapist = np.repeat(np.arange(40), 15)
    s, b = rng.normal(size=40)[therapist], rng.normal(size=600)
    gone = rng.random(600) < 0.15 + 0.12 * np.tanh(s * b)
    frame = pd.DataFrame({"y": np.where(gone, np.nan, 0.0), "baseline": b, "perceived": rng.normal(size=600),
                          "therapist_style": s})  # fmt: skip
    found = missing_outcomes(frame, therapist)
    assert found["p"] < 0.001 and found["therapist_style"]["p"] > 0.05


@pytest.mark.parametrize("missing", [0, 4, None])
def test_few_missing_outcomes_and_none_at_all_are_not_described(study, missing):
    frame, therapist = study
    y = np.zeros(len(frame))
    y[:missing] = np.nan
    assert missing_outcomes(frame.assign(y=y), therapist) == {"p": None}


def test_the_verdict_is_flagged():
    fit = {"groups": {"therapist": 40}, "singular": False}
    design = {"style_share": 1.0, "reference": "configuration", "far_from_reference": []}
    other = {
        "caseload": {"test": None},
        "curved_style": {"p": None},
        "curved_baseline": {"matters": False},
        "unequal_spread": {"p": None},
    }
    assert _flags(fit, design | {"missing_outcomes": {"p": 0.01}}, other) == ["missing_outcomes_differ"]
    assert _flags(fit, design | {"missing_outcomes": {"p": None}}, other) == []
