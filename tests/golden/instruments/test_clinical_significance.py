"""Change classes against R (s2_rci of the reference set, and base R for Hageman and Arrindell)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.clinical_significance import (
    classify,
    classify_shrunken,
    cut_offs,
    error_of_measurement,
    functional,
    hageman_arrindell,
    jacobson_truax,
)

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def s2():
    data = pd.read_csv(HERE / "s2_rci.csv")
    expected = json.loads((HERE / "s2_rci.expected.json").read_text())
    return data, expected, expected["parameters"]


def test_cut_offs_and_error(s2):
    _, expected, given = s2
    found = cut_offs((given["Mc"], given["sc"]), (given["Mf"], given["sf"]))
    assert [found.a, found.b, found.c] == pytest.approx([expected[f"cutoff_{k}"] for k in "abc"], abs=1e-12)
    assert error_of_measurement(given["s_pre"], given["r"]) == pytest.approx(expected["SEm"], abs=1e-8)


def test_index_of_every_patient(s2):
    data, expected, given = s2
    rows = pd.DataFrame(expected["rows"])
    found = jacobson_truax(data["pre"], data["post"], given["s_pre"], given["r"], True)
    np.testing.assert_allclose(found, rows["RC"].astype(float), atol=1e-8)


@pytest.mark.parametrize("letter", "abc")
def test_class_of_every_patient_and_its_counts(s2, letter):
    data, expected, given = s2
    change = jacobson_truax(data["pre"], data["post"], given["s_pre"], given["r"], True)
    found = classify(change, data["pre"], data["post"], expected[f"cutoff_{letter}"], True)
    wanted = pd.DataFrame(expected["rows"])[f"class_{letter}"]
    assert [x or None for x in found] == [x if isinstance(x, str) else None for x in wanted]
    assert pd.Series(found).value_counts().to_dict() == expected[f"counts_{letter}"]
    assert sum(x is None for x in found) == expected["n_missing"]


def test_who_starts_on_the_functional_side(s2):
    data, expected, _ = s2
    both = data.dropna()
    assert functional(both["pre"], expected["cutoff_c"], True).sum() == expected["n_start_on_functional_side_c"]


def test_hageman_arrindell_of_every_patient(s2):
    data, expected, given = s2
    wanted = pd.DataFrame(json.loads((HERE / "s2_ha.expected.json").read_text())["rows"]).set_index("patient")
    change, significance = hageman_arrindell(
        data["pre"], data["post"], given["s_pre"], given["r"], expected["cutoff_c"], True
    )
    classes = classify_shrunken(change, significance, data["pre"], expected["cutoff_c"], True)
    found = pd.DataFrame({"RC": change, "CS": significance, "class": classes}, index=data["patient"])
    assert found["class"].isna().sum() == 2
    found = found.loc[wanted.index]
    np.testing.assert_allclose(found[["RC", "CS"]], wanted[["RC", "CS"]], atol=1e-10)
    assert found["class"].tolist() == wanted["class"].tolist()
