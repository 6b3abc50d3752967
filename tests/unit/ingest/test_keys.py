"""Codes and ranks of rows are those of pandas' own slower ways."""

import numpy as np
import pandas as pd
import pytest

from bowlby.ingest.keys import constant, factorize, in_order, repeated

KEY = ["person", "session", "date"]


@pytest.fixture(params=[3, 5000], ids=["few", "many values"])
def rows(request) -> pd.DataFrame:
    draw = np.random.default_rng(1).integers(0, request.param, (4000, 3))
    person = pd.Series([f"P{n}" for n in np.repeat(draw[::4, 0], 4)], dtype="str").where(draw[:, 1] > 0)
    session = pd.Series(draw[:, 1], dtype="Int64").mask(draw[:, 2] == 0)
    date = pd.Series(pd.to_datetime(draw[:, 2], unit="D")).mask(draw[:, 1] == 1).astype("date32[pyarrow]")
    return pd.DataFrame(dict(zip(KEY, (person, session, date), strict=True)))


def test_codes_are_those_of_pandas(rows):
    for column in KEY:
        codes, found = factorize(rows[column])
        expected, different = pd.factorize(rows[column])
        np.testing.assert_array_equal(codes, expected)
        assert found.tolist() == different.tolist()


@pytest.mark.parametrize("key", [KEY[:2], KEY * 2])  # six columns of 5,000 values: more than whole numbers of 64 bits
def test_rows_are_sorted_and_repeated_as_by_pandas(rows, key):
    expected = rows.sort_values(KEY[: len(key)], kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(in_order(rows, key), expected)
    np.testing.assert_array_equal(repeated(rows, key), rows.duplicated(KEY[: len(key)]))


def test_a_constant_column_is_text_or_missing():
    index = pd.Index([3, 7])
    pd.testing.assert_series_equal(constant("self", index), pd.Series(["self"] * 2, index, dtype="str"))
    assert constant(None, index).isna().all()
    assert constant(None, index).dtype == "str"
