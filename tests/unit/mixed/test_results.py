import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import MixedModel

NESTED = "y ~ time + s + (1 + time | patient) + (1 | therapist)"


def test_import_brings_no_heavy_library():
    """Start-up is kept short by what is not imported; how long it takes is measured in the benchmarks."""
    script = (
        "import sys, bowlby.mixed, bowlby.figures; "
        "print([m for m in ('statsmodels', 'matplotlib', 'seaborn', 'pingouin') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_job_starts_without_tables_and_statistics():
    """Nor does the main process need them to know the jobs; each job imports what its work needs."""
    script = (
        "import sys, bowlby.job, bowlby.plan; from bowlby import figures, tables; "
        "print([m for m in ('scipy.special', 'scipy.optimize', 'bowlby.mixed') if m in sys.modules])"
    )
    light = (
        "import sys, bowlby.job, bowlby.plan; print([m for m in ('pandas', 'pyarrow', 'scipy') if m in sys.modules])"
    )
    for words in (script, light):
        done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


def test_tables(nested):
    result = MixedModel.from_formula(NESTED, nested).fit()
    assert list(result.tidy().columns) == ["term", "estimate", "se", "df", "t", "p", "ci_low", "ci_high"]
    assert list(result.varcorr.columns) == ["group", "term", "term2", "variance", "sd"]
    rows = result.varcorr
    assert rows.group.tolist() == ["patient", "patient", "patient", "therapist", "Residual"]
    assert rows.term2.tolist() == [None, None, "time", None, None]
    assert rows.sd.iloc[2] == pytest.approx(rows.variance.iloc[2] / (rows.sd.iloc[0] * rows.sd.iloc[1]))
    assert result.scale == rows.variance.iloc[4]
    text = result.summary()
    assert "therapist" in text and "Kenward-Roger" in text and "REML" in text
    assert len(result.starts) == 3 and all(s.converged for s in result.starts)


def test_many_contrasts_at_once_are_those_one_by_one(nested):
    result = MixedModel.from_formula(NESTED, nested).fit()
    asked = [{"time": 1.0, "s": -1.0}, [0.0, 1.0, 1.0]]
    alone = pd.concat([result.contrast(c) for c in asked], ignore_index=True)
    numbers = ["estimate", "se", "df", "t", "p", "ci_low", "ci_high"]
    pd.testing.assert_frame_equal(result.contrasts(asked)[numbers], alone[numbers], check_exact=True)


def test_fitted_values_residuals_and_predictions_agree(crossed):
    result = MixedModel.from_formula(NESTED, crossed).fit()
    assert np.allclose(result.fittedvalues + result.resid, crossed.y)
    assert np.allclose(result.predict(crossed), result.fittedvalues)
    stranger = crossed.head(5).assign(patient="new", therapist="new")
    assert np.allclose(result.predict(stranger), result.predict(stranger, random=False))
    known = crossed.head(5).assign(patient="new")
    u = result.random_effects["therapist"]["Intercept"].reindex(known.therapist).to_numpy()
    assert np.allclose(result.predict(known), result.predict(known, random=False) + u)


def test_refit_equals_a_new_model(crossed):
    result = MixedModel.from_formula(NESTED, crossed).fit()
    y = result.simulate(1, 5)[0]
    again = result.refit(y)
    fresh = MixedModel.from_formula(NESTED, crossed.assign(y=y)).fit()
    assert again.llf == pytest.approx(fresh.llf, abs=1e-9)
    assert np.allclose(again.tidy().df, fresh.tidy().df, rtol=1e-7)


def test_simulate_is_addressed_by_replicate(nested):
    result = MixedModel.from_formula(NESTED, nested).fit()
    many, few = result.simulate(5, 11), result.simulate(2, 11)
    assert np.array_equal(many[:2], few) and not np.array_equal(many[0], many[1])
    draws = result.simulate(400, 1)
    assert np.abs(draws.mean(axis=0) - result.predict(random=False)).max() < 1.2
    parts = result.r_squared()["variances"]
    total = parts["patient"] + parts["therapist"] + parts["residual"]
    assert draws.var(axis=0).mean() == pytest.approx(total, rel=0.1)


def test_r_squared_shares_sum_to_one(nested):
    shares = MixedModel.from_formula(NESTED, nested).fit().r_squared()
    assert sum(shares["by_level"].values()) == pytest.approx(1)
    assert shares["conditional"] == pytest.approx(1 - shares["by_level"]["residual"])
    assert shares["marginal"] == pytest.approx(shares["by_level"]["fixed"])


def test_profile_limits_are_where_the_likelihood_has_fallen_enough(pre_post):
    model = MixedModel.from_formula("y ~ a_w + s + (1 | therapist)", pre_post)
    best = model.fit(reml=False)
    table = model.fit().profile().set_index(["kind", "term"], drop=False)
    for limit in table.loc[("coefficient", "s")][["ci_low", "ci_high"]].to_numpy().ravel():
        known = limit * pre_post.s
        fixed = MixedModel.from_formula("y ~ a_w + (1 | therapist)", pre_post, offset=known).fit(reml=False)
        assert 2 * (best.llf - fixed.llf) == pytest.approx(3.841458820694124, abs=1e-5)
    low, high = table[table.kind == "sd"][["ci_low", "ci_high"]].to_numpy()[0]
    assert 0 <= low < np.sqrt(best.covariances[0][0, 0]) < high


def test_boundary_profile_starts_at_zero():
    rng = np.random.default_rng(2)
    j = np.repeat(np.arange(12), 10)
    y = rng.normal(size=120)
    data = pd.DataFrame({"y": y - 0.8 * (np.bincount(j, y) / 10)[j], "g": j})
    table = MixedModel.from_formula("y ~ 1 + (1 | g)", data).fit().profile()
    assert table.ci_low.iloc[0] == 0.0 and table.ci_high.iloc[0] > 0


def test_a_likelihood_with_two_ends_keeps_the_higher(nested):
    result = MixedModel.from_formula(NESTED, nested).fit()
    heights = [s.deviance for s in result.starts]
    assert result._state.deviance <= min(heights) + 1e-8


def test_factors_with_the_same_levels_are_flagged_and_shown(pre_post):
    copied = pre_post.assign(other=pre_post.therapist.str.lower())
    result = MixedModel.from_formula("y ~ s + (1 | therapist) + (1 | other)", copied).fit()
    assert any("'therapist' and 'other' have the same levels" in w for w in result.warnings)
    alone = MixedModel.from_formula("y ~ s + (1 | therapist)", copied).fit()
    assert result.llf == pytest.approx(alone.llf, abs=1e-8)
    for method in ("kenward-roger", "satterthwaite"):
        for column in ("estimate", "se", "df"):
            expected = alone.tidy(method)[column].to_numpy()
            assert result.tidy(method)[column].to_numpy() == pytest.approx(expected, rel=1e-6)
    text = result.summary()
    assert "cannot be told apart" in text and f"{result.params['s']:.5g}" in text
    finer = pre_post.assign(other=np.arange(len(pre_post)) // 3)
    assert not MixedModel.from_formula("y ~ s + (1 | therapist) + (1 | other)", finer).fit().warnings


def test_the_summary_says_what_was_fitted(pre_post):
    data = pre_post.assign(w=1.0 + np.arange(len(pre_post)) % 3, known=0.5, **{"my x": pre_post.a_w})
    result = MixedModel.from_formula(
        "y ~ `my x` + C(arm):s + (1 + a_w || therapist)", data, weights="w", offset="known"
    ).fit()
    text = result.summary()
    assert "formula: y ~ 1 + `my x` + C(arm):s + (1 + a_w || therapist)" in text
    assert "converged" in text and "weights and offset" in text and "adjusted SE" in text
    again = MixedModel.from_formula(text.split("formula: ")[1].split("\n")[0], data, weights="w", offset="known")
    assert again.spec == result.model.spec


def test_a_note_on_satterthwaite_is_of_its_own_table():
    rng = np.random.default_rng(2)
    j = np.repeat(np.arange(12), 10)
    y = rng.normal(size=120)
    data = pd.DataFrame({"y": y - (np.bincount(j, y) / 10)[j], "g": j})
    result = MixedModel.from_formula("y ~ 1 + (1 | g)", data).fit()
    result.tidy("satterthwaite")
    assert "Satterthwaite" not in result.summary("kenward-roger")
    assert "Satterthwaite undefined" in result.summary("satterthwaite")
    assert sum("Satterthwaite" in w for w in result.warnings) == 1


def test_levels_are_sorted_everywhere(pre_post):
    result = MixedModel.from_formula("y ~ s + (1 | therapist)", pre_post.sample(frac=1, random_state=5)).fit()
    levels = sorted(pre_post.therapist.unique())
    assert result.random_effects["therapist"].index.tolist() == levels
    assert list(result.random_effects_cov["therapist"]) == list(result.random_effects_pev["therapist"]) == levels
    left = result.leave_out()
    assert left.labels == levels
    one = MixedModel.from_formula("y ~ s + (1 | therapist)", pre_post[pre_post.therapist != levels[3]]).fit()
    assert left.llf[3] == pytest.approx(one.llf, abs=1e-8)
    first = result.model.frame.factors[0].levels[0]
    sizes = pre_post.therapist.value_counts()
    residual, between = result.scale, result.covariances[0][0, 0]
    expected = between * residual / (residual + between * sizes[first])
    assert result.random_effects_cov["therapist"][first].item() == pytest.approx(expected)


def test_a_redundant_variance_leaves_df_and_standard_errors_as_they_are(pre_post):
    """(1 + f || g) is (0 + f | g): the intercept's variance is part of the category's covariances."""
    data = pre_post.assign(f=np.array(["A", "B", "C"])[np.arange(len(pre_post)) % 3])
    cell = data.groupby(["therapist", "f"]).ngroup()
    data["y"] += np.random.default_rng(4).normal(size=cell.max() + 1)[cell]
    whole, split = (
        MixedModel.from_formula(f"y ~ s + a_w + f + ({random} therapist)", data).fit()
        for random in ("0 + f |", "1 + f ||")
    )
    assert split.llf == pytest.approx(whole.llf, abs=1e-8) and not whole.singular
    assert any("drop the random effect 'Intercept'" in w for w in split.warnings)
    for column in ("estimate", "se", "df"):
        assert split.tidy()[column].to_numpy() == pytest.approx(whole.tidy()[column].to_numpy(), rel=1e-6)
    joint = [result.f_test(["f[T.B]", "f[T.C]"]).iloc[0].to_numpy(float) for result in (whole, split)]
    assert joint[1] == pytest.approx(joint[0], rel=1e-6)
    y = split.model.frame.y[::-1]
    batch, one = split.refit_many([y], kenward_roger=True), split.refit(y)
    assert batch.df[0] == pytest.approx(one.tidy()["df"].to_numpy(), rel=1e-6)


def test_df_that_cannot_be_computed_are_warned_of(pre_post):
    result = MixedModel.from_formula("y ~ s + (1 | therapist)", pre_post).fit()
    result.__dict__["_w_satterthwaite"] = -result._w_expected
    assert np.isnan(result.contrast({"s": 2.0, "Intercept": 1.0}, df="satterthwaite")["df"].iloc[0])
    assert "the satterthwaite df of Intercept + 2 s cannot be computed from these data" in result.warnings


def test_a_standard_error_that_is_no_number_is_never_given():
    """Eight rows, two in each of four groups, with an intercept and a slope each: no residual variation is left."""
    data = pd.DataFrame({"g": np.repeat(np.arange(4), 2), "x": [-0.3, -0.93, -1.37, 0.87, 0.15, -0.64, 0.18, -1.16],
                         "y": [-0.55, -1.46, 1.23, 2.17, 0.24, -1.31, -0.11, -0.18]})  # fmt: skip
    with pytest.raises(UserError, match=r"leaves no residual variation|standard error of .* cannot be computed"):
        MixedModel.from_formula("y ~ x + (1 + x || g)", data).fit().tidy()
    other = data.assign(z=[0.3, -1.2, 0.8, 0.1, -0.9, 1.1, 0.4, -0.2])
    result = MixedModel.from_formula("z ~ x + (1 | g)", other).fit()
    batch = MixedModel.from_formula("z ~ x + (1 + x || g)", other).fit().refit_many([data.y], kenward_roger=True)
    assert not batch.converged[0] and np.isnan(batch.se).all()
    result.__dict__["_phi_adjusted"] = -np.eye(2)
    with pytest.raises(UserError, match=r"standard error of .* cannot be computed"):
        result.tidy()


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ 0 + arm + s + (1 | therapist)",
        "y ~ 0 + arm:ill + (1 | therapist)",
        "y ~ 0 + s + C(ill) + a_w + (1 + a_w || therapist)",
    ],
)
def test_the_level_of_an_outcome_does_not_matter_where_categories_stand_for_the_intercept(pre_post, formula):
    """A million added to the outcome leaves all but the categories' estimates as they are: none of 16 digits is lost
    but the six that the sum itself costs."""
    data = pre_post.assign(ill=np.where(np.arange(len(pre_post)) % 3, "yes", "no"))
    near = MixedModel.from_formula(formula, data).fit()
    far = MixedModel.from_formula(formula, data.assign(y=data.y + 1e6)).fit()
    assert far.llf == pytest.approx(near.llf, abs=1e-6) and far.singular == near.singular
    moved = far.params - near.params
    assert moved.to_numpy() == pytest.approx([1e6 if "[" in name else 0.0 for name in moved.index], abs=1e-6)
    assert far.tidy()["df"].to_numpy() == pytest.approx(near.tidy()["df"].to_numpy(), rel=1e-6)
    assert far.predict(data) == pytest.approx(near.predict(data) + 1e6, abs=1e-6)
    batch = far.refit_many([data.y + 1e6, data.y[::-1] + 1e6], kenward_roger=True)
    assert batch.se[0] == pytest.approx(far.tidy()["se"].to_numpy(), rel=1e-6)
    assert batch.params[1] == pytest.approx(far.refit(data.y.to_numpy()[::-1] + 1e6).params.to_numpy(), abs=1e-5)
    left = far.leave_out()
    rest = MixedModel.from_formula(formula, data[data.therapist != left.labels[0]].assign(y=data.y + 1e6)).fit()
    assert left.params[0] == pytest.approx(rest.params.to_numpy(), abs=1e-5)
    column = next(name for name in near.params.index if "[" in name)
    new = np.where(np.arange(len(data)) % 5 == 0, 1.0, 0.0)
    changed = near.refit_many(columns={column: new[None]})
    assert changed.params[0] == pytest.approx(near.model.with_columns({column: new}).fit().params.to_numpy(), abs=1e-5)


def test_an_outcome_far_from_zero_without_an_intercept_converges():
    """The criterion loses digits where the random effects are all but the whole outcome; its gradient does not."""
    for seed in (8, 20, 22, 42, 53, 55, 78, 126):
        rng = np.random.default_rng(seed)
        data = pd.DataFrame({"g": np.arange(60) % 12, "y": 1e4 + rng.normal(size=60)})
        assert MixedModel.from_formula("y ~ 0 + (1 | g)", data).fit().converged, seed


@pytest.mark.parametrize(("sd", "warned"), [(0.003, True), (0.05, False)])
def test_a_residual_of_almost_nothing_is_warned_of(sd, warned):
    random = np.random.default_rng(5)
    g, x = np.repeat(np.arange(25), 5), random.normal(size=125)
    y = 0.5 * x + random.normal(size=25)[g] + sd * random.normal(size=125)
    fit = MixedModel.from_formula("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g})).fit()
    assert any("fewer correct digits" in line for line in fit.warnings) == warned
