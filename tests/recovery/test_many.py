"""Studies analysed side by side are the studies analysed one by one."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.simulate import many
from bowlby.simulate.many import studies
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.testbed import Replicate, drawn, study_claims, validated_study

SHOWN = ["S2b", "S6", "S8", "S9", "S13", "S17a", "S18"]


@pytest.mark.parametrize(("name", "design"), [*((name, "16x36") for name in SHOWN), ("S12", "48x12"), ("S10", "16x36"),
                                              ("S11", "16x36")])  # fmt: skip
def test_the_same_numbers_as_one_by_one(name, design):
    """Every column of a study, intervals and oracle included, to 1e-10 (the same algorithm on other array shapes)."""
    together = studies(name, design, 4, range(3), validate=True)
    alone = pd.DataFrame([validated_study(Replicate(name, design, 4, k)) for k in range(3)])
    pd.testing.assert_frame_equal(together, alone, check_exact=False, rtol=0, atol=1e-10)
    assert together["P_se"].nunique() == 3


def test_a_study_has_the_same_bits_in_every_batch(monkeypatch):
    whole = studies("S3", "48x12", 4, [5, 6, 7])
    monkeypatch.setattr(many, "ROWS", 1)
    pd.testing.assert_frame_equal(studies("S3", "48x12", 4, [7, 5]), whole.iloc[[2, 0]].reset_index(drop=True))


def test_a_study_that_cannot_be_fitted_together_goes_alone(monkeypatch):
    fit = many.Model.fit

    def spoilt(model):
        found = fit(model)
        found.good[1] = False
        return found

    monkeypatch.setattr(many.Model, "fit", spoilt)
    rows = studies("S1", "16x36", 4, range(2))
    assert rows.iloc[1].to_dict() == study_claims(Replicate("S1", "16x36", 4, 1))


def test_too_few_therapists_are_refused_as_in_a_run():
    with pytest.raises(UserError, match="therapist"):
        studies("S1", "4x30", 4, range(2))


def test_therapists_without_outcomes_do_not_count():
    """Dropout leaves one of sixty therapists without a row; the numbers stay those of a run."""
    address = Replicate("S9", "60x3", 4, 0)
    draw = drawn(SCENARIOS["S9"], "60x3", address.entropy())
    assert len(set(draw.first[np.isfinite(draw.outcome)])) == 59
    together, alone = studies("S9", "60x3", 4, [0]), study_claims(address)
    assert together.iloc[0]["T_se"] == pytest.approx(alone["T_se"], abs=1e-10)
    assert np.isfinite(together["T_A"]).all()
