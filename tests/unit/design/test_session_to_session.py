"""Which of two series comes first: rows, fits, claims, and what they lift from C1 and C2."""

import numpy as np
import pandas as pd
import pytest

from bowlby.compare import qualify
from bowlby.compare.session_to_session import decide_lead, removes_doubt, speaks_against
from bowlby.config.blocks import Block, Series, SessionToSession
from bowlby.config.run import Comparison, Outcome, Run
from bowlby.design.session_to_session import session_to_session_set
from bowlby.errors import UserError
from bowlby.fit.session_to_session import fit_session_to_session

FELT = Series(label="attachment", instrument="felt", scale="secure", about="therapist", higher_is_better=True)
SYMPTOMS = Series(label="symptoms", instrument="symptoms", higher_is_better=False)


def run(**asked) -> Run:
    return Run(
        run="sessions", study="none", session_to_session=SessionToSession(predictor=FELT, outcome=SYMPTOMS, **asked)
    )


def scores(patients=60, sessions=6, lead=0.35, seed=1) -> dict[str, pd.DataFrame]:
    """Attachment leads symptoms; symptoms do not lead attachment. Six patients of each of ten therapists."""
    rng = np.random.default_rng(seed)
    felt, low = rng.normal(size=(2, patients, 1)).repeat(sessions, axis=2)
    x, y = rng.normal(size=(2, patients))
    for t in range(sessions):
        felt[:, t], low[:, t] = felt[:, t] + x, low[:, t] - y  # symptoms: higher is worse
        x, y = 0.3 * x + rng.normal(size=patients), 0.3 * y + lead * x + rng.normal(size=patients)
    index = pd.MultiIndex.from_product([[f"P{i:02d}" for i in range(patients)], range(1, sessions + 1)])
    rows = index.to_frame(index=False, name=["person", "session"]).assign(role="patient", occasion="sessions")
    rows["therapist"] = "T" + (rows["person"].str[1:].astype(int) % 10).astype(str)
    rows["session"] = rows["session"].astype("Int64")
    return {"felt": rows.assign(about="therapist", secure=felt.ravel()),
            "symptoms": rows.assign(about="self", total=low.ravel())}  # fmt: skip


def people(tables) -> dict[str, pd.DataFrame]:
    own = tables["felt"].drop_duplicates("person")
    return {"patients": pd.DataFrame({"patient": own["person"], "therapist": own["therapist"]})}


def test_a_process_begins_anew_after_a_gap_and_with_another_therapist():
    tables = scores()
    for table in tables.values():
        first, second = table["person"] == "P00", table["person"] == "P01"
        table.loc[first & table["session"].between(4, 6), "session"] += 4  # sessions 1 to 3, then 8 to 10
        table.loc[second & (table["session"] > 3), "therapist"] = "T9"
    tables["symptoms"] = tables["symptoms"][tables["symptoms"]["session"] != 2]
    built = session_to_session_set(run(gap=4), tables, people(tables))
    processes = built.data.groupby("patient")["process"].nunique()
    assert processes[["P00", "P01", "P02"]].tolist() == [2, 2, 1]
    assert session_to_session_set(run(gap=5), tables, people(tables)).design["n_processes"] == 61
    assert built.data["outcome"].isna().sum() == 60  # session 2 is kept for the predictor
    kept = tables["symptoms"].set_index(["person", "session"])["total"]
    assert built.data.set_index(["patient", "session"])["outcome"].dropna()["P05", 3] == -kept["P05", 3]


def test_too_few_patients_and_sessions_without_numbers_are_errors():
    tables = scores(patients=19)
    with pytest.raises(UserError, match="19 patients with attachment and symptoms in three or more sessions"):
        session_to_session_set(run(), tables, people(tables))
    few = scores(sessions=2)
    with pytest.raises(UserError, match="0 patients with attachment and symptoms in three or more sessions"):
        session_to_session_set(run(), few, people(few))
    unnumbered = {name: table.assign(session=pd.array([pd.NA] * len(table), "Int64")) for name, table in tables.items()}
    with pytest.raises(UserError, match="no session has a number; give `session:`"):
        session_to_session_set(run(), unnumbered, people(tables))


