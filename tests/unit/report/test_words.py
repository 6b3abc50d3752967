"""Phrases that readers stumbled over do not come back into report, tables, command line, README and docs."""

import ast
import re
from pathlib import Path

import pytest

import bowlby
from bowlby.report import glossary

PACKAGE = Path(bowlby.__file__).parent
ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "config/README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in PAGES if page.name not in ("validation.md", "validation_sessions.md")]  # made from notes
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
FORBIDDEN = re.compile(
    r"\b(surely|mind (?:that|for)|stands? (?:first|beside|twice)|turns? (?:C\d|the verdict)|nothing to turn"
    r"|tells? (?:of|who)|be told|beside|in (?:its|their) place|held refuted|by arithmetic|after the fact|drawn anew"
    r"|found in other ways|who (?:started|deteriorated)|cannot tell|therapist effect|rows that stand)\b",
    re.IGNORECASE,
)
IN_PAGES = re.compile(
    FORBIDDEN.pattern.replace("|therapist effect", "")[:-3]
    + r"|stands?|doubts|git does not see|as in life|asked for|single patient|in silence"
    r"|mind|told|turns? (?:when|where|into)|where it (?:is|was|does|has|had) (?:no|not))\b",
    re.IGNORECASE,
)


def sentences(path: Path) -> list[str]:
    """Texts with a blank in a module that are not docstrings, or a template's text without its code."""
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        return [re.sub(r"{%.*?%}|{{.*?}}|<[^>]*>", " ", text)]
    tree = ast.parse(text)
    docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [n.value for n in found if " " in n.value and id(n) not in docs]


@pytest.mark.parametrize("part", ["report", "tables", "compare", "cli"])
def test_no_forbidden_turn_is_said(part):
    paths = [p for p in sorted((PACKAGE / part).rglob("*")) if p.suffix in (".py", ".html")]
    said = [f"{p.name}: {found[0]}" for p in paths for text in sentences(p) if (found := FORBIDDEN.search(text))]
    assert paths and said == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_has_a_forbidden_turn(page):
    text = CODE.sub(" ", page.read_text("utf-8"))
    assert [found[0] for found in IN_PAGES.finditer(text)] == []


def test_the_page_of_the_glossary_has_the_terms_of_the_report():
    assert (ROOT / "docs/glossary.md").read_text("utf-8") == glossary.page()
    used = [f"C{k}" for k in range(1, 6)] + [f"E{k}" for k in range(1, 7)]
    assert {*used, "P", "T", "δ", "Reference SD", "Qualified"} <= set(glossary.TERMS)


@pytest.mark.parametrize("text", ["P is surely smaller", "Mind that C2", "therapist effect of 0.1 SD"])
def test_the_list_finds_them(text):
    assert FORBIDDEN.search(text)
