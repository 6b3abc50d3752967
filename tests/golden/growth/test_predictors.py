"""Predictors of the course from scores to fit against lme4 (``Rscript tests/golden/r/growth_predictors.R``)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.growth import compare_growth
from bowlby.config.growth import Growth
from bowlby.config.run import Outcome, Run
from bowlby.config.study import Occasion
from bowlby.design.growth import growth_set
from bowlby.errors import UserError
from bowlby.fit.growth import fit_growth

HERE = Path(__file__).parent
SHARED = HERE.parents[3] / "shared/data"
EXPECTED = json.loads((HERE / "predictors.json").read_text("utf-8"))
FELT = {"instrument": "cats", "about": "therapist", "occasion": "early", "weights": {"secure": 1}}
STYLE = {"instrument": "ecr", "weights": {"security": 1}}
REFERENCE = {
    "outcome_sd": 10,
    "perceived": {"sd": {"secure": 2}},
    "therapist_style": {"sd": {"security": 0.5}},
}
PATIENTS = {"patient": ["intercept", "time"], "therapist": []}


def study(y: str = "y") -> tuple[dict, dict]:
    """Scores and people of the simulated study."""
    rows = pd.read_csv(HERE / "predictors.csv")
    people = rows.drop_duplicates("patient")
    therapists = rows.drop_duplicates("therapist")
    scores = {
        "phq9": pd.DataFrame({"person": rows["patient"], "role": "patient", "about": "self", "occasion": "s",
                              "session": rows["session"], "therapist": rows["therapist"], "total": rows[y],
                              "date": pd.Timestamp("2025-01-01") + pd.to_timedelta(7 * rows["session"], "D")}),
        "cats": pd.DataFrame({"person": people["patient"], "role": "patient", "about": "therapist",
                              "occasion": "early", "session": 1, "secure": people["felt"]}),
        "cats_now": pd.DataFrame({"person": rows["patient"], "role": "patient", "about": "therapist", "occasion": "s",
                                  "session": rows["session"], "secure": rows["now"]}),
        "ecr": pd.DataFrame({"person": therapists["therapist"], "role": "therapist", "about": "self",
                             "occasion": "once", "session": pd.NA, "security": therapists["style"]}),
    }  # fmt: skip
    episodes = rows.groupby(["patient", "therapist"]).size().rename("weight").reset_index()
    episodes["weight"] /= episodes.groupby("patient")["weight"].transform("sum")
    patients = people[["patient", "therapist"]].assign(arm=np.arange(len(people)) % 2)
    return scores, {"patients": patients, "therapists": therapists[["therapist"]], "episodes": episodes}


def built(first=0, **growth):
    given = {"time": "sessions", "end": 5, "perceived": FELT, "therapist_style": STYLE, "reference": REFERENCE}
    run = Run(run="g", study="none", outcome=Outcome(instrument="phq9"), growth=Growth(**given | growth))
    scores, people = study()
    scores["phq9"] = scores["phq9"][scores["phq9"]["session"] >= first]
    return run, growth_set(run, scores, people, [Occasion(id="s")], "weeks")


def fits(**growth):
    run, made = built(**growth)
    return run, made, fit_growth(made.data, made.design, run.growth.reml)


def assert_contrasts(record: dict, expected: dict) -> None:
    """Estimates and SE within 1e-4 of the SE, df within 1e-3 of themselves."""
    assert record["llf"] == pytest.approx(expected["llf"], abs=1e-6) and record["n_obs"] == expected["n"]
    mine = {c["name"]: c for c in record["contrasts"]}
    assert set(mine) == set(expected["contrasts"])
    for name, theirs in expected["contrasts"].items():
        assert mine[name]["estimate"] == pytest.approx(theirs["estimate"], abs=1e-4 * theirs["se"])
        assert mine[name]["se"] == pytest.approx(theirs["se"], rel=1e-4)
        assert mine[name]["df"] == pytest.approx(theirs["df"], rel=1e-3)


def test_slopes_of_perceived_attachment_and_style_are_those_of_lme4_and_pbkrtest():
    run, made, fitted = fits()
    assert_contrasts(fitted["growth"].record, EXPECTED["linear"])
    found = compare_growth(run, *(fitted[m].record for m in ("growth", "growth_between")), made.design)
    assert found["claims"]["G1"]["verdict"] == found["claims"]["G2"]["verdict"] == "inconclusive"
    assert found["claims"]["G1"]["reasons"] == ["same_rater", "reverse_causation_open"]
    assert "improved 0.24 SD more (95% CI 0.02 SD less to 0.50 SD more)" in found["sentence"]
    assert made.columns.set_index("name")["meaning"]["time"] == "number of the session"
    patients = made.data.groupby("patient").size()
    assert found["number"]["mean"] == pytest.approx(patients.mean())


def test_a_patients_own_deviations_have_the_coefficient_of_lme4():
    """Perceived attachment at each session has the patient's mean as predictor and its deviations as covariate."""
    scores, people = study("y_now")
    scores["cats"] = pd.concat([scores["cats"], scores["cats_now"]], ignore_index=True)
    growth = Growth(time="sessions", end=5, perceived=FELT, therapist_style=STYLE, reference=REFERENCE,
                    within_patient=True)  # fmt: skip
    run = Run(run="g", study="none", outcome=Outcome(instrument="phq9"), growth=growth)
    made = growth_set(run, scores, people, [Occasion(id="s")], "weeks")
    fitted = fit_growth(made.data, made.design)
    record, expected = fitted["growth_within"].record, EXPECTED["within"]
    assert record["n_obs"] == expected["n"] < fitted["growth"].record["n_obs"]
    # A REML likelihood has the unit of its predictors: the deviation is in SD of 2 points here, in points there.
    assert record["llf"] == pytest.approx(expected["llf"] + np.log(2), abs=1e-6)
    found = compare_growth(run, fitted["growth"].record, None, made.design, record)["within"]
    theirs = expected["within_patient"]
    assert found["estimate"] == pytest.approx(theirs["estimate"], abs=1e-4 * theirs["se"])
    assert found["se"] == pytest.approx(theirs["se"], rel=1e-4) and found["df"] == pytest.approx(theirs["df"], rel=1e-3)
    scores["cats"] = scores["cats"][scores["cats"]["occasion"] == "early"]
    with pytest.raises(UserError, match="no patient rated perceived attachment at two occasions"):
        growth_set(run, scores, people, [Occasion(id="s")], "weeks")


