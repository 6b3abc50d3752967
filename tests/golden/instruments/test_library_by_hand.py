"""Forms of the library's questionnaires worked out by hand: answers, and the scores that a person gets with a pencil.

Each form is written as its answers in order of the items. The scores were added up from the sources that the
instrument's file names, not from its key.
"""

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.scoring import score


def form(instrument, answers):
    """One form; ``answers`` are a list, or one answer to all items with exceptions by item number; None is missing."""
    if isinstance(answers, tuple):
        same, others = answers
        answers = [others.get(i, same) for i in range(1, instrument.n_items + 1)]
    values = {f"i{n:02d}": [np.nan if a is None else float(a)] for n, a in enumerate(answers, 1)}
    head = {"person": ["p"], "role": ["patient"], "about": ["self"], "occasion": ["intake"]}
    return pd.DataFrame(head | values).assign(session=pd.array([pd.NA], dtype="Int64"))


BY_HAND = [
    # 0-1-2-3 three times over is 18; of twelve answers the six that are 2 or 3 count
    ("ghq12", [0, 1, 2, 3] * 3, {"total": 18, "bimodal": 6}),
    # eleven answers of 2 are worth twelve; the count needs all
    ("ghq12", (2, {7: None}), {"total": 24, "bimodal": None}),
    # all "not true": of the difficulties 7, 21, 25, 11 and 14 count 2 each
    ("sdq", (0, {}), {"emotional": 0, "conduct": 2, "hyperactivity": 4, "peer": 4, "prosocial": 0, "total": 10}),
    # 3 and 24 (emotional) 2 each; 7 turned 0; 21 turned 1; 1 and 20 (prosocial) 2 and 1
    ("sdq", (0, {3: 2, 24: 2, 7: 2, 21: 1, 1: 2, 20: 1}),
     {"emotional": 4, "conduct": 0, "hyperactivity": 3, "peer": 4, "prosocial": 3, "total": 11}),
    # three answers of 2 to emotional items are worth five; two to peer items give no score, and no total
    ("sdq", (0, {3: 2, 8: 2, 13: 2, 16: None, 24: None}), {"emotional": 10, "total": 20}),
    ("sdq", (0, {6: None, 19: None, 23: None}), {"peer": None, "total": None}),
    # every item at its best: 13 x 5; 7 x 5 + 4 + 6 + 5; 4 + 4 x 5; 2 x 5 + 2 x 1
    ("das32", [5] * 22 + [4, 4, 5, 5, 5, 5, 1, 1, 6, 5],
     {"consensus": 65, "satisfaction": 50, "cohesion": 24, "affectional_expression": 12, "total": 151}),
    # 1, 3 and 15 (consensus) 5 + 4 + 3; 16 and 31 (satisfaction) 2 + 6; 24 (cohesion) 1; 4 and 30 (affection) 2 + 1
    ("das32", (0, {1: 5, 3: 4, 15: 3, 16: 2, 31: 6, 24: 1, 4: 2, 30: 1}),
     {"consensus": 12, "satisfaction": 8, "cohesion": 1, "affectional_expression": 3, "total": 24}),
    ("das32", (1, {29: None, 1: None, 2: None}), {"consensus": 13, "affectional_expression": None, "total": None}),
    # 1 + 2 + 3 + 4 + 5 + 0
    ("sai6", [1, 2, 3, 4, 5, 0], {"total": 15}),
    # five answers of 4 are worth six
    ("sai6", [4, 4, 4, 4, 4, None], {"total": 24}),
    ("ors", [2.5, 3.1, 4.4, 5.0], {"total": 15.0}),
    ("ors", [9, 9, 9, None], {"total": None}),
    # 5 + 3 + 2 + 0 + 1 = 11; times 4
    ("who5", [5, 3, 2, 0, 1], {"total": 11, "percentage": 44}),
    # 3 to items 3 and 21 (depression), 2 to 2 (anxiety), 1 to 1 and 18 (stress)
    ("dass21", (0, {3: 3, 21: 3, 2: 2, 1: 1, 18: 1}),
     {"depression": 6, "anxiety": 2, "stress": 2, "total": 10, "depression_doubled": 12, "anxiety_doubled": 4}),
    # item 14, of stress, is missing: six answers of 2 are worth seven
    ("dass21", (2, {14: None}), {"stress": 14, "depression": 14}),
    # 24 and 42 depression, 23 and 41 anxiety, 22 and 39 stress
    ("dass42", (0, {24: 3, 42: 2, 23: 1, 41: 3, 22: 2, 39: 1}),
     {"depression": 5, "anxiety": 4, "stress": 3, "total": 12}),
    # items 2 and 37: 7/7 = 1 of somatization; item 11: 1/4 of the additional ones; 4 + 3 + 1 of 53; three are above 0
    ("bsi53", (0, {2: 4, 37: 3, 11: 1}),
     {"somatization": 1, "additional_items": 0.25, "depression": 0, "total": 8 / 53, "positive_symptom_total": 3}),
    # one missing of 53: the GSI is the mean of 52, the positive symptom total is not known
    ("bsi53", (1, {53: None}), {"psychoticism": 1, "total": 1, "positive_symptom_total": None}),
    # odd items 3, even items 1
    ("hads", [3, 1] * 7, {"anxiety": 21, "depression": 7, "total": 28}),
    # the four positive items at 0 give 12, all others at 0 give 0
    ("cesd", (0, {}), {"total": 12}),
    ("cesd", (0, {4: 3, 8: 3, 12: 3, 16: 2, 1: 2}), {"total": 3}),
    ("cesd", (3, {1: None, 2: None, 3: None, 5: None, 6: None}), {"total": None}),
    # sleep 0, 1, 3, 0: 3; mood 2; appetite 1 and weight 2: 2; 10-14: 1, 0, 0, 2, 1; psychomotor 0, 1: 1
    ("qids_sr16", [0, 1, 3, 0, 2, 1, None, None, 2, 1, 0, 0, 2, 1, 0, 1],
     {"sleep": 3, "sad_mood": 2, "appetite_weight": 2, "psychomotor": 1, "total": 12}),
    # everything at its worst: nine domains of 3
    ("qids_sr16", (3, {}), {"sleep": 3, "total": 27}),
    # without item 13 there is no domain of interest
    ("qids_sr16", (1, {13: None}), {"interest": None, "total": None}),
    # all never true: 5 of each abuse; emotional neglect 5 x 5; physical neglect 3 x 1 + 2 x 5
    ("ctq_sf", (1, {}),
     {"emotional_abuse": 5, "physical_abuse": 5, "sexual_abuse": 5, "emotional_neglect": 25, "physical_neglect": 13,
      "minimization": 0, "total": 53}),
    # 10 and 22 very often true, 16 often only; 25 emotional abuse, 9 physical, 27 sexual
    ("ctq_sf", (1, {10: 5, 16: 4, 22: 5, 25: 3, 9: 4, 27: 2}),
     {"emotional_abuse": 7, "physical_abuse": 8, "sexual_abuse": 6, "minimization": 2, "total": 53 + 2 + 3 + 1}),
    # all almost never: 6, 4 + 5, 5 + 5, 6 x 5, 7 + 5, 3 + 2 x 5
    ("ders", (1, {}),
     {"nonacceptance": 6, "goals": 9, "impulse": 10, "awareness": 30, "strategies": 12, "clarity": 13, "total": 80}),
    ("ders", (1, {29: 5, 20: 5, 24: 5, 34: 5, 22: 5, 7: 5}),
     {"nonacceptance": 10, "goals": 5, "impulse": 6, "awareness": 26, "strategies": 8, "clarity": 9, "total": 64}),
    # all 1: 7; 4 + 5; 4 + 4 x 5
    ("tas20", (1, {}),
     {"identifying_feelings": 7, "describing_feelings": 9, "externally_oriented_thinking": 24, "total": 40}),
    # 14 identifying, 17 describing, 20 external; 4 and 19 reversed
    ("tas20", (3, {14: 5, 17: 4, 20: 1, 4: 1, 19: 5}),
     {"identifying_feelings": 23, "describing_feelings": 18, "externally_oriented_thinking": 20, "total": 61}),
    # 14 intrusion, 22 avoidance, 21 hyperarousal
    ("ies_r", (0, {14: 4, 22: 3, 21: 2}), {"intrusion": 4, "avoidance": 3, "hyperarousal": 2, "total": 9}),
    # 11 ones and five ones turned to 5
    ("pswq", (1, {}), {"total": 36}),
    ("pswq", (2, {1: 5, 3: 5, 8: 5, 10: 5, 11: 4}), {"total": 11 * 2 + 4 * 1 + 2}),
    # ten of twenty turned
    ("stai_s", (1, {}), {"total": 10 * 1 + 10 * 4}),
    ("stai_s", (1, {20: 4, 18: 3}), {"total": 50 - 3 + 2}),
    # nine of twenty turned
    ("stai_t", (1, {}), {"total": 11 * 1 + 9 * 4}),
    ("stai_t", (1, {19: 4, 20: 3}), {"total": 47 - 3 + 2}),
    # four of ten turned
    ("pss10", (0, {}), {"total": 16}),
    ("pss10", [4, 3, 2, 4, 3, 1, 2, 1, 0, 4], {"total": 4 + 3 + 2 + 0 + 1 + 1 + 2 + 3 + 0 + 4}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answers", "wanted"), BY_HAND, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(BY_HAND)])
def test_forms_worked_out_by_hand(name, answers, wanted):
    instrument = load_instrument(name)
    scores = score(form(instrument, answers), instrument).iloc[0]
    found = {scale: None if pd.isna(scores[scale]) else float(scores[scale]) for scale in wanted}
    assert found == pytest.approx(wanted)


def test_no_mean_stands_for_items_that_a_highest_answer_does_not_need():
    """A person answers one of two items on appetite and one of two on weight; nothing is prorated then."""
    qids = load_instrument("qids_sr16")
    scores = score(form(qids, (1, {7: None, 8: None})), qids).iloc[0]
    assert (scores["total"], scores["total_n"], scores["total_prorated"]) == (9, 14, False)
