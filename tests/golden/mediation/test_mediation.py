"""Indirect effects against lme4 with the formula, and lavaan (``Rscript tests/golden/r/mediation.R``)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.design.centring import membership, within_between
from bowlby.estimands.mediation import mediation
from bowlby.fit.mediation import fit_mediation

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))


def rows(therapists: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.read_csv(HERE / "patients.csv")
    table = table[table["therapist"] <= therapists]
    patients, own = [f"P{k}" for k in table.index], table["therapist"].map("T{:02d}".format)
    members = pd.DataFrame({"patient": patients, "therapist": own, "weight": 1.0})
    data = members[["patient", "therapist"]].assign(
        y=table["y"], therapist_style=table["style"] - table["style"].mean()
    )
    w = membership(members, members["patient"]).matrix()
    for name, column in (("baseline", "pre"), ("perceived", "mediator"), ("patient_style", "own")):
        data[[f"{name}_within", f"{name}_between"]] = np.column_stack(within_between(table[column].to_numpy(), w))
    return data, members


def examined(therapists: int = 60, seed: int = 1, between: float = 1.0) -> dict:
    data, members = rows(therapists)
    data["perceived_between"] *= between
    design = {"covariates": [], "sd_outcome": 1.0, "n_dropped": {}}
    fits = fit_mediation("mediation_perceived", data, members, design)
    records = {name[-1]: fitted.record for name, fitted in fits.items()}
    return mediation("perceived", data, records, 1.0, seed)


@pytest.fixture(scope="module")
def found() -> dict:
    return examined()


def test_paths_within_therapists_are_those_of_lme4(found):
    patient = found["patient"]
    records = {"a_patient": patient["a"], "b": patient["b"], "direct_patient": patient["direct"]}
    for name, record in (records | {"a_therapist": found["therapist"]["a"]}).items():
        expected = EXPECTED[name]
        assert record["estimate"] == pytest.approx(expected["estimate"], abs=1e-6)
        assert record["se"] == pytest.approx(expected["se"], abs=1e-6)
        assert record["df"] == pytest.approx(expected["df"], rel=1e-4)


def test_covariance_of_slopes_indirect_effect_and_rho_are_those_of_the_formula(found):
    patient = found["patient"]
    assert patient["covariance"]["estimate"] == pytest.approx(EXPECTED["covariance"]["estimate"], abs=1e-6)
    assert patient["covariance"]["se"] == pytest.approx(EXPECTED["covariance"]["se"], abs=1e-6)
    assert patient["indirect"]["estimate"] == pytest.approx(EXPECTED["indirect_patient"], abs=1e-6)
    assert patient["rho"] == pytest.approx(EXPECTED["rho"], abs=1e-6)
    low, high = patient["indirect"]["ci"]
    assert low < 0.4 * 0.3 + 0.03 < high  # as the data were drawn
    assert patient["total"]["estimate"] == pytest.approx(
        patient["direct"]["estimate"] + patient["indirect"]["estimate"], abs=0.025
    )  # the models weigh therapists differently


def test_path_between_therapists_is_that_of_latent_means(found):
    """The slope from different patients' answers and lavaan's latent slope estimate the same; so do the products."""
    between, therapist = EXPECTED["between"], found["therapist"]
    for own, of in (("b", "g"), ("indirect", "indirect")):
        assert abs(therapist[own]["estimate"] - between[of]["estimate"]) < 0.25 * between[of]["se"]
    low, high = therapist["indirect"]["ci"]
    assert (high - low) / (2 * 1.96 * between["indirect"]["se"]) == pytest.approx(1.0, abs=0.25)


def test_without_differences_between_therapists_there_is_no_number():
    same = examined(between=0.0)["therapist"]
    assert set(same) == {"a", "total", "estimable", "reason"}
    assert same["reason"] == "therapists do not differ enough in the attachment that their patients perceive"


def test_covariance_of_slopes_needs_ten_therapists():
    covariance = examined(therapists=8)["patient"]["covariance"]
    assert (covariance["estimate"], covariance["se"]) == (0, 0)
    assert covariance["reason"] == "fewer than 10 therapists have 4 patients"


def test_the_seed_decides_the_interval(found):
    assert examined(seed=1)["patient"]["indirect"] == found["patient"]["indirect"]
    assert examined(seed=2)["patient"]["indirect"]["ci"] != found["patient"]["indirect"]["ci"]
