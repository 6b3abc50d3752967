"""Studies analysed side by side are the studies analysed one by one."""

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.claims import claim_slope
from bowlby.effect import Effect
from bowlby.errors import UserError
from bowlby.fit.models import Fitter
from bowlby.fit.record import contrast
from bowlby.simulate import batched_analysis
from bowlby.simulate.batched_analysis import LatentStudies, analysed, studies
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.study_analysis import StudyAddress, drawn
from bowlby.terms import INTERCEPT, M1, M1_RANDOM, P_BETWEEN
from validation.scenario_checks import ScenarioValidator

CHECKED = ["S2b", "S6", "S8", "S9", "S13", "S17a", "S18"]


def one_by_one(name, design, numbers, validator=None):
    source = LatentStudies(SCENARIOS[name])
    source.together = False
    return analysed(source, [StudyAddress(name, design, 4, k) for k in numbers], validator=validator)


@pytest.mark.parametrize(("name", "design"), [*((name, "16x36") for name in CHECKED), ("S12", "48x12")])
def test_the_same_numbers_as_one_by_one(name, design):
    """Every column of a study, intervals and oracle included, to 1e-10 (the same algorithm on other array shapes)."""
    validator = ScenarioValidator(SCENARIOS[name])
    together = studies(name, design, 4, range(3), validator=validator)
    alone = one_by_one(name, design, range(3), validator)
    pd.testing.assert_frame_equal(together[alone.columns], alone, check_exact=False, rtol=0, atol=1e-10)
    assert together["P_se"].nunique() == 3


def test_other_forms_of_the_model_have_the_numbers_of_a_run():
    """M1 without a random slope, with its variance as estimated, style by severity and M2, each to 1e-9."""

    def run(name):
        rows, _ = LatentStudies(SCENARIOS[name]).single(StudyAddress(name, "16x36", 4, 0))
        fitter = Fitter(rows.data, rows.membership, rows.design)
        return fitter, studies(name, "16x36", 4, [0], validator=ScenarioValidator(SCENARIOS[name])).iloc[0]

    fitter, row = run("S17a")
    every = [{"group": "therapist", "terms": ["1", "perceived_within"], "correlated": False}]
    for column, random in (("C1_no_slope", INTERCEPT), ("C1_estimated", every)):
        p = contrast(fitter.fit(M1, random), "P", {"perceived_within": 1.0})
        assert row[column] == claim_slope(Effect(p["estimate"], p["se"], p["df"]), 0.1, "P")["verdict"]
    fitter, row = run("S13")
    severity = fitter.severity(1.0).record
    assert row["moderated"] == (severity["blocks"][0]["p"] < 0.05)
    (product,) = (f["estimate"] for f in severity["fixed"] if f["term"] == "therapist_style:baseline_within")
    assert row["interaction"] == pytest.approx(product, abs=1e-9)
    fitter, row = run("S8")
    m2 = contrast(fitter.fit([*M1, P_BETWEEN], M1_RANDOM), "M2", {P_BETWEEN: 1.0})
    assert [row["M2"], row["M2_low"], row["M2_high"]] == pytest.approx(
        [m2["estimate"], m2["ci_low"], m2["ci_high"]], abs=1e-9
    )


def test_the_validator_adds_columns_and_changes_none():
    plain = studies("S13", "16x36", 4, range(2))
    validated = studies("S13", "16x36", 4, range(2), validator=ScenarioValidator(SCENARIOS["S13"]))
    pd.testing.assert_frame_equal(validated[plain.columns], plain)
    assert {"oracle_C1", "oracle_C5", "moderated", "interaction"} <= set(validated) - set(plain)


def test_a_study_has_the_same_bits_in_every_batch(monkeypatch):
    whole = studies("S3", "48x12", 4, [5, 6, 7])
    monkeypatch.setattr(LatentStudies, "patients", 1)
    pd.testing.assert_frame_equal(studies("S3", "48x12", 4, [7, 5]), whole.iloc[[2, 0]].reset_index(drop=True))


def test_a_study_that_cannot_be_fitted_together_goes_alone(monkeypatch):
    fit = batched_analysis.Model.fit

    def spoilt(model):
        found = fit(model)
        found.good[1] = False
        return found

    alone = one_by_one("S1", "16x36", [1])
    monkeypatch.setattr(batched_analysis.Model, "fit", spoilt)
    rows = studies("S1", "16x36", 4, range(2))
    assert rows.iloc[1].to_dict() == alone.iloc[0].to_dict()


def test_too_few_therapists_are_refused_as_in_a_run():
    with pytest.raises(UserError, match="therapist"):
        studies("S1", "4x30", 4, range(2))


def test_therapists_without_outcomes_do_not_count():
    """Dropout leaves one of sixty therapists without a row; the numbers stay those of a run."""
    address = StudyAddress("S9", "60x3", 4, 0)
    draw = drawn(SCENARIOS["S9"], "60x3", address.entropy())
    assert len(set(draw.first[np.isfinite(draw.outcome)])) == 59
    together, alone = studies("S9", "60x3", 4, [0]), one_by_one("S9", "60x3", [0])
    assert together.iloc[0]["T_se"] == pytest.approx(alone.iloc[0]["T_se"], abs=1e-10)
    assert np.isfinite(together["T_A"]).all()
