import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import MixedModel, RandomTerm, parse_formula, spec_from_terms


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


@pytest.mark.parametrize(
    "text",
    [
        "y ~ lag(x) + (1 | g)",
        "y x + (1 | g)",
        "y ~ x + (1 | g",
        "y ~ x + 2 + (1 | g)",
        "y ~ x + (1 | )",
        "y ~ __import__('os') + (1 | g)",
        "y ~ x ^ 2 + (1 | g)",
        "y ~ x; z + (1 | g)",
        "y ~",
        "",
        "y ~ (0 | g)",
        "y ~ " + "(" * 3000 + "x" + ")" * 3000 + " + (1 | g)",
        "y ~ I(" + "-" * 3000 + "x) + (1 | g)",
    ],
    ids=lambda text: text[:30],
)
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


@pytest.mark.parametrize(
    "text, same",
    [
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
        ("y ~ (x + z + w)^2 + (1 | g)", "y ~ x + z + w + x:z + x:w + z:w + (1 | g)"),
        ("y ~ (x + z + w)**3 + (1 | g)", "y ~ x + z + w + x:z + x:w + z:w + x:z:w + (1 | g)"),
        ("y ~ x/z + (1 | g)", "y ~ x + x:z + (1 | g)"),
        ("y ~ x/(z + w) + (1 | g)", "y ~ x + x:z + x:w + (1 | g)"),
        ("y ~ (x + z)/w + (1 | g)", "y ~ x + z + x:z:w + (1 | g)"),
        ("y ~ C(x, 'b') + z:C(x,\"b\") + (1 | g)", 'y ~ C(x, "b") + z:C(x, "b") + (1 | g)'),
        ("y ~ I( x ^2 )+ I(x**2) + (1|g)", "y ~ I(x^2) + (1 | g)"),
        (
            "log(y)~log( x+.5 )*z+offset( log(`a b`) )+(sqrt(x)|g)",
            "log(y) ~ log(x + .5) + z + log(x + .5):z + (1 + sqrt(x) | g) + offset(log(`a b`))",
        ),
        ("y ~ offset(n) + I(-x/(2e1*z)) + (1 | g)", "y ~ I(-x/(2e1 * z)) + (1 | g) + offset(n)"),
    ],
)
def test_terms_are_sets(text, same):
    assert parse_formula(text) == parse_formula(same)
    assert parse_formula(str(parse_formula(text))) == parse_formula(same)


def test_lists_of_terms_are_sets():
    spec = spec_from_terms("y", [("x", "z"), ("z", "x"), "x", "x"], [{"group": ("a", "b")}, {"group": ["b", "a"]}])
    assert spec.fixed == (("x", "z"), ("x",)) and spec.random == (RandomTerm(("a", "b"), ((),)),)


@pytest.mark.parametrize(
    "text, line",
    [
        ("y ~ x + z - (1 | g)", "(1 | g) is taken out, but the terms before it do not hold it"),
        ("y ~ x + (1 + x | g) - (1 | g)", "(1 | g) is taken out"),
        ("y ~ x + (x + (1 | h) | g)", "a random term or an offset is within a random term"),
        ("y ~ x:(1 | g)", "only columns can interact"),
        ("y ~ (0 + x) * z + (1 | g)", "only columns can interact"),
        ("y ~ x * offset(z) + (1 | g)", "only columns can interact"),
        ("y ~ x - offset(z) + (1 | g)", "an offset cannot be taken out"),
        ("y ~ offset(x) + offset(z) + (1 | g)", "more than one offset"),
        ("y ~ x + (1 + offset(z) | g)", "an offset is within a random term"),
        ("y ~ x^2 + (1 | g)", "write I(x^2) for its square"),
        ("y ~ (x + (1 | g))^1", "only columns can interact"),
        ("y ~ (x + z)^0 + (1 | g)", "the power is '0'"),
        ("y ~ C(x, b) + (1 | g)", "write it in quotes"),
        ("y ~ C(x, 'b') + C(x, 'a'):z + (1 | g)", "'x' has two reference levels"),
        ("y ~ `I(x)` + I(x) + (1 | g)", "'I(x)' is both a column and computed"),
        ("y ~ I(2) + (1 | g)", "I(2) holds no column"),
        ("y ~ I(x; z) + (1 | g)", "cannot read"),
        ("y ~ exp(x, z) + (1 | g)", "expected ')' but found ','"),
    ],
)
def test_terms_that_would_be_ignored_are_refused(text, line):
    with pytest.raises(UserError) as caught:
        parse_formula(text)
    assert line in caught.value.problems[0]


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(10), 6)
    return pd.DataFrame(
        {
            "g": g,
            "x": rng.uniform(1, 4, 60),
            "n": rng.uniform(1, 4, 60),
            "dose": np.tile([1.0, 2, 4], 20),
            "y": rng.normal(size=10)[g] + rng.normal(size=60),
        }
    )


def test_computed_columns_are_those_made_by_hand(data):
    by_formula = MixedModel.from_formula("y ~ log(x + 1) + I(-2^2 + x/2*n) + offset(sqrt(n)) + (1 | g)", data).fit()
    by_hand = MixedModel.from_formula(
        "y ~ a + b + (1 | g)", data.assign(a=np.log(data.x + 1), b=-4 + data.x / 2 * data.n), offset=data.n**0.5
    ).fit()
    assert by_formula.model.names == ["Intercept", "log(x + 1)", "I(-2^2 + x/2 * n)"]
    assert by_formula.params.to_numpy() == pytest.approx(by_hand.params.to_numpy(), rel=1e-9)
    assert by_formula.predict(data) == pytest.approx(np.asarray(by_formula.fittedvalues))


def test_a_missing_source_leaves_the_row_out_and_an_undefined_value_is_an_error(data):
    model = MixedModel.from_formula("y ~ log(x) + (1 | g)", data.assign(x=data.x.where(data.index != 4)))
    assert model.n_dropped == {"x missing": 1}
    bad = data.assign(x=data.x.where(data.index > 2, 0))
    for at in (bad, bad.assign(x=-bad.x)):
        with pytest.raises(UserError, match=r"log\(x\) is not defined in \d+ rows"):
            MixedModel.from_formula("y ~ log(x) + (1 | g)", at)
    with pytest.raises(UserError, match="not defined"):
        model.fit().predict(bad)
    with pytest.raises(UserError, match="'x' is not numeric"):
        MixedModel.from_formula("y ~ log(x) + (1 | g)", data.assign(x="a"))
    with pytest.raises(UserError, match="no column 'z'"):
        MixedModel.from_formula("y ~ x + offset(log(z)) + (1 | g)", data)
    with pytest.raises(UserError, match="given as offset="):
        MixedModel.from_formula("y ~ x + offset(n) + (1 | g)", data, offset="n")


def test_the_reference_level_is_the_one_named(data):
    model = MixedModel.from_formula('y ~ C(dose, "2") + (1 | g)', data)
    assert model.names == ["Intercept", "C(dose)[T.1.0]", "C(dose)[T.4.0]"]
    with pytest.raises(UserError, match="has no level '3'"):
        MixedModel.from_formula("y ~ C(dose, 3) + (1 | g)", data)
