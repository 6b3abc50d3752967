"""One end-to-end run of the example, shared by the workflow tests."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class Ran:
    """A finished command."""

    status: int
    out: str
    err: str


def command(*words, cwd) -> Ran:
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=env, capture_output=True, text=True, timeout=500)
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def shell():
    return command


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """The example run in a folder of its own; the folder that holds ``results/``."""
    folder = tmp_path_factory.mktemp("example")
    ran = command("bowlby", "run", ROOT / "config/config.yaml", "--cores", 2, cwd=folder)
    assert ran.status == 0, ran.err
    return folder


@pytest.fixture(scope="session")
def verdict_of(tmp_path_factory):
    """Simulate a scenario, run its comparison, and give its verdict."""
    import json

    def make(scenario):
        folder = tmp_path_factory.mktemp(scenario)
        ran = command("bowlby", "simulate", folder / "study", "--scenario", scenario, "--seed", 1, cwd=folder)
        assert ran.status == 0, ran.err
        name = scenario.lower()
        ran = command(
            "bowlby", "run", folder / "study/config.yaml", "--cores", 2, f"results/{name}/verdict.json", cwd=folder
        )
        assert ran.status == 0, ran.err
        return json.loads((folder / f"results/{name}/verdict.json").read_text("utf-8"))

    return make
