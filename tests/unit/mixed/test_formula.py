import pytest

from bowlby.errors import UserError
from bowlby.mixed import RandomTerm, parse_formula, spec_from_terms


def test_crossing_interaction_and_removal():
    spec = parse_formula("y ~ a * b * c - a:b:c + (1 | g)")
    assert spec.fixed == (("a",), ("b",), ("a", "b"), ("c",), ("a", "c"), ("b", "c"))
    assert spec.intercept


@pytest.mark.parametrize("text", ["y ~ 0 + x + (1 | g)", "y ~ x - 1 + (1 | g)", "y ~ -1 + x + (1 | g)"])
def test_no_intercept(text):
    assert not parse_formula(text).intercept


def test_random_terms():
    assert parse_formula("y ~ 1 + (x || g)").random == (RandomTerm(("g",), ((), ("x",)), False),)
    assert parse_formula("y ~ 1 + (0 + x | g)").random == (RandomTerm(("g",), (("x",),), True),)
    nest = parse_formula("y ~ 1 + (1 | a/b)").random
    assert [r.name for r in nest] == ["b:a", "a"]
    assert parse_formula("y ~ 1 + (1 | a:b)").random[0].group == ("a", "b")
    two = parse_formula("y ~ x + ((1 | p) + (0 + x:z | p))").random
    assert [r.terms for r in two] == [((),), (("x", "z"),)]


def test_quoted_names_and_categories():
    spec = parse_formula("`out come` ~ `a-b`:C(x) + (1 | g)")
    assert spec.outcome == "out come" and spec.fixed == (("a-b", "x"),) and spec.categorical == {"x"}


@pytest.mark.parametrize("text", ["y ~ log(x) + (1 | g)", "y x + (1 | g)", "y ~ x + (1 | g", "y ~ x + 2 + (1 | g)",
                                  "y ~ x + (1 | )", "y ~ __import__('os') + (1 | g)", "y ~ x ^ 2 + (1 | g)",
                                  "y ~ x; z + (1 | g)", "y ~", "", "y ~ (0 | g)"])
def test_anything_else_is_one_line(text):
    with pytest.raises(UserError) as caught:
        parse_formula(text)
    assert len(caught.value.problems) == 1 and "\n" not in caught.value.problems[0]


def test_terms_are_literal():
    spec = spec_from_terms("y", ["a:b", ("a", "c"), "1"], [{"group": "g", "terms": ["1", "a:b"], "correlated": False}])
    assert spec.fixed == (("a:b",), ("a", "c"))
    assert spec.random[0] == RandomTerm(("g",), ((), ("a:b",)), False)


def test_terms_without_group():
    with pytest.raises(UserError, match="no group"):
        spec_from_terms("y", ["a"], [{"terms": ["1"]}])


@pytest.mark.parametrize("text, same", [
    ("y ~ x*z - z:x + (1 | g)", "y ~ x + z + (1 | g)"),
    ("y ~ x*z*w - w:z:x - z:x + (1 | g)", "y ~ x + z + w + x:w + z:w + (1 | g)"),
    ("y ~ x:z + z:x + x + x + (1 | g)", "y ~ x:z + x + (1 | g)"),
    ("y ~ (x + z)*w - w:(z + x) + (1 | g)", "y ~ x + z + w + (1 | g)"),
    ("y ~ x + (1 | g) + (1 | h) - (1 | h)", "y ~ x + (1 | g)"),
    ("y ~ x + (1 | g/h) - (1 | g:h)", "y ~ x + (1 | g)"),
    ("y ~ x + (z + x | g) + (1 | h) - (x + z | g)", "y ~ x + (1 | h)"),
    ("y ~ x + (x:z + z:x | g)", "y ~ x + (1 + x:z | g)"),
    ("y ~ x + (1 | g) + (1 || g)", "y ~ x + (1 | g)"),
    ("y ~ x + (1 | g:g)", "y ~ x + (1 | g)"),
    ("y ~ x - z + (1 | g)", "y ~ x + (1 | g)"),
])
def test_terms_are_sets(text, same):
    assert parse_formula(text) == parse_formula(same)
    assert parse_formula(str(parse_formula(text))) == parse_formula(same)


def test_lists_of_terms_are_sets():
    spec = spec_from_terms("y", [("x", "z"), ("z", "x"), "x", "x"], [{"group": ("a", "b")}, {"group": ["b", "a"]}])
    assert spec.fixed == (("x", "z"), ("x",)) and spec.random == (RandomTerm(("a", "b"), ((),)),)


@pytest.mark.parametrize("text, line", [
    ("y ~ x + z - (1 | g)", "(1 | g) is taken out, but the terms before it do not hold it"),
    ("y ~ x + (1 + x | g) - (1 | g)", "(1 | g) is taken out"),
    ("y ~ x + (x + (1 | h) | g)", "a random term stands within another"),
    ("y ~ x:(1 | g)", "only columns can interact"),
    ("y ~ (0 + x) * z + (1 | g)", "only columns can interact"),
])
def test_terms_that_would_be_ignored_are_refused(text, line):
    with pytest.raises(UserError) as caught:
        parse_formula(text)
    assert line in caught.value.problems[0]
