"""The rules hold their error rates where the landmark decides (short; `make validate-sessions` is the long form)."""

import pandas as pd
import pytest

from bowlby.simulate.session_bed import CASES, CELLS
from bowlby.simulate.session_claims import session_claims
from bowlby.simulate.session_many import session_studies
from bowlby.simulate.session_page import session_characteristics, session_page

STUDIES = 400
CLAIMS = ("C1", "C2", "C3", "C4", "C5")


def studies(name, n=400, beside=100, **changed):
    """Rows as the test bed makes them: nothing decided, every interval covers."""
    row = {"scenario": name, "design": "48x12", "singular": False, "P": 0.1, "T": 0.0}
    row |= dict.fromkeys(CLAIMS, "inconclusive") | {f"oracle_{claim}": False for claim in CLAIMS}
    for effect in ("P", "T", "P-T", "P+T"):
        for prefix in ("", "sessions_"):
            row |= {f"{prefix}{effect}_low": -1.0, f"{prefix}{effect}_high": 1.0}
    row |= dict.fromkeys(("sessions_C1", "sessions_C2", "sessions_C3"), "inconclusive") | changed
    rows = pd.DataFrame([row] * n)
    rows.loc[beside:, [c for c in rows if c.startswith("sessions_")]] = None
    return rows


def test_a_study_depends_on_its_address_alone():
    one, other = (session_claims("S10", "16x36", 3, 7) for _ in range(2))
    assert one == other
    assert session_claims("S10", "16x36", 3, 8)["P"] != one["P"]
    beside = session_claims("S10", "16x36", 3, 7, beside=True)
    assert one.items() <= beside.items() and {"sessions_C1", "sessions_P-T_high"} <= beside.keys()


def test_the_scenarios_are_judged_and_all_else_reported():
    rows = pd.concat([studies("S0"), studies("S3-start", sessions_C1="supported")])
    rows.loc[(rows["scenario"] == "S0") & (rows.index < 40), "C1"] = "supported"
    table = session_characteristics(rows).set_index(["scenario", "quantity"])
    assert table.loc[("S0", "C1 false support"), "verdict"] == "fails"
    assert table.loc[("S0", "sessions C1 agrees"), "n"] == 100
    assert table.loc[("S0", "sessions C1 agrees"), "rate"] == pytest.approx(0.60)
    assert table.loc[("S0", "sessions width P"), "rate"] == 1
    assert set(table.loc["S3-start"]["verdict"]) == {"reported"}
    assert table.loc[("S3-start", "mean P"), "rate"] == pytest.approx(0.1)


def test_the_page_says_first_whether_anything_fails():
    rows = pd.concat([studies("S0", C1="supported"), studies("S3-start", C3="supported", n=20)])
    text = session_page(session_characteristics(rows), 2, "## Why\n\nBecause.")
    failure = text.index("| S0 | 48 × 12 | C1 false support | 1.000 |")
    assert failure < text.index("Because.") < text.index("## The studies") < text.index("## Scenarios")
    assert "| S3-start | 48 × 12 | .100 | .000 | 1.000 | .000 | 1.000 | .000 | – | – |" in text
    assert "In 100 studies of each cell" in text
    assert "| S0 | neither side predicts the outcome | 0 | −.007 | 0 | false | false | true | true | true |" in text


def test_boundaries_are_among_the_scenarios():
    assert {"S2", "S4", "S14", "S17a", "S17b"} <= set(CELLS) <= set(CASES)


@pytest.mark.parametrize(("name", "design"), [("S2", "16x12"), ("S17a", "20x8"), ("S3-start", "16x12")])
def test_studies_side_by_side_have_the_numbers_of_studies_one_by_one(name, design):
    """To 1e-9 relative; verdicts the same. Some of the fits have a variance of 0."""
    many = session_studies(name, design, 5, range(6))
    one = session_studies(name, design, 5, range(6), beside=6)
    assert many["singular"].any()
    for column in many:
        if many[column].dtype == float:
            assert many[column].to_numpy() == pytest.approx(one[column].to_numpy(), rel=1e-9, abs=1e-12), column
        else:
            assert (many[column] == one[column]).all(), column


def test_error_rates_briefly():
    """The rule of the long form with few studies: catches what is grossly wrong."""
    parts = [session_studies("S2", "16x36", 11, range(100)), session_studies("S10", "48x12", 11, range(8), beside=2)]
    failing = session_characteristics(pd.concat(parts)).query("verdict == 'fails'")
    assert failing.empty, failing.to_string()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "design"), [("S2", "16x36"), ("S4", "31x45"), ("S17a", "48x12"), ("S14", "100x10")])
def test_error_rates(name, design):
    failing = session_characteristics(session_studies(name, design, 11, range(STUDIES))).query("verdict == 'fails'")
    assert failing.empty, failing.to_string()
