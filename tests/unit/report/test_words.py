"""Turns of phrase that readers tripped on do not come back into what the report and its tables say."""

import ast
import re
from pathlib import Path

import pytest

import bowlby

PACKAGE = Path(bowlby.__file__).parent
FORBIDDEN = re.compile(
    r"\b(surely|mind (?:that|for)|stands? (?:first|beside|twice)|turns? (?:C\d|the verdict)|nothing to turn"
    r"|tells? (?:of|who)|be told|beside|in (?:its|their) place|held refuted|by arithmetic|after the fact|drawn anew"
    r"|found in other ways|who (?:started|deteriorated)|cannot tell|therapist effect|rows that stand)\b",
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


@pytest.mark.parametrize("part", ["report", "tables", "compare"])
def test_no_forbidden_turn_is_said(part):
    paths = [p for p in sorted((PACKAGE / part).rglob("*")) if p.suffix in (".py", ".html")]
    said = [f"{p.name}: {found[0]}" for p in paths for text in sentences(p) if (found := FORBIDDEN.search(text))]
    assert paths and said == []


@pytest.mark.parametrize("text", ["P is surely smaller", "Mind that C2", "therapist effect of 0.1 SD"])
def test_the_list_finds_them(text):
    assert FORBIDDEN.search(text)
