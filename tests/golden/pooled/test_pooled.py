"""All outcomes together against a jackknife with lme4 (``Rscript tests/golden/r/pooled_outcomes.R``)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.pooled import pooled, without_each
from bowlby.fit.models import Fitter
from bowlby.terms import M1, M1_RANDOM

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def parts():
    data = pd.read_csv(HERE / "outcomes.csv", dtype={"patient": str})
    members = data[["patient", "therapist"]].assign(weight=1.0)
    fits = [
        Fitter(data.assign(y=data[name]), members, {"covariates": []}).fit(M1, M1_RANDOM) for name in ("y1", "y2", "y3")
    ]
    return [without_each(fit, 1.0) for fit in fits]


def test_means_and_their_errors_are_those_of_lme4(parts):
    found = pooled(parts, 0.1)
    assert found["n_therapists"] == 14
    for name in ("P", "T", "P-T"):
        mine, theirs = found["effects"][name], EXPECTED[name]
        assert mine["estimate"] == pytest.approx(theirs["estimate"], abs=1e-4 * theirs["se"])
        assert mine["se"] == pytest.approx(theirs["se"], rel=1e-4) and mine["df"] == 13
    for name in "PT":
        mine, theirs = found["heterogeneity"][name], EXPECTED["heterogeneity"][name]
        assert (mine["df_num"], mine["df_den"]) == (2, 12)
        assert mine["f"] == pytest.approx(theirs["f"], rel=1e-3) and mine["p"] == pytest.approx(theirs["p"], rel=1e-3)


def test_claims_follow_the_rules_of_the_single_outcome(parts):
    claims = pooled(parts, 0.1)["claims"]
    low = EXPECTED["P"]["estimate"] - 2.1604 * EXPECTED["P"]["se"]
    assert (claims["C1"]["verdict"] == "supported") == (low > 0)


def test_a_copy_of_an_outcome_adds_nothing_and_few_therapists_have_no_test(parts):
    one, twice = pooled(parts[:1] * 2, 0.1), pooled(parts[:1], 0.1)
    assert one["effects"]["P"]["se"] == pytest.approx(twice["effects"]["P"]["se"], rel=1e-12)
    few = [(whole, dict(list(without.items())[:5])) for whole, without in parts]
    assert pooled(few, 0.1)["heterogeneity"] == {"P": None, "T": None}


def test_a_therapist_without_whom_nothing_can_be_fitted_is_said(parts):
    broken = (parts[0][0], parts[0][1] | {"T01": np.array([np.nan, np.nan])})
    assert pooled([broken, parts[1]], 0.1) == {"left_out": "a model cannot be fitted without one of the therapists"}
