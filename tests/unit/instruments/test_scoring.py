import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.instruments.catalogue import list_instruments, load_instrument
from bowlby.instruments.model import Instrument, Recode, Scale
from bowlby.instruments.reliability import reliability, squared_errors
from bowlby.instruments.scoring import given, score, score_items_or_given

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/golden/instruments"


def forms(values, **key):
    values = np.asarray(values, dtype=float)
    table = pd.DataFrame(values, columns=[f"i{n:02d}" for n in range(1, values.shape[1] + 1)])
    key = {
        "person": [f"p{n}" for n in range(len(values))],
        "role": "patient",
        "about": "self",
        "occasion": "intake",
        "session": pd.array([pd.NA] * len(values), dtype="Int64"),
        "source_file": "a.csv",
        "source_row": range(2, len(values) + 2),
    } | key
    return table.assign(**key)


def without(values, *items):
    values = np.array(values, dtype=float)
    values[[i - 1 for i in items]] = np.nan
    return values


def s1():
    expected = json.loads((GOLDEN / "s1_items.expected.json").read_text())
    data = pd.read_csv(GOLDEN / "s1_items.csv")
    instrument = Instrument(
        id="s1",
        name="s1",
        n_items=8,
        response=(1, 5),
        aggregate="mean",
        confidence="verified-2",
        scales={
            "mean": Scale(items=range(1, 9), reverse=[3, 6], min_answered=7),
            "sum": Scale(items=range(1, 9), reverse=[3, 6], min_answered=7, aggregate="sum"),
        },
        overlap_ok=True,
    )
    return forms(data.drop(columns="patient"), person=data["patient"]), instrument, expected


def test_scores_with_missing_items_match_the_reference():
    measures, instrument, expected = s1()
    scores, wanted = score(measures, instrument), pd.DataFrame(expected["scored"])
    np.testing.assert_allclose(scores["mean"], wanted["mean_score"].astype(float), atol=1e-12)
    np.testing.assert_allclose(scores["sum"], wanted["prorated_sum"].astype(float), atol=1e-12)
    assert (scores["mean_n"] == wanted["n_answered"]).all()


def test_alpha_and_its_interval_match_psych():
    measures, instrument, expected = s1()
    row = reliability(measures, instrument).iloc[0]
    assert row["coefficient"] == "alpha"
    assert row["value"] == pytest.approx(expected["alpha"], abs=1e-12)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(expected["feldt"], abs=1e-10)
    assert (row["n"], row["n_items"], row["coefficient"]) == (109, 8, "alpha")


def test_phq9_total_by_hand_and_prorated_up_to_two_missing():
    answers = [3, 2, 1, 0, 3, 2, 1, 0, 1]
    table = score(forms([answers, without(answers, 1, 2), without(answers, 1, 2, 3)]), load_instrument("phq9"))
    assert table["total"].iloc[0] == 13
    assert table["total"].iloc[1] == pytest.approx(8 / 7 * 9)
    assert np.isnan(table["total"].iloc[2])
    assert table["total_n"].tolist() == [9, 7, 6]
    assert table["total_prorated"].tolist() == [False, True, False]
    assert (table["source"] == "items").all()


def test_gad7_total_by_hand():
    assert score(forms([[3, 3, 2, 1, 0, 2, 1]]), load_instrument("gad7"))["total"].tolist() == [12]


def test_ecr_s_reverses_1_5_9_and_8():
    answers = [7, 1, 1, 1, 7, 1, 1, 7, 7, 1, 1, 1]
    scores = score(forms([answers, [1] * 12]), load_instrument("ecr_s"))
    assert scores["avoidance"].tolist() == [6, 24]
    assert scores["anxiety"].tolist() == [6, 12]


def test_cats_scales_by_hand():
    answers = np.ones(36)
    answers[[0, 10, 16, 22]] = 6
    scores = score(forms([answers]), load_instrument("cats"))
    assert scores[["secure", "avoidant_fearful", "preoccupied_merger"]].iloc[0].tolist() == [14, 22, 10]


def test_wai_sr_total_needs_ten_of_twelve_and_a_scale_three_of_four():
    full = [5] * 12
    scores = score(forms([without(full, 1, 2), without(full, 1, 2, 3), without(full, 1)]), load_instrument("wai_sr"))
    assert scores["total"].tolist()[0::2] == [60, 60]
    assert np.isnan(scores["total"].iloc[1])
    assert scores["task"].isna().tolist() == [True, True, False]
    assert scores["bond"].tolist() == [20, 20, 20]


