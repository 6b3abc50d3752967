import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.audit import audit
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.item_agreement import alphas, correlations, first_loadings, item_rest

STUDIES = 8


def study(instrument, seed, n=150):
    """Answers to an instrument: scales that share a little, items with loading .6."""
    random = np.random.default_rng(seed)
    low, high = instrument.response
    common, answers = random.standard_normal(n), {}
    for scale in instrument.scales.values():
        factor = np.sqrt(0.4) * common + np.sqrt(0.6) * random.standard_normal(n)
        for item in scale.items:
            latent = 0.6 * factor + 0.8 * random.standard_normal(n)
            answer = np.clip(np.round((low + high) / 2 + (high - low) / 5 * latent), low, high)
            answers[f"i{item:02d}"] = low + high - answer if item in scale.reverse else answer
    return pd.DataFrame(dict(sorted(answers.items()))).assign(
        person=[f"p{i}" for i in range(n)],
        role="patient",
        about="self",
        occasion="intake",
        session=pd.array([pd.NA] * n, dtype="Int64"),
    )


def turn(data, instrument, *items):
    low, high = instrument.response
    columns = [f"i{i:02d}" for i in items]
    return data.assign(**{c: low + high - data[c] for c in columns})


def findings(data, instrument, check):
    table = audit(data, instrument)
    return table[table["check"].eq(check) & table["verdict"].isin(["suspicious", "wrong"])]


def items_of(data):
    return [c for c in data if c.startswith("i")]


@pytest.mark.parametrize("name", ["ecr_s", "wai_sr", "cats", "phq9"])
def test_clean_data_raise_no_alarm_but_the_confidence_of_the_key(name):
    instrument = load_instrument(name)
    for seed in range(STUDIES):
        table = audit(study(instrument, seed), instrument)
        alarms = table[table["verdict"].isin(["suspicious", "wrong"]) & table["check"].ne("key_confidence")]
        assert alarms.empty


def test_items_answered_alike_have_an_alpha_of_one():
    instrument = load_instrument("phq9")
    data = study(instrument, 1)
    table = audit(data.assign(**dict.fromkeys(items_of(data), data["i01"])), instrument)
    assert table.loc[table["check"].eq("alpha"), "verdict"].tolist() == ["ok"]


@pytest.mark.parametrize("name, item", [("ecr_s", 8), ("ecr_s", 1), ("cats", 17), ("phq9", 3)])
def test_an_item_in_the_wrong_direction_is_named(name, item):
    instrument = load_instrument(name)
    for seed in range(STUDIES):
        found = findings(turn(study(instrument, seed), instrument, item), instrument, "item_rest")
        assert found["item"].tolist() == [item]
        assert found["verdict"].tolist() == ["wrong"]


def test_a_form_that_was_reversed_already_is_named():
    instrument = load_instrument("ecr_s")
    for seed in range(STUDIES):
        found = findings(turn(study(instrument, seed), instrument, 1, 5, 8, 9), instrument, "already_reversed")
        assert found["scale"].tolist() == ["anxiety", "avoidance"]
        assert "reversed already" in found["advice"].iloc[0]


def test_a_wholly_reversed_scale_of_a_total_is_named():
    instrument = load_instrument("wai_sr")
    found = findings(turn(study(instrument, 1), instrument, 3, 5, 7, 9), instrument, "scale_rest")
    assert "bond" in found["scale"].tolist()


def test_five_point_answers_on_a_seven_point_form_are_named():
    instrument = load_instrument("ecr_s")
    data = study(instrument, 1)
    data[items_of(data)] = data[items_of(data)].clip(upper=5)
    assert findings(data, instrument, "response_range")["observed"].tolist() == ["1 to 5"]


def test_values_out_of_range_are_counted_and_wrong():
    instrument = load_instrument("phq9")
    data = study(instrument, 1)
    data.loc[[3, 4], "i02"] = 4
    found = findings(data, instrument, "out_of_range")
    assert (found["observed"].tolist(), found["verdict"].tolist()) == ([2], ["wrong"])


def test_columns_in_another_order_are_named():
    instrument = load_instrument("cats")
    data = study(instrument, 1)
    columns = items_of(data)
    data[columns] = data[list(np.random.default_rng(1).permutation(columns))].to_numpy()
    assert len(findings(data, instrument, "columns_in_order")) >= 1


