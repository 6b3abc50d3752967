"""A small study in a folder of its own."""

import sys
from pathlib import Path

import pytest

from bowlby.config import load
from bowlby.errors import UserError
from bowlby.ingest import ingest

sys.path.insert(0, str(Path(__file__).parent))  # for small_files

RUN = """run: t
study: study.yaml
outcome: {instrument: gad7}
growth: {reml: true}
"""


@pytest.fixture
def made(tmp_path):
    """Write files and a study file; the loaded configuration."""

    def make(study: str, **files):
        (tmp_path / "run.yaml").write_text(RUN, encoding="utf-8")
        (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return load(tmp_path / "run.yaml")

    return make


@pytest.fixture
def error_lines():
    """The lines that a study's errors end in."""

    def lines(loaded):
        with pytest.raises(UserError) as caught:
            ingest(loaded)
        return caught.value.lines()

    return lines
