import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.clinical_significance import severity
from bowlby.instruments.outcomes import STARTED_WELL, change
from bowlby.instruments.scoring import given, score

PHQ = load_instrument("phq9")


def study(n=200, seed=3):
    """PHQ-9 answers at intake and, of three quarters, at termination."""
    random = np.random.default_rng(seed)
    burden = random.normal(0.3, 1, n)
    parts = []
    for occasion, shift, who in (("intake", 0.3, n), ("termination", -0.6, 3 * n // 4)):
        latent = (burden + shift + random.normal(0, 0.4, n))[:who, None] + random.normal(0, 0.7, (who, 9))
        parts.append(table(np.clip(np.round(1.2 + latent), 0, 3), occasion))
    return pd.concat(parts, ignore_index=True)


def table(values, occasion="intake", **more):
    values = np.asarray(values, dtype=float)
    head = {
        "person": [f"p{i}" for i in range(len(values))],
        "role": "patient",
        "about": "self",
        "occasion": occasion,
        "session": pd.array([pd.NA] * len(values), dtype="Int64"),
    }
    return pd.DataFrame(head | {f"i{k + 1:02d}": values[:, k] for k in range(values.shape[1])} | more)


def counts(found, **keys):
    for name, value in keys.items():
        found = found[found[name].eq(value)]
    return found.set_index("class")["count"].to_dict()


def test_published_points_and_classes_by_hand():
    pre = [[2] * 9, [2] * 9, [2] * 9, [1] * 9, [1] * 9]
    post = [[1] * 9, [2] * 8 + [1], [3] * 9, [0] * 9, [1] * 9]
    measures = pd.concat([table(pre), table(post, "termination")], ignore_index=True)
    found = change(score(measures, PHQ), measures, PHQ, ("intake", "termination"), shareable=False)
    by_points = found[found["method"].eq("published")]
    assert by_points["of"].unique().tolist() == [5]
    # 18 to 9: recovered; 18 to 17: unchanged; 18 to 27: deteriorated; 9 to 0: improved, began below 10; 9 to 9
    assert counts(by_points) == {"recovered": 1, "improved": 1, "unchanged": 2, "deteriorated": 1, STARTED_WELL: 2}
    assert by_points["cut"].unique().tolist() == [10]


def test_classes_add_up_for_every_criterion():
    measures = study()
    found = change(score(measures, PHQ), measures, PHQ, ("intake", "termination"), shareable=False)
    kinds = found[found["class"].ne(STARTED_WELL)].groupby(["method", "criterion"])
    assert set(kinds.groups) == {
        ("published", "NHS Talking Therapies"),
        ("jacobson_truax", "this sample"),
        ("jacobson_truax", "norms"),
        ("hageman_arrindell", "this sample"),
        ("hageman_arrindell", "norms"),
        ("flag", "suicidal_ideation"),
    }
    for _, kind in kinds:
        assert kind["count"].sum() == kind["of"].iloc[0] == 150
    for method in ("jacobson_truax", "hageman_arrindell"):
        assert "deteriorated" in set(found.loc[found["method"].eq(method), "class"])


def test_danger_that_came_stayed_and_went():
    pre, post = np.zeros((40, 9)), np.zeros((40, 9))
    pre[:20, 8], post[10:30, 8] = 1, 2
    measures = pd.concat([table(pre), table(post, "termination")], ignore_index=True)
    found = change(score(measures, PHQ), measures, PHQ, ("intake", "termination"))
    assert counts(found, method="flag") == {"new": 10, "persisting": 10, "resolved": 10, "never": 10}
    by_occasion = severity(score(measures, PHQ), measures, PHQ).query("kind == 'flag'")
    assert by_occasion["count"].tolist() == [20, 20]


def test_suicidal_ideation_is_listed_also_where_nobody_or_few_have_it_and_where_items_are_not_given():
    measures = table(np.zeros((30, 9)))
    row = severity(score(measures, PHQ), measures, PHQ).query("kind == 'flag'").iloc[0]
    assert (row["name"], row["count"], row["of"]) == ("suicidal_ideation", 0, 30)
    measures.loc[:2, "i09"] = 3
    row = severity(score(measures, PHQ), measures, PHQ).query("kind == 'flag'").iloc[0]
    assert row["suppressed"] and pd.isna(row["count"]) and row["of"] == 30
    scores = given(measures[["person", "role", "about", "occasion", "session"]].assign(total=12.0), PHQ)
    row = severity(scores, None, PHQ).query("kind == 'flag'").iloc[0]
    assert pd.isna(row["count"]) and row["note"] == "not available: scores given"


def test_bands_and_cases_by_hand():
    totals = [0] * 6 + [5] * 7 + [10] * 8 + [15] * 9 + [27] * 10
    scores = given(table(np.empty((40, 0))).assign(total=np.array(totals, dtype=float)), PHQ)
    found = severity(scores, None, PHQ)
    assert found.query("kind == 'band'")["count"].tolist() == [6, 7, 8, 9, 10]
    assert found.query("kind == 'caseness'")["count"].tolist() == [27]


def test_two_schemes_of_bands_are_named_and_do_not_tell_small_numbers_together():
    """K10: 3 of 33 have 20 or 21, between the cut-off 20 of clinical practice and the cut-off 22 of the ABS."""
    k10 = load_instrument("k10")
    totals = np.array([10] * 8 + [17] * 7 + [20] * 3 + [23] * 6 + [32] * 9, dtype=float)
    scores = given(table(np.empty((33, 0))).assign(total=totals), k10)
    whole = severity(scores, None, k10, shareable=False).set_index(["name", "lowest"])["count"]
    assert whole["clinical practice"].to_dict() == {10: 15, 20: 9, 25: 0, 30: 9}
    assert whole["ABS"].to_dict() == {10: 8, 16: 10, 22: 6, 30: 9}
    shown = severity(scores, None, k10).set_index(["name", "lowest"])["count"]
    assert shown["clinical practice"].to_dict() == {10: 15, 20: 9, 25: 0, 30: 9}
    assert shown["ABS"].dropna().to_dict() == {10: 8, 30: 9}


def test_alliance_cases_have_no_worse_side_and_directions_turn():
    ments = load_instrument("ments")
    values = np.random.default_rng(2).integers(1, 6, (60, 28))
    measures = pd.concat([table(values), table(values, "termination")], ignore_index=True)
    found = change(score(measures, ments), measures, ments, ("intake", "termination"), shareable=False)
    assert set(found.loc[found["scale"].eq("total"), "class"]) <= {"improved", "unchanged", "deteriorated"}


def test_a_group_of_four_shows_no_count_and_no_size():
    measures = study().query("person in ['p1', 'p2', 'p3', 'p4']")
    scores = score(measures, PHQ)
    for found in (change(scores, measures, PHQ, ("intake", "termination")), severity(scores, measures, PHQ)):
        assert len(found)
        assert found["count"].isna().all() and found["of"].isna().all() and found["suppressed"].all()


@pytest.mark.parametrize("seed", range(3))
def test_order_of_rows_does_not_matter(seed):
    measures = study()
    shuffled = measures.sample(frac=1, random_state=seed).reset_index(drop=True)
    pd.testing.assert_frame_equal(
        change(score(measures, PHQ), measures, PHQ, ("intake", "termination")),
        change(score(shuffled, PHQ), shuffled, PHQ, ("intake", "termination")),
    )