def test_rfq8_is_recoded_before_averaging():
    table = score(forms([[1] * 8, [7] * 8, [4] * 8, [1, 2, 3, 4, 5, 6, 7, 1]]), load_instrument("rfq8"))
    assert table["RFQ_C"].tolist() == pytest.approx([3, 0, 0, (3 + 2 + 1) / 6])
    assert table["RFQ_U"].tolist() == pytest.approx([0.5, 2.5, 0, (0 + 0 + 1 + 2 + 0 + 0) / 6])


def test_bsi18_total_needs_every_scale():
    scores = score(forms([without([1] * 18, 1, 4, 7), without([1] * 18, 1, 4)]), load_instrument("bsi18"))
    assert scores["total"].isna().tolist() == [True, False]
    assert scores["total_prorated"].tolist() == [False, True]


@pytest.mark.parametrize("name, missing", [("bsi18", 2), ("oq45", 1)])
def test_a_total_of_scales_adds_the_scales_where_items_are_missing(name, missing):
    """One scale at its highest and the others at 0, with items missing in these: the total is the one scale's."""
    instrument = load_instrument(name)
    (first, full, last), (low, high) = instrument.scales.values(), instrument.response
    answers = np.full(instrument.n_items, low)
    answers[[i - 1 for i in full.items if i not in full.reverse]] = high
    answers[[i - 1 for i in (*first.reverse, *last.reverse)]] = high
    scores = score(forms([answers, without(answers, *first.items[:missing])]), instrument)
    assert scores[list(instrument.scales)].to_numpy().tolist() == [[0, 4 * len(full.items), 0]] * 2
    assert scores["total"].tolist() == [4 * len(full.items)] * 2
    assert scores["total_n"].tolist() == [instrument.n_items, instrument.n_items - missing]
    assert scores["total_prorated"].tolist() == [False, True]


def test_a_total_of_items_is_worth_the_mean_of_all_answers_where_items_are_missing():
    answers = [1, 5, 1] * 4
    assert score(forms([without(answers, 1, 4)]), load_instrument("wai_sr"))["total"].tolist() == [26 / 10 * 12]


SCALES = {"a": Scale(items=[1, 2], min_answered=1), "b": Scale(items=[3], min_answered=1)}
RECODED = Scale(items=[3], min_answered=1, recode=[Recode(items=[3], to=[3, 2, 1, 0])])


@pytest.mark.parametrize(
    ("changes", "total", "said"),
    [
        ({}, {"of": "scales"}, []),
        ({"b": Scale(items=[3], min_answered=1, aggregate="mean")}, {"of": "scales"},
         ["a total of scales needs scales that are sums"]),
        ({"b": Scale(items=[2, 3], min_answered=1)}, {"of": "scales"},
         ["a total of scales would count shared items twice"]),
        ({"b": RECODED}, {}, ["a total has no rule for recoded items"]),
        ({"b": Scale(items=[2, 3], reverse=[2], min_answered=1)}, {},
         ["items 2 are reversed in one scale and not in another, so a total cannot have them"]),
        ({"b": Scale(items=[2, 3], min_answered=1, aggregate="max")}, {"scales": ["b", "c"]},
         ["total: there is no scale c",
          "a total of items would add up items of which a scale has the highest only"]),
        ({"b": RECODED}, {"scales": ["a"]}, []),
    ],
)  # fmt: skip
def test_a_total_that_its_scales_cannot_give_is_a_fault_of_the_key(changes, total, said):
    key = {"scales": SCALES | changes, "total": {"min_answered": 2} | total, "overlap_ok": True}
    instrument = Instrument(id="x", name="x", n_items=3, response=(0, 3), confidence="verified-1", **key)
    assert [what for _, what, _ in instrument.faults()] == said


def test_alpha_of_highest_answers_is_that_of_what_is_added_up():
    """The nine domains of the QIDS, not its sixteen items; an item alone has no alpha."""
    qids = load_instrument("qids_sr16")
    values = np.random.default_rng(3).integers(0, 4, (60, 1)) - np.random.default_rng(4).integers(0, 2, (60, 16))
    measures = forms(np.clip(values, 0, 3))
    domains = score(measures, qids)[list(qids.scales)].to_numpy(float)
    wanted = 9 / 8 * (1 - domains.var(axis=0, ddof=1).sum() / domains.sum(axis=1).var(ddof=1))
    found = reliability(measures, qids).query("coefficient == 'alpha'").set_index("scale")["value"]
    assert found["total"] == pytest.approx(wanted)
    assert np.isnan(found["sleep"])
    errors = squared_errors(measures, qids, "total")
    assert np.mean(errors) == pytest.approx((1 - wanted) * domains.sum(axis=1).var(ddof=1))


