"""Links of README and docs arrive, what they name exists, and the pictures are small."""

import ast
import re
from pathlib import Path

import pytest

import bowlby

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md", "results/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and GitLab make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_arrive(page):
    for target in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {target}"


def test_readme_names_no_document_that_is_not_there():
    text = (ROOT / "README.md").read_text("utf-8")
    for name in re.findall(r"`((?:docs|notebooks|config|data)/[\w./-]+\.\w+)`", text):
        path = ROOT / name
        assert path.exists() or name == "config/instruments/cats.yaml", name


def test_what_a_design_can_show_is_what_plan_says():
    page = (ROOT / "docs/requirements.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) × (\d+) \| ([\d.]+) SD.*? (\d+)%", page, re.MULTILINE)
    assert len(rows) == 7
    for therapists, patients, detectable, negligible in rows:
        style = bowlby.plan_study(int(therapists), int(patients), studies=0).style.set_index("icc").loc[0.05]
        shown = f"{style['minimum_detectable']:.2f}", f"{style['equivalence_power']:.0%}"
        assert shown == (detectable, f"{negligible}%")


def test_every_page_is_in_the_contents_of_the_site():
    listed = re.findall(r"^\.\./(\w+)$", (ROOT / "docs/site/index.md").read_text("utf-8"), re.MULTILINE)
    assert {p.stem for p in (ROOT / "docs").glob("*.md") if not p.stem.endswith("_notes")} <= set(listed)


def test_pictures_of_the_readme_are_there_and_small():
    shown = [t for t in LINK.findall((ROOT / "README.md").read_text("utf-8")) if t.endswith(".png")]
    assert {"docs/img/verdict.png", "docs/img/forest.png"} <= set(shown)
    for name in shown:
        picture = (ROOT / name).read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) < 150_000


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_tests_that_a_page_names_exist(page):
    for path, name in re.findall(r"`(?:tests/)?([\w/]*test_\w+\.py)(?:::(\w+))?`", page.read_text("utf-8")):
        module = ROOT / "tests" / path
        assert module.is_file(), f"{page.name}: {path}"
        functions = {n.name for n in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(n, ast.FunctionDef)}
        assert not name or name in functions, f"{page.name}: {path}::{name}"


def test_sections_of_the_statistical_design_that_code_cites_exist():
    sections = set(re.findall(r"^#+ (\d.*)$", (ROOT / "docs" / "statistics.md").read_text("utf-8"), re.MULTILINE))
    cited = set()
    for module in sorted((ROOT / "src").rglob("*.py")):
        text = re.sub(r"\s+", " ", module.read_text("utf-8"))
        cited |= (titles := set(re.findall(r'docs/statistics\.md``, "([^"]+)"', text)))
        assert titles <= sections, f"{module}: {titles - sections}"
        without = re.search(r"section \d+ of the statistical|statistical design \(its|statistics\.md``, section", text)
        assert without is None, f"{module}: name the section by number and title"
    assert len(cited) >= 4


def test_version_and_day_of_release_are_said_alike():
    """pyproject.toml, CITATION.cff and the newest heading of CHANGELOG.md; no day where nothing is released."""
    texts = {name: (ROOT / name).read_text("utf-8") for name in ("pyproject.toml", "CITATION.cff", "CHANGELOG.md")}
    version = re.search(r'^version = "(.*)"', texts["pyproject.toml"], re.MULTILINE)[1]
    citation = dict(re.findall(r"^(version|date-released): (.*)$", texts["CITATION.cff"], re.MULTILINE))
    heading = re.search(r"^## (.*) \((.*)\)", texts["CHANGELOG.md"], re.MULTILINE).groups()
    assert heading == (citation["version"], citation.get("date-released", "unreleased"))
    assert citation["version"] == version
