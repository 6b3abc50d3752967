"""``bowlby freeze`` on the shared run of the example: endpoints compared, and a study of the same structure."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def frozen(example, shell):
    """The file, written once."""
    path = example / "paper.json"
    ran = shell("bowlby", "freeze", "results/example", "--output", path, cwd=example)
    assert ran.status == 0, ran.err
    assert "is there already" in shell("bowlby", "freeze", "results/example", "--output", path, cwd=example).err
    return path


def test_a_run_is_compared_with_the_endpoints_of_a_paper(example, shell, frozen, tmp_path):
    ran = shell("bowlby", "verify", "results/example", "--frozen", frozen, cwd=example)
    done, of = map(int, re.search(r"reproduced (\d+) of (\d+) numbers", ran.out).groups())
    assert ran.status == 0 and done == of > 60, ran.out
    shutil.copytree(example / "results/example", tmp_path / "run", ignore=shutil.ignore_patterns("figures", "logs"))
    for name, place in (("comparison.json", ("T", "se")), ("manifest.json", ("inputs", "patients.csv"))):
        record = json.loads((tmp_path / "run" / name).read_text("utf-8"))
        record[place[0]][place[1]] = 0.5
        (tmp_path / "run" / name).write_text(json.dumps(record), "utf-8")
    ran = shell("bowlby", "verify", tmp_path / "run", "--frozen", frozen, cwd=tmp_path)
    assert ran.status == 3 and f"reproduced {of - 1} of {of}" in ran.out
    assert "raw file patients.csv: not that of the paper" in ran.out and "comparison.json T.se: " in ran.out


def test_nothing_of_a_person_is_in_it(example, frozen):
    """No id, and no number of fewer than five persons."""
    text, people = frozen.read_text("utf-8"), example / "results/example/people"
    for role in ("patient", "therapist"):
        ids = pd.read_parquet(people / f"{role}s.parquet")[role]
        assert not [name for name in ids if re.search(rf"\b{name}\b", text)]
    shares = json.loads(text)["structure"]["covariates"]["patient"]["gender"]["shares"]
    assert min(shares.values()) * 540 > 4.9


@pytest.mark.slow
def test_a_study_of_the_same_structure_is_drawn(shell, frozen, tmp_path):
    """It has the same instruments, occasions and moments, and `bowlby check` finds nothing wrong."""
    ran = shell("bowlby", "simulate", tmp_path / "like", "--like", frozen, "--seed", 3, cwd=tmp_path)
    assert ran.status == 0, ran.err
    structure = json.loads(frozen.read_text("utf-8"))["structure"]
    rows = pd.read_csv(tmp_path / "like/patients_phq9_self_patient.csv")
    load, means = structure["case_load"], structure["moments"]["mean"]
    assert pd.read_csv(tmp_path / "like/patients.csv")["therapist_1"].nunique() == load["therapists"] == 48
    for at, name in enumerate(structure["moments"]["scales"]["patient"]):
        if name.startswith("phq9"):
            sums = rows[rows["occasion"] == name.split()[-2]].filter(regex=r"^i\d").sum(axis=1, min_count=9).dropna()
            sd = np.hypot(structure["moments"]["sd_within"][at], structure["moments"]["sd_between"][at])
            assert abs(sums.mean() - means[at]) < 4 * sd / 7 and 0.8 < sums.std() / sd < 1.2
    checked = shell("bowlby", "check", tmp_path / "like/config.yaml", cwd=tmp_path)
    assert checked.status == 0 and "0 errors" in checked.out, checked.out
