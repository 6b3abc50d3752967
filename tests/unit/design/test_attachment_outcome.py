"""Attachment as the outcome of the comparison: the shift from before to after treatment."""

import numpy as np
import pandas as pd
import pytest

from bowlby.config.run import Run
from bowlby.design.primary import comparison_set
from bowlby.fit.models import Fitter
from bowlby.mixed import MixedModel
from bowlby.terms import BASELINE, M1_RANDOM, P, T


def test_anxiety_after_treatment_is_compared_at_equal_anxiety_before():
    """Outcome and perceived attachment are scales of two questionnaires; lower anxiety is better."""
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(12), 15)
    felt, before = rng.normal(20, 4, len(who)), rng.normal(30, 7, len(who))
    after = 0.6 * before - 0.5 * (felt - 20) + rng.normal(size=12)[who] + rng.normal(0, 4, len(who))
    ids = [f"p{k:03d}" for k in range(len(who))]

    def rows(role, person, occasion, about="self", **scales):
        return pd.DataFrame({"person": person, "role": role, "about": about, "occasion": occasion} | scales)

    style = rng.normal(20, 5, 12)
    scores = {
        "ecr_s": pd.concat([rows("patient", ids, "a", anxiety=before), rows("patient", ids, "b", anxiety=after),
                            rows("therapist", [f"t{j}" for j in range(12)], "", anxiety=style)]),
        "ecr_rs": rows("patient", ids, "m", "therapist", avoidance=felt),
    }  # fmt: skip
    people = {"patients": pd.DataFrame({"patient": ids}),
              "therapists": pd.DataFrame({"therapist": [f"t{j}" for j in range(12)]}),
              "episodes": pd.DataFrame({"patient": ids, "therapist": [f"t{j}" for j in who],
                                        "weight": 1.0})}  # fmt: skip
    run = Run(run="x", study="s",
              outcome={"instrument": "ecr_s", "scale": "anxiety", "pre": "a", "post": "b", "domain": "attachment"},
              comparison={"perceived": {"instrument": "ecr_rs", "about": "therapist", "occasion": "m",
                                        "weights": {"avoidance": 1}},
                          "therapist_style": {"instrument": "ecr_s", "weights": {"anxiety": -1}}})  # fmt: skip
    built = comparison_set(run, scores, people, ["a", "m", "b"], "primary")
    assert built.data["y"].tolist() == (-after).tolist()  # higher is better
    record = Fitter(built.data, built.membership, built.design).primary()["primary"].record
    slope = next(c["estimate"] for c in record["contrasts"] if c["name"] == "P")
    model = MixedModel.from_terms("y", [*BASELINE, P, T], M1_RANDOM, built.data).fit()
    assert slope == pytest.approx(model.params[P] / built.design["sd_outcome"], rel=1e-9)
    assert slope == pytest.approx(0.5 * felt.std(ddof=1) / before.std(ddof=1), abs=0.15)
