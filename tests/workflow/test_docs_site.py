"""The documentation is made into a site without a warning, and its links arrive (`make docs-site`, `make test-all`)."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

ROOT = Path(__file__).parents[2]


def dead_links(site: Path) -> list[str]:
    """Links of pages to files and headings of the site that are not there."""
    text = {page: page.read_text("utf-8") for page in site.rglob("*.html")}
    anchors = {page: set(re.findall(r'\bid="([^"]+)"', body)) for page, body in text.items()}
    dead = []
    for page, body in text.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', body):
            to = urlparse(link)
            if to.scheme or to.netloc:
                continue
            target = (page.parent / unquote(to.path)).resolve() if to.path else page
            if not target.exists() or (
                to.fragment and unquote(to.fragment) not in anchors.get(target, {unquote(to.fragment)})
            ):
                dead.append(f"{page.relative_to(site)}: {link}")
    return dead


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
    assert dead_links(tmp_path.resolve()) == []
    assert (tmp_path / "docs/site/gallery.html").read_text("utf-8").count("<svg") >= 10
    api = (tmp_path / "docs/site/api.html").read_text("utf-8")
    assert "bowlby.results.load_results" in api and "Parameters" in api
    assert "117 of 117 numbers agree" in (tmp_path / "notebooks/own_question.html").read_text("utf-8")
