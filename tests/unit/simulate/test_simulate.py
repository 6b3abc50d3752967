"""The simulator draws what it says: truth, realistic scales, faults, and the committed example again."""

import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

from bowlby.errors import UserError
from bowlby.simulate import (
    SCENARIOS,
    Scenario,
    reference_config,
    reference_population,
    simulate_study,
    write_study,
)
from bowlby.simulate import latent as model

EXAMPLE = Path(__file__).parents[3] / "data/raw/example"
SEED = 20261125


@pytest.fixture(scope="module")
def study():
    return simulate_study("example", SEED)


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("again")
    write_study(study, folder)
    return folder


@pytest.fixture(scope="module")
def large():
    """Latent variables of 60 000 patients in S3."""
    first = np.repeat(np.arange(5000), 12)
    return model.latent_study(SCENARIOS["S3"], 5, first, first, np.ones(len(first)))


def sheet(path):
    rows = list(openpyxl.load_workbook(path)["ECR-S"].values)
    return rows


def close(a, b):
    """Equal, numbers to 9 digits: other machines add in another order."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    return a == pytest.approx(b, abs=1e-9) if isinstance(a, float) else a == b


def test_example_is_made_again_from_its_seed(written):
    assert json.loads((EXAMPLE / "truth.json").read_text("utf-8"))["seed"] == SEED
    for name in ("patients.csv", "README.md"):
        assert (written / name).read_text("utf-8") == (EXAMPLE / name).read_text("utf-8"), name
    assert sheet(written / "therapists.xlsx") == sheet(EXAMPLE / "therapists.xlsx")
    got, meta = pyreadstat.read_sav(written / "demographics.sav", user_missing=True)
    want, expected = pyreadstat.read_sav(EXAMPLE / "demographics.sav", user_missing=True)
    pd.testing.assert_frame_equal(got, want)
    assert meta.variable_value_labels == expected.variable_value_labels
    assert meta.missing_ranges == expected.missing_ranges
    assert meta.column_names_to_labels == expected.column_names_to_labels
    truth = [json.loads((folder / "truth.json").read_text("utf-8")) for folder in (written, EXAMPLE)]
    assert close(*truth)


def test_example_says_it_is_synthetic_and_what_is_true():
    text = (EXAMPLE / "README.md").read_text("utf-8")
    assert "**These data are synthetic.**" in text and "| 0.30 | 0.00 |" in text and str(SEED) in text


def test_size_of_the_example(study):
    load = np.bincount(study.latent.first)
    assert len(load) == 48 and load.min() >= 4 and load.max() <= 25 and load.std() > 3
    assert 480 < load.sum() < 660


def test_planted_faults_are_where_the_truth_says(written, study):
    rows, faults = pd.read_csv(written / "patients.csv"), study.truth["faults"]
    odd, twice = faults["impossible_value"], faults["duplicate_row"]
    assert rows.loc[odd["row"] - 2, odd["column"]] == 7
    phq9 = rows.filter(like="phq9_")
    assert int((phq9 > 3).to_numpy().sum()) == 1
    assert rows.index[rows.duplicated()].tolist() == [twice["row"] - 2]
    assert rows.loc[twice["row"] - 2].equals(rows.loc[twice["repeats"] - 2])
    seen = rows.groupby("patient_id")["timepoint"].agg(set)
    assert seen.index[~seen.map(lambda s: "T2" in s)].tolist() == faults["no_termination"]
    assert seen.index[~seen.map(lambda s: "S5" in s)].tolist() == faults["no_session_5"]


def test_exactly_two_patients_switch(written, study):
    rows = pd.read_csv(written / "patients.csv")
    people, _ = pyreadstat.read_sav(written / "demographics.sav")
    moved = people[people["therapist_2"] != ""].set_index("patient_id")
    assert moved.index.tolist() == study.truth["faults"]["switched"] and len(moved) == 2
    assert moved["sessions_2"].notna().all() and people["sessions_2"].notna().sum() == 2
    for patient, row in moved.iterrows():
        at = rows[rows["patient_id"] == patient].set_index("timepoint")["therapist_id"]
        assert at["T0"] == at["S5"] == row["therapist_1"] and at["T2"] == row["therapist_2"]


def test_spss_file_declares_its_codes(written):
    read, meta = pyreadstat.read_sav(written / "demographics.sav", user_missing=True)
    assert meta.variable_value_labels["diagnosis"][2] == "recurrent depression"
    assert meta.variable_value_labels["gender"] == {1: "female", 2: "male", 3: "other", -9: "refused"}
    assert {"age", "gender"} <= set(meta.missing_ranges)
    assert (read["age"] == -9).sum() > 0 and (read["gender"] == -9).sum() > 0


def test_blank_cells_are_about_two_percent(study):
    rows = study.items["patients"]
    part = rows.loc[rows["timepoint"] == "S5"].filter(regex="cats|wai")
    assert part.isna().to_numpy().mean() == pytest.approx(0.02, abs=0.004)


def test_reversed_items_are_reversed_in_the_raw_data(study):
    rows = study.items["patients"].query("timepoint == 'S5'").astype({"cats_2": float, "cats_1": float})
    assert rows["cats_2"].corr(rows["cats_1"]) < -0.05
    assert rows["cats_2"].mean() > 4.5 > 3 > rows["cats_1"].mean()


def test_alliance_goes_with_perceived_security(study):
    rows = study.items["patients"].query("timepoint == 'S5'")
    alliance = rows.filter(like="wai_").astype(float).mean(axis=1)
    secure = pd.Series(study.latent.perceived[:, 0], study.people["patients"]["patient_id"]).reindex(rows["patient_id"])
    assert np.corrcoef(alliance, secure)[0, 1] == pytest.approx(0.82, abs=0.05)


def test_latent_correlations_are_those_of_the_design(large):
    r = np.corrcoef(large.perceived.T)
    assert r[0, 1] == pytest.approx(-0.55, abs=0.015)
    assert r[0, 2] == pytest.approx(0.20, abs=0.02) and r[1, 2] == pytest.approx(0.15, abs=0.02)
    assert np.corrcoef(large.pre, large.patient_style[:, 0])[0, 1] == pytest.approx(-0.30, abs=0.015)
    assert np.allclose(large.perceived.std(axis=0), 1, atol=0.015)
    assert large.outcome.std() == pytest.approx(1, abs=0.015)


def test_latent_slopes_are_p_and_t(large):
    known = model.perceived_correlation(SCENARIOS["S3"])
    a = model.composite(large.perceived, model.W_PERCEIVED, known).reshape(5000, 12)
    s = model.composite(large.style, model.W_STYLE, model.STYLE)[large.first]
    within = (a - a.mean(axis=1, keepdims=True)).ravel()
    design = np.column_stack([np.ones(60_000), large.pre, within, s])
    slopes = np.linalg.lstsq(design, large.outcome, rcond=None)[0]
    assert slopes[2] == pytest.approx(0.05, abs=0.015)
    assert slopes[3] == pytest.approx(0.20, abs=0.015)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_an_outcome_of_variance_one(name):
    s = SCENARIOS[name]
    assert s.tau2 == pytest.approx(0.05 - s.t**2) and s.tau2 >= 0
    assert 0.4 < model.residual_variance(s) < 0.75


@pytest.mark.parametrize(
    ("name", "p", "t"),
    [
        ("S0", 0.008, 0.003),
        ("example", 0.292, 0.001),
        ("S3", 0.054, 0.190),
        ("S4", 0.196, -0.185),
    ],
)
def test_slopes_of_the_scores(name, p, t):
    """Error of measurement makes them smaller, the larger spread after treatment and the error at intake larger."""
    seen = reference_population(name)
    assert seen["P"] == pytest.approx(p, abs=0.005) and seen["T"] == pytest.approx(t, abs=0.005)


def test_other_seeds_give_other_studies_and_scenarios_share_their_people():
    one, same, other = simulate_study("S0", 1, 6, 4), simulate_study("S3", 1, 6, 4), simulate_study("S0", 2, 6, 4)
    assert np.array_equal(one.latent.perceived, same.latent.perceived)
    assert not np.array_equal(one.latent.outcome, same.latent.outcome)
    assert one.latent.style[0, 0] != other.latent.style[0, 0]


def test_scenarios_of_people_change_the_people():
    """S9: who ends worse drops out; S10: 30 % change therapist; S11: groups of six at most, of one therapist."""
    worse, moved, grouped = (simulate_study(scenario, 3, 60, 12) for scenario in ("S9", "S10", "S11"))
    out = worse.people["patients"]["patient_id"].isin(worse.truth["faults"]["no_termination"]).to_numpy()
    assert 0.12 < out.mean() < 0.30
    assert worse.latent.outcome[out].mean() < worse.latent.outcome[~out].mean() - 0.2
    assert worse.people["patients"].loc[out, "sessions_1"].max() < 8
    switched = moved.people["patients"]["therapist_2"] != ""
    assert switched.mean() == pytest.approx(0.30, abs=0.01)
    assert (moved.people["patients"]["therapist_2"] != moved.people["patients"]["therapist_1"]).all()
    people = grouped.people["patients"]
    assert people["group"].value_counts().max() == 6
    assert people.groupby("group")["therapist_1"].nunique().eq(1).all()
    assert "group" not in simulate_study("S1", 3, 6, 4).people["patients"]


def test_association_without_effect_is_said(tmp_path):
    study = simulate_study("S6", 1, 6, 4)
    assert study.truth["P"] == 0 and study.truth["reference"]["P"] > 0.15 and study.truth["claims"]["C1"] is None
    write_study(study, tmp_path / "s6")
    assert "has no effect on outcome" in (tmp_path / "s6/README.md").read_text("utf-8")


def test_configuration_beside_the_files_is_valid(tmp_path):
    from bowlby.config import load

    write_study(simulate_study("S3", 1, 6, 4), tmp_path / "s3", with_config=True)
    loaded = load(tmp_path / "s3/config.yaml")
    assert loaded.run.run == "s3" and loaded.study.synthetic
    assert loaded.run.comparison.reference.outcome_sd == pytest.approx(5.63, abs=0.02)
    config = reference_config(reference_population("S3"))
    assert set(config["perceived"]["sd"]) == {"secure", "avoidant_fearful", "preoccupied_merger"}


def test_the_example_is_configured_with_the_norms_of_its_truth():
    from bowlby.config import load

    truth = json.loads((EXAMPLE / "truth.json").read_text("utf-8"))
    norms = load(EXAMPLE.parents[2] / "config/config.yaml").run.comparison.reference
    expected = reference_config(truth["reference"])
    assert norms.outcome_sd == pytest.approx(expected["outcome_sd"], abs=1e-4)
    for side in ("perceived", "therapist_style", "patient_style", "alliance"):
        block = getattr(norms, side)
        assert block.sd == pytest.approx({name: expected[side]["sd"][name] for name in block.sd}, abs=1e-4)
        known = {frozenset(c["scales"]): c["r"] for c in expected[side]["correlations"]}
        assert all(c.r == pytest.approx(known[frozenset(c.scales)], abs=1e-4) for c in block.correlations)


def test_groups_are_configured_as_units(tmp_path):
    from bowlby.config import load

    study = simulate_study("S11", 1, 6, 14)
    write_study(study, tmp_path / "s11", with_config=True)
    assert load(tmp_path / "s11/config.yaml").run.comparison.unit == "group"
    assert f"{study.truth['groups']} groups of at most six" in (tmp_path / "s11/README.md").read_text("utf-8")
    write_study(simulate_study("S1", 1, 6, 4), tmp_path / "s1", with_config=True)
    assert load(tmp_path / "s1/config.yaml").run.comparison.unit is None


def test_a_folder_with_files_is_refused_and_left(tmp_path, study):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="is not empty; name a folder that is empty or absent"):
        write_study(study, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match="is a file"):
        write_study(study, tmp_path / "mine.txt")


def test_mistakes_are_one_line_each():
    with pytest.raises(UserError, match="did you mean 'S1'"):
        simulate_study("s1", 1)
    with pytest.raises(UserError) as caught:
        simulate_study("S0", -1, therapists=1)
    assert len(caught.value.problems) == 2
    with pytest.raises(UserError, match="needs more therapist variance than"):
        Scenario("mine", 0.1, 0.3, "impossible", (True,) * 5)
