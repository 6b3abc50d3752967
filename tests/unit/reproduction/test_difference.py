"""`bowlby diff`: the verdicts and estimates of several runs."""

from types import SimpleNamespace

import pytest

from bowlby.files import write_json
from bowlby.reproduction.difference import _verdicts, differences, estimates
from bowlby.reproduction.frozen import endpoints
from bowlby.results import Results

EFFECT = {"estimate": 0.2, "se": 0.05, "df": 20.0, "ci": [0.1, 0.3]}


def test_a_claim_that_was_not_tested_is_not_inconclusive():
    c5 = SimpleNamespace(verdict="inconclusive", tested=False)
    run = SimpleNamespace(claims={"C5": c5}, json=lambda _: None)
    assert _verdicts(run) == {"C5": "not tested"}


@pytest.fixture
def runs(tmp_path):
    """Two runs of growth, sessions, mediation and pooled outcomes, which differ in one estimate."""
    for name, slope in (("one", 0.2), ("two", 0.25)):
        effect = EFFECT | {"estimate": slope}
        claim = {"verdict": "supported", "qualified": True, "p": 0.01, **effect}
        mediator = {"mediator": "alliance", "patient": {"indirect": effect, "total": EFFECT}, "therapist": None}
        pooled = {"effects": {"P": effect}, "claims": {"C1": {"verdict": "supported"}}}
        records = {
            "manifest.json": {"config": {}},
            "growth.json": {"claims": {"G1": claim}, "contrasts": {"P_slope": effect}, "n_obs": 400},
            "session_to_session.json": {"claims": {"L1": claim}, "detrend": "mean", "paths": {"mean": {"L": effect}}},
            "mediation.json": {"mediators": [mediator]},
            "moderation.json": {"interactions": [{"text": "perceived by age", "interaction": effect}]},
            "domains.json": {"outcomes": [], "pooled": pooled},
        }
        for file, record in records.items():
            write_json(tmp_path / name / file, record)
    return [Results(tmp_path / name) for name in ("one", "two")]


def test_growth_sessions_mediation_and_pooled_outcomes_are_compared(runs):
    numbers = differences(runs).query("part == 'numbers'")["place"]
    files = {"growth.json", "session_to_session.json", "mediation.json", "moderation.json", "domains.json"}
    assert {place.split(" ")[0] for place in numbers} == files
    assert _verdicts(runs[0]) == dict.fromkeys(["G1", "L1", "C1, all outcomes together"], "supported")
    table = estimates(runs).set_index(["number", "run"])["estimate"]
    for number in ("L", "alliance_patient_indirect", "perceived by age: interaction", "P_pooled"):
        assert table[number].tolist() == [0.2, 0.25]


def test_growth_sessions_mediation_and_pooled_outcomes_are_frozen(runs):
    frozen = endpoints(runs[1])
    assert frozen["growth.json claims.G1.verdict"] == "supported"
    for place in (
        "growth.json contrasts.P_slope.estimate",
        "session_to_session.json paths.mean.L.estimate",
        "mediation.json mediators[0].patient.indirect.estimate",
        "moderation.json interactions[0].interaction.estimate",
        "domains.json pooled.effects.P.estimate",
    ):
        assert frozen[place] == 0.25
