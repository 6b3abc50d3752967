"""Runs that cannot begin say so in one line each: the reason, the file, and what to do; nothing is written."""

import contextlib
import os
import time

import pytest
from studies import run_stages, study_of

from bowlby.check import check
from bowlby.errors import UserError
from bowlby.plan import plan

DESIGN = {"seed": 11, "caseloads": [4] * 6, "switching": 0, "absent": 0.0, "no_style": 0, "flat": False, "sites": False}
RUN = {
    "run": "drawn", "study": "study.yaml", "seed": 3, "outcome": {"instrument": "phq9", "pre": "pre", "post": "post"},
    "pair": {
        "first": {"label": "security", "instrument": "cats", "about": "therapist", "occasion": "mid",
                  "weights": {"secure": 1}},
        "second": {"label": "style", "instrument": "ecr_s", "role": "therapist", "weights": {"avoidance": 1}},
    },
}  # fmt: skip


def edited(name, old, new):
    def change(folder):
        raw = (folder / name).read_bytes()
        assert old in raw
        (folder / name).write_bytes(raw.replace(old, new, 1))

    return change


def deep(folder):
    (folder / "run.yaml").write_text("run: " + "[" * 5000 + "]" * 5000)


def unreadable(folder):
    (folder / "a.csv").chmod(0)


CASES = {
    "encoding": (edited("study.yaml", b"path: a.csv", b"path: a.csv\n  encoding: utf-16"),
                 "a.csv: the text is not utf-16"),
    "no encoding": (edited("study.yaml", b"path: a.csv", b"path: a.csv\n  encoding: klingon"),
                    "a.csv: encoding 'klingon' is unknown"),
    "deep": (deep, "run.yaml: the file is nested too deeply"),
    "NUL": (edited("run.yaml", b"seed: 3", b"seed: 3\0"), "run.yaml:"),
    "escaped NUL": (edited("run.yaml", b"label: security", b'label: "a\\0b"'),
                    "a value holds a NUL or half a character"),
    "half a character": (edited("run.yaml", b"label: security", b'label: "\\ud800"'),
                         "a value holds a NUL or half a character"),
    "row": (edited("study.yaml", b"path: a.csv", b"path: a.csv\n  header_row: 1" + b"0" * 30), "header_row"),
    "braces": (edited("run.yaml", b"run: drawn", b'run: drawn\nresults: "{wild}"'), "results"),
    "no rights": (unreadable, "a.csv: cannot be opened (Permission denied)"),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_each_is_one_line(tmp_path, what):
    if what == "no rights" and os.geteuid() == 0:
        pytest.skip("a superuser may read every file")
    change, expected = CASES[what]
    config = study_of(tmp_path / "study", DESIGN, RUN)
    change(config.parent)
    before = sorted(tmp_path.rglob("*"))
    with contextlib.chdir(config.parent):
        errors = [line for severity, line in check(config) if severity == "error"]
    assert len(errors) == 1 and expected in errors[0] and "; " in errors[0], errors
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("what", ["a backslash", "dates in the future", "links", "braces in its path"])
def test_what_is_unusual_and_right_is_accepted(tmp_path, what):
    folder = tmp_path / ("st{u}dy" if what == "braces in its path" else "study")
    config = study_of(folder, DESIGN, RUN)
    if what == "a backslash":
        edited("run.yaml", b"label: security", rb"label: 'secu\rity \1'")(folder)
    elif what == "dates in the future":
        later = time.time() + 10 * 365 * 86400
        for path in folder.iterdir():
            os.utime(path, (later, later))
    elif what == "links":
        (folder / "a.csv").rename(tmp_path / "elsewhere.csv")
        (folder / "a.csv").symlink_to(tmp_path / "elsewhere.csv")
    with contextlib.chdir(folder):
        assert [line for severity, line in check(config) if severity == "error"] == []
        assert plan(config).raw == ["a.csv", "b.csv", "d.csv"]


def test_a_label_of_any_signs_reaches_the_report(tmp_path):
    """A backslash ended the run; a dollar sign, braces and a tag must not."""
    config = study_of(tmp_path / "study", DESIGN, RUN)
    edited("run.yaml", b"label: security", rb"label: 'secu\rity \1 $x^ {a} <b>'")(config.parent)
    with contextlib.chdir(config.parent):
        page = (run_stages(config, shown=["report"]) / "report.html").read_text("utf-8")
    assert r"secu\rity \1 $x^ {a} &lt;b&gt;" in page and "<b>'" not in page


def test_megabytes_of_empty_lines_take_no_time(tmp_path):
    """A million of them: two million took 22 seconds."""
    config = study_of(tmp_path / "study", DESIGN, RUN)
    path = config.parent / "a.csv"
    path.write_bytes(path.read_bytes() + b"\n" * 1_000_000)
    began = time.process_time()
    with contextlib.chdir(config.parent):
        assert [line for severity, line in check(config) if severity == "error"] == []
    assert time.process_time() - began < 10


def test_a_results_folder_that_cannot_be_is_refused(tmp_path):
    config = study_of(tmp_path / "study", DESIGN, RUN)
    with contextlib.chdir(config.parent):
        (config.parent / "results").write_text("a file")
        with pytest.raises(UserError, match="the place of the results, is a file"):
            plan(config)


def test_a_study_that_is_moved_is_the_same_study(tmp_path, monkeypatch):
    """Paths of jobs are relative to the working directory, and so is what decides whether they are up to date."""
    config = study_of(tmp_path / "study", DESIGN, RUN)
    monkeypatch.chdir(config.parent)
    before = plan("run.yaml")
    config.parent.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    after = plan(tmp_path / "moved/run.yaml")
    for of in (lambda p: p.checksums(), lambda p: p.loaded.path, lambda p: p.digest):
        assert of(before) == of(after)