@pytest.mark.parametrize("name", [n for n in list_instruments() if load_instrument(n).scales])
def test_scores_stay_in_their_range_and_reversing_twice_is_the_identity(name):
    instrument = load_instrument(name)
    low, high = np.transpose([instrument.answers_to(k + 1) for k in range(instrument.n_items)])
    values = np.random.default_rng(1).integers(low, high + 1, (50, instrument.n_items)).astype(float)
    scores, mirrored = score(forms(values), instrument), score(forms(low + high - values), instrument)
    for scale, key in instrument.all_scales().items():
        bottom, top = instrument.range_of(scale)
        assert scores[scale].between(bottom, top).all()
        if not key.recode and not instrument.of_highest(scale):
            np.testing.assert_allclose(scores[scale] + mirrored[scale], bottom + top)


def test_order_of_rows_and_columns_does_not_matter():
    measures, instrument, _ = s1()
    shuffled = measures.sample(frac=1, random_state=1)[measures.columns[::-1]]
    pd.testing.assert_frame_equal(score(shuffled, instrument).sort_index(), score(measures, instrument))


def test_values_outside_the_range_are_told_without_the_value():
    measures = forms([[0] * 9, [0, 0, 0, 7, 0, 0, 0, 0, 0]])
    with pytest.raises(UserError) as caught:
        score(measures, load_instrument("phq9"))
    assert caught.value.problems == [
        "a.csv:3:i04: 1 value of item 4 of phq9 is not an answer from 0 to 3; "
        "set them to missing, or give the form's own range"
    ]


def test_another_response_range_is_reversed_on_that_range():
    scores = score(forms([[1] * 12]), load_instrument("ecr_s").on_response(1, 5))
    assert scores["avoidance"].tolist() == [3 * 5 + 3]


def test_given_scores_pass_in_range():
    measures = forms(np.empty((3, 0))).assign(anxiety=[6.0, 42.0, None], avoidance=[6.0, 7.0, 33.5])
    scores = given(measures, load_instrument("ecr_s"))
    assert scores["anxiety"].tolist()[:2] == [6, 42]
    assert scores["avoidance"].tolist() == [6, 7, 33.5]
    assert (scores["source"] == "given").all()
    assert "source_row" not in scores


def test_given_scores_out_of_range_or_of_no_scale_are_one_line_each():
    measures = forms(np.empty((2, 0))).assign(total=[27.0, 99.0], severity=[1.0, 2.0])
    with pytest.raises(UserError) as caught:
        given(measures, load_instrument("phq9"))
    assert caught.value.problems == [
        "a.csv:3:total: 1 values of total of phq9 are outside 0 to 27; correct them, or set them to missing",
        "phq9 has no scale 'severity'; it has total",
    ]


def test_persons_of_whom_the_file_has_a_score_only_keep_it_beside_those_with_items():
    measures = forms([[1] * 9, [np.nan] * 9, without([2] * 9, 1), [np.nan] * 9]).assign(total=[9.0, 20.0, 5.0, None])
    items, scores = score_items_or_given(measures, load_instrument("phq9"))
    assert items.index.tolist() == [0, 2, 3]
    assert scores["total"].tolist()[:3] == [9, 20, 18]
    assert np.isnan(scores["total"].iloc[3])
    assert scores["source"].tolist() == ["items", "given", "items", "items"]
    assert scores["total_n"].tolist() == [9, pd.NA, 8, 0]
    assert scores["total_prorated"].tolist() == [False, False, True, False]


def test_a_faulty_key_scores_nothing():
    """A change that passes by the reading of instruments, such as a recode of 7 categories on 5."""
    changed = load_instrument("rfq8").model_copy(update={"response": (1.0, 5.0)})
    with pytest.raises(UserError, match="a recode has 7 values for 5 response categories; give one value for each"):
        score(forms([[1] * 8]), changed)


def test_reliability_is_null_with_its_n_where_it_does_not_exist():
    row = reliability(forms([[1] * 9, [1] * 9]), load_instrument("phq9")).iloc[0]
    assert np.isnan(row["value"]) and row["n"] == 2
    assert reliability(forms(np.ones((5, 4))), load_instrument("rq"))["value"].isna().all()


def test_reliability_counts_each_person_once():
    values = np.random.default_rng(2).integers(0, 4, (40, 9))
    twice = forms(values, person=[f"p{n // 2}" for n in range(40)], session=pd.array([1, 2] * 20, dtype="Int64"))
    table = reliability(twice, load_instrument("phq9")).set_index("coefficient")["n"]
    assert (table["alpha"], table["omega_total"], table["icc_patient"]) == (20, 20, 40)
