"""The growth model from scores to fit against lme4 with the same formula (``Rscript tests/golden/r/growth.R``)."""

import json
from pathlib import Path

import pandas as pd
import pytest

from bowlby.config.run import Growth, Outcome, Run
from bowlby.config.study import Occasion
from bowlby.design.growth import growth_set
from bowlby.fit.growth import fit_growth

HERE = Path(__file__).parent
SHARED = HERE.parents[3] / "shared/data"
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))
DEFAULT = [{"group": "patient", "terms": ["1", "time"], "correlated": True},
           {"group": "therapist", "terms": ["1", "time"], "correlated": False}]  # fmt: skip
PATIENTS = {"therapist": []}


def course() -> pd.DataFrame:
    ids = {"patient": str, "therapist": str}
    table = pd.read_csv(HERE / "course.csv", dtype=ids).rename(columns={"week": "time"})
    return table.assign(therapist=table["therapist"].where(table["therapist"].notna(), None))


def thinned() -> pd.DataFrame:
    """Few patients with three occasions, and fewer rows than random effects of patients."""
    table = course()
    number = table["patient"].str[1:].astype(int)
    return table[number.mod(6).eq(0) | table["time"].eq(0) | (number.mod(2).eq(0) & table["time"].eq(2))]


def fitted(table: pd.DataFrame, **growth):
    """The design and the record of a table with patient, therapist, time, y and covariates."""
    when = table["time"].map("{:g}".format)
    scores = pd.DataFrame({"person": table["patient"].astype(str), "role": "patient", "about": "self",
                           "occasion": when, "therapist": table["therapist"], "total": table["y"]})  # fmt: skip
    people = table.drop(columns=["time", "y"]).assign(patient=table["patient"].astype(str)).drop_duplicates("patient")
    run = Run(run="g", study="none", outcome=Outcome(instrument="o"), growth=Growth(**growth))
    occasions = [Occasion(id=name, time=float(name)) for name in sorted(set(when), key=float)]
    built = growth_set(run, {"o": scores}, {"patients": people}, occasions, "weeks")
    return built.design, fit_growth(built.data, built.design, run.growth.reml)["growth"].record


def assert_as_lme4(record: dict, name: str, log_likelihood: float = 1e-6) -> None:
    """Estimates and SE within 1e-4 of the SE, df within 1e-3 of themselves; variances within 1e-4 of the largest."""
    expected = EXPECTED[name]
    assert record["n_obs"] == expected["n"]
    assert record["llf"] == pytest.approx(expected["llf"], abs=log_likelihood)
    for mine, theirs in zip(record["fixed"], expected["fixed"].values(), strict=True):
        assert mine["estimate"] == pytest.approx(theirs["estimate"], abs=1e-4 * theirs["se"])
        assert mine["se"] == pytest.approx(theirs["se"], rel=1e-4)
        assert mine["df"] == pytest.approx(theirs["df"], rel=1e-3)
    variances = sorted([r["variance_or_cov"] for r in record["random"]] + [record["scale"]])
    assert variances == pytest.approx(sorted(expected["variances"]), rel=1e-3, abs=1e-6)


def test_by_default_slopes_differ_between_patients_and_between_therapists():
    design, record = fitted(course())
    assert design["random"] == DEFAULT and design["left_out"] == []
    assert design["n_dropped"] == {"no therapist": 40}
    assert_as_lme4(record, "default")


def test_by_maximum_likelihood_df_are_satterthwaites():
    assert_as_lme4(fitted(course(), reml=False)[1], "ml")


def test_covariates_are_centred_at_the_mean_of_the_patients_and_shift_the_level():
    design, record = fitted(course(), covariates=["age", "arm"])
    assert design["n_dropped"]["no age"] == 15 and design["covariates"] == ["age", "arm_therapy"]
    assert_as_lme4(record, "covariates")


def test_without_therapists_in_the_model_nobody_needs_one():
    design, record = fitted(course(), random=PATIENTS)
    assert design["n_dropped"] == {} and design["left_out"] == []
    assert set(record["groups"]) == {"patient"}
    assert_as_lme4(record, "patients")


def test_where_nobody_has_a_therapist_it_is_the_same_model_and_says_why():
    _, record = fitted(course().assign(therapist=None))
    assert {(r["group"], r["term"], r["reason"]) for r in record["left_out"]} == {
        ("therapist", "intercept", "no patient has a therapist"),
        ("therapist", "time", "no patient has a therapist"),
    }
    assert_as_lme4(record, "patients")


def test_two_occasions_show_no_slopes_of_patients_but_of_therapists():
    table = course()
    design, record = fitted(table[table["time"].isin([0, 2])])
    assert record["left_out"] == [
        {"group": "patient", "term": "time", "reason": "no patient has three or more occasions"}
    ]
    assert design["random"][0]["terms"] == ["1"] and design["random"][1]["terms"] == ["1", "time"]
    assert_as_lme4(record, "two_occasions")


def test_few_patients_with_three_occasions_are_enough_for_slopes():
    """lme4 fits it only without its check of rows against effects."""
    design, record = fitted(thinned())
    assert design["random"] == DEFAULT
    assert record["n_obs"] <= 2 * record["groups"]["patient"]
    assert record["singular"] and record["random"][-1]["variance_or_cov"] == 0
    assert_as_lme4(record, "few_with_three")


def test_the_configuration_states_another_random_part():
    asked = {"patient": ["intercept", "time"], "therapist": ["intercept"], "correlated": []}
    assert_as_lme4(fitted(course(), random=asked)[1], "stated")


def real(path: str, **names: str) -> pd.DataFrame:
    if not (SHARED / path).is_file():
        pytest.skip(f"the data of {Path(path).stem} are not beside the checkout")
    table = pd.read_csv(SHARED / path, na_values=["NaN", ""]).rename(columns=names)
    return table if "therapist" in table else table.assign(therapist=None)


def test_sleepstudy_has_patients_only():
    table = real("rdatasets_subset/lme4_sleepstudy.csv", Subject="patient", Days="time", Reaction="y")
    _, record = fitted(table)
    assert record["fixed"][1]["se"] == pytest.approx(1.546, abs=5e-4)
    assert_as_lme4(record, "sleepstudy")


def test_reframed_keeps_the_therapists_slope_that_is_estimated_at_zero():
    table = real("reframed_dbt_rct/reframed.csv", phq9="y")
    table["time"] = pd.to_numeric(table["month"], errors="coerce")
    table = table.dropna(subset=["time", "y"])[["patient", "therapist", "time", "y"]]
    _, record = fitted(table.assign(therapist=table["therapist"].where(table["therapist"].notna(), None)))
    assert record["singular"] and record["left_out"] == []
    assert_as_lme4(record, "reframed")


def test_enrichd_has_thousands_of_irregular_times():
    table = real("enrichd_cbt_bdi/BDIdata.csv", ID="patient", BDI="y")[["patient", "therapist", "time", "y"]]
    assert_as_lme4(fitted(table, reml=False)[1], "enrichd", log_likelihood=1e-4)
