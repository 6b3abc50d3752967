"""Formulas, whole terms, means, hypotheses, predictions and comparisons beside lme4, lmerTest, emmeans and car.

Reference: tests/golden/r/terms_and_means.R. Limits allow for lme4's optimiser, which stops some 1e-6 short.
"""

import json
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from bowlby.mixed import MixedModel

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "reference" / "terms_and_means.json").read_text())
ARMS = pd.read_csv(HERE / "data" / "arms.csv")


@cache
def fitted(name):
    return MixedModel.from_formula(EXPECTED["fits"].get(name, {}).get("formula", name), ARMS).fit()


def column(rows, name):
    return [row[name] for row in rows]


@pytest.mark.parametrize("name", EXPECTED["fits"])
def test_formulas_give_the_fits_of_lme4(name):
    expected, result = EXPECTED["fits"][name], fitted(name)
    assert result.llf == pytest.approx(expected["llf"], abs=1e-6)
    table, rows = result.tidy(), expected["kenward_roger"]
    assert table.estimate.to_numpy() == pytest.approx(column(rows, "estimate"), rel=1e-4, abs=1e-5)
    assert table.se.to_numpy() == pytest.approx(column(rows, "se"), rel=1e-4)
    assert table.df.to_numpy() == pytest.approx(column(rows, "df"), rel=1e-3)
    assert table.p.to_numpy() == pytest.approx(column(rows, "p"), rel=1e-3, abs=1e-6)
