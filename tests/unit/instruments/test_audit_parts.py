"""Faults that are confined to a role, an occasion, a file or a site, and faults of several items at once."""

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.audit import audit
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.direction_checks import across, directed
from bowlby.instruments.highest_answers import unexplained
from bowlby.instruments.item_agreement import rest_means
from bowlby.instruments.scoring import score
from validation.keying_audit import (
    answers,
    missing_as_highest,
    one_form_for_many,
    reversed_items,
    straight_lines,
    study,
    turned,
)

ECR, PHQ, CATS, WAI, LONG_ECR = (load_instrument(name) for name in ("ecr_s", "phq9", "cats", "wai_sr", "ecr"))
SITES = {"north.csv": "Basel", "south.csv": "Ulm"}


def alarms(data, instrument, sites=None):
    table = audit(data, instrument, score(data, instrument), sites)
    return table[table["verdict"].isin(["suspicious", "wrong"]) & table["check"].ne("key_confidence")]


def named(found, *columns):
    return set(found[list(columns)].astype(object).itertuples(index=False, name=None))


def site_of(data):
    own = data[data["role"] == "patient"].drop_duplicates("person").set_index("person")
    return {"patient": own["source_file"].map(SITES)}


def test_therapists_reversed_already_are_named_beside_577_patients():
    data = study(ECR, 1, patients=577, therapists=48)
    found = alarms(turned(data, ECR, [1, 5, 8, 9], data["role"].eq("therapist")), ECR)
    assert named(found, "part", "scale", "check") == {
        ("therapist, therapists.xlsx", "anxiety", "already_reversed"),
        ("therapist, therapists.xlsx", "anxiety", "item_rest"),
        ("therapist, therapists.xlsx", "avoidance", "already_reversed"),
        ("therapist, therapists.xlsx", "avoidance", "alpha"),
    }
    assert found.loc[found["check"].eq("item_rest"), "item"].tolist() == [8]
    alpha = found.loc[found["check"].eq("alpha")].iloc[0]
    assert (alpha["verdict"], float(alpha["observed"]) < 0) == ("wrong", True)
    (pair,) = found.loc[found["check"].eq("already_reversed") & found["scale"].eq("avoidance"), "observed"]
    assert pair.startswith("items 1, 5, 9 with 3, 7, 11: r -0.")


def test_fifteen_therapists_are_tested_by_alpha_and_signs():
    hits = false = 0
    for seed in range(10):
        data = study(ECR, seed, patients=60, therapists=15)
        false += len(alarms(data, ECR))
        found = alarms(turned(data, ECR, [1, 5, 8, 9], data["role"].eq("therapist")), ECR)
        assert set(found["part"]) <= {"therapist, therapists.xlsx"}
        assert set(found["check"]) <= {"already_reversed", "alpha"}
        hits += len(found) > 0
    assert (hits >= 8, false) == (True, 0)


@pytest.mark.parametrize("column, part", [("occasion", "middle"), ("source_file", "south.csv"), ("site", "site Ulm")])
def test_items_reversed_at_one_occasion_in_one_file_or_at_one_site_name_it(column, part):
    data = study(ECR, 2)
    where = data["occasion"].eq("middle") if column == "occasion" else data["source_file"].eq("south.csv")
    sites = site_of(data) if column == "site" else None
    spoiled = turned(data, ECR, [1, 5, 8, 9], where)
    found = alarms(spoiled.assign(source_file="all.csv") if column == "site" else spoiled, ECR, sites)
    assert set(found["part"]) == {f"patient, {part}"}
    assert ("avoidance", "already_reversed") in named(found, "scale", "check")


def test_one_item_at_one_occasion_is_named_with_it():
    data = study(PHQ, 1)
    found = alarms(turned(data, PHQ, [3], data["occasion"].eq("middle")), PHQ)
    assert ("patient, middle", 3, "item_rest") in named(found, "part", "item", "check")
    assert set(found["item"].dropna()) == {3}


def test_a_wave_reversed_as_a_whole_goes_against_the_other_waves():
    data = study(PHQ, 1)
    (row,) = alarms(turned(data, PHQ, range(1, 10), data["occasion"].eq("middle")), PHQ).itertuples()
    assert (row.part, row.check, row.verdict) == ("middle", "between_occasions", "wrong")


def test_a_site_reversed_as_a_whole_shows_in_related_scales_and_in_mirrored_means():
    data = study(CATS, 1)
    found = alarms(turned(data, CATS, CATS.scales["secure"].items, data["source_file"].eq("south.csv")), CATS)
    assert named(found, "part", "scale", "check") == {
        ("patient, south.csv", "secure with avoidant_fearful", "scale_relation"),
        ("patient, north.csv", "secure", "mirrored_mean"),
        ("patient, south.csv", "secure", "mirrored_mean"),
    }


