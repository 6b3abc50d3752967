"""The cross-lagged engine against lavaan (``Rscript tests/golden/r/lagged.R``)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.lagged import Series, fit_lagged, jackknife_paths
from bowlby.lagged.likelihood import Likelihood

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))
LOWER = ([0, 1, 1], [0, 0, 1])
CROSS = (1, 2)


def rows(which: str) -> pd.DataFrame:
    table = pd.read_csv(HERE / "series.csv")
    values = ["first", "second"]
    if which == "complete":
        return table[~table["person"].isin(table.loc[table[values].isna().any(axis=1), "person"])]
    if which == "group_centred":
        table[values] -= table.groupby("group")[values].transform("mean")
    return table[table[values].notna().any(axis=1)]


def series(table: pd.DataFrame, grouped: bool = False) -> Series:
    ids = [table[c].to_numpy(int) for c in ("person", "person", "session")]
    return Series(
        table[["first", "second"]].to_numpy(float), *ids, table["group"].to_numpy(int) - 1 if grouped else None
    )


@pytest.mark.parametrize("which", ["complete", "missing", "group_centred"])
def test_likelihood_estimates_and_standard_errors_are_those_of_lavaan(which):
    """Missing sessions and single missing values are integrated out, as full-information ML does."""
    expected, fit = EXPECTED[which], fit_lagged(series(rows(which)))
    assert fit.llf == pytest.approx(expected["llf"], abs=1e-5)
    assert fit.paths == pytest.approx([p["estimate"] for p in expected["paths"].values()], abs=2e-5)
    assert fit.paths_cov == pytest.approx(np.array(expected["cov"]), rel=2e-3, abs=1e-6)
    assert fit.persons[LOWER] == pytest.approx(expected["persons"], abs=2e-4)
    assert fit.innovations[LOWER] == pytest.approx(expected["innovations"], abs=2e-4)
    assert fit.means == pytest.approx(expected["means"], abs=2e-4)


def test_groups_in_the_model_give_what_centring_at_them_gives():
    """The effects of groups take out of the paths between series what centring takes out; the llf is another."""
    fit, expected = fit_lagged(series(rows("missing"), grouped=True)), EXPECTED["group_centred"]
    for k, name in zip(CROSS, ("second_to_first", "first_to_second"), strict=True):
        path = expected["paths"][name]
        assert abs(fit.paths[k] - path["estimate"]) < 0.35 * path["se"]
    assert np.diag(fit.groups) == pytest.approx([0.10, 0.10], abs=0.08)  # the data were drawn with .10


def test_the_jackknife_is_that_of_separate_fits_without_each_unit():
    """Half of the groups as four units: refits from the parameters of all equal fits from anew, to 1e-5."""
    table = rows("missing")
    table = table[table["group"] <= table["group"].quantile(0.5)]
    whole, unit = series(table, grouped=True), table["group"].to_numpy(int) % 4
    raw, standardised = jackknife_paths(fit_lagged(whole), whole, "mean", unit)
    fits = [fit_lagged(series(table[unit != left_out], grouped=True)) for left_out in np.unique(unit)]
    for covariance, name in ((raw, "paths"), (standardised, "standardised")):
        without = np.array([getattr(fit, name) for fit in fits])
        expected = (len(fits) - 1) * np.cov(without, rowvar=False, bias=True)
        assert covariance == pytest.approx(expected, abs=1e-5, rel=1e-3)


def test_a_covariance_that_is_singular_but_for_rounding_has_no_likelihood():
    """The cancellation of two large numbers made it hundreds too large there, so that it was taken for the maximum."""
    likelihood = Likelihood(series(rows("missing")))
    theta = np.array([0.3, 0, 0, 0.3, 0.8, 0, 0.8, 1e-6, 0, 1e-6, 0.0, 0, 0.0])
    assert likelihood.value(theta)[0] == -np.inf
    theta[[7, 9]] = 1e-2
    assert np.isfinite(likelihood.value(theta)[0])
