"""Tables and figures: rounding, escaping, and the same bytes twice."""

import pandas as pd
import pytest

from bowlby import figures, tables
from bowlby.figures.therapists import caterpillar_data
from bowlby.report import inline


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< .001"), (0.0311, ".031"), (1.0, "1.000")])
def test_p_values(p, text):
    assert tables.p_value(p) == text


def test_cells_are_escaped():
    assert "<b>" not in tables.to_html(pd.DataFrame({"a": ["<b>x</b>"]}), "<i>")


def test_figures_are_the_same_bytes_twice(tmp_path):
    data = pd.DataFrame({"rank": [1, 2], "therapists": 1,
                         "effect": [-1.0, 1.0], "ci_low": [-2.0, 0.0], "ci_high": [0.0, 2.0]})  # fmt: skip
    for name in ("one", "two"):
        figures.draw("caterpillar", data, tmp_path / name)
    for kind in figures.KINDS:
        one, two = ((tmp_path / n / f"figures/caterpillar.{kind}").read_bytes() for n in ("one", "two"))
        assert one == two, kind


def test_caterpillar_has_no_ids():
    effects = pd.DataFrame(
        {
            "group": "therapist",
            "level": ["T07", "T01"],
            "term": "Intercept",
            "value": [0.5, -0.5],
            "variance": [0.04, 0.04],
        }
    )
    data = caterpillar_data(effects)
    assert "level" not in data and data["effect"].tolist() == [-0.5, 0.5]
    assert data["ci_low"].tolist() == pytest.approx([-0.892, 0.108])


def test_inlined_svg_has_ids_of_its_own(tmp_path):
    (tmp_path / "flow.svg").write_text('<?xml version="1.0"?><svg><path id="p1"/><use href="#p1"/></svg>')
    assert inline(tmp_path / "flow.svg") == '<svg><path id="flow-p1"/><use href="#flow-p1"/></svg>'
