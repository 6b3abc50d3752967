import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.scoring import given, score
from bowlby.instruments.styles import from_codes, style_counts
from bowlby.terms import STYLES


def rows(n, **columns):
    head = {
        "person": [f"p{i}" for i in range(n)],
        "role": "patient",
        "about": "self",
        "occasion": "intake",
        "session": pd.array([pd.NA] * n, dtype="Int64"),
    }
    return pd.DataFrame(head | columns)


def items(values):
    values = np.asarray(values, dtype=float)
    return rows(len(values), **{f"i{k + 1:02d}": values[:, k] for k in range(values.shape[1])})


def test_models_of_self_and_other_by_hand():
    scores = score(items([[7, 1, 2, 3], [1, 7, 7, 1]]), load_instrument("rq"))
    assert scores["model_of_self"].tolist() == [(7 + 3) - (2 + 1), (1 + 1) - (7 + 7)]
    assert scores["model_of_other"].tolist() == [(7 + 2) - (3 + 1), (1 + 7) - (1 + 7)]


def test_prototypes_give_the_highest_rating_and_no_style_to_a_tie_or_a_missing_rating():
    scores = score(items([[7, 1, 2, 3], [1, 2, 3, 7], [7, 7, 1, 1], [7, 1, 1, np.nan]]), load_instrument("rq"))
    assert scores["style"].tolist() == ["secure", "dismissing", "unclassified", None]


def test_dimensions_are_cut_at_the_midpoint():
    instrument = load_instrument("ecr_s")
    table = given(rows(6, anxiety=[10, 40, 10, 40, 24, np.nan], avoidance=[10, 10, 40, 40.0, 10, 10]), instrument)
    assert table["style"].tolist() == [
        "secure",
        "preoccupied",
        "dismissing",
        "fearful/disorganized",
        "unclassified",
        None,
    ]


def test_collins_rule_of_closeness_and_anxiety():
    table = given(
        rows(5, close=[4.0, 4, 2, 2, 3], depend=[4.0, 3, 2, 2, 3], anxiety=[2.0, 4, 2, 4, 2]), load_instrument("aas_r")
    )
    assert table["style"].tolist() == [
        "secure",
        "preoccupied",
        "dismissing",
        "fearful/disorganized",
        "unclassified",
    ]


def test_given_scores_get_a_style_where_both_dimensions_are_given():
    ecr = load_instrument("ecr_s")
    assert given(rows(2, anxiety=[8.0, 40.0], avoidance=[8.0, 40.0]), ecr)["style"].tolist() == [
        "secure",
        "fearful/disorganized",
    ]
    assert "style" not in given(rows(2, anxiety=[8.0, 40.0]), ecr)


def test_circumplex_composites_of_the_iip():
    scores = score(items([[1.0] * 32]), load_instrument("iip32"))
    assert scores[["love", "dominance"]].iloc[0].tolist() == pytest.approx([0, 0], abs=1e-9)


def test_core_om_non_risk_is_the_mean_of_its_28_items():
    values = np.random.default_rng(1).integers(0, 5, (5, 34)).astype(float)
    scores = score(items(values), load_instrument("core_om"))
    risk = scores["risk"] * 6
    assert (scores["non_risk"] * 28 + risk).tolist() == pytest.approx((scores["total"] * 34).tolist())


def test_aai_categories_with_subgroups_and_alternatives():
    codes = pd.Series(["F", "F3a", "Ds2", "E", "U/E", "CC", "ds", "Q", None, " F "])
    found = from_codes(codes, load_instrument("aai").codes)
    assert found.tolist() == [
        "secure",
        "secure",
        "dismissing",
        "preoccupied",
        "fearful/disorganized",
        "fearful/disorganized",
        "dismissing",
        "unknown code",
        None,
        "secure",
    ]


def test_coded_interviews_end_in_scores_and_counts():
    coded = rows(20, code=["F"] * 12 + ["Ds"] * 8).assign(role="therapist", occasion="")
    scores = given(coded, load_instrument("aai"))
    assert scores["source"].unique().tolist() == ["coded"]
    counts = style_counts(scores, load_instrument("aai")).set_index("style")
    assert counts["count"].tolist() == [12, 0, 8, 0]
    assert counts.loc["secure", "rule"] == "as raters coded it"


def test_small_cells_are_hidden_with_a_second_one_but_not_internally():
    scores = given(rows(40, code=["F"] * 30 + ["Ds"] * 7 + ["E"] * 3), load_instrument("aai"))
    shown = style_counts(scores, load_instrument("aai")).set_index("style")
    assert shown["suppressed"].tolist() == [False, True, True, False]
    assert shown["count"].isna().tolist() == [False, True, True, False]
    whole = style_counts(scores, load_instrument("aai"), shareable=False).set_index("style")
    assert whole["count"].tolist() == [30, 3, 7, 0]
    assert list(shown.index) == list(STYLES)


def test_styles_carry_rule_and_warning():
    table = style_counts(score(items(np.full((10, 12), 2.0)), load_instrument("ecr_s")), load_instrument("ecr_s"))
    assert table["rule"].str.contains("midpoint").all()
    assert table["warning"].str.contains("dimensions").all()
    assert set(table["confidence"]) == {"unverified"}
