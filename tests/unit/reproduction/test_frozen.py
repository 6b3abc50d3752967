"""Printed numbers of a paper are compared to their digits."""

import json

import pytest

from bowlby.errors import UserError
from bowlby.files import write_json
from bowlby.reproduction.frozen import KIND, compare
from bowlby.results import Results


def test_a_table_that_was_typed_in_is_compared_to_its_digits(tmp_path):
    effect = {"estimate": -0.2952, "se": 0.0380, "p": 9.8e-07, "df": 15.51, "ci": [-0.376, -0.215]}
    write_json(tmp_path / "verdict.json", {"claims": {"C1": {"verdict": "supported", **effect}}})
    typed = {"verdict.json claims.C1.verdict": "supported", "verdict.json claims.C1.estimate": "-0.30",
             "verdict.json claims.C1.se": ".038", "verdict.json claims.C1.df": "15.6"}  # fmt: skip
    write_json(tmp_path / "paper.json", {"kind": KIND, "endpoints": typed})
    found = compare(Results(tmp_path), tmp_path / "paper.json")
    assert found.numbers == 3 and len(found.differing) == 1
    assert found.differing[0].startswith("verdict.json claims.C1.df: 15.6 frozen, 15.51 in ")
    (tmp_path / "other.json").write_text(json.dumps({"kind": KIND}), "utf-8")
    with pytest.raises(UserError, match="holds no frozen endpoints"):
        compare(Results(tmp_path), tmp_path / "other.json")
