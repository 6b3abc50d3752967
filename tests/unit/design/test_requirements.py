"""What a run asks for and its study never brings is said before anything runs, all of it at once."""

from pathlib import Path

import pytest

from bowlby.config import load
from bowlby.design.requirements import instruments_of, unmet
from bowlby.errors import UserError
from bowlby.plan import plan
from bowlby.simulate import simulate_study, write_study

ROOT = Path(__file__).parents[3]
RUN = """run: t
study: study.yaml
outcome: {instrument: phq9, scale: total, pre: intake, post: end}
other_outcomes:
  - {instrument: gad7, pre: intake, post: end}
comparison:
  perceived: {instrument: ecr_rs, about: therapist, occasion: mid, weights: {avoidance: -1}}
  therapist_style: {instrument: aai, weights: {secure: 1}}
  alliance: {instrument: wai_sr, about: therapist, occasion: mid, weights: {total: 1}}
  covariates: [age, site]
  unit: family
"""
STUDY = """name: s
occasions: [intake, mid, end]
files:
  - path: a.csv
    who: {person: id, therapist: th, site: place}
    when: {column: t}
    measures:
      - {instrument: phq9, items: "p{n}"}
      - {instrument: gad7, scored: {total: gad}}
      - {instrument: ecr_rs, items: "e{n}", about: therapist}
      - {instrument: wai_sr, scored: {total: wai, goal: wai_goal}, about: therapist}
    covariates: [age, family]
  - path: b.csv
    who: {person: th, role: therapist}
    measures: [{instrument: aai, coded: code}]
    covariates: [years]
"""


def said(folder, *changes, run=RUN, study=STUDY):
    for old, new in changes:
        assert old in run
        run = run.replace(old, new)
    (folder / "run.yaml").write_text(run)
    (folder / "study.yaml").write_text(study)
    loaded = load(folder / "run.yaml")
    return unmet(loaded.run, loaded.study, instruments_of(loaded))


def test_nothing_is_said_of_a_run_whose_study_brings_all(tmp_path):
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{avoidance: -1}", "{avoidanse: -1}",
         "comparison.perceived: ecr_rs has no scale 'avoidanse'; use one of "),
        ("{secure: 1}", "{autonomous: 1}", "comparison.therapist_style: aai has no scale 'autonomous'; use one of "
         "secure, preoccupied, dismissing, fearful/disorganized"),
        ("{total: 1}", "{task: 1}", "comparison.alliance: the study file does not have the scale 'task' of wai_sr; "
         "add it there, or use one of total, goal"),
        ("scale: total", "scale: totl", "outcome: phq9 has no scale 'totl'; use one of "),
        ("gad7, pre", "gad7, scale: sum, pre", "other_outcomes[0]: gad7 has no scale 'sum'; use one of total"),
        ("gad7, pre", "pcl5, pre", "other_outcomes[0].instrument: the study file has no pcl5; add it there, or "
         "choose one of aai, ecr_rs, gad7, phq9, wai_sr"),
        ("ecr_rs, about: therapist", "ecr_rs", "comparison.perceived: the study file has no ecr_rs of patients "
         "about self; it has it about therapist; correct `about:` or `role:` in one of the two files"),
        ("instrument: aai", "instrument: gad7", "comparison.therapist_style: the study file has no gad7 of "
         "therapists about self; it has it of patients about self; correct"),
        ("[age, site]", "[age, years]", "comparison.covariates: the study has no patient variable 'years'; "
         "add it to `covariates:` of a file, or choose one of age, family, site"),
        ("unit: family", "unit: famly", "comparison.unit: the study has no patient variable 'famly'; "),
        ("occasion: mid, weights: {avo", "occasion: end, weights: {avo",
         "perceived attachment (end) is not measured before the outcome (end); "),
        ("total, pre: intake, post: end", "total, pre: end, post: end", "outcome.pre is not before outcome.post; "),
        ("total, pre: intake, post: end", "total, pre: intake, post: end, early: end", "outcome.early (end) is not "),
        ("total, pre: intake, post: end", "total, after: 4", "perceived attachment may include ratings after session "),
        ("gad7, pre: intake, post: end", "gad7, pre: intake, post: mid", "other_outcomes[0]: perceived attachment "),
        ("gad7, pre: intake, post: end", "gad7, pre: intake", "other_outcomes[0]: the comparison needs pre and post; "),
        ("total, pre: intake, post: end", "total, pre: intake, post: ende", "outcome.post 'ende' is not an occasion of "
         "the study file; use one of intake, mid, end"),
        ("occasion: mid, weights: {tot", "occasion: middle, weights: {tot", "comparison.alliance.occasion 'middle' is "
         "not an occasion of the study file; use one of intake, mid, end"),
    ],
)  # fmt: skip
def test_one_fault_is_one_line(tmp_path, old, new, expected):
    lines = said(tmp_path, (old, new))
    assert [line[: len(expected)] for line in lines] == [expected]


