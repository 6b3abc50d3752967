"""Numbers as text: which sign separates decimals and which thousands, settled by the column or an error."""

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowlby.ingest import check, ingest
from bowlby.ingest.text_values import read_numerals

STUDY = """name: s
occasions: [pre]
files:
  - path: a.csv
    delimiter: ";"
    decimal: "{decimal}"{more}
    who: {{person: id}}
    when: {{occasion: pre}}
    measures: [{{instrument: gad7, scored: {{total: score}}}}]
    covariates: [income]
"""
NAN = float("nan")


def read(texts, decimal, thousands=None):
    numbers, ambiguous = read_numerals(pd.Series(texts, dtype="str"), decimal, thousands)
    return numbers.tolist(), ambiguous.tolist()


@pytest.mark.parametrize(
    ("texts", "decimal", "numbers", "ambiguous"),
    [
        (["1,5", "2"], ",", [1.5, 2], [False, False]),
        (["12.000", "1.234"], ",", [NAN, NAN], [True, True]),
        (["1.234.567", "12.000"], ",", [1234567, 12000], [False, False]),
        (["1.234,5", "12.000", "7"], ",", [1234.5, 12000, 7], [False, False, False]),
        (["22.1", "3,5"], ",", [22.1, 3.5], [False, False]),
        (["22.1", "1.234"], ",", [22.1, NAN], [False, True]),
        (["1.234.567", "22.1"], ",", [NAN, 22.1], [True, False]),
        (["0.123", "-1.5"], ",", [0.123, -1.5], [False, False]),
        (["1,234"], ".", [NAN], [True]),
        (["1,234.5", "-12,000"], ".", [1234.5, -12000], [False, False]),
        (["1,234,567", "1.5"], ".", [1234567, 1.5], [False, False]),
        (["3,5", "1.5"], ".", [NAN, 1.5], [False, False]),
    ],
)
def test_what_a_column_settles(texts, decimal, numbers, ambiguous):
    found, doubtful = read(texts, decimal)
    np.testing.assert_array_equal(found, numbers)
    assert doubtful == ambiguous


@pytest.mark.parametrize(("decimal", "text"), [(",", "12.000"), (".", "12,000")])
def test_the_study_file_settles_it(decimal, text):
    assert read([text], decimal, True)[0] == [12000] and read([text], decimal, False)[0] == [12]


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=1), st.sampled_from([".", ","]))
def test_numbers_with_and_without_thousands_are_the_same(values, decimal):
    """Values with two decimals settle their column; each is read as it was, in either way of writing."""
    english = pd.Series([f"{v:,.2f}" for v in values], dtype="str")
    plain = pd.Series([f"{v:.2f}" for v in values], dtype="str")
    if decimal == ",":
        english, plain = (s.str.translate(str.maketrans(",.", ".,")) for s in (english, plain))
    for texts in (english, plain):
        numbers, ambiguous = read_numerals(texts, decimal)
        assert not ambiguous.any()
        np.testing.assert_allclose(numbers, values, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("decimal", "sign", "cells"), [(",", "dot", "12.000"), (".", "comma", "12,000")])
def test_both_readings_are_named_and_a_line_settles_it(made, error_lines, decimal, sign, cells):
    data = f"id;score;income\n1;3;{cells}\n2;4;900\n"
    (line,) = error_lines(made(STUDY.format(decimal=decimal, more=""), a__csv=data))
    assert line.startswith(f"error: a.csv:2:income: 1 number has a {sign} before three digits (row 2): ")
    assert "one thousand two hundred and thirty-four, or 1.234 with three decimals" in line
    assert line.endswith(f"write `thousands: {{income: yes}}` for this file if the {sign} separates thousands, `no` if "
                         "decimals")  # fmt: skip
    for said, value in (("yes", 12000), ("no", 12)):
        more = f"\n    thousands: {{income: {said}}}"
        result = ingest(made(STUDY.format(decimal=decimal, more=more), a__csv=data))
        assert result.people["patients"]["income"].tolist() == [value, 900]


def test_scores_and_item_columns_are_asked_about_too(made, error_lines):
    (line,) = error_lines(made(STUDY.format(decimal=",", more=""), a__csv="id;score;income\n1;3.000;1\n2;4;2\n"))
    assert line.startswith("error: a.csv:2:score: 1 number has a dot before three digits")


def test_numbers_of_a_workbook_are_numbers_whatever_the_decimal_sign_of_its_texts(made, tmp_path):
    book = openpyxl.Workbook()
    for row in (["id", "score", "income"], [1, 3, 1.234], [2, 4, "5,5"], [3, 4, 1234]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    study = STUDY.format(decimal=",", more="").replace("a.csv", "a.xlsx").replace('    delimiter: ";"\n', "")
    loaded = made(study)
    assert not (check(loaded)["severity"] == "error").any()
    assert ingest(loaded).people["patients"]["income"].tolist() == [1.234, 5.5, 1234]
