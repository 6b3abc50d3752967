import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.factor_models import omega_total, products
from bowlby.instruments.reliability import level_rows, one_way, reliability
from bowlby.instruments.two_level_factors import Moments, _Likelihood, fit_two_level


def moments_of(values, groups):
    return Moments(values.T, groups)


def omega_of(items):
    return omega_total(products(items.to_numpy(float).T))


def two_level(seed, groups=80, size=12, k=5, between=0.5):
    """Items with a factor of variance 1 within and ``between**2`` between; residuals .6 within, .05 between."""
    random = np.random.default_rng(seed)
    sizes = random.integers(size // 2, 2 * size, groups)
    group = np.repeat(np.arange(groups), sizes)
    common = random.standard_normal(groups)[group] * between
    own = random.standard_normal(len(group))
    noise_b = random.normal(0, np.sqrt(0.05), (groups, k))[group]
    noise_w = random.normal(0, np.sqrt(0.6), (len(group), k))
    return 0.7 * own[:, None] + 0.7 * common[:, None] + noise_b + noise_w, group


def test_gradient_of_the_two_level_likelihood():
    likelihood = _Likelihood(moments_of(*two_level(1, groups=15, k=3)))
    at = np.random.default_rng(2).uniform(0.3, 1, 12)
    numeric = [(likelihood(at + h)[0] - likelihood(at - h)[0]) / 2e-6 for h in 1e-6 * np.eye(12)]
    np.testing.assert_allclose(likelihood(at)[1], numeric, rtol=1e-6, atol=1e-4)


def test_intervals_of_both_levels_hold_the_truth_in_most_studies():
    truth = (0.49 * 25 / (0.49 * 25 + 5 * 0.6), 0.49 * 0.25 * 25 / (0.49 * 0.25 * 25 + 5 * 0.05))
    held = np.zeros(2)
    for seed in range(25):
        found = fit_two_level(moments_of(*two_level(seed)))
        for i, (_, low, high) in enumerate((found.within, found.between)):
            held[i] += low <= truth[i] <= high
    assert (held >= 21).all(), held  # fewer than 21 of 25 in one of 140 sets of studies


def test_units_of_items_change_neither_level_when_all_are_the_same():
    values, groups = two_level(3)
    first, second = (fit_two_level(moments_of(own, groups)) for own in (values, values * 10 + 3))
    assert first.within == pytest.approx(second.within, abs=1e-6)
    assert first.between == pytest.approx(second.between, abs=1e-5)
    assert second.llf == pytest.approx(first.llf - values.size * np.log(10), abs=1e-6)


def test_few_groups_or_items_have_no_two_level_model():
    values, groups = two_level(4, groups=9)
    assert fit_two_level(moments_of(values, groups)) is None
    values, groups = two_level(4)
    assert fit_two_level(moments_of(values[:, :2], groups)) is None


def test_share_between_groups_of_several_sizes():
    random = np.random.default_rng(5)
    found = []
    for _ in range(200):
        groups = np.repeat(np.arange(30), random.integers(2, 20, 30))
        values = random.normal(0, np.sqrt(0.2), 30)[groups] + random.normal(0, np.sqrt(0.8), len(groups))
        found.append(one_way(values, groups).icc)
    value, low, high = np.array(found).T
    assert value.mean() == pytest.approx(0.2, abs=0.015)
    assert 0.9 < ((low < 0.2) & (high > 0.2)).mean() < 0.99


def test_no_repetition_no_share():
    assert one_way([1.0, 2, 3], ["a", "b", "c"]) is None
    assert one_way([1.0, 1, 1, 1], ["a", "a", "b", "b"]) is None
    assert one_way([1.0, 2], ["a", "a"]) is None


def test_omega_has_no_value_without_variance_or_with_too_few_rows():
    assert np.isnan(omega_of(pd.DataFrame(np.ones((50, 4))))[0])
    assert np.isnan(omega_of(pd.DataFrame(np.random.default_rng(1).normal(size=(7, 4))))[0])
    assert np.isnan(omega_of(pd.DataFrame(np.random.default_rng(1).normal(size=(70, 2))))[0])


def forms(values, groups, **more):
    values = np.clip(np.round(values * 1.2 + 3), 1, 5)
    head = {
        "person": [f"p{i}" for i in range(len(values))],
        "role": "patient",
        "about": "therapist",
        "occasion": "session_5",
        "session": pd.array([pd.NA] * len(values), dtype="Int64"),
        "therapist": [f"t{g}" for g in groups],
    }
    return pd.DataFrame(head | more | {f"i{n + 1:02d}": values[:, n] for n in range(values.shape[1])})


def test_patients_in_therapists_give_each_coefficient_with_its_n():
    table = reliability(forms(*two_level(6, k=12)), load_instrument("wai_sr"))
    task = table[table["scale"].eq("task")].set_index("coefficient")
    assert task.index.tolist() == [
        "alpha",
        "omega_total",
        "icc_therapist",
        "lambda_therapist_mean",
        "omega_within_therapist",
        "omega_between_therapist",
    ]
    assert task["n_groups"].isna().tolist() == [True, True, False, False, False, False]
    assert (task["ci_low"] < task["value"]).all() and (task["value"] < task["ci_high"]).all()


def test_one_therapist_or_none_leaves_alpha_and_omega():
    values, groups = two_level(7, k=12)
    for therapist in ("t1", None):
        table = reliability(forms(values, groups, therapist=therapist), load_instrument("wai_sr"))
        assert set(table["coefficient"]) == {"alpha", "omega_total"}


def test_therapists_that_do_not_differ_have_no_reliability_between():
    table = reliability(forms(*two_level(8, k=12, between=0.0)), load_instrument("wai_sr"))
    total = table[table["scale"].eq("total")].set_index("coefficient")["value"]
    assert np.isnan(total["omega_between_therapist"])
    assert total["omega_within_therapist"] > 0.8


def test_repeated_rows_of_a_patient_give_the_patient_level_over_all_occasions():
    values, groups = two_level(9, groups=60, size=4, k=12)
    repeat = pd.Series(groups).groupby(groups).cumcount()
    measures = forms(
        values,
        groups,
        person=[f"p{g}" for g in groups],
        occasion=[f"o{r}" for r in repeat],
        therapist=None,
    )
    table = reliability(measures, load_instrument("wai_sr"))
    rows = table[table["occasion"].eq("all occasions") & table["scale"].eq("total")]
    assert rows["coefficient"].tolist() == [
        "icc_patient",
        "lambda_patient_mean",
        "omega_within_patient",
        "omega_between_patient",
    ]
    assert set(rows["n_groups"]) == {60}


def test_omega_is_the_same_each_time_and_an_item_without_residual_has_no_interval():
    random = np.random.default_rng(10)
    common = random.standard_normal(300)
    items = pd.DataFrame({n: 0.7 * common + 0.7 * random.standard_normal(300) for n in range(4)})
    assert omega_of(items) == omega_of(items)
    items["pure"] = common + 0.001 * random.standard_normal(300)
    value, low, _ = omega_of(items)
    assert 0.8 < value < 1 and np.isnan(low)


def test_an_item_with_one_answer_only_changes_no_omega():
    values, group = two_level(5, groups=30)
    items = pd.DataFrame(values).rename(columns=str)
    assert omega_of(items.assign(same=2.0)) == omega_of(items)
    scores = items.sum(axis=1)
    with_it, without = (
        level_rows(scores.to_numpy(), list(i.to_numpy().T), group, "therapist") for i in (items.assign(same=2.0), items)
    )
    assert with_it == without
    assert len(without) == 4
