"""What jobs ask a cluster for: by the size of the study, and more at each attempt."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from bowlby.resources import NEEDS, megabytes, minutes, size


def test_parquet_counts_as_the_text_it_stands_for(tmp_path):
    table = pd.DataFrame(np.zeros((20_000, 10), dtype=np.int8)).add_prefix("i")
    table.to_parquet(tmp_path / "a.parquet")
    table.to_csv(tmp_path / "a.csv", index=False)
    assert size([str(tmp_path / "a.parquet")]) == pytest.approx(0.5)
    assert size([str(tmp_path / "a.parquet")]) == pytest.approx(size([str(tmp_path / "a.csv")]), rel=0.3)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    assert size([str(tmp_path / "broken.parquet")]) == pytest.approx(16e-6)


@pytest.mark.parametrize("stage", NEEDS)
def test_a_second_attempt_asks_for_twice_as_much(tmp_path, stage):
    raw = tmp_path / "a.csv"
    raw.write_bytes(b"x" * 2_000_000)
    need = NEEDS[stage]
    asked = megabytes([str(raw)], stage)
    assert asked(None, attempt=1) == round(need.megabytes + 2 * need.megabytes_more)
    assert asked(None, attempt=2) == 2 * asked(None, attempt=1)
    assert minutes([str(raw)], stage)(None, attempt=1) >= 5


def test_a_run_on_slurm_leaves_the_log_folders_of_other_runs():
    """At its end the plugin deletes empty folders of logs, also of the waiting jobs of another run, which then fail."""
    profile = yaml.safe_load((Path(__file__).parents[2] / "profiles/slurm/config.yaml").read_text("utf-8"))
    assert profile["slurm-delete-logfiles-older-than"] <= 0
