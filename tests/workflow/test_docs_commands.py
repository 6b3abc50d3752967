"""Every command of README and docs runs as it is printed, in a copy of the checkout; what cannot says why.

A block of shell runs unless the line above it is ``<!-- not run: reason -->``. A block below ``<!-- file: path -->`` is
written to that path first, as a reader would do in an editor.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>file|not run): (?P<what>.+?) -->\n)?^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```$", re.M | re.S
)
SHELL = ("sh", "bash", "shell", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: kind, text, and the mark above it."""

    kind: str
    text: str
    mark: str | None
    what: str | None


def blocks(page: Path) -> list[Block]:
    """Blocks that are shell, or are a file to write."""
    found = [Block(m["kind"], m["text"], m["mark"], m["what"]) for m in BLOCK.finditer(page.read_text("utf-8"))]
    return [block for block in found if block.kind in SHELL or block.mark]


def runs(page: Path) -> bool:
    return any(block.kind in SHELL and block.mark != "not run" for block in blocks(page))


@pytest.fixture
def checkout(example, tmp_path):
    """What a reader has after `make results`: the files of the checkout, an environment, and the example's results."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    folder = tmp_path / "bowlby"
    for name in listed.stdout.decode().split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for part in ("bin", "include", "lib", "pyvenv.cfg"):
        (folder / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    for ready in (".ready", ".ready-test", ".ready-docs"):
        (folder / ".venv" / ready).touch()
    shutil.copytree(example / "results/example", folder / "results/example")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if runs(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_commands_of_a_page_run(page, checkout):
    env = os.environ | {"PATH": f"{checkout / '.venv/bin'}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120"}
    for block in blocks(page):
        if block.mark == "file":
            path = checkout / block.what
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.mark is None:
            words = ["bash", "-euo", "pipefail", "-c", block.text]
            ran = subprocess.run(words, cwd=checkout, env=env, capture_output=True, text=True, timeout=900)
            assert ran.returncode == 0, f"{block.text}\n{ran.stdout[-1500:]}\n{ran.stderr[-1500:]}"


def test_what_is_not_run_says_why():
    kept = {page.name: [b.what for b in blocks(page) if b.mark == "not run"] for page in PAGES}
    assert all(len(reason.split()) > 3 for reasons in kept.values() for reason in reasons), kept
    assert sum(map(len, kept.values())) < sum(len(blocks(page)) for page in PAGES) / 2
