"""Which kinds one job makes: quick ones together, and those of the same imputations, in the same shards."""

import pytest

from bowlby.config.robustness import Replicates, Robustness
from bowlby.plan import Plan
from bowlby.robustness.jobs import LONGEST, OF_THESE, batches, starts, works

QUICK = ["cluster", "influence", "parametric", "permutation"]


def made(megabytes=OF_THESE, **more):
    asked = Robustness(kinds=["parametric", "cluster", "permutation", "imputation", "tipping"], **more)
    return {name: [work.kind for work in part] for name, part in batches(works(asked, megabytes)).items()}


def test_a_small_study_has_two_jobs():
    assert made() == {"imputation": ["imputation", "tipping"], "refits": QUICK}


def test_kinds_that_last_long_together_are_jobs_of_their_own():
    parts = made(10 * OF_THESE, replicates=Replicates(parametric=6000, cluster=9000))
    assert parts == {"imputation": ["imputation", "tipping"], **{kind: [kind] for kind in QUICK}}


def test_an_imputation_is_in_one_shard():
    """Fifty imputations of a study twelve times as large, each with its moves: the same bounds in both kinds."""
    found = works(Robustness(kinds=["imputation", "tipping"]), 12 * OF_THESE)
    drawn, moved = found["imputation"], found["tipping"]
    assert 1 < drawn.shards == moved.shards <= drawn.replicates
    assert moved.seconds + drawn.seconds > LONGEST
    for shard in range(drawn.shards):
        assert [bound * moved.draw for bound in drawn.bounds(shard)] == list(moved.bounds(shard))


@pytest.mark.parametrize(("asked", "megabytes", "jobs"), [
    ({"replicates": Replicates(parametric=2000)}, 0.1, []),
    ({"shards": 2}, 0.1, ["cluster", "influence", "parametric"]),  # asked for
    ({"replicates": Replicates(parametric=20_000)}, 0.1, ["refits"]),  # 40 s
    ({}, 10.0, ["cluster", "influence", "parametric"]),  # a large study
])  # fmt: skip
def test_quick_kinds_of_a_small_study_are_no_jobs_of_their_own(monkeypatch, asked, megabytes, jobs):
    kinds = works(Robustness(kinds=["parametric", "cluster"], **asked), megabytes)
    monkeypatch.setattr(Plan, "robustness", kinds)
    monkeypatch.setattr(Plan, "small", megabytes < 5)
    assert sorted(Plan(None, None).apart) == jobs


def test_what_starts_from_scores_needs_no_analysis_set():
    kinds = ["cluster", "imputation", "multiverse", "multiverse_null", "tipping"]
    expected = {"scores": ["imputation", "multiverse", "tipping"], "analysis_sets": ["cluster", "multiverse_null"]}
    assert starts(kinds) == expected
    assert starts(["cluster"]) == {"analysis_sets": ["cluster"]} and starts([]) == {}
