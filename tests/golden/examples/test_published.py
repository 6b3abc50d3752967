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


@pytest.mark.skipif(
    not (ROOT.parent / "shared/data/btheb").is_dir(), reason="the public data are not beside the checkout"
)
def test_beat_the_blues(tmp_path):
    """All nine numbers that HSAUR3 prints agree; one digit more in the last place does not."""
    loaded = load(EXAMPLES / "beat-the-blues.yaml")
    stages.ingest(loaded, tmp_path)
    stages.score(loaded, tmp_path, ["bdi_ii"])
    stages.design(loaded, tmp_path, "growth", ["bdi_ii"])
    stages.fit(loaded, tmp_path, "growth")
    write_json(tmp_path / "manifest.json", {"config": loaded.run.model_dump(mode="json")})
    run = load_results(tmp_path)
    published = EXAMPLES / "beat-the-blues.published.json"
    found = compare(run, published)
    assert (found.numbers, found.differing) == (9, [])
    wrong = json.loads(published.read_text("utf-8"))
    wrong["endpoints"]["growth time.estimate"] = "-0.704"
    write_json(tmp_path / "wrong.json", wrong)
    assert [line.partition(":")[0] for line in compare(run, tmp_path / "wrong.json").differing] == [
        "growth time.estimate"
    ]
