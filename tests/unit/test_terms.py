"""Names of columns: made and read again in one module."""

import re
from itertools import product
from pathlib import Path

import pytest

from bowlby import terms

SOURCE = Path(terms.__file__).parent
BUILT = re.compile(r"""\}_(within|between|error)\b|["'](_within|_between|_error|_w|_b|_star)["']""")


@pytest.mark.parametrize("variable", [*terms.PREDICTORS, "baseline", "change", "age", "hours_between"])
def test_a_column_is_read_as_it_was_made(variable):
    scales = [None, "anxiety", "fearful_avoidant", "within"] if variable in terms.PREDICTORS else [None]
    levels = [None] if variable == "therapist_style" else ["within", "between", "within_patient"]
    for scale, level in product(scales, levels):
        assert terms.parse(terms.column(variable, scale, level)) == terms.Term(variable, scale, level)


def test_scales_of_a_variable_are_its_own_and_not_its_errors():
    columns = ["baseline", "perceived", "perceived_secure", "therapist_style", "therapist_style_anxiety",
               "therapist_style_error", "patient_style", "patient_style_anxiety"]  # fmt: skip
    assert terms.columns_of(columns, "therapist_style") == ["therapist_style", "therapist_style_anxiety"]
    assert terms.scales_of(columns, "perceived") == ["perceived_secure"]


def test_no_other_module_makes_or_takes_apart_a_name():
    """``schema`` reads older names; what is in ``mixed``, ``instruments`` and ``ingest`` are other names."""
    others = {SOURCE / "terms.py", SOURCE / "schema.py"}
    files = [f for f in SOURCE.rglob("*.py") if f not in others
             and f.relative_to(SOURCE).parts[0] not in ("mixed", "instruments", "ingest", "drafting")]  # fmt: skip
    found = [f"{file.relative_to(SOURCE)}: {line.strip()}" for file in files
             for line in file.read_text("utf-8").splitlines() if BUILT.search(line)]  # fmt: skip
    assert not found, "\n".join(found)
