"""Rows of response surfaces, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from bowlby.config.run import Outcome, Pair, Run, Side
from bowlby.design.response_surface import response_surface_set
from bowlby.errors import UserError
from bowlby.instruments.catalogue import load_instrument

PATIENTS = [f"P{i:03}" for i in range(120)]
THERAPISTS = [f"T{j:02}" for j in range(12)]
LOW, HIGH = load_instrument("ecr_s").range_of("anxiety")


def scored(therapists: np.ndarray | None = None):
    """12 therapists of 10 patients; the first patient has the first two therapists, by 3 to 1."""
    rng = np.random.default_rng(3)
    own = pd.DataFrame({"person": PATIENTS, "role": "patient", "about": "self", "occasion": "intake",
                        "anxiety": rng.integers(LOW, HIGH, 120).astype(float)})  # fmt: skip
    theirs = rng.integers(LOW, HIGH, 12).astype(float) if therapists is None else therapists
    other = pd.DataFrame(
        {"person": THERAPISTS, "role": "therapist", "about": "self", "occasion": "", "anxiety": theirs}
    )
    outcome = pd.DataFrame({"person": PATIENTS, "role": "patient", "about": "self", "occasion": "end",
                            "total": rng.normal(size=120)})  # fmt: skip
    first = pd.DataFrame({"patient": ["P000"], "therapist": ["T01"], "weight": [0.25]})
    episodes = pd.DataFrame({"patient": PATIENTS, "therapist": np.repeat(THERAPISTS, 10), "weight": 1.0})
    episodes.loc[0, "weight"] = 0.75
    people = {"patients": pd.DataFrame({"patient": PATIENTS}), "episodes": pd.concat([episodes, first])}
    return {"ecr_s": pd.concat([own, other]), "symptoms": outcome}, people


def asked(**surface) -> Run:
    sides = {
        "first": Side(label="own style", instrument="ecr_s", occasion="intake", weights={"anxiety": -1}),
        "second": Side(label="therapist's style", instrument="ecr_s", role="therapist", weights={"anxiety": -1}),
    }
    outcome = Outcome(instrument="symptoms", post="end", higher_is_better=True)
    return Run(run="match", study="none", outcome=outcome, pair=Pair(**sides), response_surface=surface)


def built(run: Run, data=None):
    return response_surface_set(
        run, *(data or scored()), ["intake", "end"], load_instrument, "response_surface_anxiety"
    )


def test_both_scores_are_distances_from_the_midpoint_in_one_unit():
    scores, _ = data = scored()
    rows = built(asked(), data)
    table = scores["ecr_s"].set_index("person")["anxiety"]
    sd, middle = table[PATIENTS].std(), (LOW + HIGH) / 2
    d = rows.data.set_index("patient")
    assert d["surface_x"].to_numpy() == pytest.approx((table[PATIENTS] - middle) / sd)
    assert d.loc["P010", "surface_w"] == pytest.approx((table["T01"] - middle) / sd)
    shares = [(w, (table[t] - middle) / sd) for t, w in (("T00", 0.75), ("T01", 0.25))]
    assert d.loc["P000", "surface_w"] == pytest.approx(sum(w * v for w, v in shares))
    assert d.loc["P000", "surface_ww"] == pytest.approx(sum(w * v**2 for w, v in shares))
    assert d["surface_xw"].to_numpy() == pytest.approx(d["surface_x"] * d["surface_w"])
    assert {"surface_x_within", "surface_x_between"} <= set(d) and "surface_w_within" not in d
    assert rows.design["surface"]["units"] == [pytest.approx(sd)] * 2
    assert len(rows.design["surface"]["therapists"]["surface_w"]) == 12


def test_norms_standardise_each_side_by_its_own():
    norms = {"anxiety": {"first": {"mean": 20, "sd": 5}, "second": {"mean": 15, "sd": 4}}}
    scores, people = scored()
    d = built(asked(norms=norms), (scores, people)).data.set_index("patient")
    table = scores["ecr_s"].set_index("person")["anxiety"]
    assert d.loc["P055", "surface_x"] == pytest.approx((table["P055"] - 20) / 5)
    assert d.loc["P055", "surface_w"] == pytest.approx((table["T05"] - 15) / 4)


def test_two_values_of_therapists_are_too_few_for_a_square():
    with pytest.raises(UserError, match="therapist's style: anxiety has 2 different scores; a square needs at least 3"):
        built(asked(), _without_switching(scored(np.repeat([12.0, 30.0], 6))))


def _without_switching(data):
    scores, people = data
    episodes = people["episodes"].drop_duplicates("patient").assign(weight=1.0)
    return scores, people | {"episodes": episodes}


@pytest.mark.parametrize(
    ("surface", "change", "said"),
    [
        ({"scales": ["avoidance"]}, {}, "pair.first has no scale 'avoidance'; use one of anxiety"),
        ({"scales": ["anxiety", "anxiety"]}, {}, "scales lists one scale twice"),
        ({}, {"instrument": "ecr"}, "pair.first is of ecr_s and pair.second of ecr, whose scores do not have the same"),
        ({}, {"weights": {"avoidance": -1}}, "pair.first and pair.second have no scale in common"),
        ({"norms": {"avoidance": {"first": {"mean": 0, "sd": 1}, "second": {"mean": 0, "sd": 1}}}}, {},
         "response_surface.norms has to name anxiety"),
    ],
)  # fmt: skip
def test_what_cannot_be_matched_is_one_line(surface, change, said):
    run = asked().model_dump(exclude_none=True)
    run["pair"]["second"] |= change
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        Run.model_validate(run | {"response_surface": surface})


def test_a_run_without_two_styles_has_no_match():
    run = asked().model_dump(exclude_none=True)
    del run["pair"]
    with pytest.raises(ValueError, match="response_surface has no two styles to match"):
        Run.model_validate(run | {"growth": {}})
