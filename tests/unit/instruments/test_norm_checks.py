"""Scales against published numbers, totals against items, and the grouping of items."""

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.audit import audit, audit_given
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.scoring import given, score
from validation.keying_audit import answers, turned

PHQ = load_instrument("phq9")


def alarms(measures, instrument, **more):
    table = audit(measures, instrument, score(measures, instrument), **more)
    return table[table["verdict"].isin(["suspicious", "wrong"]) & table["check"].ne("key_confidence")]


def rows_of(table, check):
    return table[table["check"].eq(check)]


def people(n, **columns):
    head = {
        "person": [f"p{i}" for i in range(n)],
        "role": "patient",
        "about": "self",
        "occasion": "intake",
        "session": pd.array([pd.NA] * n, dtype="Int64"),
    }
    return pd.DataFrame(head | columns)


def test_norms_say_where_they_come_from():
    data = answers(load_instrument("cats"), 1)
    table = audit(data, load_instrument("cats"), score(data, load_instrument("cats")))
    row = rows_of(table, "norm_mean").iloc[0]
    assert row["expected"] == "70.7 (SD 10.2), unchecked"
    assert row["part"] == "patient, intake"
    assert rows_of(table, "norm_alpha")["expected"].iloc[0] == ">= 0.54 (published 0.64, unchecked)"
    assert rows_of(table, "scale_relation")["expected"].tolist() == ["< 0 (published -0.68, unchecked)"]


def test_what_is_published_makes_nothing_wrong_only_suspicious():
    cats = load_instrument("cats")
    found = alarms(turned(answers(cats, 1), cats, cats.scales["secure"].items), cats)
    checks = {"norm_mean", "norm_direction", "scale_relation"}
    assert checks <= set(found["check"])
    assert set(found.loc[found["check"].isin(checks), "verdict"]) == {"suspicious"}


def test_a_mean_between_clinical_and_community_norms_is_usual_and_one_beyond_both_is_not():
    core = load_instrument("core10")
    for mean, verdict in ((12.0, "ok"), (4.8, "ok"), (37.5, "suspicious")):
        values = np.clip(np.random.default_rng(1).normal(mean, 2, 200), 0, 40)
        table = audit_given(given(people(200, total=values), core), core)
        assert rows_of(table, "norm_mean")["verdict"].tolist() == [verdict], mean
        assert rows_of(table, "norm_direction")["verdict"].tolist() == ["ok"], mean


def test_students_with_few_symptoms_are_no_reversed_patients():
    for name, mean in (("phq9", 8.8), ("gad7", 5.7)):
        values = np.clip(np.random.default_rng(1).normal(mean, 5, 220), 0, 21)
        table = audit_given(given(people(220, total=values), load_instrument(name)), load_instrument(name))
        assert (table["verdict"] == "ok").all()


def test_few_persons_or_other_roles_are_not_compared():
    table = audit_given(given(people(20, total=np.linspace(5, 25, 20)), PHQ), PHQ)
    assert set(rows_of(table, "norm_mean")["verdict"]) == {"not_testable"}
    scores = given(people(40, total=np.linspace(5, 25, 40)).assign(role="therapist"), PHQ)
    assert rows_of(audit_given(scores, PHQ), "norm_mean").empty


def test_therapists_are_compared_with_therapists():
    ecr = load_instrument("ecr")
    values = np.random.default_rng(1).normal(5.2, 0.8, 60).clip(1, 7)
    scores = given(people(60, anxiety=values, avoidance=8 - values).assign(role="therapist"), ecr)
    table = rows_of(audit_given(scores, ecr), "norm_direction").set_index("scale")
    assert table["verdict"].to_dict() == {"anxiety": "suspicious", "avoidance": "ok"}


@pytest.mark.parametrize(
    "make, verdict, reason",
    [
        (lambda s, d: s["total"], "ok", ""),
        (lambda s, d: (s["total"] / 10).round(2), "ok", ""),
        (lambda s, d: d.filter(regex=r"^i\d").sum(axis=1), "wrong", "items that are not reversed"),
        (lambda s, d: s["total"].where(s.index > 3, s["total"] + 1), "suspicious", "find out how"),
    ],
)
def test_totals_that_a_file_brings_are_compared_with_the_items(make, verdict, reason):
    core = load_instrument("core10")
    data = answers(core, 2)
    data["total"] = make(score(data, core), data)
    data["source_row"] = np.arange(2, len(data) + 2)
    row = rows_of(audit(data, core, score(data, core)), "given_total").iloc[0]
    assert row["verdict"] == verdict
    assert reason in row["advice"]
    if verdict == "suspicious":
        assert row["observed"].endswith(" differ (rows 2, 3, 4, 5)")


def test_totals_that_leave_missing_items_out():
    data = answers(PHQ, 3)
    data.loc[:40, "i02"] = np.nan
    data["total"] = data.filter(regex=r"^i\d").sum(axis=1)
    row = rows_of(audit(data, PHQ, score(data, PHQ)), "given_total").iloc[0]
    assert (row["verdict"], row["advice"][:31]) == ("wrong", "the file's totals leave missing")


def test_the_wai_with_28_reversed_for_29_names_both():
    wai = load_instrument("wai_36")
    found = alarms(turned(answers(wai, 4), wai, [28, 29]), wai)
    assert set(found.loc[found["check"].eq("item_rest"), "item"]) == {28, 29}


def test_a_scale_of_low_alpha_by_design_is_not_tested_item_by_item():
    rsq = load_instrument("rsq")
    data = answers(rsq, 5)
    table = audit(data, rsq, score(data, rsq))
    row = table[table["scale"].eq("secure") & table["check"].eq("item_rest")].iloc[0]
    assert (row["verdict"], row["observed"]) == ("not_testable", "published alpha is 0.41")


def test_ceiling_is_no_other_range():
    srs = load_instrument("srs")
    assert alarms(answers(srs, 6), srs).empty
    data = answers(load_instrument("ecr_s"), 7)
    items = [c for c in data if c.startswith("i")]
    data[items] = data[items].clip(upper=5)
    assert "response_range" in set(alarms(data, load_instrument("ecr_s"))["check"])


def test_the_order_of_columns_is_not_told_where_the_scales_hardly_differ():
    wai = load_instrument("wai_sr")
    random = np.random.default_rng(3)
    verdicts = []
    for _ in range(10):
        latent = 0.8 * random.standard_normal((40, 1)) + 0.6 * random.standard_normal((40, 12))
        form = people(40, **{f"i{n + 1:02d}": np.clip(np.round(3 + x), 1, 5) for n, x in enumerate(latent.T)})
        verdicts += rows_of(audit(form, wai), "columns_in_order")["verdict"].tolist()
    assert len(verdicts) == 10
    assert "not_testable" in verdicts
    assert "suspicious" not in verdicts
