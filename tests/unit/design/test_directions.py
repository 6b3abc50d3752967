"""Signs that reverse a verdict are named, with the key of the questionnaire that they contradict."""

import shutil
from pathlib import Path

import pytest

from bowlby.config import load
from bowlby.design.directions import contrary_directions

ROOT = Path(__file__).parents[3]
STYLE = "  therapist_style:\n    instrument: ecr_s\n    about: self\n    weights: {anxiety: -1, avoidance: -1}"
TURNED = "config.yaml:26: comparison.therapist_style.weights: higher scores on anxiety, avoidance of ecr_s are worse; "
OUTCOME = "config.yaml:15: outcome.higher_is_better is true, but a higher phq9 total is worse; "


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", None),
        (STYLE, STYLE.replace("-1", "1"), TURNED),
        (STYLE, STYLE.replace("anxiety: -1", "anxiety: 1"), None),  # a contrast of both
        ("higher_is_better: false", "higher_is_better: true", OUTCOME),
        (
            "weights: {total: 1}",
            "weights: {total: -1}",
            "comparison.alliance.weights: higher scores on total of wai_sr",
        ),
    ],
    ids=["as shipped", "style", "contrast", "outcome", "alliance"],
)
def test_a_contrary_sign_is_named(tmp_path, old, new, expected):
    for name in ("config.yaml", "study.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path)
    text = (tmp_path / "config.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "config.yaml").write_text(text.replace(old, new, 1), "utf-8")
    found = contrary_directions(load(tmp_path / "config.yaml"))
    assert len(found) == (expected is not None)
    assert all(expected in line for line in found), found
