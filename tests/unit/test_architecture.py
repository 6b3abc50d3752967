"""What may import what: the table of docs/architecture.md is true of the code, and its picture is of today."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
specification = importlib.util.spec_from_file_location("architecture", ROOT / "docs/architecture.py")
architecture = importlib.util.module_from_spec(specification)
specification.loader.exec_module(architecture)


def test_every_package_has_a_row():
    assert sorted(architecture.floors()) == architecture.packages()


def test_imports_lead_to_lower_floors_only():
    floor = architecture.floors()
    upward = {f"{one} imports {other}": files for (one, other), files in architecture.imports().items()
              if floor[one] <= floor[other]}  # fmt: skip
    assert not upward


def test_the_package_does_not_need_what_proves_it():
    """`validation/` is not in the wheel."""
    needs = re.compile(r"^\s*(from|import) validation\b", re.MULTILINE)
    assert not [p for p in (ROOT / "src").rglob("*.py") if needs.search(p.read_text("utf-8"))]


def test_no_file_is_longer_than_400_lines():
    files = [p for folder in ("src", "validation", "tests", "docs") for p in (ROOT / folder).rglob("*.py")]
    long = {p.relative_to(ROOT).as_posix(): n for p in files if (n := p.read_text("utf-8").count("\n")) > 400}
    assert not long, "move a coherent part to where it belongs"


def test_picture_has_the_packages_on_their_floors():
    """Its lines follow the imports when it is drawn anew; that is `make docs`."""
    boxes = re.compile("<rect x=.*|<text .*")
    kept, now = (boxes.findall(text) for text in (architecture.PICTURE.read_text("utf-8"), architecture.picture()))
    assert kept == now, "run `make docs`"
    assert {re.sub("<.*?>", "", box) for box in kept} - {""} == set(architecture.packages())


def test_an_import_upward_would_be_found(tmp_path, monkeypatch):
    upward = "def f():\n    from bowlby import cli\n"
    for name, text in {"errors": upward, "files": "import bowlby.errors, json\n"}.items():
        (tmp_path / f"src/bowlby/{name}.py").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"src/bowlby/{name}.py").write_text(text)
    monkeypatch.setattr(architecture, "ROOT", tmp_path)
    assert architecture.imports() == {("errors", "cli"): ["src/bowlby/errors.py"],
                                      ("files", "errors"): ["src/bowlby/files.py"]}  # fmt: skip


@pytest.mark.parametrize(("module", "without"), [
    ("bowlby.mixed", ("snakemake", "matplotlib", "seaborn", "pingouin", "pydantic", "statsmodels")),
    ("bowlby.results", ("snakemake", "matplotlib", "seaborn", "pingouin", "statsmodels")),
    ("bowlby.plan", ("snakemake", "scipy", "matplotlib", "seaborn", "pingouin", "statsmodels")),
    ("bowlby.robustness.stage", ("scipy.stats", "scipy.optimize", "matplotlib", "statsmodels")),
    ("bowlby.figures", ("scipy.stats", "seaborn", "statsmodels")),
    ("bowlby.instruments.score_tables", ("scipy.stats", "scipy.optimize", "statsmodels")),
    ("bowlby.cli.run", ("pandas", "scipy", "matplotlib", "pingouin", "statsmodels", "bowlby.report", "bowlby.mixed")),
])  # fmt: skip
def test_slow_libraries_are_imported_only_where_they_are_needed(module, without):
    code = f"import sys, {module}; print(*[name for name in {without!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_pages_name_files_that_are_there():
    pages = [ROOT / "CONTRIBUTING.md", ROOT / "docs/architecture.md"]
    for page in pages:
        for name in re.findall(r"`((?:src|tests|docs|config|workflow)/[\w./-]+?)/?`", page.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
