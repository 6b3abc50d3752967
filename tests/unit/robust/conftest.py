"""A simulated study as robustness takes it up."""

from dataclasses import replace

import pandas as pd
import pytest

from bowlby.design.primary import analysis_set
from bowlby.robust.claims import Basis, Rows
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.testbed import run_config, simulated_patients


def basis_of(name="S1", design="16x36", seed=3):
    found = simulated_patients(scenario(name), design, seed)
    people = {"therapists": pd.DataFrame({"therapist": found.style.index})}
    sets = {}
    for kind in ("primary", "perceived"):
        built = analysis_set(run_config(), found, people, kind)
        sets[kind] = Rows(built.data, built.membership, built.design)
    index = sorted(sets["primary"].membership["therapist"].unique())
    return Basis(sets["primary"], sets["perceived"], 0.10, 7, pd.Series("all", index=index))


@pytest.fixture(scope="session")
def basis():
    """S1 with 16 therapists of about 36 patients."""
    return basis_of()


@pytest.fixture(scope="session")
def few_switch():
    """S1 with 31 therapists, 1 % of whose patients change therapist: some therapists are joined, most are not."""
    return basis_of(replace(scenario("S1"), switching=0.01), "31x45")


@pytest.fixture(scope="session")
def switching():
    """S10 with 48 therapists of about 12 patients, 30 % of whom change therapist."""
    return basis_of("S10", "48x12")
