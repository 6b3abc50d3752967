import numpy as np
import pytest

from bowlby.instruments.clinical_significance import (
    classify,
    classify_shrunken,
    cut_offs,
    hageman_arrindell,
    jacobson_truax,
)

RANDOM = np.random.default_rng(4)
PRE = RANDOM.normal(16, 5, 200)
POST = PRE - RANDOM.normal(5, 4, 200)


def test_direction_turns_the_sign_and_nothing_else():
    lower = jacobson_truax(PRE, POST, 5, 0.9, higher_is_better=False)
    np.testing.assert_allclose(lower, jacobson_truax(-PRE, -POST, 5, 0.9, higher_is_better=True))
    change, significance = hageman_arrindell(PRE, POST, 5, 0.9, 10, False)
    mirrored = hageman_arrindell(-PRE, -POST, 5, 0.9, -10, True)
    np.testing.assert_allclose(change, mirrored[0])
    np.testing.assert_allclose(significance, mirrored[1])


def test_units_do_not_matter():
    classes = classify(jacobson_truax(PRE, POST, 5, 0.9, False), PRE, POST, 10, False)
    tenfold = classify(jacobson_truax(PRE * 10, POST * 10, 50, 0.9, False), PRE * 10, POST * 10, 100, False)
    assert classes.tolist() == tenfold.tolist()


def test_without_a_cut_off_nobody_recovers_and_without_both_scores_nobody_has_a_class():
    change = jacobson_truax([20, 20, np.nan], [2, 20, 2], 5, 0.9, False)
    assert classify(change, [20, 20, np.nan], [2, 20, 2], None, False).tolist() == ["improved", "unchanged", None]


def test_who_begins_on_the_functional_side_cannot_recover():
    pre, post = np.array([14.0, 9.0, 2.0]), np.array([2.0, 1.0, 12.0])
    change = jacobson_truax(pre, post, 5, 0.9, False)
    assert classify(change, pre, post, 9.5, False).tolist() == ["recovered", "improved", "deteriorated"]


def test_differences_that_are_all_error_have_no_index():
    change, _ = hageman_arrindell(PRE, PRE + RANDOM.normal(0, 0.5, 200), 5, 0.5, 10, False)
    assert np.isnan(change).all()
    assert classify_shrunken(change, np.full(200, np.nan), PRE, 10, False).tolist() == [None] * 200


def test_cut_offs_mirror_with_the_direction():
    down, up = cut_offs((20, 6), (8, 4)), cut_offs((-20, 6), (-8, 4))
    assert [down.a, down.b, down.c] == pytest.approx([-up.a, -up.b, -up.c])
    assert down.a == 8 and down.b == 16 and down.c == pytest.approx((6 * 8 + 4 * 20) / 10)
