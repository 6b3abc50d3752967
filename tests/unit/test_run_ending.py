"""What ``bowlby run`` says last."""

from bowlby.cli.run import ending
from bowlby.files import write_json, write_text


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