def test_straight_lines_are_counted_where_items_run_both_ways():
    instrument = load_instrument("ecr_s")
    data = study(instrument, 1)
    data.loc[:7, items_of(data)] = 7
    assert findings(data, instrument, "straight_lining")["observed"].tolist() == ["8 of 150"]
    table = audit(study(load_instrument("phq9"), 1), load_instrument("phq9"))
    assert table.loc[table["check"].eq("straight_lining"), "verdict"].tolist() == ["not_testable"]


def test_two_persons_with_the_same_36_answers_are_found():
    instrument = load_instrument("cats")
    data = study(instrument, 1)
    data.loc[0, items_of(data)] = data.loc[5, items_of(data)]
    assert findings(data, instrument, "duplicate_rows")["observed"].tolist() == [2]


def test_an_unverified_key_is_suspicious_with_the_way_out():
    table = audit(study(load_instrument("cats"), 1), load_instrument("cats"))
    rows = table[table["check"].eq("key_confidence")]
    assert rows["scale"].tolist() == ["secure", "avoidant_fearful", "preoccupied_merger"]
    assert set(rows["verdict"]) == {"suspicious"}
    assert set(rows["advice"]) == {
        "confirm against your licensed copy, or put your key in config/instruments/cats.yaml"
    }


def test_few_persons_are_not_testable_and_the_data_stay_as_they_are():
    instrument = load_instrument("ecr_s")
    data = study(instrument, 1, n=20)
    before = data.copy()
    table = audit(data, instrument)
    assert set(table.loc[table["check"].eq("item_rest"), "verdict"]) == {"not_testable"}
    pd.testing.assert_frame_equal(data, before)


def test_differences_between_roles_do_not_hide_a_wrong_item():
    instrument = load_instrument("ecr_s")
    high, low = study(instrument, 1), study(instrument, 2).assign(role="therapist")
    high[items_of(high)] = np.clip(high[items_of(high)] + 2, 1, 7)
    low["person"] = "t" + low["person"]
    both = pd.concat([high, low], ignore_index=True)
    assert findings(turn(both, instrument, 3), instrument, "item_rest")["item"].tolist() == [3]


def test_loadings_are_signed_by_the_majority():
    data = study(load_instrument("phq9"), 1)[[f"i{n:02d}" for n in range(1, 10)]]
    data["i01"] = -data["i01"]
    assert (first_loadings(data.to_numpy()) > 0).tolist() == [False] + [True] * 8


def test_item_rest_and_alphas_are_those_of_pandas():
    data = study(load_instrument("phq9"), 3)[[f"i{n:02d}" for n in range(1, 10)]].astype(float)
    data.iloc[::7, 2] = np.nan
    wanted = [data[c].corr(data.drop(columns=c).mean(axis=1)) for c in data]
    np.testing.assert_allclose(item_rest(data.to_numpy()), wanted, atol=1e-12)
    complete = data.dropna()
    whole, without = alphas(complete.to_numpy())
    wanted = [_alpha(complete), *(_alpha(complete.drop(columns=c)) for c in complete)]
    np.testing.assert_allclose([whole, *without], wanted, atol=1e-12)


def _alpha(items):
    k = items.shape[1]
    return k / (k - 1) * (1 - items.var().sum() / items.sum(axis=1).var())


def test_what_does_not_vary_has_no_correlation():
    a = np.array([[1.0, 2.0, 1.0], [1.0, 3.0, np.nan], [1.0, 5.0, np.nan], [1.0, 4.0, 2.0]])
    found = correlations(a, np.arange(12.0).reshape(4, 3))
    assert found.tolist() == pytest.approx([0.0, np.corrcoef(a[:, 1], range(4))[0, 1], 0.0])


def test_an_item_with_one_answer_only_leaves_the_others_to_be_tested():
    instrument = load_instrument("ecr_s")
    data = turn(study(instrument, 2).assign(i05=4.0), instrument, 3)
    table = audit(data, instrument)
    rows = table[table["check"].eq("item_rest") & table["scale"].eq("avoidance")].set_index("item")
    assert rows.loc[5, "verdict"] == "not_testable"
    assert rows.loc[3, "verdict"] == "wrong"
    assert (rows.drop(index=[3, 5])["verdict"] == "ok").all()
    assert table.loc[table["check"].eq("columns_in_order"), "verdict"].tolist() == ["ok"]
