"""Fit of one factor against lavaan (tests/golden/r/one_factor.R)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.factor_structure import structure

HERE = Path(__file__).parent
# The search ends at a gradient of 1e-5: chi-square to 1e-3 of itself, indices to 1e-4.
CLOSE = {"chi2": 1e-3, "p": 5e-3, "cfi": 1e-4, "rmsea": 1e-3, "srmr": 1e-3}


@pytest.fixture(scope="module")
def items():
    table = pd.read_csv(HERE / "s1_items.csv").filter(like="item0").iloc[:, :8]
    table[["item03", "item06"]] = 6 - table[["item03", "item06"]]
    return table


@pytest.mark.parametrize("case", ["items", "pairs"])
def test_indices_of_fit_are_lavaans(items, case):
    expected = json.loads((HERE / "one_factor.expected.json").read_text(encoding="utf-8"))[case]
    if case == "pairs":
        items = items.assign(item02=items["item02"] + items["item01"], item04=items["item04"] + items["item03"])
    got = structure(items)
    assert (got["n"], got["df"], got["n_items"]) == (expected["n"], expected["df"], 8)
    for name, close in CLOSE.items():
        assert got[name] == pytest.approx(expected[name], rel=close, abs=1e-6), name


def test_omega_at_both_levels_is_that_of_the_two_level_model():
    table = pd.read_csv(HERE / "s7_twolevel_items.csv")
    expected = json.loads((HERE / "s7_geldhof_omega.expected.json").read_text(encoding="utf-8"))
    got = structure(table.filter(regex=r"^x\d"), table["therapist"])
    assert got["omega_within"] == pytest.approx(expected["omega_within"], abs=2e-3)
    assert got["omega_between"] == pytest.approx(expected["omega_between"], abs=2e-3)


def test_two_factors_do_not_pass_for_one_and_three_items_have_no_test():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 400, 1))
    two = pd.DataFrame(np.hstack([a + 0.7 * rng.normal(size=(400, 4)), b + 0.7 * rng.normal(size=(400, 4))]))
    assert structure(two)["cfi"] < 0.8
    assert structure(two.iloc[:, :3]) is None
