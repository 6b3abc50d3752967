"""Analysis sets: what each keeps, and on which rows."""

import numpy as np
import pandas as pd
import pytest

from bowlby.config.run import Block
from bowlby.design.composite import Scaling
from bowlby.design.primary import analysis_set
from bowlby.fit.models import Fitter, fit_set
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.testbed import run_config, simulated_patients


@pytest.fixture(scope="module")
def found():
    """A simulated study with an alliance that is perceived attachment and noise, missing for every tenth patient."""
    people = simulated_patients(scenario("S1"), "16x36", 3)
    rng = np.random.default_rng(0)
    frame = people.frame
    frame["w_star"] = frame["w_total"] = 0.7 * frame["a_star"] + 0.7 * rng.normal(size=len(frame))
    frame.loc[frame.index[::10], ["w_star", "w_total"]] = np.nan
    people.scaling["w"] = Scaling(["total"], np.ones(1), np.eye(1), "reference")
    return people


@pytest.fixture(scope="module")
def run():
    plain = run_config()
    alliance = Block(instrument="latent", about="therapist", weights={"total": 1.0})
    return plain.model_copy(update={"comparison": plain.comparison.model_copy(update={"alliance": alliance})})


def built(run, found, name):
    return analysis_set(run, found, {"therapists": pd.DataFrame({"therapist": found.style.index})}, name)


def test_alliance_rows_are_those_that_have_it(run, found):
    primary, beside = built(run, found, "primary"), built(run, found, "alliance")
    assert beside.design["n_dropped"]["no alliance"] == len(found.frame.index[::10])
    assert len(beside.data) == len(primary.data) - beside.design["n_dropped"]["no alliance"]
    assert {"a_star_w", "w_star_w", "s_star"} <= set(beside.data)
    assert "w_star_w" not in primary.data


@pytest.mark.parametrize("name", ["primary", "perceived", "alliance"])
def test_within_parts_sum_to_zero_in_each_therapist_and_every_column_is_described(run, found, name):
    made = built(run, found, name)
    within = [c for c in made.data if c.endswith("_w")]
    assert made.data.groupby("therapist")[within].sum().abs().to_numpy().max() < 1e-9
    assert made.columns["name"].tolist() == list(made.data)
    assert made.columns["meaning"].str.len().min() > 0


def test_alliance_beside_and_in_place_of_attachment(run, found):
    """The alliance carries what attachment does: alone it predicts, beside attachment it adds nothing."""
    made = built(run, found, "alliance")
    fits, _ = fit_set("alliance", made.data, made.membership, made.design)
    joint = {f["term"]: f for f in fits["alliance_joint"].record["fixed"]}
    alone = {c["name"]: c for c in fits["alliance_alone"].record["contrasts"]}
    assert alone["P"]["p"] < 0.001 and joint["a_star_w"]["p"] < 0.001
    assert abs(joint["w_star_w"]["t"]) < 3
    direct = Fitter(made.data, made.membership, made.design).fit(
        ["w_star_w", "s_star"], [{"group": "therapist", "terms": ["1", "w_star_w"], "correlated": False}]
    )
    assert alone["P"]["estimate"] == pytest.approx(direct.params["w_star_w"])
