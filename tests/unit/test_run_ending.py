"""What ``bowlby run`` says first and last."""

import pytest

from bowlby.cli.run import _interruption, beginning, ending, partial_report
from bowlby.cli.snakemake_log import SnakemakeLog
from bowlby.config.robustness import Robustness
from bowlby.files import write_json, write_text
from bowlby.plan import Plan
from bowlby.report.not_computed import not_computed
from bowlby.results import Results
from bowlby.robustness.jobs import works


def test_verdict_and_where_the_report_is(tmp_path):
    sentence = "Patients ended 0.29 SD better (95 % CI 0.21 to 0.38), because P-T and P+T lie above 0. " * 2
    write_json(tmp_path / "verdict.json", {"sentence": sentence.strip()})
    write_text(tmp_path / "report.html", "")
    *said, last = ending(tmp_path)
    assert last == f"report: {tmp_path / 'report.html'}"
    assert max(map(len, said)) <= 100 and len(said) == 2
    assert " ".join(said).startswith("Patients ended 0.29 SD better (95% CI 0.21 to 0.38), because P\u00a0−\u00a0T")


def test_a_run_without_a_comparison_has_no_verdict_to_say(tmp_path):
    write_text(tmp_path / "report.html", "")
    assert ending(tmp_path) == [f"report: {tmp_path / 'report.html'}"]


def test_a_target_other_than_the_report_says_nothing_of_it(tmp_path):
    assert ending(tmp_path) == []


def test_a_run_of_a_pair_ends_with_its_result(tmp_path):
    write_json(tmp_path / "pair.json", {"sentence": "1 SD more of closeness went with an outcome 0.10 SD higher."})
    assert ending(tmp_path) == ["1 SD more of closeness went with an outcome 0.10 SD higher."]


def test_a_run_ends_with_the_number_of_what_was_not_computed(tmp_path):
    """A bootstrap without a reason to fail is computed; a shuffle is not; claim C5 was not requested."""
    claims = {"C1": {"verdict": "supported"}, "C5": {"not_tested": True, "rule": {"code": "no_patient_style"}}}
    write_json(tmp_path / "verdict.json", {"sentence": "Supported.", "claims": claims})
    checks = {"parametric": {"failed": 0}, "cluster": {"not_computed": "too few therapists"}}
    write_json(tmp_path / "robustness.json", checks)
    assert not_computed(Results(tmp_path)) == [("The bootstrap over therapists", "too few therapists")]
    where = "report.html#not-computed"
    assert ending(tmp_path)[-1] == f"not computed: 1 requested result; reasons: {where}"


@pytest.mark.parametrize(
    ("seconds", "words"), [(50, "less than a minute"), (241, "about 3 minutes"), (14400, "about 2 hours")]
)
def test_a_run_begins_with_jobs_duration_and_folder(tmp_path, monkeypatch, seconds, words):
    monkeypatch.setattr(Plan, "seconds", lambda self, jobs: seconds * (jobs == {"ingest": 1, "score": 1}))
    log = SnakemakeLog(announce=lambda log: beginning(Plan(None, tmp_path), log))
    lines = ["Provided cores: 2", "Job stats:", "job      count", "-----  -------", "ingest       1", "score        1",
             "total        2", "Select jobs to execute..."]  # fmt: skip
    shown = [said for line in lines if (said := log.read(f"{line}\n"))]
    assert shown == [f"2 jobs, {words} on 2 cores; results go to {tmp_path}\n"]


def test_the_duration_counts_the_replicates_that_are_left(monkeypatch):
    monkeypatch.setattr(Plan, "robustness", works(Robustness.model_validate({"kinds": ["cluster"], "shards": 2})))
    monkeypatch.setattr(Plan, "raw", [])
    plan = Plan(None, None)
    assert plan.robustness["cluster"].seconds == plan.robustness["cluster"].replicates * 0.001
    assert plan.seconds({"ingest": 1}) == 5.0
    assert plan.seconds({"shard_cluster": 1}) == 5.0 + plan.robustness["cluster"].seconds / 2


def test_an_interruption_before_the_first_job_is_told_from_one_of_a_run(tmp_path):
    log, page = SnakemakeLog(), tmp_path / "report.html"
    assert "no job was finished; run the same command again" in _interruption(log, tmp_path)
    write_text(page, "<html>")
    assert partial_report(tmp_path) == [] and "before its first job" in _interruption(log, tmp_path)
    log.running["analyse"] = 0.0
    assert "no job was finished" in _interruption(log, tmp_path)
    write_text(page, "<html data-unfinished>")
    log.steps = (1, 4)
    assert partial_report(tmp_path) == [f"partial report: {page}"]
    assert "1 of 4 jobs are done and are kept; run the same command again" in _interruption(log, tmp_path)
