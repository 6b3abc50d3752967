"""The documentation is made into a site without a warning, where Sphinx is installed (`make docs-site`)."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_page_becomes_part_of_the_site(example, shell, tmp_path, monkeypatch):
    for library in ("furo", "myst_nb", "numpydoc", "sphinx"):
        pytest.importorskip(library)
    monkeypatch.setenv("BOWLBY_RESULTS", str(example / "results/example"))
    words = (sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", "docs/site", ".", tmp_path)
    ran = shell(*words, cwd=ROOT)
    assert ran.status == 0, ran.err[-2000:]
    pages = sorted(path.stem for path in (ROOT / "docs").glob("*.md") if not path.stem.endswith("_notes"))
    assert [name for name in pages if not (tmp_path / f"docs/{name}.html").is_file()] == []
    api = (tmp_path / "docs/site/api.html").read_text("utf-8")
    assert "bowlby.results.load_results" in api and "Parameters" in api
    assert "117 of 117 numbers agree" in (tmp_path / "notebooks/own_question.html").read_text("utf-8")
