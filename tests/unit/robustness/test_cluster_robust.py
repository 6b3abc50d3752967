"""CR2 against clubSandwich."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.fit.clusters import clusters_of
from bowlby.fit.sandwich import cr2
from bowlby.mixed import MixedModel

GOLDEN = Path(__file__).parents[2] / "golden"
DESIGNS = {
    "1_prepost_ancova": ["pre_w", "pre_b", "a_w", "s_anx", "s_avo"],
    "5_singular": ["pre", "a_w", "s_anx", "s_avo"],
    "8_tiny_clusters": ["pre", "a_w", "s_anx", "s_avo"],
}


@pytest.mark.parametrize("design", DESIGNS)
def test_cr2_is_that_of_club_sandwich(design):
    """Covariance to 1e-6, df to 1e-5 and the joint Hotelling tests to 1e-5, relative."""
    data = pd.read_csv(next(GOLDEN.rglob(f"{design}.csv")), dtype={"therapist": str})
    expected = json.loads((GOLDEN / "robust/cr2.json").read_text("utf-8"))[design]
    result = MixedModel.from_terms("y", DESIGNS[design], [{"group": "therapist"}], data).fit()
    found = cr2(clusters_of(result, pd.factorize(data["therapist"], sort=True)[0]))
    values = np.array(expected["vcov"])
    assert found.cov == pytest.approx(values, rel=1e-5, abs=1e-6 * np.abs(values).max())
    for term, row in expected["coefficients"].items():
        mine = found.contrast(term, {"Intercept" if term == "(Intercept)" else term: 1.0})
        assert mine["se"] == pytest.approx(row["se"], rel=1e-6), term
        assert mine["df"] == pytest.approx(row["df"], rel=1e-5), term
        assert mine["p"] == pytest.approx(row["p"], rel=1e-4), term
    for row in expected["wald_HTZ"].values():
        mine = found.joint(row["terms"])
        assert mine["f"] == pytest.approx(row["F"], rel=1e-5)
        assert mine["df_den"] == pytest.approx(row["ddf"], rel=1e-5)
        assert mine["p"] == pytest.approx(row["p"], rel=1e-4)
