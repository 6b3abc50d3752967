"""Verdicts of simulated scenarios, as their user would get them."""

import json

import pytest


@pytest.fixture(scope="session")
def verdict_of(tmp_path_factory, shell):
    """Simulate a scenario, run its comparison, and give its verdict."""

    def make(scenario):
        folder = tmp_path_factory.mktemp(scenario)
        ran = shell("bowlby", "simulate", folder / "study", "--scenario", scenario, "--seed", 1, cwd=folder)
        assert ran.status == 0, ran.err
        name = scenario.lower()
        ran = shell(
            "bowlby", "run", folder / "study/config.yaml", "--cores", 2, f"results/{name}/verdict.json", cwd=folder
        )
        assert ran.status == 0, ran.err
        return json.loads((folder / f"results/{name}/verdict.json").read_text("utf-8"))

    return make
