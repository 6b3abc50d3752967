"""environment.yml, pyproject.toml and the lock say the same."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
# The few packages whose conda name is not their PyPI name.
CONDA = {"matplotlib": "matplotlib-base", "snakemake": "snakemake-minimal"}
ONLY_CONDA = {"python", "pip"}


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [Requirement(r) for r in [*project["dependencies"], *extras["cluster"], *extras["build"]]]
    return {r.name: str(r.specifier) for r in wanted}


def test_conda_file_has_the_same_lower_bounds():
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    found = dict(re.match(r"([\w-]+)(.*)", e).groups() for e in entries if isinstance(e, str))
    assert {k: v for k, v in found.items() if k not in ONLY_CONDA} == {
        CONDA.get(name, name): bound for name, bound in declared().items()
    }
    assert {"pip": ["-e ."]} in entries


def test_lock_satisfies_the_bounds_with_hashes():
    text = (ROOT / "requirements.txt").read_text()
    pinned = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.M):
        pinned.setdefault(name.lower(), []).append(version)
    for name, bound in declared().items():
        assert all(Version(v) in Requirement(f"{name}{bound}").specifier for v in pinned[name]), name
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.M)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_test_lock_contains_the_lock():
    lines = {line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert lines <= set((ROOT / "requirements-test.txt").read_text().splitlines())
    tested, docs = (re.findall(r"^([\w.-]+==[^\s;\\]+)", (ROOT / f"requirements-{name}.txt").read_text(), re.M)
                    for name in ("test", "docs"))  # fmt: skip
    assert set(tested) <= set(docs)