def test_p_averaged_over_the_number_of_occasions_qualifies_g1_where_it_changes_the_verdict():
    run, made, fitted = fits()
    record = fitted["growth"].record
    slope = next(c for c in record["contrasts"] if c["name"] == "P_slope")
    averaged = record["averaged"]
    assert 0 < abs(averaged["estimate"] - slope["estimate"]) < slope["se"]
    assert averaged["se"] == pytest.approx(slope["se"], rel=0.2)  # the number is drawn independently of everything here
    sure = record | {"contrasts": [c | {"se": c["se"] / 20} for c in record["contrasts"]]}
    for se, differs in ((averaged["se"] / 20, False), (averaged["se"], True)):
        found = compare_growth(run, sure | {"averaged": averaged | {"se": se}}, None, made.design)
        assert ("number_of_occasions" in found["claims"]["G1"]["reasons"]) is differs
        assert found["averaged"]["estimate"] == averaged["estimate"]


def test_time_by_dates_in_weeks_is_time_by_sessions_a_week_apart():
    assert_contrasts(fits(time="dates")[2]["growth"].record, EXPECTED["linear"])


def test_logarithmic_time_has_its_own_slopes():
    assert_contrasts(fits(shape="log")[2]["growth"].record, EXPECTED["log"])


def test_slopes_are_expressed_from_the_first_session_that_was_observed():
    """Of ln(1 + 5) a slope from time 0 would count ln 2 more, during which no patient was seen."""
    run, made, fitted = fits(first=1, shape="log")
    assert made.design["start"] == 1
    assert_contrasts(fitted["growth"].record, EXPECTED["from_session_1"])
    found = compare_growth(run, fitted["growth"].record, None, made.design)
    assert "From session 1 to session 5, patients who felt" in found["sentence"]
    with pytest.raises(UserError, match="ends at time 1, and the patients' first outcomes are from time 2"):
        built(first=2, end=1)


