"""Suicidal ideation in counts and as an ordinal outcome."""

import numpy as np
import pandas as pd
import pytest

from bowlby.config.run import Block, Comparison, Outcome, Run
from bowlby.estimands.suicidal_ideation import suicidal_ideation
from bowlby.figures.suicidal_ideation import gather
from bowlby.files import write_json
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.scoring import score
from bowlby.report.sections.suicidal_ideation import suicidal_ideation as section
from bowlby.results import Results
from bowlby.terms import P

KEY = load_instrument("phq9")
LONG = KEY.model_copy(update={"item_response": {9: (0.0, 38.0)}})
OCCASIONS = ["pre", "mid", "post"]


def answers(before, after, item="suicidal_ideation") -> dict:
    """Scores of one item before and after."""
    people = [f"p{k:03}" for k in range(len(before))]
    head = {"person": people, "role": "patient", "about": "self"}
    return {"phq9": pd.concat([pd.DataFrame({**head, "occasion": when, item: np.asarray(values, float)})
                               for when, values in (("pre", before), ("post", after))])}  # fmt: skip


def described(before, after, privacy="shareable", key=KEY, **outcome) -> dict:
    given = {"instrument": "phq9", "scale": "suicidal_ideation", "domain": "suicidal ideation", "pre": "pre",
             "post": "post"}  # fmt: skip
    run = Run(run="s", study="none", privacy=privacy, outcome=Outcome(**given | outcome), growth={})
    return suicidal_ideation(run, answers(before, after), {}, OCCASIONS, {"phq9": key})["outcomes"][0]


def shown(rows) -> dict:
    return {row["category"]: row["count"] for row in rows}


BEFORE = [0] * 40 + [1] * 20 + [2] * 10 + [3] * 6
AFTER = [0] * 34 + [1] * 6 + [0] * 8 + [1] * 6 + [2] * 6 + [0] * 5 + [1] * 5 + [3] * 6


def test_counts_by_hand():
    found = described(BEFORE, AFTER)
    assert found["n"] == 76 and shown(found["before"]) == {"0": 40, "1": 20, "2": 10, "3": 6}
    assert shown(found["after"]) == {"0": 47, "1": 17, "2": 6, "3": 6}
    assert found["change"] == {"new": 6, "persisting": 23, "resolved": 13, "never": 34, "worsened": 6, "unchanged": 12,
                               "improved": 5}  # fmt: skip
    assert found["ordinal"] == {"estimable": False, "reason": "the run has no comparison"}


def test_fewer_than_five_are_joined_or_hidden_unless_the_run_is_internal():
    after = [0] * 34 + [1] * 6 + [0] * 8 + [1] * 10 + [2] * 2 + [0] * 5 + [1] * 5 + [3] * 6
    found = described(BEFORE, after)
    assert shown(found["after"]) == {"0": 47, "1": 21, "2 to 3": 8}
    change = found["change"]
    assert (change["new"], change["persisting"]) == (6, 23)
    assert change["worsened"] is None and [change["unchanged"], change["improved"]].count(None) >= 1
    assert described(BEFORE, after, "internal")["change"]["worsened"] == 2
    few = described(BEFORE, [0] * 38 + [1] * 2 + AFTER[40:])["change"]
    assert set(few.values()) == {None}  # new cases with those who never had ideation add up to a number that is shown


def test_a_long_scale_has_three_groups_above_its_lowest_score_and_a_turned_one_begins_at_its_highest():
    rng = np.random.default_rng(2)
    before, after = rng.integers(0, 39, 300), rng.integers(0, 39, 300) * (rng.random(300) < 0.5)
    found = described(before, after, key=LONG)
    assert len(found["categories"]) == 4 and found["categories"][0] == "0" and found["categories"][-1].endswith("38")
    turned = described(38 - before, 38 - after, key=LONG, higher_is_better=True)
    assert turned["change"] == found["change"] and turned["categories"][0] == "38"
    assert list(shown(turned["after"]).values()) == list(shown(found["after"]).values())


