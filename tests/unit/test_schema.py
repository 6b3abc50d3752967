"""A run of version 0.1.0, whose terms had other names: three of its files and one table, read with today's names."""

import json
from pathlib import Path

import pandas as pd
import pytest

import bowlby
from bowlby.reproduction.verify import verify
from bowlby.schema import table_of_today

OLD = Path(__file__).parent / "data/schema_1"


def test_a_fit_of_an_older_run_has_todays_terms_and_its_own_numbers():
    fit, kept = bowlby.load_results(OLD).fits["severity"], json.loads((OLD / "fits/severity.json").read_text())
    names = {"pre_w": "baseline_within", "pre_b": "baseline_between", "a_star_w": "perceived_within",
             "s_star": "therapist_style", "s_star:pre_w": "therapist_style:baseline_within",
             "s_star:pre_b": "therapist_style:baseline_between"}  # fmt: skip
    assert list(fit.coefficients) == ["Intercept", *names.values()]
    for row in kept["fixed"][1:]:
        assert fit.coefficients[names[row["term"]]].estimate == row["estimate"]
    assert list(fit.covariance) == list(fit.coefficients)
    assert {v.term for v in fit.variances} == {"Intercept", "perceived_within", "baseline_within"}
    assert set(fit.contrasts["T_severe"].weights) == {"therapist_style", "therapist_style:baseline_within"}
    again = fit.contrast(fit.contrasts["T_severe"].weights)
    assert again.se == pytest.approx(kept["contrasts"][1]["se"], rel=1e-9)


def test_design_estimands_and_verdict_of_an_older_run_have_todays_names():
    run = bowlby.load_results(OLD)
    assert set(run.designs["alliance"].composites) == {"perceived", "therapist_style", "patient_style", "alliance"}
    assert run.designs["alliance"].composites["perceived"].weights["secure"] == 1.0, "names of scales stay"
    scales = ("secure", "preoccupied_merger", "avoidant_fearful")
    assert set(run.estimands["suppression"]) == {f"perceived_{scale}_within" for scale in scales}
    assert run.verdict["claims"]["C5"]["parts"]["block"]["terms"] == ["patient_style_anxiety_within",
                                                                      "patient_style_avoidance_within"]  # fmt: skip


def test_columns_of_an_older_analysis_set():
    columns = ["patient", "in_unit", "y", "arm_b_w", "a_secure_w", "a_now", "s_star_error", "change_b"]
    old = pd.DataFrame(columns=columns)
    assert list(table_of_today("analysis/primary.parquet", old)) == [
        "patient", "in_unit", "y", "arm_b_within", "perceived_secure_within", "perceived_within_patient",
        "therapist_style_error", "change_between"]  # fmt: skip


def test_an_older_run_is_not_said_to_differ_but_to_be_older():
    said = r"was made by an older version \(0\.1\.0\), in which terms of models .* had other names"
    with pytest.raises(bowlby.UserError, match=said):
        verify(OLD)
