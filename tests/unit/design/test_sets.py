"""Analysis sets: what each keeps, and on which rows."""

import numpy as np
import pandas as pd
import pytest

from bowlby.config.run import Block, Comparison, Outcome, Rating, Run
from bowlby.design.composite import Scaling, sample_scaling
from bowlby.design.frame import patients
from bowlby.design.primary import analysis_set, comparison_set, groups_of_therapists
from bowlby.errors import UserError
from bowlby.fit.models import Fitter, fit_set
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.study_analysis import run_config, simulated_patients
from bowlby.terms import M1_RANDOM


@pytest.fixture(scope="module")
def found():
    """A simulated study with an alliance that is perceived attachment and noise, missing for every tenth patient."""
    people = simulated_patients(scenario("S1"), "16x36", 3)
    rng = np.random.default_rng(0)
    frame = people.frame
    frame["alliance"] = frame["alliance_total"] = 0.7 * frame["perceived"] + 0.7 * rng.normal(size=len(frame))
    frame["alliance_goal"] = frame["alliance_total"] + rng.normal(size=len(frame))
    frame["alliance_bond"] = 2 * frame["alliance_total"] - frame["alliance_goal"]
    frame.loc[frame.index[::10], ["alliance", "alliance_total"]] = np.nan
    people.scaling["alliance"] = Scaling(["total"], np.ones(1), np.eye(1), "reference")
    return people


@pytest.fixture(scope="module")
def run():
    plain = run_config()
    alliance = Rating(instrument="latent", about="therapist", weights={"total": 1.0}, subscales=["goal", "bond"])
    return plain.model_copy(update={"comparison": plain.comparison.model_copy(update={"alliance": alliance})})


def built(run, found, name):
    return analysis_set(run, found, {"therapists": pd.DataFrame({"therapist": found.style.index})}, name)


def test_alliance_rows_are_those_that_have_it(run, found):
    primary, beside = built(run, found, "primary"), built(run, found, "alliance")
    assert beside.design["n_dropped"]["no alliance"] == len(found.frame.index[::10])
    assert len(beside.data) == len(primary.data) - beside.design["n_dropped"]["no alliance"]
    assert {"perceived_within", "alliance_within", "therapist_style"} <= set(beside.data)
    assert "alliance_within" not in primary.data


@pytest.mark.parametrize("name", ["primary", "perceived", "alliance"])
def test_within_parts_sum_to_zero_in_each_therapist_and_every_column_is_described(run, found, name):
    made = built(run, found, name)
    within = [c for c in made.data if c.endswith("_within")]
    assert made.data.groupby("therapist")[within].sum().abs().to_numpy().max() < 1e-9
    assert made.columns["name"].tolist() == list(made.data)
    assert made.columns["meaning"].str.len().min() > 0


def test_alliance_beside_and_in_place_of_attachment(run, found):
    """The alliance carries what attachment does: alone it predicts, beside attachment it adds nothing."""
    made = built(run, found, "alliance")
    fits = fit_set("alliance", made.data, made.membership, made.design)
    joint = {f["term"]: f for f in fits["alliance_joint"].record["fixed"]}
    alone = {c["name"]: c for c in fits["alliance_alone"].record["contrasts"]}
    assert alone["P"]["p"] < 0.001 and joint["perceived_within"]["p"] < 0.001
    assert abs(joint["alliance_within"]["t"]) < 3
    direct = Fitter(made.data, made.membership, made.design).fit(
        ["alliance_within", "therapist_style"],
        [{"group": "therapist", "terms": ["1", "alliance_within"], "correlated": False}],
    )
    assert alone["P"]["estimate"] == pytest.approx(direct.params["alliance_within"])


def test_subscales_stand_together_in_the_place_of_the_total(run, found):
    """Goal and bond add up to twice the total here, so both forms are one model: b goal + c bond is 2 c total +
    (b - c) goal; within 1e-6."""
    made = built(run, found, "alliance")
    fits = fit_set("alliance", made.data, made.membership, made.design)
    apart = fits["alliance_scales"].record
    assert (
        apart["blocks"][0]["terms"] == ["alliance_goal_within", "alliance_bond_within"]
        and apart["blocks"][0]["df_num"] == 2
    )
    fixed = {f["term"]: f["estimate"] for f in apart["fixed"]}
    direct = Fitter(made.data, made.membership, made.design).fit(
        ["perceived_within", "alliance_total_within", "alliance_goal_within", "therapist_style"], M1_RANDOM
    )
    assert fixed["alliance_bond_within"] == pytest.approx(direct.params["alliance_total_within"] / 2, abs=1e-6)
    assert fixed["alliance_goal_within"] - fixed["alliance_bond_within"] == pytest.approx(
        direct.params["alliance_goal_within"], abs=1e-6
    )
    plain = run.model_copy(update={"comparison": run.comparison.model_copy(update={
        "alliance": Rating(instrument="latent", about="therapist", weights={"total": 1.0})})})  # fmt: skip
    made = built(plain, found, "alliance")
    assert "alliance_scales" not in fit_set("alliance", made.data, made.membership, made.design)


