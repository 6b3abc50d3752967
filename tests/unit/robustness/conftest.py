"""A simulated study as robustness takes it up."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bowlby.config.robustness import Multiverse, Replicates, Robustness
from bowlby.config.run import Block, Comparison, Outcome, Reference, ReferenceBlock, Run
from bowlby.design.primary import analysis_set
from bowlby.robustness.multiverse import StudyInputs
from bowlby.robustness.refit_claims import Basis, Rows
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.study_analysis import run_config, simulated_patients

OCCASIONS = ["intake", "session_5", "session_10", "end"]


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


@pytest.fixture(scope="session")
def universe():
    """Twenty therapists of about 15 patients, three of whom switch; attachment asked at two sessions."""
    rng = np.random.default_rng(5)
    therapists = [f"T{j:02}" for j in range(20)]
    first = rng.integers(0, 20, 300)
    patients = [f"P{i:03}" for i in range(300)]
    style = pd.DataFrame({"person": therapists, "role": "therapist", "about": "self", "occasion": None,
                          "anxiety": rng.normal(3, 1, 20), "avoidance": rng.normal(3, 1, 20)})  # fmt: skip
    pre, a = rng.normal(15, 5, 300), rng.normal(0, 1, (300, 2))
    change = 0.4 * (a[:, 0] - a[:, 1]) + 0.3 * rng.normal(size=20)[first] + rng.normal(size=300)
    post = 0.5 * pre - 4 * change
    base = {"person": patients, "role": "patient"}
    seen = 8 * a + rng.normal(size=(300, 2))
    cats = pd.concat([
        pd.DataFrame(base | {"about": "therapist", "occasion": when, "secure": 40 + seen[:, 0],
                             "avoidant": 20 + seen[:, 1], "secure_prorated": rng.random(300) < 0.1,
                             "avoidant_prorated": False}) for when in ("session_5", "session_10")])  # fmt: skip
    phq = pd.concat([pd.DataFrame(base | {"about": "self", "occasion": when, "total": values, "total_prorated": False})
                     for when, values in (("intake", pre), ("end", post))])  # fmt: skip
    episodes = pd.DataFrame({"patient": patients, "therapist": [therapists[j] for j in first], "weight": 1.0})
    episodes.loc[:2, "weight"] = 0.6
    moved = pd.DataFrame({"patient": patients[:3], "therapist": [therapists[(first[i] + 1) % 20] for i in range(3)],
                          "weight": 0.4})  # fmt: skip
    people = {"patients": pd.DataFrame({"patient": patients, "age": rng.integers(20, 60, 300)}),
              "therapists": pd.DataFrame({"therapist": therapists}),
              "episodes": pd.concat([episodes, moved], ignore_index=True)}  # fmt: skip
    comparison = Comparison(
        perceived=Block(instrument="cats", about="therapist", occasion="session_5",
                        weights={"secure": 1, "avoidant": -1}),
        therapist_style=Block(instrument="ecr", weights={"anxiety": -1, "avoidance": -1}),
        reference=Reference(outcome_sd=5, perceived=ReferenceBlock(sd={"secure": 8, "avoidant": 8}),
                            therapist_style=ReferenceBlock(sd={"anxiety": 1, "avoidance": 1})))  # fmt: skip
    run = Run(run="m", study="none", seed=11, comparison=comparison,
              outcome=Outcome(instrument="phq", pre="intake", post="end"),
              robustness=Robustness(kinds=["multiverse"], replicates=Replicates(multiverse=40),
                                    multiverse=Multiverse(more_covariates=["age"])))  # fmt: skip
    return StudyInputs(run, {"cats": cats, "phq": phq, "ecr": style}, people, OCCASIONS)
