"""One end-to-end run of the example, shared by the tests of the workflow, the notebooks and the page."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

# Before NumPy is loaded: threads within small matrices only wait for each other.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

ROOT = Path(__file__).parents[1]
WHOLE_RUNS = ("workflow", "browser", "recovery", "property", "cluster")


@cache
def reads_example(file: Path) -> bool:
    """Whether a test or a fixture of a file has the shared run of the example as its argument."""
    return re.search(r"^ *def \w+\([^)]*\bexample\b", file.read_text("utf-8"), re.M) is not None


def pytest_collection_modifyitems(items):
    """Whole runs begin first: two processes then end at about the same time."""

    def order(item):
        kind = item.path.relative_to(ROOT / "tests").parts[0]
        return not reads_example(item.path), kind not in WHOLE_RUNS, kind

    items.sort(key=order)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of a file run in one process; so do all files that read the example, which is run once."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "example" if reads_example(ROOT / file) else file

    return Scheduling(config, log)


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
