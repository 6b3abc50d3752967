"""Which kinds one job makes: quick ones together, and those of the same imputations, in the same shards."""

from bowlby.config.robustness import Replicates, Robustness
from bowlby.robustness.jobs import LONGEST, OF_THESE, batches, works

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
