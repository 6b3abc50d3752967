"""Files and configurations with something wrong in them give lines that say what to do, or the right numbers."""

import contextlib
import re

import numpy as np
import pandas as pd
import pytest
import yaml
from studies import run_stages, study_of

from bowlby import stages
from bowlby.check import check
from bowlby.files import read_json
from bowlby.plan import plan

DESIGN = {"seed": 11, "caseloads": [5, 4, 4, 6, 5, 4], "switching": 2, "absent": 0.02, "no_style": 0, "flat": False,
          "sites": False}  # fmt: skip
RUN = {
    "run": "drawn", "study": "study.yaml", "seed": 3, "outcome": {"instrument": "phq9", "pre": "pre", "post": "post"},
    "comparison": {
        "perceived": {"instrument": "cats", "about": "therapist", "occasion": "mid", "weights": {"secure": 1}},
        "therapist_style": {"instrument": "ecr_s", "weights": {"anxiety": -1}},
        "covariates": ["age"],
    },
}  # fmt: skip
LONGEST = 1000
CELLS = [
    "", " ", "999", "-1", "NA", "nan", "1,5", "1.5", "1e308", "1e999", "=1+1", "'", '"', ";", "\t", "é", "e\u0301",
    "\x1b[31m", "\u202e", "\0", "x" * 5000, "2020-13-45", "0x1F", "１", "TRUE", "-", "inf", "P000", "T00", "post",
    "pre ",
]  # fmt: skip
VALUES = [
    None, "", 0, -1, 10**30, 1.5, "nan", True, [], {}, ["a", "a"], {"a": "b"}, "{wild}", "{n}", "{t}", "../..", "\\",
    "a\0b", "x" * 2000, "=1+1", "\x1b[31m", "utf-16", "2 mb", [[[[]]]], "phq9", "pre", "no such",
]  # fmt: skip
TEXTS = [
    "\0", "\ufeff", "\t", "  ", ":", "- ", "{", "}", "[", "&a ", "*a", "!!python/object:os.system", "'", '"', "\n\n",
    "---\n", "#", "\ud800", "é", "? ", "|", ">", "%TAG",
]  # fmt: skip


def mutated(folder, rng):
    """Change one of the study's files in one way; what was done."""
    name = rng.choice(["a.csv", "b.csv", "d.csv", "study.yaml", "run.yaml"])
    path = folder / name
    way = rng.choice(["bytes", "cut", "text", "value" if name.endswith("yaml") else "cell", "line"])
    if way == "bytes":
        raw = bytearray(path.read_bytes())
        for at in rng.integers(0, len(raw), 3):
            raw[at] = rng.integers(0, 256)
        path.write_bytes(bytes(raw))
    elif way == "cut":
        raw = path.read_bytes()
        path.write_bytes(raw[: rng.integers(0, len(raw))])
    elif way == "text":
        text = path.read_text("utf-8")
        at, what = rng.integers(0, len(text)), rng.choice(np.array(TEXTS, object))
        path.write_bytes((text[:at] + what + text[at:]).encode("utf-8", "surrogatepass"))
    elif way == "line":
        _line(path, rng)
    elif way == "cell":
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        column = rng.integers(0, table.shape[1])
        rows = rng.choice(len(table), rng.choice([1, 3, len(table)]), replace=False)
        table.iloc[rows, column] = rng.choice(np.array(CELLS, object))
        table.to_csv(path, index=False)
    else:
        content = yaml.safe_load(path.read_text("utf-8"))
        place = content
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = keys[rng.integers(0, len(keys))]
            if isinstance(place[key], (dict, list)) and place[key] and rng.random() < 0.8:
                place = place[key]
                continue
            break
        place[key] = VALUES[rng.integers(0, len(VALUES))]
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return f"{name}: {way}"


def _line(path, rng):
    """Lose, repeat, move or empty a line."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    at, to = rng.integers(0, len(lines), 2)
    taken = lines[at]
    match rng.integers(0, 4):
        case 0:
            lines.pop(at)
        case 1:
            lines.insert(to, taken)
        case 2:
            lines.insert(to, lines.pop(at))
        case 3:
            lines[at] = "\n"
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The files before anything is wrong with them."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    study_of(folder, DESIGN, RUN)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(folder, whole):
    folder.mkdir()
    for name, raw in whole.items():
        (folder / name).write_bytes(raw)
    return folder


def checked(folder):
    """What `check` finds; it may not write, crash, or say what nobody can read."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with contextlib.chdir(folder):
        found = check("run.yaml")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    for severity, line in found:
        assert severity in ("error", "warning", "note")
        assert line.isprintable() and len(line) <= LONGEST, line
        assert "; " in line, line
        assert not re.search(r"Traceback|Error\(|<class|0x[0-9a-f]{6}", line), line
    return found


@pytest.mark.parametrize("seed", [pytest.param(range(300), marks=pytest.mark.slow), range(300, 312)], ids=["300", "12"])
def test_what_is_wrong_in_a_file_ends_in_lines(tmp_path, whole, seed):
    for number in seed:
        rng = np.random.default_rng(number)
        folder = put(tmp_path / str(number), whole)
        done = mutated(folder, rng)
        try:
            checked(folder)
        except Exception as error:
            error.add_note(f"{number}: {done}")
            raise


@pytest.mark.slow
def test_what_check_accepts_of_changed_files_runs_to_its_report(tmp_path, whole):
    """Forty whole runs; every number in the verdict is finite."""
    accepted = 0
    for number in range(1000, 1300):
        rng = np.random.default_rng(number)
        folder = put(tmp_path / str(number), whole)
        done = mutated(folder, rng)
        if any(severity == "error" for severity, _ in checked(folder)):
            continue
        accepted += 1
        try:
            with contextlib.chdir(folder):
                results = folder / run_stages("run.yaml")
            claims = read_json(results / "verdict.json")["claims"]
            for claim in claims.values():
                assert claim["not_tested"] or np.isfinite([claim["estimate"], *claim["ci"], claim["df"]]).all()
        except Exception as error:
            error.add_note(f"{number}: {done}")
            raise
        if accepted == 40:
            return
    raise AssertionError(f"only {accepted} of 300 changed studies were accepted")


@pytest.mark.slow
def test_how_a_file_is_written_does_not_change_a_number(tmp_path, whole):
    """Another order of rows and columns, encoding, separator and line end give the same estimates to the last digit."""
    numbers = []
    for number in range(2):
        folder = put(tmp_path / str(number), whole)
        if number:
            table = pd.read_csv(folder / "a.csv", dtype=str, keep_default_na=False)
            table = table.sample(frac=1, random_state=1).loc[:, ::-1]
            raw = table.to_csv(index=False, sep=";", lineterminator="\r\n")
            (folder / "a.csv").write_bytes(("\r\n".join(raw.splitlines()) + "\r\n" * 3).encode("utf-16"))
        assert [line for severity, line in checked(folder) if severity == "error"] == []
        with contextlib.chdir(folder):
            run = plan("run.yaml")
            stages.ingest(run.loaded, run.folder)
            stages.score(run.loaded, run.folder, run.instruments)
            stages.design(run.loaded, run.folder, "primary", run.instruments)
            stages.fit(run.loaded, run.folder, "primary")
            numbers.append(read_json(run.folder / "fits/primary.json")["contrasts"])
    assert numbers[0] == numbers[1]