def test_a_site_reversed_as_a_whole_goes_against_another_questionnaire_there():
    data, spoiled = (study(PHQ, 1) for _ in range(2))
    spoiled = turned(spoiled, PHQ, range(1, 10), spoiled["source_file"].eq("south.csv"))
    made = {n: directed(score(d, PHQ), PHQ, d, site_of(d)) for n, d in (("a", data), ("b", spoiled))}
    table = across(made)
    found = table[table["verdict"].eq("suspicious")]
    assert named(found, "part", "check") == {("patient, south.csv, site Ulm", "other_instruments")}


def test_several_items_that_were_not_reversed_are_named_and_no_others():
    items = LONG_ECR.scales["avoidance"].reverse[:4]
    for wording in (0.0, 0.8):
        found = alarms(turned(answers(LONG_ECR, 1, wording=wording), LONG_ECR, items), LONG_ECR)
        assert set(found.loc[found["check"].eq("item_rest"), "item"]) == set(items)
        (pair,) = found.loc[found["check"].eq("two_groups"), "observed"]
        assert pair.startswith(f"items {', '.join(map(str, items))} with ")


def test_items_not_reversed_that_agree_with_the_others_about_zero_are_suspicious():
    items = LONG_ECR.scales["avoidance"].reverse[:6]
    table = audit(turned(answers(LONG_ECR, 0, wording=0.8), LONG_ECR, items), LONG_ECR)
    rows = table[table["check"].eq("item_rest") & table["scale"].eq("avoidance")].set_index("item")
    r = rows["observed"].astype(float)
    assert r[items].abs().max() < 0.1 and r.drop(items).median() > 0.4
    assert set(rows.loc[rows["verdict"].ne("ok")].index) == set(items)


def test_a_wording_factor_alone_raises_no_alarm():
    for wording in (0.2, 0.5):
        assert alarms(answers(LONG_ECR, 3, wording=wording), LONG_ECR).empty


def test_halves_of_a_scale_are_named_as_groups_and_no_single_item():
    found = alarms(turned(answers(PHQ, 1), PHQ, [1, 2, 3, 4]), PHQ)
    assert found["item"].isna().all()
    (pair,) = found.loc[found["check"].eq("two_groups"), "observed"]
    assert pair.startswith("items 1, 2, 3, 4 with 5, 6, 7, 8, 9: r -0.")
    assert {"two_groups", "alpha"} <= set(found["check"])


@pytest.mark.parametrize("instrument", [ECR, PHQ], ids=lambda i: i.id)
def test_one_form_of_many_persons_is_named(instrument):
    for seed in range(5):
        (row,) = alarms(one_form_for_many(answers(instrument, seed), seed), instrument).itertuples()
        assert (row.check, int(row.observed)) == ("same_answers", 12)


@pytest.mark.parametrize("instrument, item", [(ECR, 3), (LONG_ECR, 7)], ids=["ecr_s", "ecr"])
def test_missing_answers_stored_as_the_highest_are_named(instrument, item):
    hits, others = 0, []
    for seed in range(10):
        found = alarms(missing_as_highest(answers(instrument, seed), instrument, item, seed), instrument)
        hits += item in set(found.loc[found["check"].eq("highest_answer"), "item"])
        others += [i for i in found["item"].dropna() if i != item]
    assert (hits >= 8, others) == (True, [])


def test_a_ceiling_is_no_missing_code_and_5_percent_of_one_are_found():
    """Of 20,000 persons up to 87% give an item's highest answer: their means of the other items bend towards it."""
    random = np.random.default_rng(1)
    level = np.linspace(2.5, 3.7, 9) + 0.75 * random.standard_normal((20_000, 1))
    forms = np.clip(np.round(level + 0.75 * random.standard_normal((20_000, 9))), 0, 3)
    assert [unexplained(*pair, 3) for pair in zip(forms.T, rest_means(forms).T, strict=True)] == [0] * 9
    forms = np.clip(np.round(level - 0.4 + 0.75 * random.standard_normal((20_000, 9))), 0, 3)
    forms[random.random(20_000) < 0.05, 0] = 3
    assert unexplained(forms[:, 0], rest_means(forms)[:, 0], 3) == pytest.approx(0.05, abs=0.01)


def test_no_advice_on_straight_lines_beside_already_reversed():
    data = straight_lines(answers(ECR, 1), ECR, 1)
    assert "straight_lining" in set(alarms(data, ECR)["check"])
    table = audit(turned(data, ECR, reversed_items(ECR)), ECR)
    assert "already_reversed" in set(table.loc[table["verdict"].eq("wrong"), "check"])
    (row,) = table[table["check"].eq("straight_lining")].itertuples()
    assert row.verdict == "not_testable"
    assert "to be reversed already" in row.advice


def test_a_part_under_thirty_persons_has_no_row_of_its_own():
    data = study(ECR, 1, patients=60)
    small = data["source_file"].eq("south.csv")
    assert data.loc[small, "person"].nunique() == 24
    found = alarms(turned(data, ECR, [1, 5, 8, 9], small), ECR)
    assert "south.csv" not in " ".join(found["part"])


def test_the_audit_leaves_answers_as_they_are():
    data = study(WAI, 1, patients=80)
    before = data.copy()
    audit(data, WAI, score(data, WAI), site_of(data))
    pd.testing.assert_frame_equal(data, before)