def test_a_change_of_style_needs_an_instrument_with_styles_and_known_occasions(tmp_path):
    asked = "style_transitions: {instrument: gad7, pre: intake, post: later}\n"
    assert said(tmp_path, run=RUN + asked) == [
        "style_transitions.post 'later' is not an occasion of the study file; use one of intake, mid, end",
        "style_transitions: gad7 has no attachment styles; name an instrument that has them",
    ]
    backwards = "style_transitions: {instrument: gad7, pre: end, post: intake}\n"
    exchanged = "style_transitions.pre is not before style_transitions.post; exchange them"
    assert exchanged in said(tmp_path, run=RUN + backwards)


def test_sides_of_a_pair_are_looked_at_as_well(tmp_path):
    run = (
        RUN[: RUN.index("other_outcomes")]
        + """pair:
  first: {label: a, instrument: ecr_rs, about: mother, weights: {avoidance: -1}}
  second: {label: b, instrument: aai, role: therapist, weights: {secur: 1}}
  covariates: [sex]
"""
    )
    assert [line.partition(";")[0] for line in said(tmp_path, run=run)] == [
        "pair.first: the study file has no ecr_rs of patients about mother",
        "pair.second: aai has no scale 'secur'",
        "pair.covariates: the study has no patient variable 'sex'",
    ]


@pytest.mark.parametrize("name", ["alliance_goal", "baseline", "therapist"])
def test_a_covariate_cannot_have_the_name_of_a_column_of_the_models(tmp_path, name):
    """Its columns would be taken for the models' own: ``alliance_goal_within``."""
    study = STUDY.replace("[age, family]", f"[{name}, family]")
    assert said(tmp_path, ("[age, site]", f"[{name}, site]"), study=study) == [
        f"comparison.covariates: '{name}' is a name of the models' own columns; give it another name in the study "
        f"file, such as `covariates: {{own_{name}: {name}}}`"
    ]


