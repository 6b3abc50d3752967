"""One end-to-end run of the example, shared by the tests of the workflow, the notebooks and the page."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# Before NumPy is loaded: threads within small matrices only wait for each other.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

ROOT = Path(__file__).parents[1]


@dataclass
class Ran:
    """A finished command."""

    status: int
    out: str
    err: str


def command(*words, cwd) -> Ran:
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=env, capture_output=True, text=True, timeout=1200)
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
