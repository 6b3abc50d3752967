"""One patient for each therapist: slopes, difference and sum as of lm(), and HC3 (tests/golden/r/one_level.R)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.files import read_json
from bowlby.fit.models import fit_set
from bowlby.fit.one_level import OneLevelResult
from bowlby.robustness.pair import pair_doubts

HERE = Path(__file__).parent
NAMES = ("first", "second", "first-second", "first+second")


@pytest.fixture(scope="module")
def made():
    rows = pd.read_csv(HERE / "one_level.csv")
    ids = [str(i) for i in range(len(rows))]
    rows = rows.assign(patient=ids, therapist=ids, first_a=rows["first"], second_a=rows["second"])
    members = rows[["patient", "therapist"]].assign(weight=1.0)
    sides = {side: {"scales": ["a"], "sd": [1.0], "correlation": [[1.0]], "weights": {"a": 1}}
             for side in ("first", "second")}  # fmt: skip
    design = {"one_level": True, "covariates": [], "scaling": sides, "sd_outcome": 1.0, "sd_error": {}, "n_dropped": {},
              "roles": {"first": "patient", "second": "therapist"}, "n_therapists": len(rows)}  # fmt: skip
    return rows, members, design, read_json(HERE / "expected.json")


def test_slopes_and_contrasts_are_those_of_lm(made):
    rows, members, design, expected = made
    fits = fit_set("pair", rows, members, design)
    record = fits["pair"].record
    for one in record["contrasts"]:
        known = expected["contrasts"][one["name"]]
        assert [one["estimate"], one["se"], one["df"], one["p"], one["ci_low"]] == pytest.approx(
            [known[k] for k in ("estimate", "se", "df", "p", "low")], rel=1e-8, abs=1e-12)  # fmt: skip
    assert tuple(c["name"] for c in record["contrasts"]) == NAMES
    assert [record["llf"], record["aic"], record["scale"]] == pytest.approx(
        [expected["llf"], expected["aic"], expected["scale"]], rel=1e-8)  # fmt: skip
    assert record["random"] == [] and record["df_method"] == "residual" and fits["pair"].effects.empty


def test_robust_errors_and_the_joint_test_are_those_of_r(made):
    rows, members, design, expected = made
    robust = pair_doubts(rows, members, design, 0.1, 1)["hc3"]["contrasts"]
    assert [robust[name]["se"] for name in NAMES] == pytest.approx(
        [expected["contrasts"][name]["hc3"] for name in NAMES], rel=1e-8)  # fmt: skip
    result = OneLevelResult(rows, ["baseline_between", "first", "second"])
    joint = result.f_test(np.eye(4)[2:]).iloc[0]
    assert [joint["F"], joint["p"], joint["df_num"], joint["df_den"]] == pytest.approx(
        [expected["f"], expected["p"], 2, 56], rel=1e-8)  # fmt: skip
