"""Published tables against runs of the same data, to the digits that were printed."""

import json
from pathlib import Path

import pytest

from bowlby import stages
from bowlby.config import load
from bowlby.files import write_json
from bowlby.reproduction.frozen import compare
from bowlby.results import load_results

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "config/examples"


def fitted(name: str, instruments: list[str], folder: Path):
    """The growth model of an example's study, as its run writes it."""
    loaded = load(EXAMPLES / f"{name}.yaml")
    if not loaded.raw_files[0].is_file():
        pytest.skip("the public data are not beside the checkout")
    stages.ingest(loaded, folder)
    stages.score(loaded, folder, instruments)
    stages.design(loaded, folder, "growth", instruments)
    stages.fit(loaded, folder, "growth")
    write_json(folder / "manifest.json", {"config": loaded.run.model_dump(mode="json")})
    return load_results(folder)


def test_reframed(tmp_path):
    """The eight numbers of the model of month by arm that bowlby can express."""
    run = fitted("reframed-published", ["phq9", "phq9_altered"], tmp_path)
    found = compare(run, EXAMPLES / "reframed.published.json")
    assert (found.numbers, found.differing) == (8, [])
    # A printed number that bowlby computes otherwise: p by Satterthwaite's method.
    assert run.fits["growth"].coefficients["grp_TAU_by_time"].p == pytest.approx(0.01470, abs=2e-5)


def test_beat_the_blues(tmp_path):
    """All nine numbers that HSAUR3 prints agree; one digit more in the last place does not."""
    run = fitted("beat-the-blues", ["bdi_ii"], tmp_path)
    published = EXAMPLES / "beat-the-blues.published.json"
    found = compare(run, published)
    assert (found.numbers, found.differing) == (9, [])
    wrong = json.loads(published.read_text("utf-8"))
    wrong["endpoints"]["growth time.estimate"] = "-0.704"
    write_json(tmp_path / "wrong.json", wrong)
    assert [line.partition(":")[0] for line in compare(run, tmp_path / "wrong.json").differing] == [
        "growth time.estimate"
    ]
