"""Every column of every instrument's scores is described, and the description is true of the scores."""

import numpy as np
import pandas as pd
import pytest

from bowlby.dictionary import dictionary
from bowlby.instruments.catalogue import list_instruments, load_instrument
from bowlby.instruments.score_tables import score_tables
from bowlby.instruments.scoring import given, score
from validation.keying_audit import answers

SCORED = [n for n in list_instruments() if load_instrument(n).scales]


def described(scores, instrument):
    table = dictionary(score_tables({instrument.id: scores}, {instrument.id: instrument}))
    assert table["name"].tolist() == scores.columns.tolist()
    assert (table["description"] != "").all()
    for row in table.itertuples():
        values = scores[row.name].dropna()
        kind = {"number": "f", "integer": "iu", "boolean": "b", "string": "O", "date": "O"}[row.type]
        assert not len(values) or values.to_numpy().dtype.kind in kind or row.type == "string", row.name
        assert not row.required or scores[row.name].notna().all()
        if row.type in ("number", "integer") and len(values):
            assert np.isnan(row.minimum) or values.min() >= row.minimum - 1e-9, row.name
            assert np.isnan(row.maximum) or values.max() <= row.maximum + 1e-9, row.name
        if row.name in ("style", "source") and len(values):
            assert set(values) <= {label.split(" = ")[0] for label in row.labels.split("; ")}
    return table.set_index("name")


@pytest.mark.parametrize("name", SCORED)
def test_every_scale_of_the_library(name):
    instrument = load_instrument(name)
    table = described(score(answers(instrument, 1, 20), instrument), instrument)
    assert set(instrument.all_scales()) | set(instrument.composites) <= set(table.index)
    assert table.loc[list(instrument.all_scales()), ["minimum", "maximum"]].notna().all(axis=None)


def test_what_is_said_of_a_scale():
    ecr = load_instrument("ecr_s")
    table = described(score(answers(ecr, 1, 20), ecr), ecr)
    row = table.loc["anxiety"]
    assert row["description"].startswith("anxiety: sum of items 2, 4, 6, 8, 10, 12, of them reversed 8; needs 5 of 6")
    assert row[["unit", "minimum", "maximum"]].tolist() == ["points", 6, 42]
    assert row["source"] == "measures/ecr_s.parquet: i02, i04, i06, i08, i10, i12"


def test_given_scores_have_the_units_and_range_of_the_instrument():
    ecr = load_instrument("ecr_s")
    head = {"person": ["a", "b"], "role": "patient", "about": "self", "occasion": "pre"}
    head = pd.DataFrame(head).assign(session=pd.array([pd.NA] * 2, dtype="Int64"))
    table = described(given(head.assign(anxiety=[10.0, 40.0]), ecr), ecr)
    assert table.loc["anxiety", ["unit", "minimum", "maximum"]].tolist() == ["points", 6, 42]
    assert table.loc["source", "labels"] == "given = a score of the file"


def test_coded_interviews():
    aai = load_instrument("aai")
    head = pd.DataFrame({"person": ["a", "b"], "role": "therapist", "about": "self", "occasion": ["", ""]})
    coded = head.assign(session=pd.array([pd.NA] * 2, dtype="Int64"), code=["F3a", "Ds1"])
    table = described(given(coded, aai), aai)
    assert "F = " in table.loc["code", "labels"]
