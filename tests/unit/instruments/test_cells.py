"""Rows by cell, and sums over them, against the plain way to get them."""

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.cells import by_occasion, coded
from bowlby.instruments.factor_models import products
from bowlby.instruments.two_level_factors import Moments


@pytest.mark.parametrize("prepared", [lambda t: t, lambda t: coded(t)[0]], ids=["texts", "codes"])
def test_a_person_counts_once_in_a_cell_with_the_first_session(prepared):
    table = pd.DataFrame(
        {
            "person": list("baaba"),
            "role": "patient",
            "about": ["self", "self", "self", "self", None],
            "occasion": ["s2", "s1", "s1", "s1", "s1"],
            "session": [1, 3, 2, 1, None],
        }
    )
    found = by_occasion(prepared(table.astype({"session": "Int64"})))
    assert [rows.tolist() for _, rows in found] == [[2, 3], [0], [4]]
    assert [key[:1] + key[2:] for key, _ in found] == [("patient", "s1"), ("patient", "s2"), ("patient", "s1")]
    assert pd.isna(found[2][0][1])


def test_sums_of_complete_rows_are_those_of_centred_values():
    random = np.random.default_rng(1)
    values, groups, cells = (
        random.normal(50, 2, (40_000, 3)),
        random.integers(-1, 30, 40_000),
        random.integers(0, 4, 40_000),
    )
    values[random.random(values.shape) < 0.1] = np.nan
    own = products(values.T)
    complete = values[~np.isnan(values).any(axis=1)]
    np.testing.assert_allclose(own.cross / (own.n - 1), np.cov(complete.T), rtol=1e-12, atol=1e-12)
    centred = pd.DataFrame(values) - pd.DataFrame(values).groupby(cells).transform("mean")
    kept = centred[centred.notna().all(axis=1) & (groups >= 0)]
    found = Moments(values.T, groups, cells)
    sums = (kept - kept.mean()).groupby(groups[kept.index]).sum()
    np.testing.assert_allclose(found.sums, sums, atol=1e-8)
    np.testing.assert_allclose(found.cross / (found.n - 1), kept.cov(), rtol=1e-12, atol=1e-12)
