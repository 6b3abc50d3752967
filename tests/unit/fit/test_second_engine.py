"""The second engine against R's numbers, and what it refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.fit.second_engine import fit_second

ROOT = Path(__file__).parents[3]
REFRAMED = ROOT.parent / "shared/data/reframed_dbt_rct/reframed.csv"


def simulated(n_groups=20, size=8, tau=0.5, slope=0.3, seed=5):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), size)
    s = rng.normal(size=n_groups)[group]
    w = rng.normal(size=n_groups * size)
    y = 1 + 0.4 * w + slope * s + tau * rng.normal(size=n_groups)[group] + rng.normal(size=len(group))
    x = pd.DataFrame({"Intercept": 1.0, "w": w, "s": s})
    return y, x, group.astype(str)


@pytest.mark.skipif(not REFRAMED.is_file(), reason="the REFRAMED trial's data are not beside the checkout")
def test_reframed_three_levels_match_lme4():
    """lme4 4-significant-digit check with all digits it prints: phq9 ~ m + (1 | patient) + (1 | therapist), ML."""
    data = pd.read_csv(REFRAMED)
    data = data[(data["month"] != "Post-Rx") & data["phq9"].notna() & data["therapist"].notna()]
    x = pd.DataFrame({"Intercept": 1.0, "time": data["month"].astype(float).to_numpy()})
    fit = fit_second(
        data["phq9"].to_numpy(), x, data["therapist"].to_numpy(str), data["patient"].to_numpy(str), reml=False
    )
    se = np.sqrt(np.diag(fit.cov))
    assert fit.n_obs == 1610 and fit.groups == {"therapist": 22, "patient": 160}
    assert fit.llf == pytest.approx(-4729.02101686857, abs=1e-5)
    assert fit.params == pytest.approx([16.7884935745791, -0.301255068975503], abs=1e-5)
    assert se == pytest.approx([0.566395316935475, 0.0216770358044443], rel=1e-4)
    assert fit.variances["patient"] == pytest.approx(30.2617042457464, rel=1e-4)
    assert fit.variances["therapist"] == pytest.approx(1.77727446111095, rel=1e-3)
    assert fit.scale == pytest.approx(15.6488781983127, rel=1e-5)


def test_balanced_fit_equals_the_analysis_of_variance():
    """With equal groups and only therapist terms, REML is the ANOVA estimator."""
    y, x, group = simulated()
    fit = fit_second(y, x[["Intercept"]], group)
    means = pd.Series(y).groupby(group).mean()
    within = pd.Series(y).groupby(group).var(ddof=1).mean()
    assert fit.scale == pytest.approx(within, rel=1e-4)
    assert fit.variances["therapist"] == pytest.approx(means.var(ddof=1) - within / 8, rel=1e-3)
    assert fit.params[0] == pytest.approx(y.mean(), abs=1e-10)
    assert fit.cov[0, 0] == pytest.approx(means.var(ddof=1) / 20, rel=1e-4)


def test_therapist_effect_is_not_lost_at_a_variance_of_zero():
    """statsmodels itself can give exactly 0 here; the GLS coefficients may not."""
    y, x, group = simulated(tau=0.0, slope=0.5, seed=8)
    fit = fit_second(y, x, group)
    assert fit.singular
    ols = np.linalg.lstsq(x.to_numpy(), y, rcond=None)[0]
    assert fit.params == pytest.approx(ols, abs=1e-3)


def test_units_do_not_matter():
    y, x, group = simulated()
    one, other = fit_second(y, x, group), fit_second(1e5 * y + 7, x.assign(w=1e-4 * x["w"]), group)
    assert other.params[1] / 1e9 == pytest.approx(one.params[1], rel=1e-4)
    assert other.variances["therapist"] / 1e10 == pytest.approx(one.variances["therapist"], rel=1e-3)


def test_row_order_does_not_matter():
    y, x, group = simulated()
    order = np.random.default_rng(0).permutation(len(y))
    one = fit_second(y, x, group)
    other = fit_second(y[order], x.iloc[order].reset_index(drop=True), group[order])
    assert other.params == pytest.approx(one.params, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y, x: (y, x.assign(w=2.0)), "term 'w' does not vary"),
        (lambda y, x: (y, x.assign(copy=x["w"])), "determine each other"),
        (lambda y, x: (np.ones_like(y), x), "the outcome has one value only"),
    ],
)
def test_what_cannot_be_estimated_is_said(change, words):
    y, x, group = simulated()
    with pytest.raises(UserError, match=words):
        fit_second(*change(y, x), group)
