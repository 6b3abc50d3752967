"""`scores:` alone: no outcome, no occasions; what is made, and what is refused beside it."""

from types import SimpleNamespace

import pandas as pd
import pytest

from bowlby import figures, stages, tables
from bowlby.config import load
from bowlby.errors import UserError
from bowlby.figures.participants import gather
from bowlby.ingest import check
from bowlby.manifest import write_manifest
from bowlby.plan import plan
from bowlby.reproduction.verify import verify
from bowlby.results import Results

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
    write_manifest(SimpleNamespace(loaded=loaded, folder=tmp_path / "out", checksums=dict))
    flow = gather(Results(tmp_path / "out"))
    assert flow["kind"].tolist() == ["box"] and flow["patients"].tolist() == [40]  # no questionnaire excludes anybody
    assert len(pd.read_csv(tmp_path / "out/reliability.csv"))


@pytest.mark.parametrize("raw", [False, True])
def test_scores_are_verified(made, tmp_path, raw):
    """All scores of 40 forms and their tables are computed again; a changed one is found."""
    loaded, out = made("scores: {}\n"), tmp_path / "out"
    stages.ingest(loaded, out)
    stages.score(loaded, out, ["gad7"])
    write_manifest(SimpleNamespace(loaded=loaded, folder=out, checksums=dict))
    result = verify(out, loaded if raw else None)
    assert result.differing == [] and result.numbers > 40 * (7 + 1)
    scores = pd.read_parquet(out / "scores/gad7.parquet")
    scores.loc[3, "total"] += 1
    scores.to_parquet(out / "scores/gad7.parquet")
    assert verify(out, loaded if raw else None).differing == ["scores/gad7.parquet total: 1 of 40 values differ"]


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