def test_without_occasions_the_first_and_the_last_answer_count():
    assert described(BEFORE, AFTER, pre=None, post=None)["change"] == described(BEFORE, AFTER)["change"]


@pytest.fixture(scope="module")
def compared():
    """40 therapists of 12 patients; perceived attachment lowers ideation after treatment."""
    rng = np.random.default_rng(5)
    n, therapists = 480, [f"t{j:02}" for j in range(40)]
    patients, felt = [f"p{k:03}" for k in range(n)], rng.normal(size=n)
    before, noise = rng.normal(size=n), rng.logistic(size=n)
    item = [np.digitize(x, [0.3, 1.0, 1.8]) for x in (before, 0.6 * before - 0.8 * felt + noise)]
    scores = answers(*item)
    scores["felt"] = pd.DataFrame({"person": patients, "role": "patient", "about": "self", "occasion": "mid",
                                   "secure": felt})  # fmt: skip
    scores["style"] = pd.DataFrame({"person": therapists, "role": "therapist", "about": "self", "occasion": "",
                                    "secure": rng.normal(size=40)})  # fmt: skip
    people = {"patients": pd.DataFrame({"patient": patients}), "therapists": pd.DataFrame({"therapist": therapists}),
              "episodes": pd.DataFrame({"patient": patients, "therapist": np.repeat(therapists, 12),
                                        "weight": 1.0})}  # fmt: skip
    return scores, people


def ordinal(compared, **changed):
    block = Block(instrument="felt", occasion="mid", weights={"secure": 1.0})
    outcome = Outcome(instrument="phq9", scale="suicidal_ideation", domain="suicidal ideation", pre="pre", post="post")
    run = Run(
        run="s",
        study="none",
        outcome=outcome,
        comparison=Comparison(perceived=block, therapist_style=Block(instrument="style", weights={"secure": 1})),
    )
    scores, people = compared
    scores = scores | {"phq9": scores["phq9"].assign(**{k: f(scores["phq9"][k]) for k, f in changed.items()})}
    return suicidal_ideation(run, scores, people, OCCASIONS, {"phq9": KEY})


def test_the_ordinal_model_recovers_the_log_odds_of_less_ideation(compared):
    model = ordinal(compared)["outcomes"][0]["ordinal"]
    assert (model["kind"], model["n_obs"], model["n_therapists"]) == ("ordinal", 480, 40)
    assert model["classes"] == ["3", "2", "1", "0"]
    felt = next(one for one in model["fixed"] if one["term"] == P)
    assert felt["ci"][0] < 0.8 < felt["ci"][1] and 0.08 < felt["se"] < 0.15
    low, high = ([p["estimate"] for p in model["probabilities"] if (p["predictor"], p["at"]) == ("perceived", at)]
                 for at in (-1, 1))  # fmt: skip
    assert sum(low) == pytest.approx(1) and high[-1] > low[-1]


def test_with_two_categories_the_lowest_score_is_modelled(compared, tmp_path):
    record = ordinal(compared, suicidal_ideation=lambda item: item.clip(upper=1))
    model = record["outcomes"][0]["ordinal"]
    assert model["kind"] == "lowest" and {p["class"] for p in model["probabilities"]} == {"event"}
    write_json(tmp_path / "suicidal_ideation.json", record)
    page = section(Results(tmp_path)).html
    assert "No Suicidal Ideation After Treatment" in page and "Odds ratios of the lowest score" in page
    data = gather(Results(tmp_path))
    assert (data.groupby("end")["count"].sum() == data["of"].iloc[0]).all()


def test_a_flagged_item_is_a_score():
    rows = pd.DataFrame({"person": ["a", "b"], "role": "patient", "about": "self", "occasion": "pre", "session": 1,
                         **{f"i{k:02}": [1.0, 0.0] for k in range(1, 10)}})  # fmt: skip
    rows.loc[1, "i09"] = np.nan
    scores = score(rows, KEY)
    assert scores["suicidal_ideation"].iloc[0] == 1 and np.isnan(scores["suicidal_ideation"].iloc[1])
    assert scores["total"].tolist() == [9, 0]
