"""Power of planned designs as a grid of batches: the same numbers however they are cut, and as `bowlby plan` gives."""

from pathlib import Path

import pandas as pd
import pytest

from bowlby.simulate.grid import DESIGN, grid_shares
from bowlby.simulate.planning import TRUTHS, planned_studies, power

ROOT = Path(__file__).parents[2]


def test_shares_of_a_grid_are_those_of_each_design():
    design = {"therapists": 8, "patients": 6.0, "icc": 0.05, "switching": 0.0, "delta": 0.1}
    parts = [
        planned_studies(truth, **design, seed=2, numbers=numbers).assign(planned=truth, **design)
        for truth in TRUTHS
        for numbers in (range(0, 1), range(1, 3))
    ]
    table = grid_shares(pd.concat(parts))
    whole = power(8, 6, 0.05, 0.0, 0.1, 3, 2)
    assert table[DESIGN].drop_duplicates().iloc[0].to_dict() == design
    assert (table["studies"] == 3).all()
    assert table[list(whole.columns)].to_numpy().tolist() == whole.to_numpy().tolist()


@pytest.mark.slow
def test_batches_of_a_grid_are_jobs(tmp_path, shell):
    found = []
    for batch in (4, 2):
        folder = tmp_path / str(batch)
        folder.mkdir()
        ran = shell("snakemake", "-s", ROOT / "workflow/power.smk", "--cores", 2, "--config", "therapists=8,12",
                    "patients=6", "studies=4", f"batch={batch}", cwd=folder)  # fmt: skip
        assert ran.status == 0, ran.err[-2000:]
        found.append((folder / "results/power/power.csv").read_bytes())
        assert (folder / "results/power/power.png").stat().st_size > 10_000
    assert found[0] == found[1]
    table = pd.read_csv(tmp_path / "4/results/power/power.csv")
    assert sorted(table["therapists"].unique()) == [8, 12] and len(table) == 2 * 4 * 5
