"""The example of two attachment figures, from the raw file on, against lme4 and pbkrtest on the same rows."""

from pathlib import Path

import pytest

from bowlby import stages
from bowlby.config import load
from bowlby.files import read_json

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared/data/ecr_mother_father_italian/data_ECR.csv"


@pytest.mark.skipif(not DATA.is_file(), reason="the public data are not beside the checkout")
def test_parents(tmp_path):
    """lme4 1.1-31; the slope variance of ``second`` is 0, so Kenward-Roger is pbkrtest's of the model without it,
    ``(1 + first || therapist)``, with the same likelihood; outcome SD 3.914809."""
    loaded = load(ROOT / "config/examples/parents.yaml")
    stages.ingest(loaded, tmp_path)
    stages.score(loaded, tmp_path, ["ecr_child", "externalizing"])
    stages.design(loaded, tmp_path, "pair", ["ecr_child", "externalizing"])
    stages.fit(loaded, tmp_path, "pair")
    stages.compare_pair(loaded, tmp_path)
    fit, pair = read_json(tmp_path / "fits/pair.json"), read_json(tmp_path / "pair.json")
    assert (pair["n_obs"], pair["n_therapists"]) == (854, 50)
    assert fit["llf"] == pytest.approx(-2341.09603725, abs=1e-6)
    kept = {c["name"]: c for c in fit["contrasts"]}
    first, difference = kept["first"], kept["first-second"]
    assert first["estimate"] * 3.914809493 == pytest.approx(0.5152573, abs=1e-5)
    assert first["se_known_sd"] * 3.914809493 == pytest.approx(0.17454139, rel=1e-6)
    assert first["df_known_sd"] == pytest.approx(77.407445, abs=1e-3)
    assert difference["df_known_sd"] == pytest.approx(352.565182, abs=1e-3)
    assert pair["contrasts"]["first"]["se"] == pytest.approx(first["se"]) and first["se"] > first["se_known_sd"]
    assert pair["claims"]["more"]["verdict"] == "inconclusive"
    # clubSandwich 0.5.8 on the same lmer, with its random slope
    robust = pair["doubts"]["sandwich"]["contrasts"]
    assert robust["first"]["se"] == pytest.approx(0.04076255, rel=1e-6)
    assert robust["first-second"]["se"] == pytest.approx(0.06658588, rel=1e-6)
    assert robust["first-second"]["df"] == pytest.approx(36.39295, rel=1e-5)
    assert pair["doubts"]["influence"]["verdicts"]["more"] == {"inconclusive": 50}