def scored(run):
    """Scores and people as files of a study bring them: 12 therapists of 10 patients, therapists coded by interview."""
    rng = np.random.default_rng(2)
    patient = [f"P{i:03}" for i in range(120)]
    therapist = [f"T{j:02}" for j in range(12)]
    key = {"role": "patient", "about": "self"}
    symptoms = pd.concat([pd.DataFrame({"person": patient, "occasion": o, **key}) for o in ("pre", "post")])
    symptoms["total"] = rng.normal(size=240)
    felt = pd.DataFrame({"person": patient, "occasion": "mid", "secure": rng.normal(size=120), **key})
    codes = pd.DataFrame({"person": therapist, "role": "therapist", "about": "self", "occasion": ""})
    codes["style"] = ["secure", "dismissing", "secure", "preoccupied"] * 3
    people = {
        "patients": pd.DataFrame({"patient": patient, "arm": ["a", "b", "c", None] * 30, "age": rng.normal(size=120)}),
        "therapists": pd.DataFrame({"therapist": therapist}),
        "episodes": pd.DataFrame({"patient": patient, "therapist": np.repeat(therapist, 10), "weight": 1.0}),
    }
    return {"phq9": symptoms, "cats": felt, "aai": codes}, people


@pytest.fixture
def study():
    block = Block(instrument="cats", about="self", occasion="mid", weights={"secure": 1.0})
    style = Block(instrument="aai", weights={"secure": 1.0})
    comparison = Comparison(perceived=block, therapist_style=style, covariates=["arm", "age"])
    outcome = Outcome(instrument="phq9", pre="pre", post="post", higher_is_better=True)
    return Run(run="study", study="none", outcome=outcome, comparison=comparison)


def test_a_coded_style_is_compared_with_all_others(study):
    scores, people = scored(study)
    found = comparison_set(study, scores, people, ["pre", "mid", "post"], "primary").data
    style = found.groupby("therapist")["therapist_style_secure"].first()
    assert (style > 0).tolist() == [True, False, True, False] * 3
    assert style.max() - style.min() == pytest.approx(1 / pd.Series([1, 0] * 6).std())  # in SD of the 12 therapists


def test_a_category_is_split_into_its_values(study):
    scores, people = scored(study)
    built = comparison_set(study, scores, people, ["pre", "mid", "post"], "primary")
    assert built.design["covariates"] == ["arm_b", "arm_c", "age"]
    assert built.design["n_dropped"] == {"no arm": 30}


def test_what_cannot_be_compared_is_one_line_each(study):
    scores, people = scored(study)
    change = {"covariates": ["age", "ward"], "unit": "family"}
    run = study.model_copy(update={"comparison": study.comparison.model_copy(update=change)})
    with pytest.raises(UserError) as caught:
        comparison_set(run, scores, people, ["pre", "mid", "post"], "primary")
    assert [line.split(";")[0] for line in caught.value.problems] == [
        "comparison.covariates: the study has no patient variable 'ward'",
        "comparison.unit: the study has no patient variable 'family'",
    ]


def test_one_column_on_both_sides_is_noticed(study):
    scores, people = scored(study)
    own = people["episodes"].assign(therapist=people["episodes"]["patient"])
    felt = scores["cats"].assign(role="therapist")
    style = Block(instrument="cats", about="self", occasion="mid", weights={"secure": 1.0})
    run = study.model_copy(update={"comparison": study.comparison.model_copy(update={"therapist_style": style})})
    scores = scores | {"cats": pd.concat([scores["cats"], felt])}
    with pytest.raises(UserError, match="hold the same values"):
        comparison_set(run, scores, people | {"episodes": own}, ["pre", "mid", "post"], "primary")


def test_sessions_up_to_one_are_averaged(study):
    scores, people = scored(study)
    felt = pd.concat([scores["cats"].assign(session=k, secure=scores["cats"]["secure"] + k) for k in (1, 2, 9)])
    change = {"perceived": study.comparison.perceived.model_copy(update={"sessions": 3}), "covariates": []}
    run = study.model_copy(update={"comparison": study.comparison.model_copy(update=change)})
    frame = patients(run, scores | {"cats": felt}, people).frame
    once = scores["cats"].set_index("person")["secure"]
    sd = felt[felt["session"] < 9].groupby("person")["secure"].mean().std()
    assert frame["perceived"].to_numpy() == pytest.approx((once.loc[frame.index] + 1.5) / sd)


def test_the_early_outcome_must_come_before_perceived_attachment_was_asked(study):
    scores, people = scored(study)
    run = study.model_copy(update={"outcome": study.outcome.model_copy(update={"early": "post"})})
    with pytest.raises(UserError, match=r"outcome\.early"):
        comparison_set(run, scores, people, ["pre", "mid", "post"], "early")


