"""``bowlby verify`` on the shared run of the example, as it is and after one number was changed."""

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_a_run_is_reproduced_from_its_raw_files(example, shell):
    ran = shell("bowlby", "verify", "results/example", "--config", ROOT / "config/config.yaml", cwd=example)
    assert ran.status == 0, ran.out + ran.err
    last = ran.out.strip().splitlines()[-1]
    done, of = (int(word.replace(",", "")) for word in last.split() if word[0].isdigit() and "e" not in word)
    assert done == of > 20_000


@pytest.mark.slow
def test_a_changed_number_and_a_removed_file_are_named(example, shell, tmp_path):
    folder = tmp_path / "example"
    shutil.copytree(example / "results/example", folder)
    path = folder / "fits/c4.json"
    record = json.loads(path.read_text("utf-8"))
    record["fixed"][1]["estimate"] += 0.01
    path.write_text(json.dumps(record), "utf-8")
    (folder / "tables/table1.csv").unlink()
    ran = shell("bowlby", "verify", folder, cwd=tmp_path)
    assert ran.status == 3
    assert "fits/c4.json: altered since the run" in ran.out and "tables/table1.csv: missing" in ran.out
    assert "fits/c4.json fixed[1].estimate: " in ran.out and "Traceback" not in ran.err


def test_a_folder_without_a_run_is_said_to_be_that(shell, tmp_path):
    ran = shell("bowlby", "verify", tmp_path, cwd=tmp_path)
    assert ran.status != 0 and "there is no run in this folder" in ran.err and "Traceback" not in ran.err