REFERENCE = """  reference:
    outcome_sd: 5
    perceived: {sd: {avoidance: 1.2}}
    therapist_style: {sd: {secure: 0.5}}
    alliance: {sd: {total: 9}}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    alliance: {sd: {total: 9}}\n", "", "comparison.reference.alliance is missing; give its SDs, or no "),
        ("{avoidance: 1.2}", "{anxiety: 1.2}", "comparison.reference.perceived.sd has no SD of ecr_rs avoidance; add"),
        ("{sd: {total: 9}}", "{sd: {total: 9}, correlations: [{scales: [total, gaol], r: 0.1}]}",
         "comparison.reference.alliance.correlations: there is no SD of 'gaol'; use total"),
        ("{sd: {total: 9}}", "{sd: {total: 9}, correlations: [{scales: [total, total], r: 0.1}]}",
         "comparison.reference.alliance.correlations: 'total' is correlated with itself; name two scales"),
    ],
)  # fmt: skip
def test_norms_are_asked_for_before_anything_runs(tmp_path, old, new, expected):
    run = RUN.replace("gad7, pre", "gad7, reference_sd: 4, pre") + REFERENCE
    assert said(tmp_path, run=run) == []
    lines = said(tmp_path, (old, new), run=run)
    assert [line[: len(expected)] for line in lines] == [expected]


def test_correlations_that_no_three_scales_can_have_are_noticed(tmp_path):
    signs = {("goal", "task"): 0.9, ("goal", "bond"): 0.9, ("task", "bond"): -0.9}
    pairs = ", ".join(f"{{scales: [{a}, {b}], r: {r}}}" for (a, b), r in signs.items())
    weights, scales = "{goal: 1, task: 1, bond: 1}", "{goal: 3, task: 3, bond: 3}"
    run = RUN.replace("gad7, pre", "gad7, reference_sd: 4, pre").replace("{total: 1}", weights)
    run += REFERENCE.replace("{sd: {total: 9}}", f"{{sd: {scales}, correlations: [{pairs}]}}")
    study = STUDY.replace("goal: wai_goal", "goal: wai_goal, task: wai_task, bond: wai_bond")
    impossible = "comparison.reference.alliance.correlations cannot all be true at once; correct them"
    assert said(tmp_path, run=run, study=study) == [impossible]
    assert said(tmp_path, run=run.replace("-0.9", "0.9"), study=study) == []


def test_everything_that_norms_lack_is_said_at_once(tmp_path):
    run = RUN + REFERENCE.replace("    alliance: {sd: {total: 9}}\n", "").replace("{secure: 0.5}", "{anxiety: 1}")
    assert [line.partition(";")[0] for line in said(tmp_path, run=run)] == [
        "comparison.reference.therapist_style.sd has no SD of aai secure",
        "comparison.reference.alliance is missing",
        "other_outcomes[0]: reference_sd is missing",
    ]


def test_a_style_that_no_code_means_cannot_be_asked_for(tmp_path):
    own = "id: aai\nname: Own coding\nn_items: 0\ncodes: {F: secure, Ds: dismissing}\nconfidence: unverified\n"
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "aai.yaml").write_text(own)
    assert said(tmp_path) == []
    assert said(tmp_path, ("{secure: 1}", "{preoccupied: 1}")) == [
        "comparison.therapist_style: aai gives no style 'preoccupied'; use one of secure, dismissing"
    ]


def test_one_questionnaire_cannot_stand_for_two_sides(tmp_path):
    same = RUN.replace(
        "alliance: {instrument: wai_sr, about: therapist, occasion: mid, weights: {total: 1}}",
        "alliance: {instrument: ecr_rs, about: therapist, occasion: mid, weights: {avoidance: 1}}",
    )
    perceived = "perceived: {instrument: ecr_rs, about: therapist, occasion: mid, weights: {avoidance: -1}}"
    assert same != RUN and perceived in same, RUN
    lines = [line.partition(";")[0] for line in said(tmp_path, run=same)]
    assert "comparison.perceived and comparison.alliance are the same scales" in lines


def test_two_predictors_have_norms_and_differ_and_a_course_has_times(tmp_path):
    run = (
        RUN[: RUN.index("other_outcomes")]
        + """pair:
  first: {label: a, instrument: ecr_rs, about: therapist, occasion: mid, weights: {avoidance: -1}}
  second: {label: b, instrument: ecr_rs, about: therapist, occasion: mid, weights: {avoidance: 1}}
  reference: {outcome_sd: 1, first: {sd: {avoidance: 1}}, second: {sd: {anxiety: 1}}}
growth: {}
"""
    )
    assert [line.partition(";")[0] for line in said(tmp_path, run=run)] == [
        "pair.reference.second.sd has no SD of ecr_rs avoidance",
        "pair.first and pair.second are the same scales",
        "growth: fewer than two occasions of the study file have a time",
    ]


def test_a_rule_s_styles_and_the_users_own_scales_are_known(tmp_path):
    own = """id: gad7
name: Worry
n_items: 2
response: [0, 3]
scales: {worry: {items: [1, 2], min_answered: 2}}
confidence: unverified
"""
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "gad7.yaml").write_text(own)
    study = STUDY.replace("scored: {total: gad}", "items: 'g{n}'")
    changes = [("gad7, pre", "gad7, scale: worry, pre"), ("{avoidance: -1}", "{fearful/disorganized: -1}")]
    assert said(tmp_path, *changes, study=study) == []
    assert said(tmp_path, changes[1], study=study) == ["other_outcomes[0]: gad7 has no scale 'total'; use one of worry"]


def test_a_run_stops_with_all_faults_at_once_and_names_its_file(tmp_path):
    said(tmp_path, ("{avoidance: -1}", "{avoidanse: -1}"), ("unit: family", "unit: famly"))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("")
    with pytest.raises(UserError) as caught:
        plan(tmp_path / "run.yaml")
    assert [line.partition(" ")[0] for line in caught.value.problems] == ["run.yaml:7:", "run.yaml:11:"]


@pytest.mark.parametrize("name", ["config", "examples/parents", "examples/platform", "examples/reframed"])
def test_shipped_configurations_ask_for_what_their_studies_bring(name):
    loaded = load(ROOT / f"config/{name}.yaml")
    assert unmet(loaded.run, loaded.study, instruments_of(loaded)) == []


@pytest.mark.parametrize("scenario", ["S1", "S11"])  # the second has groups
def test_simulated_studies_bring_what_their_configurations_ask_for(tmp_path, scenario):
    write_study(simulate_study(scenario, 1, 6, 4), tmp_path / "s", with_config=True)
    loaded = load(next(p for p in (tmp_path / "s").glob("*.yaml") if "study" not in p.name))
    assert unmet(loaded.run, loaded.study, instruments_of(loaded)) == []
