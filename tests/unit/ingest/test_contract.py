"""The contract of the tables that ingest writes: each breach is named."""

import pandas as pd
import pytest

from bowlby.ingest.output_tables import ROWS, validate


def tables():
    people = {
        "patients": pd.DataFrame({"patient": ["a", "b"], "therapist": ["t", None]}),
        "therapists": pd.DataFrame({"therapist": ["t"]}),
        "episodes": pd.DataFrame({"patient": ["a"], "therapist": ["t"], "weight": [1.0], "sessions": [2.0]}),
        "sessions": pd.DataFrame({"patient": ["a", "a"], "therapist": ["t", None], "session": [1, None],
                                  "date": [None, "2020-01-01"]}),
    }  # fmt: skip
    people["sessions"] = people["sessions"].astype({name: ROWS[name] for name in ("session", "date")})
    measure = pd.DataFrame({"person": ["a", "b"], "role": "patient", "about": "self", "occasion": "pre", "session": 1,
                            "date": None, "source_row": [2, 3]})  # fmt: skip
    return people, {"phq9": measure.astype(ROWS)}


def test_good_tables_pass():
    validate(*tables())


@pytest.mark.parametrize(("table", "change", "breach"), [
    ("patients", {"patient": ["a", "a"]}, "patients: patient are the same in two rows"),
    ("episodes", {"weight": 1.1}, "a weight is out of range"),
    ("sessions", {"session": -1}, "a session is out of range"),
    ("phq9", {"person": [None, "b"]}, "phq9: person is empty in a row"),
    ("phq9", {"source_row": 2.0}, "phq9: source_row is float64"),
    ("phq9", {"person": "a"}, "phq9: person, role, about, occasion, session are the same in two rows"),
])  # fmt: skip
def test_a_breach_is_named(table, change, breach):
    people, measures = tables()
    of = measures if table == "phq9" else people
    made = of[table].assign(**change)
    of[table] = made.astype({"session": ROWS["session"]}) if "session" in change else made
    with pytest.raises(ValueError, match=breach):
        validate(people, measures)


def test_a_lost_column_is_named():
    people, measures = tables()
    with pytest.raises(ValueError, match="phq9: no date"):
        validate(people, {"phq9": measures["phq9"].drop(columns="date")})
