"""Interactions: their rows, what is tested, and what these data cannot tell."""

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.moderation import moderation
from bowlby.config.moderation import Interaction
from bowlby.design.moderation import interaction_set
from bowlby.errors import UserError
from bowlby.fit.moderation import fit_moderation, random_part
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.study_analysis import run_config, simulated_patients


@pytest.fixture(scope="module")
def study():
    """A simulated study with style × severity; its patients and variables of them."""
    people = simulated_patients(scenario("S13"), "16x36", 5)
    rng = np.random.default_rng(2)
    patients, n = people.frame.index, len(people.frame)
    therapist = people.episodes.drop_duplicates("patient").set_index("patient")["therapist"].reindex(patients)
    number = therapist.str[1:].astype(int)
    described = pd.DataFrame({
        "patient": patients, "age": rng.normal(40, 12, n), "constant": 1.0, "name": [f"n{k}" for k in range(n)],
        "format": rng.choice(["individual", "group", "couple"], n), "clinic": (number % 2).astype(float).to_numpy(),
        "single": np.where(np.arange(n) < 3, "secret", "individual"),
        "rare": np.where(np.arange(n) < 6, "family", "individual"),
        "few": np.where(number < 3, rng.normal(size=n), 0.0),
    })  # fmt: skip
    return people, described


def made(study, text):
    return interaction_set(run_config(), Interaction.read(text), *study)


def analysed(built):
    record = fit_moderation("m", built.data, built.membership, built.design)["m"].record
    return record, moderation([record], [built.design])["interactions"][0]


def test_style_by_severity_has_products_at_both_levels_and_a_slope_of_severity(study):
    built = made(study, "therapist_style by pretest")
    asked = built.design["moderation"]
    assert (asked["tested"], asked["step"]) == ("within", -built.design["sd_outcome"])  # low is severe
    assert random_part(asked)[0]["terms"] == ["1", "perceived_within", "baseline_within"]
    record, found = analysed(built)
    assert [f["term"] for f in record["fixed"]][-2:] == [
        "therapist_style:baseline_within", "therapist_style:baseline_between"]  # fmt: skip
    e = found["interaction"]
    assert abs(e["estimate"] - 0.15) < 2.5 * e["se"]  # as the scenario draws it
    assert found["slopes"][2]["estimate"] - found["slopes"][1]["estimate"] == pytest.approx(e["estimate"])
    assert built.columns["name"].tolist() == list(built.data)


def test_the_slope_between_levels_is_that_of_attachment_where_therapists_moderate(study):
    asked = made(study, "perceived by therapist_style").design["moderation"]
    assert (asked["tested"], asked["columns"]) == ("therapist", {"therapist": ["therapist_style"]})
    assert random_part(asked)[0]["terms"] == ["1", "perceived_within"]


def test_a_product_within_therapists_has_a_slope_of_its_own(study):
    asked = made(study, "perceived by age").design["moderation"]
    assert random_part(asked)[0]["terms"] == ["1", "perceived_within", "perceived_within:age_within"]


def test_what_patients_of_a_therapist_share_is_compared_between_therapists(study):
    built = made(study, "therapist_style by clinic")
    asked = built.design["moderation"]
    assert (asked["tested"], [level["level"] for level in asked["levels"]]) == ("between", ["0", "1"])
    assert not [c for c in built.data if c.startswith("clinic") and c.endswith("within")]
    assert analysed(built)[1]["interaction"]["df_den"] < 16


def test_the_order_of_categories_changes_nothing(study):
    people, described = study
    first = analysed(made(study, "therapist_style by format"))[1]
    renamed = described.assign(format=described["format"].replace("individual", "a single patient"))
    second = analysed(interaction_set(run_config(), Interaction.read("therapist_style by format"), people, renamed))[1]
    assert second["interaction"]["f"] == pytest.approx(first["interaction"]["f"], rel=1e-5)
    assert [level["level"] for level in second["levels"]] == ["a single patient", "couple", "group"]
    assert second["levels"][0]["estimate"] == pytest.approx(first["levels"][2]["estimate"], abs=1e-6)


def test_no_mark_and_no_end_of_the_range_is_one_patient(study):
    built = made(study, "therapist_style by age")
    asked, values = built.design["moderation"], np.sort(built.data["age_within"].to_numpy())
    low, high = values[:5].mean() / asked["step"], values[-5:].mean() / asked["step"]
    assert asked["range"] == pytest.approx([low, high])
    assert len(asked["rug"]) <= len(values) / 5
    assert not set(np.round(asked["rug"], 12)) & set(np.round(values / asked["step"], 12))


def test_no_mark_is_the_style_of_one_therapist(study):
    built = made(study, "perceived by therapist_style")
    assert len(built.design["moderation"]["rug"]) == 16 // 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("therapist_style by constant", "constant has one value only; name another moderator"),
        ("therapist_style by name", "values, too many for a category; combine values in the data, or give it"),
        ("therapist_style by rare", "'family' has 6 patients of 1 therapist, but 10 patients of 5"),
        ("therapist_style by single", "a value of single has fewer than 5 patients, but 10 patients of 5 therapists"),
        ("therapist_style by few", "few differs between patients of the same therapist for 3 therapists only"),
    ],
)  # fmt: skip
def test_what_the_data_do_not_tell_is_one_line(study, text, said):
    with pytest.raises(UserError) as refused:
        made(study, text)
    assert f"moderation: '{text}': " in refused.value.problems[0] and said in refused.value.problems[0]
    assert "secret" not in refused.value.problems[0]