def test_sessions_counted_by_date_are_those_of_regular_numbers_and_the_first_of_an_interval_counts():
    numbered = scores()
    by_number = session_to_session_set(run(), numbered, people(numbered)).data
    rng = np.random.default_rng(2)
    dated = {}
    for name, table in numbered.items():
        days = 14 * (table["session"].astype(int) - 1) + np.where(
            table["session"] == 1, 0, rng.integers(-6, 7, len(table))
        )
        day = pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D")
        dated[name] = table.assign(date=day, session=pd.array([pd.NA] * len(table), "Int64"))
    second = dated["felt"][dated["felt"]["person"] == "P03"].tail(1).assign(secure=99.0)
    dated["felt"] = pd.concat([dated["felt"], second], ignore_index=True)
    built = session_to_session_set(run(interval=14), dated, people(numbered))
    pd.testing.assert_frame_equal(built.data, by_number)
    assert (built.design["interval"], built.design["n_unused_answers"]) == (14, 1)
    with pytest.raises(UserError, match="no answer has a date; name `date:`"):
        session_to_session_set(run(interval=14), numbered, people(numbered))


@pytest.fixture(scope="module")
def led() -> dict:
    tables = scores(patients=150)
    built = session_to_session_set(run(), tables, people(tables))
    fits = fit_session_to_session(built.data, built.design)
    return decide_lead(run(), {name: fitted.record for name, fitted in fits.items()}, built.design)


def test_attachment_that_leads_symptoms_is_found_and_not_the_reverse(led):
    assert {name: claim["verdict"] for name, claim in led["claims"].items()} == {"L1": "supported", "L2": "supported"}
    paths = led["paths"]["mean"]
    low, high = paths["L"]["ci"]
    assert low < 0.30 < high  # .35 times the SDs within patients
    assert paths["R"]["ci"][0] < 0 < paths["R"]["ci"][1]
    assert paths["L-R"]["estimate"] == pytest.approx(paths["L"]["estimate"] - paths["R"]["estimate"])
    assert led["finding"] == "Supported: the path from attachment to later symptoms is larger than the reverse path."
    assert led["sentence"].startswith(f"{led['finding']} After a session with attachment 1 SD better than ")


def compared(**outcome) -> Run:
    perceived = Block(instrument="felt", about="therapist", occasion="middle", weights={"secure": 1.0})
    style = Block(instrument="style", weights={"secure": 1.0})
    given = {"instrument": "symptoms", "pre": "start", "post": "end"} | outcome
    return run().model_copy(update={
        "comparison": Comparison(perceived=perceived, therapist_style=style), "outcome": Outcome(**given)})  # fmt: skip


def test_sessions_lift_the_doubt_that_improvement_came_first_only_where_both_claims_hold_for_the_same_scales(led):
    assert removes_doubt(compared(), led) and not removes_doubt(compared(), None)
    assert not removes_doubt(compared(instrument="other"), led)
    for name in ("L1", "L2"):
        for trend in ("mean", "patient"):
            claim = led["claims"][name] | {"detrended": led["claims"][name]["detrended"] | {trend: "inconclusive"}}
            assert not removes_doubt(compared(), led | {"claims": led["claims"] | {name: claim}})
    refuted = {"claims": {"L2": {"verdict": "refuted"}}}
    assert not speaks_against(compared(), led)
    assert speaks_against(compared(), refuted)
    assert not speaks_against(compared(instrument="other"), refuted)


@pytest.mark.parametrize(("early", "leads", "open_"), [
    (None, True, False), (None, False, True), (0.3, False, False), (0.3, True, False), (0.0, True, True),
])  # fmt: skip
def test_an_early_outcome_prevails_over_the_sessions(early, leads, open_):
    """It adjusts P itself; the sessions are about another level."""
    claims = {name: {"verdict": "supported", "reasons": [], "flags": [], "qualified": False} for name in ("C1", "C2")}
    adjusted = early is not None and {"contrasts": [{"name": "P", "estimate": early, "se": 0.1, "df": 50.0}]}
    qualify(claims, adjusted or None, "observer", leads)
    assert [("reverse_causation_open" in claim["reasons"]) for claim in claims.values()] == [open_, open_]
