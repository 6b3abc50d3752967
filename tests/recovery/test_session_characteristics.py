"""The rules hold their error rates where the landmark decides (short; `make validate-sessions` is the long form)."""

import pandas as pd
import pytest

from bowlby.simulate.batched_analysis import analysed
from bowlby.simulate.study_analysis import StudyAddress
from validation import session_studies as sessions
from validation.runs import KINDS
from validation.session_studies import CASES, CELLS, session_studies

STUDIES = 400
CLAIMS = ("C1", "C2", "C3", "C4", "C5")


def studies(name, n=400, with_sessions=100, **changed):
    """Rows as the test bed makes them: nothing decided, every interval covers."""
    row = {"scenario": name, "design": "48x12", "singular": False, "P": 0.1, "T": 0.0}
    row |= dict.fromkeys(CLAIMS, "inconclusive") | {f"oracle_{claim}": False for claim in CLAIMS}
    for effect in ("P", "T", "P-T", "P+T"):
        for prefix in ("", "sessions_"):
            row |= {f"{prefix}{effect}_low": -1.0, f"{prefix}{effect}_high": 1.0}
    row |= dict.fromkeys(("sessions_C1", "sessions_C2", "sessions_C3"), "inconclusive") | changed
    rows = pd.DataFrame([row] * n)
    rows.loc[with_sessions:, [c for c in rows if c.startswith("sessions_")]] = None
    return rows


def judged(rows):
    return KINDS["sessions"].characteristics(rows)


def test_a_study_depends_on_its_address_alone():
    one, other = session_studies("S10", "16x36", 3, [7, 8]), session_studies("S10", "16x36", 3, [8])
    pd.testing.assert_frame_equal(one.iloc[[1]].reset_index(drop=True), other)
    with_sessions = session_studies("S10", "16x36", 3, [7, 8], with_sessions=8)
    pd.testing.assert_frame_equal(with_sessions[one.columns], one)
    assert with_sessions[["sessions_C1", "sessions_P-T_high"]].notna().sum(axis=0).eq(1).all()


def test_the_scenarios_are_judged_and_all_else_reported():
    rows = pd.concat([studies("S0"), studies("S3-start", sessions_C1="supported")])
    rows.loc[(rows["scenario"] == "S0") & (rows.index < 40), "C1"] = "supported"
    table = judged(rows).set_index(["scenario", "quantity"])
    assert table.loc[("S0", "C1 false support"), "verdict"] == "fails"
    assert table.loc[("S0", "single sessions: same C1"), "n"] == 100
    assert table.loc[("S0", "single sessions: same C1"), "rate"] == pytest.approx(0.60)
    assert table.loc[("S0", "single sessions: width P, to means"), "rate"] == 1
    assert set(table.loc["S3-start"]["verdict"]) == {"reported"}
    assert table.loc[("S3-start", "mean P"), "rate"] == pytest.approx(0.1)


def test_the_page_says_first_whether_anything_fails():
    rows = pd.concat([studies("S0", C1="supported"), studies("S3-start", C3="supported", n=20)])
    text = KINDS["sessions"].page(judged(rows), 2, "## Why\n\nBecause.")
    failure = text.index("| S0 | 48 × 12 | C1 false support | 1.000 |")
    assert failure < text.index("Because.") < text.index("## Scenarios")
    assert "20 to 400 studies in each; seed 2" in text
    assert "| S3-start | mean P | .100 |" in text and "| S0 | single sessions: same C1 | .000 |" in text
    assert "| S0 | neither predictor predicts outcome | 0 | 0 | −.007 | false | false | true | true | true |" in text


def test_boundaries_are_among_the_scenarios():
    assert {"S2", "S4", "S14", "S17a", "S17b"} <= set(CELLS) <= set(CASES)


@pytest.mark.parametrize(("name", "design"), [("S2", "16x12"), ("S17a", "20x8"), ("S3-start", "16x12")])
def test_studies_side_by_side_have_the_numbers_of_studies_one_by_one(name, design):
    """To 1e-9 relative; verdicts the same. Some of the fits have a variance of 0."""
    many = session_studies(name, design, 5, range(6))
    source = sessions.SessionStudies(CASES[name])
    source.together = False
    addresses = [StudyAddress(CASES[name].scenario, design, 5, k) for k in range(6)]
    one = analysed(source, addresses, validator=sessions.SessionValidator(CASES[name]))
    assert many["singular"].any()
    for column in one:
        if one[column].dtype == float:
            assert many[column].to_numpy() == pytest.approx(one[column].to_numpy(), rel=1e-9, abs=1e-12), column
        else:
            assert (many[column] == one[column]).all(), column


def test_error_rates_briefly():
    """The rule of the long form with few studies: catches what is grossly wrong."""
    switching = session_studies("S10", "48x12", 11, range(8), with_sessions=2)
    failing = judged(pd.concat([session_studies("S2", "16x36", 11, range(100)), switching])).query("verdict == 'fails'")
    assert failing.empty, failing.to_string()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "design"), [("S2", "16x36"), ("S4", "31x45"), ("S17a", "48x12"), ("S14", "100x10")])
def test_error_rates(name, design):
    failing = judged(session_studies(name, design, 11, range(STUDIES))).query("verdict == 'fails'")
    assert failing.empty, failing.to_string()
