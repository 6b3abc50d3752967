"""Public data sets read with the draft as it is written; what is right stands with the data."""

from pathlib import Path

import pytest

from bowlby.config import load
from bowlby.drafting import write_draft
from bowlby.ingest import ingest

SHARED = Path(__file__).parents[4] / "shared/data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not beside the checkout")


@pytest.mark.parametrize(
    ("path", "instrument", "rows", "persons", "occasions"),
    [
        ("btheb/BtheB_wide.csv", "bdi_ii", 380, 100, 5),
        ("btheb/BtheB_long.csv", "bdi_ii", 380, 100, 5),
        ("suddengains/sgdata.csv", "bdi_ii", 563, 43, 15),
        ("reframed_dbt_rct/reframed.csv", "phq9", 2433, 246, 14),
        ("enrichd_cbt_bdi/BDIdata.csv", "bdi_ii", 7117, 557, 1),
        ("bright_group_cbt/bright_long.csv", "bdi_ii", 815, 299, 3),
    ],
)
def test_read_right_as_written(tmp_path, path, instrument, rows, persons, occasions):
    write_draft([SHARED / path], tmp_path)
    result = ingest(load(tmp_path / "config.yaml"))
    table = result.measures[instrument]
    assert (len(table), table["person"].nunique(), table["occasion"].nunique()) == (rows, persons, occasions)
    if "reframed" in path:
        patients = result.people["patients"]
        assert (len(patients), int(patients["therapist"].isna().sum())) == (250, 88)
        assert result.people["episodes"]["therapist"].nunique() == 22


def test_two_layouts_hold_the_same_scores(tmp_path):
    found = []
    for name in ("BtheB_wide", "BtheB_long"):
        write_draft([SHARED / f"btheb/{name}.csv"], tmp_path / name)
        table = ingest(load(tmp_path / name / "config.yaml")).measures["bdi_ii"]
        months = table["occasion"].str.removesuffix("m")
        found.append(sorted(zip(table["person"], months, table["total"], strict=True)))
    assert found[0] == found[1] and len(found[0]) == 380
