"""``bowlby verify`` and ``bowlby diff`` on the shared run of the example, as it is and after something was changed."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bowlby.reproduction.checksums import write_checksums
from bowlby.reproduction.verify import verify

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


def test_a_changed_verdict_is_named_although_its_checksum_was_corrected(example, tmp_path):
    folder = tmp_path / "example"
    shutil.copytree(example / "results/example", folder, ignore=shutil.ignore_patterns("figures", "logs"))
    record = json.loads((folder / "verdict.json").read_text("utf-8"))
    before = record["claims"]["C1"]["estimate"]
    record["claims"]["C1"]["estimate"] += 0.1
    (folder / "verdict.json").write_text(json.dumps(record), "utf-8")
    write_checksums(folder)
    found = verify(folder)
    assert not found.altered and len(found.differing) == 1
    assert found.differing[0].startswith(f"verdict.json claims.C1.estimate: {before + 0.1} kept, {before}")


def test_a_folder_without_a_run_is_said_to_be_that(shell, tmp_path):
    ran = shell("bowlby", "verify", tmp_path, cwd=tmp_path)
    assert ran.status != 0 and "there is no run in this folder" in ran.err and "Traceback" not in ran.err


def test_runs_that_differ_are_shown_side_by_side(example, shell, tmp_path):
    """One setting, one checksum, one version and one of the numbers of comparison.json are changed."""
    here, other = example / "results/example", tmp_path / "other"
    shutil.copytree(here, other, ignore=shutil.ignore_patterns("people", "measures", "scores", "figures", "logs"))
    for name, place, value in (("manifest.json", ("versions", "numpy"), "1.0"), ("comparison.json", ("T", "se"), 0.5),
                               ("manifest.json", ("inputs", "patients.csv"), "0" * 64)):  # fmt: skip
        record = json.loads((other / name).read_text("utf-8"))
        record[place[0]][place[1]] = value
        (other / name).write_text(json.dumps(record), "utf-8")
    config = (other / "config.yaml").read_text("utf-8")
    (other / "config.yaml").write_text(config.replace("delta: 0.1\n", "delta: 0.2\n"), "utf-8")
    ran = shell("bowlby", "diff", here, other, "--output", tmp_path / "out", cwd=tmp_path)
    assert ran.status == 0 and "comparison.json: 1 differ" in ran.out, ran.out + ran.err
    found = pd.read_csv(tmp_path / "out/differences.csv", dtype=str)
    changed = {"config.comparison.delta", "patients.csv", "numpy", "comparison.json T.se"}
    assert set(found["place"]) == changed and list(found) == ["part", "place", "example", "other"]
    table = pd.read_csv(tmp_path / "out/estimates.csv")
    assert set(table.loc[table["number"] == "T", "se"]) == {0.5, read(here, "comparison.json")["T"]["se"]}
    assert (tmp_path / "out/figures/estimates.svg").is_file() and (tmp_path / "out/estimates.docx").is_file()
    same = shell("bowlby", "diff", here, here, cwd=tmp_path)
    assert same.status == 0 and "no setting, file of data, version or number differs" in same.out, same.err
    assert "name the folders of two runs" in shell("bowlby", "diff", here, cwd=tmp_path).err


def read(folder, name):
    return json.loads((folder / name).read_text("utf-8"))