def test_after_a_landmark_time_starts_there_and_the_outcome_up_to_it_is_adjusted_for():
    """A variance is 0 here and counts as known, which pbkrtest does not do; estimates are the same."""
    run, made, fitted = fits(landmark=1)
    record, expected = fitted["growth"].record, EXPECTED["landmark"]
    assert made.design["end"] == 4 and record["known_zero"] == ["perceived_within"]
    assert record["llf"] == pytest.approx(expected["llf"], abs=1e-6) and record["n_obs"] == expected["n"]
    for c in record["contrasts"]:
        theirs = expected["contrasts"][c["name"]]
        assert c["estimate"] == pytest.approx(theirs["estimate"], abs=1e-4 * theirs["se"])
    found = compare_growth(run, record, None, made.design)
    assert found["claims"]["G1"]["reasons"] == ["same_rater", "reverse_causation_open", "baseline_error_not_examined"]
    sure = record | {"contrasts": [c | {"se": c["se"] / 20} for c in record["contrasts"]]}
    found = compare_growth(run, sure, None, made.design)
    sentence = found["sentence"].removeprefix(found["finding"])
    said = "The data support the claim that perceived attachment is associated with improvement (G1). The data support "
    assert found["finding"].startswith(said) and found["finding"].endswith("(G2).")
    assert sentence.startswith(" By 4 sessions after the landmark, patients who felt 1 SD more securely")
    assert "Support is qualified: the patient rated both attachment and outcome; improvement may have" in sentence


def test_the_form_of_the_course_is_chosen_by_aic_without_predictors():
    made = built(shape="choose")[1]
    assert made.design["shape"]["form"] == "linear"
    assert made.design["shape"]["aic"] == pytest.approx(EXPECTED["aic"], abs=1e-4)


def test_residuals_may_be_correlated_in_time():
    alone = {"perceived": None, "therapist_style": None, "reference": None, "random": PATIENTS}
    plain, car1 = (fits(residual=residual, **alone)[2]["growth"].record for residual in ("independent", "car1"))
    assert 0 <= car1["residual_parameters"]["phi"] < 1
    assert car1["llf"] >= plain["llf"] - 1e-6


@pytest.mark.parametrize(
    ("growth", "line"),
    [
        ({"residual": "car1"}, "cannot be combined with patients who change therapist"),
        ({"landmark": 9, "end": 12}, "no outcome was rated after growth.landmark (9)"),
        ({"reference": None, "slopes": ["age"]}, "growth.slopes: the study has no patient variable 'age'"),
        ({"perceived": FELT | {"weights": {"trust": 1}}, "reference": None}, "trust"),
        ({"reference": REFERENCE | {"perceived": None}}, "growth.reference.perceived is missing"),
    ],
)
def test_what_cannot_be_modelled_is_refused_in_a_line(growth, line):
    with pytest.raises(UserError, match=line.replace("(", r"\(").replace(")", r"\)")):
        built(**growth)


