"""The comparison for several outcomes: each as if it were the only one, p adjusted across all."""

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.domains import domains, holm
from bowlby.config.run import Block, Comparison, Outcome, Run
from bowlby.design.primary import comparison_set
from bowlby.errors import UserError
from bowlby.fit.models import Fitter, standardised
from bowlby.terms import M1, M1_RANDOM

OCCASIONS = ["pre", "mid", "post"]


def study(others):
    block = Block(instrument="felt", about="self", occasion="mid", weights={"secure": 1.0})
    style = Block(instrument="style", weights={"secure": 1.0})
    return Run(run="s", study="none", outcome=outcome("a"), other_outcomes=others,
               comparison=Comparison(perceived=block, therapist_style=style))  # fmt: skip


def outcome(name, **more):
    return Outcome(instrument=name, pre="pre", post="post", higher_is_better=True, **more)


@pytest.fixture(scope="module")
def data():
    """20 therapists of 8 patients; perceived attachment counts for outcome a, not for b."""
    rng = np.random.default_rng(1)
    patient, therapist = [f"P{i:03}" for i in range(160)], [f"T{j:02}" for j in range(20)]
    key = {"role": "patient", "about": "self"}
    felt = pd.DataFrame({"person": patient, "occasion": "mid", "secure": rng.normal(size=160), **key})
    style = pd.DataFrame({"person": therapist, "role": "therapist", "about": "self", "occasion": "",
                          "secure": rng.normal(size=20)})  # fmt: skip
    scores = {"felt": felt, "style": style}
    for name, slope in (("a", 0.6), ("b", 0.0)):
        table = pd.concat([pd.DataFrame({"person": patient, "occasion": o, **key}) for o in ("pre", "post")])
        table["total"] = np.append(rng.normal(size=160), slope * felt["secure"] + rng.normal(size=160))
        scores[name] = table
    people = {
        "patients": pd.DataFrame({"patient": patient}),
        "therapists": pd.DataFrame({"therapist": therapist}),
        "episodes": pd.DataFrame({"patient": patient, "therapist": np.repeat(therapist, 8), "weight": 1.0}),
    }
    return scores, people


def registered(run, data):
    built = comparison_set(run, *data, OCCASIONS, "primary")
    result = Fitter(built.data, built.membership, built.design).fit(M1, M1_RANDOM)
    return {"contrasts": standardised(result, built.design), "n_obs": 160,
            "groups": {"therapist": 20}, "singular": bool(result.singular)}  # fmt: skip


def test_each_outcome_is_compared_as_if_it_were_the_only_one(data):
    run = study([outcome("b", domain="anxiety")])
    found = domains(run, *data, OCCASIONS, registered(run, data))["outcomes"]
    alone = registered(run.model_copy(update={"outcome": outcome("b")}), data)["contrasts"]
    assert [row["outcome"]["domain"] for row in found] == ["distress", "anxiety"]
    assert found[1]["effects"]["P"]["estimate"] == pytest.approx(alone[0]["estimate"], rel=1e-12)
    assert [row["claims"]["C1"]["verdict"] for row in found] == ["supported", "inconclusive"]
    p = [row["claims"]["C1"]["p"] for row in found]
    assert [row["claims"]["C1"]["p_holm"] for row in found] == pytest.approx([2 * p[0], p[1]])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_every_fault_is_told_with_its_outcome(data):
    run = study([outcome("c"), Outcome(instrument="b")])
    with pytest.raises(UserError) as caught:
        domains(run, *data, OCCASIONS, registered(run, data))
    assert caught.value.problems == [
        "other_outcomes[1]: the comparison needs pre and post; add both",
        "other_outcomes[0]: there is no score 'total' of c; sums of scales and styles are only made of scores in a "
        "questionnaire's own units; see `bowlby instruments show c`",
    ]
