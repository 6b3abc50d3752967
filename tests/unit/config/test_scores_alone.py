"""`scores:` alone: no outcome, no occasions; what is made, and what is refused beside it."""

import pandas as pd
import pytest

from bowlby import figures, stages, tables
from bowlby.config import load
from bowlby.errors import UserError
from bowlby.ingest import check
from bowlby.plan import plan

STUDY = """name: s
files:
  - path: a.csv
    who: {person: id}
    measures: [{instrument: gad7, items: "g{n}"}]
"""
RUN = "run: t\nstudy: study.yaml\n"


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"p{i},{','.join(str((i + k) % 4) for k in range(7))}" for i in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["id," + ",".join(f"g{n}" for n in range(1, 8)), *rows]) + "\n")

    def make(run: str, study: str = STUDY):
        (tmp_path / "study.yaml").write_text(study)
        (tmp_path / "run.yaml").write_text(RUN + run)
        return load(tmp_path / "run.yaml")

    return make


def test_answers_given_once_are_scored_without_an_occasion(made, tmp_path):
    loaded = made("scores: {}\n")
    assert not (check(loaded)["severity"] == "error").any()
    stages.ingest(loaded, tmp_path / "out")
    stages.score(loaded, tmp_path / "out", ["gad7"])
    scores = pd.read_parquet(tmp_path / "out/scores/gad7.parquet")
    assert len(scores) == 40 and scores["total"].iloc[0] == 0 + 1 + 2 + 3 + 0 + 1 + 2
    severity = pd.read_csv(tmp_path / "out/severity.csv")
    assert severity["of"].eq(40).all()
    assert pd.read_csv(tmp_path / "out/change.csv").empty  # one occasion is no change
    assert len(pd.read_csv(tmp_path / "out/reliability.csv"))


def test_no_model_is_planned_and_no_figure_or_table_of_one(made, tmp_path):
    run = made("scores: {}\n").run
    assert plan(tmp_path / "run.yaml").sets == [] and tables.names(run) == ["sample"]
    assert figures.names(run) == ["flow", "missing", "distributions"]


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ("scores: {}\noutcome: {instrument: gad7}\n", "`scores:` is a run of its own, and `outcome:` is there too"),
        ("growth: {reml: true}\n", "outcome is missing; add `outcome:`, or request `scores: {}` alone"),
        ("scores: {pre: intake}\n", "change needs two occasions; give both pre and post, or neither"),
    ],
)
def test_what_does_not_go_together_is_one_line(made, run, line):
    with pytest.raises(UserError, match=line.replace("{", r"\{")) as caught:
        made(run)
    assert len(caught.value.problems) == 1


def test_occasions_that_the_study_does_not_have(made, tmp_path):
    made("scores: {pre: a, post: b}\n")
    with pytest.raises(UserError, match=r"scores\.pre 'a' is not an occasion of the study file"):
        plan(tmp_path / "run.yaml")