@pytest.mark.parametrize(
    ("growth", "line"),
    [
        ({"random": {"therapist": ["intercept"]}, "perceived": FELT}, "need random slopes of time"),
        ({"random": {"correlated": ["therapist"]}, "perceived": FELT}, "effects are uncorrelated"),
        ({"landmark": 2}, "landmark is given without perceived"),
        ({"end": 0}, "end does not lie after the start"),
        ({"slopes": ["arm"], "covariates": ["arm"]}, "in covariates and in slopes"),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(growth, line):
    with pytest.raises(ValueError, match=line):
        Growth(**growth)


def real(name: str, path: str, columns: dict, times: dict | None = None, **growth) -> tuple[dict, dict]:
    """Record of a real study's growth model, and lme4's numbers."""
    if not (SHARED / path).is_file():
        pytest.skip(f"the data of {Path(path).stem} are not beside the checkout")
    table = pd.read_csv(SHARED / path, na_values=["NaN", ""]).rename(columns=columns)
    table["time"] = pd.to_numeric(table["time"], errors="coerce") + (table["part"].map(times) if times else 0)
    table = table.dropna(subset=["time", "y"]).assign(patient=table["patient"].astype(str))
    ids = {t: f"{t!r}" for t in table["time"].unique()}
    scores = pd.DataFrame({"person": table["patient"], "role": "patient", "about": "self", "therapist": None,
                           "occasion": table["time"].map(ids), "total": table["y"]})  # fmt: skip
    people = table.drop(columns=["time", "y"]).drop_duplicates("patient").assign(therapist=None)
    run = Run(run="g", study="none", outcome=Outcome(instrument="o"), growth=Growth(**growth))
    occasions = [Occasion(id=label, time=float(t)) for t, label in ids.items()]
    made = growth_set(run, {"o": scores}, {"patients": people}, occasions, "months")
    return fit_growth(made.data, made.design, run.growth.reml)["growth"].record, EXPECTED["real"][name]


STUDIES = {
    "reframed": (("reframed_dbt_rct/reframed.csv", {"month": "time", "phq9": "y"}),
                 {"slopes": ["grp"], "random": {"patient": ["intercept"], "therapist": []}},
                 {"time": "month", "time:grp": "month:tx"}, -7108.5, {"month:tx": 0.0900}),
    "btheb": (("btheb/BtheB_long.csv", {"subject": "patient", "bdi": "y"}),
              {"covariates": ["bdi.pre", "treatment", "drug", "length"], "reml": False,
               "random": {"patient": ["intercept"], "therapist": []}}, {"time": "time", "bdi.pre": "bdi.pre"},
              None, {"time": -0.705, "bdi.pre": 0.640, "drugYes": -2.825, "length>6m": 0.197}),
    "alda_4_1_b": (("alda/alcohol_use_1.csv", {"id": "patient", "age": "time", "alcohol_use": "y"}),
                   {"random": PATIENTS, "reml": False}, {"time": "time"}, -636.6 / 2, {"time": 0.271}),
    "alda_4_1_c": (("alda/alcohol_use_1.csv", {"id": "patient", "age": "time", "alcohol_use": "y"}),
                   {"slopes": ["child_of_alcoholic"], "random": PATIENTS, "reml": False},
                   {"child_of_alcoholic_by_time": "time:child_of_alcoholic"}, -621.2 / 2,
                   {"time:child_of_alcoholic": -0.049}),
    "alda_5_7_a": (("alda/depression_unemployment.csv", {"id": "patient", "months": "time", "depression": "y"}),
                   {"random": PATIENTS, "reml": False}, {"time": "months"}, -5133.1 / 2, {"months": -0.42}),
    "alda_5_10_a": (("alda/antidepressants.csv", {"id": "patient", "day": "time", "reading": "part",
                                                  "positive_mood": "y"}, {"8 AM": 0, "3 PM": 1 / 3, "10 PM": 2 / 3}),
                    {"slopes": ["treatment"], "random": PATIENTS, "reml": False},
                    {"treatment_by_time": "time:treatment"}, -12680.5 / 2, {"time:treatment": 5.54}),
}  # fmt: skip
"""File and columns, configuration, coefficients as lme4 names them, and published: log-likelihood, coefficients."""


@pytest.mark.parametrize("name", STUDIES)
def test_published_growth_models_of_real_studies(name):
    """Coefficients within 1e-4 of their SE of lme4's; log-likelihood and coefficients as printed in the publication."""
    source, growth, terms, log_likelihood, printed = STUDIES[name]
    record, expected = real(name, *source, **growth)
    assert record["n_obs"] == expected["n"]
    assert record["llf"] == pytest.approx(expected["llf"], abs=1e-5)
    if log_likelihood is not None:
        assert record["llf"] == pytest.approx(log_likelihood, abs=0.051)
    mine = {f["term"]: f for f in record["fixed"]}
    for term, theirs in terms.items():
        if term in mine and not (term == "time" and growth.get("slopes")):
            estimate, se = expected["estimate"][theirs], expected["se"][theirs]
            assert mine[term]["estimate"] == pytest.approx(estimate, abs=1e-4 * se)
    for term, value in printed.items():
        digits = len(f"{value}".partition(".")[2])
        assert expected["estimate"][term] == pytest.approx(value, abs=0.51 * 10**-digits)
    assert record["scale"] == pytest.approx(expected["variances"][-1], rel=1e-3)
