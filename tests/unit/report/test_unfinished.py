"""The page of a run that stopped: not the old one, and says what is missing and why."""

import os
from types import SimpleNamespace

import pytest

from bowlby import load_results, report
from bowlby.cli.reproduction import finished
from bowlby.errors import UserError
from bowlby.report import unfinished
from bowlby.reproduction.checksums import require_unchanged
from bowlby.run_marker import claim, is_unfinished


def job(folder, rule, outputs, log):
    made = SimpleNamespace(name=rule)
    return SimpleNamespace(rule=made, output=[str(folder / o) for o in outputs], log=[str(folder / log)])


@pytest.fixture
def stopped(comparison_run):
    """A finished run of before, and the jobs that a second one still has to do."""
    folder = comparison_run()
    report.build(folder)
    for path in folder.rglob("*"):
        os.utime(path, (2e9, 2e9) if path.is_dir() else (1.5e9, 1.5e9))
    claim(folder)
    needed = [
        SimpleNamespace(rule=SimpleNamespace(name="all"), output=[], log=[]),
        job(folder, "write_report", ["report.html", "methods.md"], "logs/report.log"),
        job(folder, "compare_predictors", ["comparison.json", "verdict.json"], "logs/compare.log"),
        job(folder, "write_manifest", ["manifest.json"], "logs/manifest.log"),
        job(folder, "fit_primary_models", ["fits/primary.json"], "logs/fit.log"),
        job(folder, "something_new", ["new.csv"], "logs/new.log"),
    ]
    return folder, needed


def test_the_old_page_is_gone_as_soon_as_a_run_begins(stopped):
    folder, needed = stopped
    unfinished.begin(folder, needed)
    page = (folder / "report.html").read_text("utf-8")
    assert "This run is not finished" in page and "Verdict" not in page
    assert (folder / "report.html").stat().st_mtime < 1.1e9, "older than every input, so that it is made again"


def test_a_run_that_does_not_write_the_page_leaves_it(stopped):
    folder, needed = stopped
    before = (folder / "report.html").read_bytes()
    unfinished.begin(folder, needed[2:])
    unfinished.stop(folder, [])
    assert (folder / "report.html").read_bytes() == before


def test_failed_interrupted_and_waiting_parts_are_told_with_reasons(stopped):
    folder, needed = stopped
    (folder / "logs").mkdir()
    why = "error: 1 therapist with complete data; add <b>therapists</b>"
    (folder / "logs/fit.log").write_text(f"2026 INFO begun\n{why}\n", encoding="utf-8")
    (folder / "logs/compare.log").write_text("2026 INFO begun\n", encoding="utf-8")
    parts = unfinished.parts(folder, unfinished.jobs(needed))
    assert [(p["name"], p["state"]) for p in parts] == [
        ("Model fits: primary", "failed"),
        ("Verdict", "interrupted"),
        ("Provenance", "waiting"),
        ("The page itself", "waiting"),
        ("Something new", "waiting"),
    ]
    assert parts[0]["why"] == ["1 therapist with complete data; add <b>therapists</b>"]


def test_a_log_of_before_says_nothing(stopped):
    folder, needed = stopped
    (folder / "logs").mkdir()
    (folder / "logs/fit.log").write_text("error: of last year\n", encoding="utf-8")
    os.utime(folder / "logs/fit.log", (1.5e9, 1.5e9))
    assert {p["state"] for p in unfinished.parts(folder, unfinished.jobs(needed))} == {"waiting"}


def test_page_has_no_number_that_is_to_be_made_again(stopped):
    folder, needed = stopped
    unfinished.stop(folder, needed)
    page = (folder / "report.html").read_text("utf-8")
    assert "Not finished." in page and "What is missing" in page
    for word in ("</span> supported", "A &lt;i&gt;finding", 'id="estimates"', "Table 1"):
        assert word not in page, word
    assert '<h2 id="issues">' in page and '<h2 id="flow">' in page, "what does not hang on it is there"
    assert (folder / "fits/primary.json").is_file(), "nothing is deleted"


def test_what_an_earlier_run_left_is_named_and_not_taken_for_this_run(stopped):
    folder, needed = stopped
    assert not is_unfinished(folder)
    (folder / "checksums.txt").write_text("0  report.html\n")
    unfinished.stop(folder, needed)
    page = (folder / "report.html").read_text("utf-8")
    left = "checksums.txt, comparison.json, fits, manifest.json, methods.md, verdict.json"
    assert f"do not belong to this run: {left}" in page
    assert page.index('id="missing-parts"') < page.index('id="contents"'), "what is missing comes first"
    assert is_unfinished(folder)
    with pytest.warns(UserWarning, match="did not finish"):
        load_results(folder)
    with pytest.raises(UserError, match="did not finish, so that its files may come from different runs; run it again"):
        require_unchanged(folder)
    with pytest.raises(UserError, match="did not finish"):
        finished(folder)
    (folder / "report.html").unlink()
    with pytest.raises(UserError, match=r"report\.html is missing: the last run in this folder may not have finished"):
        finished(folder)


def test_a_fault_of_our_own_is_not_blamed_on_the_data(stopped):
    folder, needed = stopped
    (folder / "logs").mkdir()
    (folder / "logs/fit.log").write_text("Traceback (most recent call last):\nKeyError: 'P0007'\n", encoding="utf-8")
    first = unfinished.parts(folder, unfinished.jobs(needed))[0]
    assert first["state"] == "failed" and "error in bowlby" in first["why"][0] and "P0007" not in str(first["why"])
