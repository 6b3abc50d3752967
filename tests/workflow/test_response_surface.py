"""Response surfaces from the shared run of the example to the page, and verified."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bowlby import figures, stages, tables
from bowlby.config import load
from bowlby.plan import plan
from bowlby.report.methods import paragraphs
from bowlby.report.sections.response_surface import response_surface
from bowlby.reproduction.frozen import endpoints
from bowlby.reproduction.verify import verify
from bowlby.results import Results

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(example, tmp_path_factory):
    """The example's scores with the block added to its configuration, up to the figure."""
    root = tmp_path_factory.mktemp("surface")
    (root / "config").mkdir()
    shutil.copytree(ROOT / "data/raw/example", root / "data/raw/example")
    shutil.copy(ROOT / "config/study.yaml", root / "config/study.yaml")
    asked = yaml.safe_load((ROOT / "config/config.yaml").read_text("utf-8"))
    (root / "config/config.yaml").write_text(yaml.safe_dump(asked | {"response_surface": {}}), encoding="utf-8")
    folder, loaded = root / "run", load(root / "config/config.yaml")
    left = shutil.ignore_patterns("figures", "logs", "benchmarks", "robustness*", "report.html", "checksums.txt")
    shutil.copytree(example / "results/example", folder, ignore=left)
    for name in ("response_surface_anxiety", "response_surface_avoidance"):
        stages.design(loaded, folder, name, ["cats", "ecr_s", "phq9", "wai_sr"])
        stages.fit(loaded, folder, name)
    stages.match(loaded, folder)
    results = Results(folder)
    figures.draw("response_surface", figures.PLOTS["response_surface"].gather(results), folder)
    return root, folder, results


def test_the_block_asks_for_a_set_and_a_model_of_each_scale(run):
    planned = plan(run[0] / "config/config.yaml")
    names = ["response_surface_anxiety", "response_surface_avoidance"]
    assert planned.sets[-2:] == names and planned.models(*names) == names
    for names in (figures.names(planned.loaded.run), tables.names(planned.loaded.run)):
        assert "response_surface" in names


def test_page_and_methods_have_it(run):
    page = str(response_surface(run[2]).html)
    assert "the patient and the therapist have the same score on anxiety" in page
    assert "a4: curvature along the line of incongruence" in page and "<svg" in page
    assert any("Humberg et al., 2019" in paragraph for paragraph in paragraphs(run[2]))


def test_no_individual_is_in_what_is_shared(run):
    """Corners and edges are no scores of therapists, who are counted by five; the drawn points lie within the data."""
    record = run[2].json("response_surface.json")
    rows = pd.read_parquet(run[1] / "analysis/response_surface_anxiety.parquet")
    surface = next(s for s in record["surfaces"] if s["scale"] == "anxiety")
    assert not {round(w, 9) for _, w in surface["area"]} & set(rows["surface_w"].round(9))
    assert all(n == 0 or n >= 5 for _, _, n in surface["therapists"]["surface_w"])
    drawn = pd.read_csv(run[1] / "figures/data/response_surface.csv")
    points = drawn[(drawn["kind"] == "surface") & (drawn["scale"] == "anxiety")]
    middle, sd = surface["origins"][0], surface["units"][0]
    ends = middle + sd * rows[["surface_x", "surface_w"]].agg(["min", "max"])
    assert points["x"].between(*ends["surface_x"]).all() and points["w"].between(*ends["surface_w"]).all()


def test_it_is_verified_and_frozen(run):
    _, folder, results = run
    assert "response_surface.json surfaces[0].contrasts.a3.estimate" in endpoints(results)
    record = json.loads((folder / "manifest.json").read_text("utf-8"))
    record["config"]["response_surface"] = {}
    (folder / "manifest.json").write_text(json.dumps(record), "utf-8")
    for path in (folder / "analysis").glob("*.design.json"):
        if not path.name.startswith("response_surface"):
            path.unlink()  # the other sets are verified elsewhere
    assert verify(folder).differing == []
    kept = json.loads((folder / "response_surface.json").read_text("utf-8"))
    kept["surfaces"][0]["contrasts"]["a4"]["se"] += 0.01
    (folder / "response_surface.json").write_text(json.dumps(kept), "utf-8")
    (line,) = verify(folder).differing
    assert line.startswith("response_surface.json surfaces[0].contrasts.a4.se: ")