def test_beside_early_change_perceived_attachment_that_follows_it_is_nothing(study):
    """Perceived attachment is the improvement so far and noise; the end is that improvement and noise: P is 0 then."""
    scores, people = scored(study)
    rng = np.random.default_rng(0)
    symptoms = scores["phq9"]
    pre = symptoms[symptoms["occasion"] == "pre"].set_index("person")["total"]
    early = pre + rng.normal(size=120)
    post = early + 0.3 * rng.normal(size=120)
    felt = scores["cats"].assign(secure=(early - pre).to_numpy() + 0.3 * rng.normal(size=120))
    when = [pre, early.rename("total"), post.rename("total")]
    key = {"role": "patient", "about": "self"}
    occasions = zip(("pre", "mid", "post"), when, strict=True)
    symptoms = pd.concat([v.reset_index().assign(occasion=o, **key) for o, v in occasions])
    change = {"covariates": []}
    run = study.model_copy(update={"outcome": study.outcome.model_copy(update={"early": "mid"}),
                                   "comparison": study.comparison.model_copy(update=change)})  # fmt: skip
    built = comparison_set(run, scores | {"phq9": symptoms, "cats": felt}, people, ["pre", "mid", "post"], "early")
    fits = fit_set("early", built.data, built.membership, built.design)
    p = {name: fits[name].record["contrasts"][0] for name in ("early_m1", "early")}
    assert p["early_m1"]["ci_low"] > 0.4
    assert p["early"]["ci_low"] < 0 < p["early"]["ci_high"]


def test_few_therapists_for_every_scale_of_the_patients_style_are_said_before_any_fit():
    found = simulated_patients(scenario("S1"), "5x12", 1)
    with pytest.raises(UserError, match=r"5 therapists with complete data, but the comparison needs at least 6"):
        built(run_config(), found, "perceived")
    assert len(built(run_config(), found, "primary").data) > 20


def test_where_nobody_is_left_the_reasons_are_told_that_of_most_first(study):
    scores, people = scored(study)
    change = {"perceived": study.comparison.perceived.model_copy(update={"occasion": "pre"}), "covariates": []}
    run = study.model_copy(update={"comparison": study.comparison.model_copy(update=change)})
    symptoms = scores["phq9"]
    scores = scores | {"phq9": symptoms[symptoms["person"].ne("P000") | symptoms["occasion"].ne("pre")]}
    with pytest.raises(UserError) as caught:
        comparison_set(run, scores, people, ["pre", "mid", "post"], "primary")
    (line,) = caught.value.problems
    assert "(no perceived attachment: 119 patients, no outcome before treatment: 1 patient)" in line
    assert "therapist(s)" not in line


@pytest.mark.parametrize(("wrong", "refused"), [(120, True), (61, True), (60, False), (3, False)])
def test_an_outcome_dated_before_the_predictor_is_refused_where_most_are(study, wrong, refused):
    scores, people = scored(study)
    day = pd.Timestamp("2024-03-01")
    scores["cats"]["date"] = day
    post = scores["phq9"]["occasion"] == "post"
    scores["phq9"]["date"] = day - pd.Timedelta(days=30)
    scores["phq9"].loc[post, "date"] = [day + pd.Timedelta(days=-1 if i < wrong else 90) for i in range(120)]
    asked = (study, scores, people, ["pre", "mid", "post"], "primary")
    if not refused:
        assert len(comparison_set(*asked).data)
        return
    with pytest.raises(UserError, match=f"dated before perceived attachment in {wrong} of 120 patients"):
        comparison_set(*asked)


def test_two_therapists_have_a_composite_so_that_their_number_is_the_reason():
    """Of two persons every correlation is 1 or -1; of three and more a composite that cancels out is an error."""
    block = Block(instrument="ecr", weights={"anxiety": 1, "avoidance": 1})
    two = pd.DataFrame({"anxiety": [1.0, 2.0], "avoidance": [2.0, 1.0]})
    assert sample_scaling(block, two).correlation.tolist() == [[1, 0], [0, 1]]
    three = pd.DataFrame({"anxiety": [1.0, 2.0, 4.0], "avoidance": [4.0, 3.0, 1.0]})
    with pytest.raises(UserError, match="the composite of ecr"):
        sample_scaling(block, three)


def test_variables_that_divide_the_therapists_are_named_unless_they_are_in_the_model():
    episodes = pd.DataFrame({"patient": [f"p{k}" for k in range(16)], "therapist": [f"t{k // 2}" for k in range(16)]})
    patients = episodes[["patient"]].assign(
        site=["north"] * 8 + ["south"] * 8, age=range(16), ward=[f"w{k // 2}" for k in range(16)], gender=["f", "m"] * 8
    )
    assert groups_of_therapists(patients, episodes, []) == ["site"]  # a ward each is no group of therapists
    assert groups_of_therapists(patients, episodes, ["site"]) == []
    assert groups_of_therapists(patients.assign(site="north"), episodes, []) == []
